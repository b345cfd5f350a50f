//! Taking single entries away on Windows, for which `dsacls` has no word: its `/R` takes every entry of
//! an account.

use std::fmt::Write as _;

use directory::ObjectGuid;
use directory::security::{Access, Ace, AceFlags, mask};

use super::plan::Change;
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

/// One command that takes exactly the entries of a change away, and writes nothing of the descriptor but
/// its list.
pub(super) fn removal(change: &Change) -> String {
    // In the path of an object, ADSI takes a slash for the end of a host's name.
    let path = format!("LDAP://{}", dsacls_name(&change.on).replace('/', "\\/"));
    let path = powershell_quoted(&path);
    let mut script = format!("$on = [ADSI]{path}; $on.psbase.Options.SecurityMasks = 'Dacl'");
    for (_, entry) in &change.remove {
        if let Some(access) = entry.access() {
            let rule = rule(entry, access);
            // Writing to a string does not fail.
            let _ =
                write!(script, "; $on.psbase.ObjectSecurity.RemoveAccessRuleSpecific(({rule}))");
        }
    }
    format!("powershell -Command \"{script}; $on.psbase.CommitChanges()\"")
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
