//! The exact fix of each finding: commands that can be copied.

use directory::security::rights::{Feature, Permission};
use directory::security::{Ace, AceKind, Aliases, CHANGE_PASSWORD, mask};
use directory::{BindRefusal, DistinguishedName, Sid, Surveyed};

use super::cause::Cause;
use super::judge::{Finding, Kind};
use super::policy::newer_or_allowed;
use super::print::shown;
use super::{Observed, feature_name, looked_at_by_hand, no_longer_marked};

/// Smaller RIDs are those of accounts and groups that every domain has (MS-DTYP 2.4.2.4).
const FIRST_MADE: u32 = 1_000;

/// What lets the service account see of a person what it judges by.
pub(crate) const READABLE: &str = "let Authenticated Users read the account, as with any new one";

/// What puts something right.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Remedy {
    /// Commands, one after the other.
    pub(crate) commands: Vec<String>,
    /// What is to be done by hand, or to be known besides.
    pub(crate) note: Option<String>,
    /// The note comes first: the commands are one way of what it says, and not what nearly everybody wants.
    pub(crate) by_hand: bool,
}

impl Remedy {
    /// One command.
    pub(crate) fn command(command: impl Into<String>) -> Self {
        Self { commands: vec![command.into()], ..Self::default() }
    }

    /// Something that no command does.
    pub(crate) fn note(note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..Self::default() }
    }

    /// Commands, one after the other.
    pub(crate) fn commands(commands: Vec<String>) -> Self {
        Self { commands, ..Self::default() }
    }

    /// Something to be done by hand, of which a command is one way.
    pub(crate) fn by_hand(note: impl Into<String>, command: impl Into<String>) -> Self {
        Self { commands: vec![command.into()], note: Some(note.into()), by_hand: true }
    }

    /// With what is to be known besides.
    pub(crate) fn and(self, note: impl Into<String>) -> Self {
        Self { note: Some(note.into()), ..self }
    }

    /// With a further thing that may be done by hand.
    pub(crate) fn and_also(mut self, further: &str) -> Self {
        self.note = Some(match self.note {
            Some(note) => format!("{note}; {further}"),
            None => further.to_owned(),
        });
        self
    }

    /// The lines in which it is told: the first command first, or the note, as is meant.
    pub(crate) fn lines(&self) -> Vec<String> {
        if let Some(note) = self.note.as_ref().filter(|_| self.by_hand) {
            let commands = self.commands.iter().map(|command| format!("     {command}"));
            return std::iter::once(format!("Fix: {note}")).chain(commands).collect();
        }
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
            Cause::SpeltOtherwise { there } => as_it_is_written(&observed.name, there),
            Cause::Hidden => readable(observed, &self.object),
            Cause::Unclear { denies: true, trustee, inherited, index } => {
                let place = self.place_of(observed, *inherited, *index);
                let whom = observed.names.of(trustee);
                without_condition(observed, place, &whom, &self.asked_features())
            }
            Cause::Missing if self.permissions == [Permission::ReadDeletedObjects] => {
                readable_deletions(observed)
            }
            Cause::OtherClass { .. } => {
                Remedy::command(format!("{grant}{} --inet-org-person", self.wish()))
            }
            Cause::Missing | Cause::Unclear { .. } => {
                Remedy::command(format!("{grant}{}", self.wish()))
            }
            Cause::Denied { inherited: true, index, .. } => match observed.origin(&self.object, *index) {
                Some((above, entry)) => without(observed, above, entry),
                None => Remedy::note(
                    "the denial stands on a unit above: take it away there (`dsacls` or `samba-tool dsacl get` on each unit above shows where)",
                ),
            },
            Cause::Denied { index, trustee, .. } => match observed.entry(&self.object, *index) {
                Some(entry) => without(observed, &self.object, entry),
                None => Remedy::note(format!(
                    "take away the entry that denies it to {}",
                    observed.names.of(trustee)
                )),
            },
            Cause::InheritanceOff => {
                let turn_on = Remedy::command(format!("{grant} --inherit {object}"));
                turn_on.and(match self.kind {
                    Kind::Person => "turns inheritance on, and takes an adminCount away that is left over; the object's own entries stay",
                    _ => "turns inheritance on; the object's own entries stay",
                })
            }
            Cause::CannotChange => {
                observed.object(&self.object).map_or_else(Remedy::default, |one| may_change(observed, one))
            }
            Cause::AdminCountLeft { .. } => Remedy::command(format!("{grant} --inherit {object}"))
                .and("takes adminCount away, and turns inheritance on where it is off"),
            Cause::AdminCountUnclear { .. } => looked_at_by_hand(&observed.name, &self.object),
            Cause::AdminCountKept { by, .. } => no_longer_marked(observed, &self.object, by),
            Cause::Unjudged { inheritance_off: true, .. } => {
                Remedy::command(format!("{grant} --inherit {object}")).and(
                    "looks what protects the account as an administrator; where no group does, it takes adminCount away, and turns inheritance on",
                )
            }
            Cause::Unjudged { inheritance_off: false, .. } => Remedy::note(READABLE),
            Cause::NotAllLookedAt => Remedy::note(format!(
                "name the units below it in `ous` of the directory {directory} in its place: each of them is looked at by itself"
            )),
            Cause::ProtectsNobody(group) => Remedy::note(group.fix()),
            Cause::NoPolicyControl => newer_or_allowed(&observed.asker, &observed.name),
            Cause::NotArrived { .. } => {
                let check = "passback-agent permissions check --wait --directory";
                Remedy::command(format!("{check} {directory}")).and(
                    "inheritance and replication may take an hour or more; where it does not arrive, give the descriptor of the object above a push by any change to it",
                )
            }
        }
    }
}

/// Has a unit of a directory's configuration written as the directory writes it.
fn as_it_is_written(directory: &str, there: &DistinguishedName) -> Remedy {
    Remedy::note(format!(
        "write {:?} in `ous` of the directory {}, as the directory does, and run `passback-agent sync`",
        there.to_string(),
        quoted(directory)
    ))
}

impl Finding {
    /// What of `grant` is about it.
    fn wish(&self) -> String {
        let unit = match self.kind {
            Kind::Unit => format!(" --ou {}", quoted(&self.object.to_string())),
            _ => String::new(),
        };
        format!("{unit}{}", self.asked_features())
    }

    /// Whether all that is lacking is to read what people are judged by.
    pub(super) fn is_about_reading(&self) -> bool {
        let reading = |one: &Permission| one.feature() == Feature::Reading;
        !self.permissions.is_empty() && self.permissions.iter().all(reading)
    }

    /// The features that it is about, as options; none for writeback alone, which is meant without.
    fn asked_features(&self) -> String {
        let mut asked: Vec<Feature> = Vec::new();
        for one in &self.permissions {
            if !asked.contains(&one.feature()) {
                asked.push(one.feature());
            }
        }
        if asked == [Feature::Writeback] {
            return String::new();
        }
        asked.into_iter().map(|one| format!(" --feature {}", feature_name(one))).collect()
    }

    /// The place on which an entry of the object's list stands; none where that is not known.
    pub(super) fn place_of<'o>(
        &'o self,
        observed: &'o Observed,
        inherited: bool,
        index: usize,
    ) -> Option<&'o DistinguishedName> {
        match inherited {
            true => observed.origin(&self.object, index).map(|(place, _)| place),
            false => Some(&self.object),
        }
    }

    /// Where an entry of the object's list comes from, in words.
    pub(super) fn whence(&self, observed: &Observed, inherited: bool, index: usize) -> String {
        match (inherited, self.place_of(observed, inherited, index)) {
            (true, Some(above)) => format!("inherited from {}", shown(above)),
            (true, None) => "inherited".to_owned(),
            (false, _) => "of the object's own".to_owned(),
        }
    }
}

impl Observed {
    /// How `samba-tool` is told where to go and who asks.
    pub(crate) fn samba_target(&self) -> String {
        format!("-H ldap://{} -U Administrator", self.asker.controller)
    }
}

/// Takes an entry away that has a condition.
fn without_condition(
    observed: &Observed,
    place: Option<&DistinguishedName>,
    whom: &str,
    features: &str,
) -> Remedy {
    let Some(place) = place else {
        return Remedy::note(format!(
            "take the entry for {whom} that has a condition away on the unit above where it stands (the Advanced Security Settings show it with its condition)"
        ));
    };
    let (directory, place) = (quoted(&observed.name), quoted(&place.to_string()));
    Remedy::command(format!(
        "passback-agent permissions grant --directory {directory} --drop-conditional {place}{features}"
    ))
    .and(format!(
        "takes the entry for {whom} that has a condition away; where it is wanted, put one without a condition in its place"
    ))
}

/// Lets the service account read what was deleted, which no administrator may give away over LDAP before
/// taking the container over.
fn readable_deletions(observed: &Observed) -> Remedy {
    let (account, on) = (observed.account(), &observed.deleted.dn);
    Remedy::note(match observed.asker.is_samba {
        true => format!(
            "on the controller itself, as root, add (A;;LCRPLORC;;;{}) to the list of {on}: over LDAP nobody may (without it, a sweep finds deletions)",
            observed.asker.own
        ),
        false => format!(
            "grant {account} List Contents and Read Property on {on} (dsacls with /takeownership first), or Replicating Directory Changes on the root of the domain"
        ),
    })
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
    Remedy::commands(commands)
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
pub(super) fn without(observed: &Observed, object: &DistinguishedName, entry: &Ace) -> Remedy {
    if observed.asker.is_samba {
        return samba(observed, "delete", object, std::slice::from_ref(entry));
    }
    let trustee =
        entry.access().map_or_else(String::new, |access| observed.names.of(&access.trustee));
    let made_here = |sid: &Sid| sid.domain_rid().is_some_and(|rid| rid >= FIRST_MADE);
    let is_of_nobody_else = entry.access().is_some_and(|access| made_here(&access.trustee));
    if *object == observed.head.dn || !is_of_nobody_else {
        return Remedy::note(format!(
            "take the one entry for {trustee} away on {object}, in the Advanced Security Settings; not with dsacls /R, which takes every entry for {trustee} away"
        ));
    }
    let dn = dsacls_name(object);
    Remedy::command(format!("dsacls \"{dn}\" /R \"{trustee}\"")).and(format!(
        "dsacls takes every entry for {trustee} away; to take this one alone, use the Security tab"
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
        BindRefusal::Restricted => {
            "Use an account that may sign in by a simple bind: none of Protected Users, and none under an \
             authentication policy; what an administrator is to grant, `--print` prints for another way"
        }
        BindRefusal::TooManyGroups => {
            "Take the account out of groups: a token holds 1,015, nested ones included"
        }
        BindRefusal::NotOverTheNetwork => {
            "Give the account the user right \"Access this computer from the network\" on the domain \
             controllers, and take it and its groups out of \"Deny access to this computer from the \
             network\" (Default Domain Controllers Policy, User Rights Assignment)"
        }
        BindRefusal::Other => "The controller's security log says why",
    }
}

/// Which of the rights a sentence is about, for somebody who can do something about them.
pub(super) const fn is_optional(permission: Permission) -> bool {
    !matches!(permission.feature(), Feature::Writeback | Feature::Reading)
}
