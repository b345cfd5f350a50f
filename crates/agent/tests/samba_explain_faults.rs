//! What is wrong on the way to the directory is named by `explain` in its first line, and putting right
//! what the line names makes it good.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test reports a broken expectation by panicking; the module is private, and shared"
)]

mod permissions;

use lab::NewPerson;
use permissions::{Place, Said};

/// A person with all rights on them, in a place of their own.
fn someone(name: &str) -> (Place, String) {
    let place = Place::new(name).granted();
    let person = place.person(NewPerson::default());
    (place, person.login)
}

/// Changes what the agent takes for the service account's password.
fn bind_password(place: &Place, password: &str) {
    std::fs::write(place.dir.join("svc.password"), password).unwrap();
}

fn explain(place: &Place, login: &str) -> Said {
    place.agent(&["explain", login])
}

fn good(said: &Said) {
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

const UNAVAILABLE: i32 = 3;
const CONFIGURATION: i32 = 4;

/// What is told of a fault on the way: its code, the parts that its first line has, and the fix below it.
struct Fault<'f> {
    code: i32,
    parts: &'f [&'f str],
    todo: &'f str,
}

impl Fault<'_> {
    /// Both commands name it, to people and to programs, and the exit code says who must act.
    fn told(&self, place: &Place, login: &str) {
        self.explained(place, login);
        self.checked(place);
    }

    /// Gives back what `explain` says to programs.
    fn explained(&self, place: &Place, login: &str) -> serde_json::Value {
        let said = explain(place, login);
        self.named(&said, &format!("corp: {login} cannot be reset: "));
        let short = format!("passback-agent: the directory corp cannot be asked about {login}\n");
        assert_eq!(said.err, short);
        let json = place.agent(&["explain", login, "--json"]);
        assert_eq!((json.code, &json.err), (self.code, &short));
        let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let nobody = (&value["can_be_reset"], &value["dn"]);
        assert_eq!(nobody, (&false.into(), &serde_json::Value::Null));
        self.the_same(&said, &value["verdict"]);
        value
    }

    /// Gives back what `check` says to programs.
    fn checked(&self, place: &Place) -> serde_json::Value {
        let said = place.agent(&["permissions", "check"]);
        self.named(&said, "corp: cannot be looked at: ");
        let json = place.agent(&["permissions", "check", "--json"]);
        let value: serde_json::Value = serde_json::from_str(&json.out).unwrap();
        let error = &value["directories"][0]["error"];
        assert_eq!((json.code, &error["exit_code"]), (self.code, &self.code.into()));
        self.the_same(&said, error);
        value
    }

    fn named(&self, said: &Said, start: &str) {
        assert_eq!(said.code, self.code, "{}{}", said.out, said.err);
        assert!(said.line(0).starts_with(start), "{}", said.out);
        for part in self.parts {
            assert!(said.line(0).contains(part), "{part}: {}", said.out);
        }
        let fix = said.line(1).strip_prefix("  Fix: ").unwrap();
        assert!(fix.contains(self.todo), "{}", said.out);
    }

    fn the_same(&self, said: &Said, json: &serde_json::Value) {
        let fix = said.line(1).strip_prefix("  Fix: ").unwrap();
        assert_eq!(json["fix"]["note"], fix);
        for part in self.parts {
            assert!(json["text"].as_str().unwrap().contains(part), "{part}: {json}");
        }
    }
}

#[test]
fn a_ca_of_another_directory_is_named_with_the_key_of_its_file() {
    let (place, login) = someone("wrong-ca");
    let own = place.forest.ca_file.display().to_string();
    let stranger = rcgen::generate_simple_self_signed(["stranger.example".to_owned()]).unwrap();
    let file = place.dir.join("stranger.pem");
    std::fs::write(&file, stranger.cert.pem()).unwrap();
    let other = file.display().to_string();
    place.reconfigure(&own, &other);
    let parts = ["certificate", &*place.forest.controller, "not issued by"];
    let todo = "Put the authority that issued it into the directory's CA file (`ca`)";
    let fault = Fault { code: CONFIGURATION, parts: &parts, todo };
    let told = serde_json::to_string_pretty(&fault.explained(&place, &login)).unwrap();
    place.snapshot("explain_wrong_ca.json", &told.replace(&login, "PERSON"));
    fault.checked(&place);
    let both = stranger.cert.pem() + &std::fs::read_to_string(own).unwrap();
    std::fs::write(&file, both).unwrap();
    good(&explain(&place, &login));
}

#[test]
fn a_wrong_password_of_the_service_account_is_named_with_its_file() {
    let (place, login) = someone("wrong-password");
    bind_password(&place, "Not-The-Password-1");
    let name = format!("{}@{}", place.forest.service.login, place.forest.domain);
    let todo = "write the account's password into `bind_password_file`";
    let parts = ["refused to bind", &name, "52e"];
    let fault = Fault { code: CONFIGURATION, parts: &parts, todo };
    let told = fault.explained(&place, &login);
    let told = serde_json::to_string_pretty(&told).unwrap().replace(&login, "PERSON");
    place.snapshot("explain_wrong_password.json", &told);
    // Five in a row would lock the account, which other tests use as well.
    bind_password(&place, &place.forest.service.password.clone());
    good(&explain(&place, &login));
    bind_password(&place, "Not-The-Password-1");
    let told = fault.checked(&place);
    let told = serde_json::to_string_pretty(&told).unwrap();
    place.snapshot("check_wrong_password.json", &told);
    bind_password(&place, &place.forest.service.password.clone());
    good(&explain(&place, &login));
}

#[test]
fn a_closed_port_is_named_with_its_address() {
    let (place, login) = someone("closed-port");
    place.reconfigure(&format!("ldaps_port = {}", place.forest.ldaps_port), "ldaps_port = 1");
    let address = format!("{}:1", place.forest.address);
    let parts = [&*place.forest.controller, &address, "refused"];
    let todo = "Start the directory service there, or correct";
    Fault { code: UNAVAILABLE, parts: &parts, todo }.told(&place, &login);
    place.reconfigure("ldaps_port = 1", &format!("ldaps_port = {}", place.forest.ldaps_port));
    good(&explain(&place, &login));
}

#[test]
fn a_directory_that_cannot_be_asked_hides_nobody_of_another_one() {
    let (place, login) = someone("one-down");
    let file = place.dir.join("agent.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let (head, corp) = text.split_once("[[directory]]").unwrap();
    let port = format!("ldaps_port = {}", place.forest.ldaps_port);
    let down = corp.replace("\"corp\"", "\"down\"").replace(&port, "ldaps_port = 1");
    std::fs::write(&file, format!("{head}[[directory]]{down}[[directory]]{corp}")).unwrap();
    good(&explain(&place, &login));
    let nobody = explain(&place, "nobody-is-called-that");
    assert_eq!(nobody.code, UNAVAILABLE, "{}{}", nobody.out, nobody.err);
    assert!(nobody.line(0).starts_with("down: nobody-is-called-that cannot"), "{}", nobody.out);
}

#[test]
fn a_domain_in_front_of_a_login_is_the_one_that_is_looked_in() {
    let (place, login) = someone("domain");
    let short = place.forest.person_of(lab::Kind::Ordinary).unwrap();
    for domain in ["CORP", "corp", &place.forest.domain.clone()] {
        let said = explain(&place, &format!("{domain}\\{login}"));
        assert!(said.line(0).starts_with(&format!("corp: {login} can be reset")), "{}", said.out);
    }
    for domain in ["OTHER", "fabriek", "passback.test"] {
        let user = format!("{domain}\\{}", short.login);
        let said = explain(&place, &user);
        let nobody = format!("passback-agent: no account is called {user}\n");
        assert_eq!((said.code, said.err), (1, nobody), "{}", said.out);
    }
}

#[test]
fn starttls_is_spoken_where_it_is_configured() {
    let (place, login) = someone("starttls");
    let ldaps = format!("ldaps_port = {}", place.forest.ldaps_port);
    place.reconfigure(&ldaps, "encryption = \"starttls\"\nldaps_port = 1");
    good(&explain(&place, &login));
}
