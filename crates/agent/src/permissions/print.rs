//! Changes as commands of administrators' own tools, to be carried out by somebody else.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use clap::ValueEnum;
use directory::DistinguishedName;
use directory::security::rights::{Permission, Stand};
use directory::security::{Ace, Aliases, Wanted};

use super::plan::{Change, Obstacle, is_for_inet_org_person};
use super::{Observed, dsacls_name, powershell, powershell_quoted, quoted};

/// A tool.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(crate) enum Form {
    /// Windows' `dsacls`.
    Dsacls,
    /// LDIF, for `ldapmodify`: each object's whole DACL as it is to be.
    Ldif,
    /// Samba's `samba-tool dsacl`.
    SambaTool,
}

/// The SD-flags control (MS-ADTS 3.1.1.3.4.1.11) for the DACL alone, as LDIF writes it (RFC 2849); the
/// value is a BER SEQUENCE of INTEGER 4.
const DACL_ONLY: &str = "control: 1.2.840.113556.1.4.801 true:: MAMCAQQ=";

/// The changes in this form.
///
/// # Errors
/// A sentence about what has no such form.
pub(crate) fn print(form: Form, changes: &[Change], observed: &Observed) -> Result<String, String> {
    let mut text = String::new();
    for change in changes {
        match form {
            Form::Dsacls => dsacls(&mut text, change, observed),
            Form::Ldif => ldif(&mut text, change)?,
            Form::SambaTool => samba_tool(&mut text, change, observed)?,
        }
    }
    Ok(text)
}

fn put(text: &mut String, line: &str) {
    // Writing to a string does not fail.
    let _ = writeln!(text, "{line}");
}

fn dsacls(text: &mut String, change: &Change, observed: &Observed) {
    let (dn, account) = (dsacls_name(&change.on), observed.account());
    if takes_all(change, observed) {
        put(text, &format!("rem dsacls takes away every entry for {account} on this object."));
        put(text, &format!("dsacls \"{dn}\" /R \"{account}\""));
    } else if !change.remove.is_empty() {
        put(
            text,
            "rem dsacls would take away more for this account: PowerShell takes these alone.",
        );
        let entries = change.remove.iter().map(|(_, entry)| entry);
        powershell::removal(&change.on, entries).iter().for_each(|line| put(text, line));
    }
    // Names of attributes and of classes are the same in every language, and those of rights are not.
    let translated = |permission: &Permission| matches!(permission.wanted(), Wanted::Control(_));
    let by_number = change.add.iter().filter(|(permission, _)| translated(permission));
    let mut names: Vec<&str> = by_number.clone().map(|(one, _)| one.name()).collect();
    names.dedup();
    if !names.is_empty() {
        put(
            text,
            &format!(
                "rem dsacls knows these by names in the language of Windows, PowerShell by their numbers: {}.",
                names.join(", ")
            ),
        );
        let entries = by_number.map(|(_, entry)| entry);
        powershell::addition(&change.on, entries).iter().for_each(|line| put(text, line));
    }
    for (permission, entry) in change.add.iter().filter(|(one, _)| !translated(one)) {
        let (scope, class) = match permission.stand() {
            Stand::AboveUsers if is_for_inet_org_person(entry) => ("/I:S ", ";inetOrgPerson"),
            Stand::AboveUsers => ("/I:S ", ";user"),
            Stand::PasswordSettings => ("/I:T ", ""),
            Stand::DomainRoot | Stand::DeletedObjects => ("", ""),
        };
        let (letters, name) = (letters(*permission), permission.name());
        let name = if name.is_empty() { String::new() } else { format!(";{name}{class}") };
        put(text, &format!("dsacls \"{dn}\" {scope}/G \"{account}:{letters}{name}\""));
    }
    if change.inherit {
        put(text, &format!("dsacls \"{dn}\" /P:N"));
    }
    if change.clear_admin_count {
        let dn = powershell_quoted(&dn);
        put(text, &format!("powershell -Command \"Set-ADUser -Identity {dn} -Clear adminCount\""));
    }
}

/// Whether nothing of the account's own is left on the object after a change, so that `dsacls`, which
/// takes all of somebody's entries away, takes no more. Never on the root of the domain, by whose entries
/// more lives than is known here.
fn takes_all(change: &Change, observed: &Observed) -> bool {
    let list = change.before.as_ref().and_then(|before| before.dacl.as_ref());
    let gone = |entry: &Ace| change.remove.iter().any(|(_, gone)| gone == entry);
    let of_account = |entry: &&Ace| {
        !entry.is_inherited()
            && entry.access().is_some_and(|access| access.trustee == observed.asker.own)
    };
    !change.remove.is_empty()
        && change.on != observed.head.dn
        && list.is_some_and(|list| list.entries.iter().filter(of_account).all(gone))
}

const fn letters(permission: Permission) -> &'static str {
    match permission.wanted() {
        Wanted::Control(_) => "CA",
        Wanted::Write(_) => "WP",
        Wanted::Read(_) => "RP",
        Wanted::Whole(_) => "GR",
    }
}

fn ldif(text: &mut String, change: &Change) -> Result<(), String> {
    let (after, on) = (change.after(), shown(&change.on));
    match change.obstacle() {
        None => {}
        Some(Obstacle::Hidden) => {
            return Err(format!(
                "the service account may not read the descriptor of {on}, which LDIF would have to replace; use --print dsacls or samba-tool"
            ));
        }
        Some(Obstacle::NoList) => return Err(no_list(&change.on)),
    }
    put(text, &value("dn", change.on.to_string().as_bytes()));
    put(text, DACL_ONLY);
    put(text, "changetype: modify");
    if let Some(after) = after {
        let dacl = directory::security::SecurityDescriptor {
            owner: None,
            group: None,
            sacl: None,
            ..after
        };
        let bytes = dacl.to_value().map_err(|error| error.to_string())?;
        put(text, "replace: nTSecurityDescriptor");
        put(text, &format!("nTSecurityDescriptor:: {}", STANDARD.encode(bytes)));
        put(text, "-");
    }
    if change.clear_admin_count {
        put(text, "delete: adminCount");
        put(text, "-");
    }
    put(text, "");
    Ok(())
}

/// A name and its value; in base64, so that whatever stands in it is itself (RFC 2849).
fn value(name: &str, value: &[u8]) -> String {
    format!("{name}:: {}", STANDARD.encode(value))
}

fn samba_tool(text: &mut String, change: &Change, observed: &Observed) -> Result<(), String> {
    let target = observed.samba_target();
    let object = quoted(&change.on.to_string());
    for (verb, entries) in [("delete", &change.remove), ("set", &change.add)] {
        if !entries.is_empty() {
            let sddl = quoted(&sddl(entries.iter().map(|(_, entry)| entry))?);
            put(
                text,
                &format!("samba-tool dsacl {verb} --objectdn={object} --sddl={sddl} {target}"),
            );
        }
    }
    if change.inherit || change.clear_admin_count {
        // samba-tool has no word for either; its sister takes LDIF.
        let mut inner = String::new();
        let other = Change { add: Vec::new(), remove: Vec::new(), ..change.clone() };
        ldif(&mut inner, &other)?;
        let inner: String = inner
            .lines()
            .filter(|line| !line.starts_with("control:"))
            .map(|line| format!("{line}\n"))
            .collect();
        put(text, &format!("ldbmodify {target} --controls=sd_flags:1:4 <<'END'\n{inner}END"));
    }
    Ok(())
}

fn sddl<'e>(entries: impl Iterator<Item = &'e Ace>) -> Result<String, String> {
    let aliases = Aliases::without_domain();
    let texts = entries.map(|entry| entry.to_sddl(&aliases));
    texts.collect::<Result<String, _>>().map_err(|error| error.to_string())
}

/// What is said of an object without a list.
pub(crate) fn no_list(dn: &DistinguishedName) -> String {
    format!(
        "{} has no list of rights at all: everybody may do everything there, and a list that is made for one entry would refuse all else. Give it a list first (on Windows, dsacls with /S gives it its class's own)",
        shown(dn)
    )
}

/// A distinguished name on one line of a preview.
pub(crate) fn shown(dn: &DistinguishedName) -> String {
    dn.to_string().replace(char::is_control, "?")
}
