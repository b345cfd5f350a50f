//! Single entries on Windows, for which `dsacls` has no word: its `/R` takes every entry of an account, and it
//! knows control access rights by names that are translated alone.

use std::fmt::Write as _;

use directory::security::{Access, Ace, AceFlags, mask};
use directory::{DistinguishedName, ObjectGuid};

use super::{dsacls_name, powershell_quoted};

/// Rights as `System.DirectoryServices.ActiveDirectoryRights` names them (MS-ADTS 5.1.3.2).
const RIGHTS: [(u32, &str); 6] = [
    (mask::CONTROL_ACCESS, "ExtendedRight"),
    (mask::WRITE_PROPERTY, "WriteProperty"),
    (mask::READ_PROPERTY, "ReadProperty"),
    (mask::LIST_CONTENTS, "ListChildren"),
    (mask::LIST_OBJECT, "ListObject"),
    (mask::READ_CONTROL, "ReadControl"),
];

/// How many entries one command is about: a line of `cmd` ends at 8,191 characters, and each takes 350.
const ENTRIES_MAX: usize = 16;

/// Commands that take exactly these entries away.
pub(super) fn removal<'e>(
    on: &DistinguishedName,
    entries: impl Iterator<Item = &'e Ace>,
) -> Vec<String> {
    commands(on, "RemoveAccessRuleSpecific", entries)
}

/// Commands that add these entries, by numbers alone.
pub(super) fn addition<'e>(
    on: &DistinguishedName,
    entries: impl Iterator<Item = &'e Ace>,
) -> Vec<String> {
    commands(on, "AddAccessRule", entries)
}

/// Commands that write nothing of the descriptor but its list.
fn commands<'e>(
    on: &DistinguishedName,
    method: &str,
    entries: impl Iterator<Item = &'e Ace>,
) -> Vec<String> {
    // In the path of an object, ADSI takes a slash for the end of a host's name.
    let path = format!("LDAP://{}", dsacls_name(on).replace('/', "\\/"));
    let path = powershell_quoted(&path);
    let rules: Vec<String> =
        entries.filter_map(|entry| Some(rule(entry, entry.access()?))).collect();
    let one = |rules: &[String]| {
        let mut script = format!("$on = [ADSI]{path}; $on.psbase.Options.SecurityMasks = 'Dacl'");
        for rule in rules {
            // Writing to a string does not fail.
            let _ = write!(script, "; $on.psbase.ObjectSecurity.{method}(({rule}))");
        }
        format!("powershell -Command \"{script}; $on.psbase.CommitChanges()\"")
    };
    rules.chunks(ENTRIES_MAX).map(one).collect()
}

/// An entry as the rule that is equal to it.
fn rule(entry: &Ace, access: &Access) -> String {
    let kind = if entry.denies() { "Deny" } else { "Allow" };
    let named = RIGHTS.iter().filter(|(bit, _)| access.mask & bit != 0).map(|(_, name)| *name);
    let rights = named.collect::<Vec<_>>().join(", ");
    let has = |flag| entry.flags.contains(flag);
    let inheritance = match (has(AceFlags::CONTAINER_INHERIT), has(AceFlags::INHERIT_ONLY)) {
        (false, _) => "None",
        (true, false) => "All",
        (true, true) => "Descendents",
    };
    let guid = |guid: Option<ObjectGuid>| {
        guid.map_or_else(|| "[guid]::Empty".to_owned(), |guid| format!("[guid]'{guid}'"))
    };
    let (right, class) = (guid(access.object_type), guid(access.inherited_object_type));
    format!(
        "New-Object DirectoryServices.ActiveDirectoryAccessRule([Security.Principal.SecurityIdentifier]'{}', '{rights}', '{kind}', {right}, '{inheritance}', {class})",
        access.trustee
    )
}
