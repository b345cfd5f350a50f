//! The exact fix of each finding: commands that can be copied.

use directory::security::rights::{Feature, Permission};
use directory::security::{Ace, AceFlags, AceKind, Aliases, CHANGE_PASSWORD, Child, mask};
use directory::{BindRefusal, DistinguishedName, Sid, Surveyed};

use super::judge::{Cause, Finding, Kind};
use super::{Observed, feature_name};

/// Smaller RIDs are those of accounts and groups that every domain has (MS-DTYP 2.4.2.4).
const FIRST_MADE: u32 = 1_000;

/// What puts something right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Remedy {
    /// Commands, one after the other.
    pub(crate) commands: Vec<String>,
    /// What is to be done by hand, or to be known besides.
    pub(crate) note: Option<String>,
}

impl Remedy {
    /// One command.
    pub(crate) fn command(command: impl Into<String>) -> Self {
        Self { commands: vec![command.into()], note: None }
    }

    /// Something that no command does.
    pub(crate) fn note(note: impl Into<String>) -> Self {
        Self { commands: Vec::new(), note: Some(note.into()) }
    }

    /// With what is to be known besides.
    pub(crate) fn and(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// The lines in which it is told, the first command first.
    pub(crate) fn lines(&self) -> Vec<String> {
        let commands = self.commands.iter().map(|command| format!("Fix: {command}"));
        let note = self.note.iter().map(|note| match self.commands.is_empty() {
            true => format!("Fix: {note}"),
            false => format!("     ({note})"),
        });
        commands.chain(note).collect()
    }
}

/// A word as a POSIX shell takes it.
pub(crate) fn quoted(text: &str) -> String {
    let plain = |one: char| one.is_ascii_alphanumeric() || "-_./:@".contains(one);
    if !text.is_empty() && text.chars().all(plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// A word as PowerShell takes it, typographic quotes included: it reads those as plain ones (about
/// Quoting Rules, "single-quoted strings").
pub(crate) fn powershell_quoted(text: &str) -> String {
    let mut quoted = String::from("'");
    for one in text.chars() {
        quoted.push(one);
        if matches!(one, '\'' | '\u{2018}' | '\u{2019}' | '\u{201a}' | '\u{201b}') {
            quoted.push(one);
        }
    }
    quoted.push('\'');
    quoted
}

/// A name between double quotes on a command line of Windows: a quote in it is written by its number
/// (RFC 4514 section 2.4), which no parser on the way takes for an end.
pub(crate) fn dsacls_name(name: &DistinguishedName) -> String {
    name.to_string().replace("\\\"", "\\22")
}

impl Finding {
    /// What puts it right.
    pub(crate) fn remedy(&self, observed: &Observed) -> Remedy {
        let directory = quoted(&observed.name);
        let object = quoted(&self.object.to_string());
        let grant = format!("passback-agent permissions grant --directory {directory}");
        match &self.cause {
            Cause::NotThere => Remedy::note(format!(
                "correct it in `ous` of the directory {directory}, or give the service account the right to see it"
            )),
            Cause::Hidden => readable(observed, &self.object),
            Cause::Unclear { denies: true, trustee, inherited } => {
                let whom = observed.names.of(trustee);
                let place = if *inherited { "on the unit above where it stands" } else { "there" };
                Remedy::note(format!(
                    "take the entry for {whom} that has a condition away {place}, or put one without a condition in its place (the Advanced Security Settings show it with its condition)"
                ))
            }
            Cause::Missing | Cause::Unclear { .. } => {
                let mut feature = String::new();
                for one in &self.permissions {
                    let named = format!(" --feature {}", feature_name(one.feature()));
                    if one.feature() != Feature::Writeback && !feature.contains(&named) {
                        feature.push_str(&named);
                    }
                }
                let unit = match self.kind {
                    Kind::Unit => format!(" --ou {object}"),
                    _ => String::new(),
                };
                Remedy::command(format!("{grant}{unit}{feature}"))
            }
            Cause::Denied { inherited: true, index, .. } => match self.origin(observed, *index) {
                Some((above, entry)) => without(observed, above, entry),
                None => Remedy::note(
                    "the denial stands on a unit above: take it away there (`dsacls` or `samba-tool dsacl get` on each unit above shows where)",
                ),
            },
            Cause::Denied { index, trustee, .. } => {
                let found = observed.object(&self.object);
                let entry = found.and_then(|one| one.descriptor.as_ref()?.dacl.as_ref());
                let entry = entry.and_then(|dacl| dacl.entries.get(*index));
                match entry {
                    Some(entry) => without(observed, &self.object, entry),
                    None => Remedy::note(format!(
                        "take away the entry that denies it to {}",
                        observed.names.of(trustee)
                    )),
                }
            }
            Cause::InheritanceOff => {
                let turn_on = Remedy::command(format!("{grant} --inherit {object}"));
                turn_on.and("turns inheritance on; the object's own entries stay")
            }
            Cause::CannotChange => match observed.object(&self.object) {
                Some(object) => may_change(observed, object),
                None => Remedy::default(),
            },
            Cause::AdminCountLeft { .. } => Remedy::command(format!("{grant} --inherit {object}"))
                .and("takes adminCount away, and turns inheritance on where it is off"),
            Cause::NotArrived { .. } => {
                Remedy::command("passback-agent permissions check --wait").and(
                    "inheritance and replication may take an hour or more; where it does not arrive, give the descriptor of the object above a push by any change to it",
                )
            }
        }
    }
}

impl Finding {
    /// Where an inherited denial of the object's list stands: step by step upwards, as long as each list
    /// was read and hands the denial down, to the first that has it of its own.
    pub(super) fn origin<'o>(
        &self,
        observed: &'o Observed,
        index: usize,
    ) -> Option<(&'o DistinguishedName, &'o Ace)> {
        let mut child = observed.object(&self.object)?;
        let mut denial = child.descriptor.as_ref()?.dacl.as_ref()?.entries.get(index)?;
        loop {
            let above = observed.object(&child.dn.parent()?)?;
            let list = above.descriptor.as_ref()?.dacl.as_ref()?;
            let mut handing: Vec<&Ace> =
                list.entries.iter().filter(|entry| hands_down(entry, child, denial)).collect();
            handing.sort_by_key(|entry| entry.is_inherited());
            denial = handing.first()?;
            if !denial.is_inherited() {
                return Some((&above.dn, denial));
            }
            child = above;
        }
    }
}

/// Whether a child has this denial by inheriting that entry of the object above it.
fn hands_down(entry: &Ace, child: &Surveyed, denial: &Ace) -> bool {
    let (Some(descriptor), Some(denied)) = (&child.descriptor, denial.access()) else {
        return false;
    };
    let class = child.class();
    let to = Child {
        classes: class.as_slice(),
        owner: descriptor.owner.as_ref(),
        group: descriptor.group.as_ref(),
    };
    let below_alone = |entry: &Ace| entry.flags.contains(AceFlags::INHERIT_ONLY);
    let is_it = |inherited: &Ace| {
        let same = inherited.access().is_some_and(|access| {
            access.trustee == denied.trustee
                && access.object_type == denied.object_type
                && access.inherited_object_type == denied.inherited_object_type
                && mask::mapped(access.mask) & denied.mask == denied.mask
        });
        same && (below_alone(denial) || !below_alone(inherited))
    };
    let may = entry.denies() && !descriptor.is_protected();
    may && entry.inherited_by(&to).iter().any(is_it)
}

impl Observed {
    /// An object that was read, by its place.
    fn object(&self, dn: &DistinguishedName) -> Option<&Surveyed> {
        let places = self.places().chain([&self.settings, &self.deleted]);
        let places = places.filter_map(|place| place.object.as_ref());
        let mut all = places.chain(self.people.iter().map(|person| &person.object));
        all.find(|object| object.dn == *dn)
    }

    /// How `samba-tool` is told where to go and who asks.
    pub(crate) fn samba_target(&self) -> String {
        format!("-H ldap://{} -U Administrator", self.asker.controller)
    }
}

/// Lets the service account read an object's descriptor.
fn readable(observed: &Observed, object: &DistinguishedName) -> Remedy {
    let entry = Ace::allow(mask::READ_CONTROL, observed.asker.own.clone());
    if !observed.asker.is_samba {
        let (dn, account) = (dsacls_name(object), observed.account());
        return Remedy::command(format!("dsacls \"{dn}\" /G \"{account}:RC\""));
    }
    samba(observed, "set", object, &[entry])
}

/// Lets a person change the password: the denials go, and Self and Everyone are granted it again, as
/// with any new account.
pub(crate) fn may_change(observed: &Observed, object: &Surveyed) -> Remedy {
    if !observed.asker.is_samba {
        let dn = powershell_quoted(&object.dn.to_string());
        return Remedy::command(format!("Set-ADUser -Identity {dn} -CannotChangePassword $false"));
    }
    let dacl = object.descriptor.as_ref().and_then(|one| one.dacl.as_ref());
    let entries = dacl.map_or(&[][..], |dacl| &dacl.entries);
    let denials: Vec<Ace> = entries.iter().filter(|one| denies_change(one)).cloned().collect();
    if denials.iter().any(Ace::is_inherited) {
        return Remedy::note("the denial stands on a unit above, and is to be taken away there");
    }
    let grants = [Sid::principal_self(), Sid::everyone()]
        .map(|who| Ace::allow(mask::CONTROL_ACCESS, who).on(CHANGE_PASSWORD));
    let lacking: Vec<Ace> = grants.into_iter().filter(|one| !entries.contains(one)).collect();
    let mut commands = Vec::new();
    for (verb, entries) in [("delete", denials), ("set", lacking)] {
        if !entries.is_empty() {
            commands.extend(samba(observed, verb, &object.dn, &entries).commands);
        }
    }
    Remedy { commands, note: None }
}

fn denies_change(entry: &Ace) -> bool {
    let denies = [AceKind::DENIED, AceKind::DENIED_OBJECT].contains(&entry.kind);
    let whom = [Sid::principal_self(), Sid::everyone()];
    denies
        && entry.access().is_some_and(|access| {
            access.mask & mask::CONTROL_ACCESS != 0
                && access.object_type == Some(CHANGE_PASSWORD)
                && whom.contains(&access.trustee)
        })
}

/// Takes one entry away. Where `dsacls`, which takes all of somebody's entries, would take away what a
/// domain lives by, it is told how to do it by hand.
fn without(observed: &Observed, object: &DistinguishedName, entry: &Ace) -> Remedy {
    if observed.asker.is_samba {
        return samba(observed, "delete", object, std::slice::from_ref(entry));
    }
    let trustee =
        entry.access().map_or_else(String::new, |access| observed.names.of(&access.trustee));
    let made_here = |sid: &Sid| sid.domain_rid().is_some_and(|rid| rid >= FIRST_MADE);
    let is_of_nobody_else = entry.access().is_some_and(|access| made_here(&access.trustee));
    if *object == observed.head.dn || !is_of_nobody_else {
        return Remedy::note(format!(
            "take the one denial for {trustee} away on {object}, in the Advanced Security Settings; not with dsacls /R, which takes every entry for {trustee} away"
        ));
    }
    let dn = dsacls_name(object);
    Remedy::command(format!("dsacls \"{dn}\" /R \"{trustee}\"")).and(format!(
        "dsacls takes every entry for {trustee} away; to take the one denial alone, use the Security tab"
    ))
}

fn samba(observed: &Observed, verb: &str, object: &DistinguishedName, entries: &[Ace]) -> Remedy {
    let (target, aliases) = (observed.samba_target(), Aliases::without_domain());
    let sddl: Result<String, _> = entries.iter().map(|one| one.to_sddl(&aliases)).collect();
    match sddl {
        Ok(sddl) => Remedy::command(format!(
            "samba-tool dsacl {verb} --objectdn={} --sddl={} {target}",
            quoted(&object.to_string()),
            quoted(&sddl)
        )),
        Err(error) => Remedy::note(format!("an entry has no text: {error}")),
    }
}

/// What an administrator does about a service account that is not let in, as a sentence without its dot.
pub(crate) const fn to_be_let_in(refusal: BindRefusal) -> &'static str {
    match refusal {
        BindRefusal::UnknownAccount => "Correct `bind_name`, or make the account",
        BindRefusal::WrongPassword => {
            "Correct `bind_name`, or write the account's password into `bind_password_file`"
        }
        BindRefusal::NotNow => "Let the account sign in at all hours (`logonHours`)",
        BindRefusal::NotFromHere => {
            "Let the account sign in from the agent's machine (`userWorkstations`)"
        }
        BindRefusal::PasswordExpired | BindRefusal::MustChange => {
            "Give the account a password that does not expire, and write it into \
             `bind_password_file`"
        }
        BindRefusal::Disabled => "Enable the account",
        BindRefusal::AccountExpired => "Take the account's end date away (`accountExpires`)",
        BindRefusal::LockedOut => {
            "Unlock the account, and look who tries its password: the agent gives up after one try"
        }
        BindRefusal::Other => "The controller's security log says why",
    }
}

/// Which of the rights a sentence is about, for somebody who can do something about them.
pub(super) const fn is_optional(permission: Permission) -> bool {
    !matches!(permission.feature(), Feature::Writeback)
}
