//! How to try it by hand, with what runs.

use lab::{Kind, Person};

use crate::Stack;
use crate::demo::screen::Screen;

/// Prints addresses, sign-ins, and how to read a code.
pub(super) fn explain(screen: &Screen<'_>, stack: &Stack, directory: &'static str) {
    screen.clear();
    screen.line("\nEverything runs. Try it by hand:\n");
    for (name, value) in places(stack, directory) {
        screen.line(&format!("  {name:<18} {value}"));
    }
    screen.line("\nPeople, their present passwords, and what a reset comes to:\n");
    for (kind, end) in [
        (Kind::Ordinary, "the password is changed"),
        (Kind::TwoForests, "changed in the forest where the account is enabled, of two"),
        (Kind::ProtectedNested, "refused after the code: a protected account"),
        (Kind::Disabled, "refused after the code: a disabled account"),
    ] {
        if let Some(person) = somebody(stack, kind) {
            let login = stack.login(person);
            screen.line(&format!("  {login:<32} {:<20} {end}", person.password));
        }
    }
    screen.line("\nThe newest mail, with the code on a line of its own:\n");
    let outbox = stack.outbox().directory().display().to_string();
    screen.line(&format!("  cat \"$(ls -t {outbox}/* | head -1)\""));
    screen.line("\nA sign-in to the directory (package ldap-utils; asks for the password):\n");
    if let Some(person) = somebody(stack, Kind::Ordinary) {
        let forest = stack.forest();
        let (ca, url) = (forest.ca_file.display(), forest.ldaps_url());
        let login = stack.login(person);
        screen.line(&format!("  LDAPTLS_CACERT={ca} ldapwhoami -x -H {url} -D {login} -W"));
    }
    screen.line("\nCtrl-C ends it all and leaves nothing behind.");
}

fn places(stack: &Stack, directory: &'static str) -> Vec<(&'static str, String)> {
    let address = format!("{}{}", stack.cloud_url(), stack.start_path());
    let mut places = vec![
        ("Start page", address),
        ("Certificate", format!("{} (trust it, or accept the warning)", stack.ca_file().display())),
        ("Mails", stack.outbox().directory().display().to_string()),
    ];
    for forest in stack.forest().whole_lab() {
        places.push((directory, format!("{} at {}", forest.domain, forest.ldaps_url())));
    }
    places.push(("Logs", format!("{}/*.log", stack.directory().display())));
    places
}

/// Of the ordinary people the last: the first is the one whom the demo has reset.
fn somebody(stack: &Stack, kind: Kind) -> Option<&Person> {
    stack.forest().people.iter().rfind(|person| person.kind == kind)
}
