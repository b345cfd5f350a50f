//! By way of which groups somebody is in one that protects (SPEC D-6), what takes them out, and whom the
//! directory marks by one though `tokenGroups` names none.

use directory::{
    Account, DirectoryError, DistinguishedName, LdapDirectory, MarkedBy, MemberOf, Protection,
    protected_by,
};

use super::{Observed, Remedy, powershell_quoted, quoted};

/// By way of which groups the directory gives an account its `adminCount` again and again, so that it is not
/// left over. Groups for mail count there, and are in nobody's `tokenGroups`. Nothing at Samba, which marks
/// nobody (seen with 4.24), and of whoever has no `adminCount` that is to be accounted for.
///
/// # Errors
/// Where the way to the directory ends.
pub(crate) async fn marked_by(
    directory: &LdapDirectory,
    account: &Account,
    is_samba: bool,
) -> Result<MarkedBy, DirectoryError> {
    match protected_by(account) {
        Some(Protection::AdminCountAlone) if !is_samba => {
            directory.chain_to_any_protected(account).await
        }
        _ => Ok(MarkedBy::Nothing),
    }
}

/// What is said of an `adminCount` of which nobody can say whether it is left over.
pub(crate) const NOT_FOLLOWED: &str = "no way to a protected group was found, and not all groups could be followed: one is hidden or of another domain, or there are too many";

/// Looks at the groups of somebody whom the service account could not follow through all of them.
pub(crate) fn looked_at_by_hand(directory: &str, who: &DistinguishedName) -> Remedy {
    let command = format!(
        "passback-agent permissions grant --directory {} --inherit {}",
        quoted(directory),
        quoted(&who.to_string())
    );
    Remedy::command(command).and("looks at the groups as an administrator, and takes adminCount away only where all can be followed and none leads to a protected one; where they cannot, look at those of every domain of the forest, and leave adminCount where one does")
}

/// By way of which groups somebody is in the last of these, to be put behind its name.
pub(crate) fn by_way(chain: &[MemberOf]) -> String {
    let name = |group: &MemberOf| group.name.clone();
    match chain {
        [] => ", nested groups included".to_owned(),
        [one] if one.primary => ", its primary group".to_owned(),
        [between @ .., last] if last.elsewhere => {
            let between: Vec<String> = between.iter().chain([last]).map(name).collect();
            format!(
                ", by way of {}, a group of another domain, where nothing is looked up from here",
                between.join(", then ")
            )
        }
        [_] => ", as a member of its own".to_owned(),
        [between @ .., _] => {
            let between: Vec<String> = between.iter().map(name).collect();
            format!(", by way of {}", between.join(", then "))
        }
    }
}

/// That somebody is marked by way of these groups; none of nobody.
pub(crate) fn marked_text(chain: &[MemberOf]) -> Option<String> {
    let last = chain.last()?;
    Some(format!(
        "in the protected group {}{} (groups for mail count for that, and tokenGroups has none of them)",
        last.name,
        by_way(chain)
    ))
}

/// What ends that somebody is marked by way of these groups: the first of them is left, and the mark, which
/// is left over then, is taken away. Of Windows alone, because nobody is marked elsewhere.
pub(crate) fn no_longer_marked(
    observed: &Observed,
    who: &DistinguishedName,
    chain: &[MemberOf],
) -> Remedy {
    let Some(first) = chain.first() else { return Remedy::default() };
    let inherit = format!(
        "passback-agent permissions grant --directory {} --inherit {}",
        quoted(&observed.name),
        quoted(&who.to_string())
    );
    let next = chain.get(1);
    if first.primary {
        // Nobody is taken out of it before another one is made the primary group.
        let commands = next.map(|next| powershell_leaves(&first.dn, next)).into_iter();
        let way = next.map_or_else(
            || format!("gives it another primary group than {}", first.name),
            |next| {
                format!(
                    "takes its primary group {} out of {}, for everybody in it; or gives it another primary group",
                    first.name, next.name
                )
            },
        );
        return Remedy::commands(commands.chain([inherit]).collect())
            .and(format!("{way}, after which adminCount is left over and can be taken away"));
    }
    let next = next.map_or_else(String::new, |next| {
        format!("; or take {} out of {}, for everybody in it", first.name, next.name)
    });
    Remedy::commands(vec![powershell_leaves(who, first), inherit]).and(format!(
        "takes it out of {}, after which adminCount is left over and can be taken away{next}",
        first.name
    ))
}

/// The command that takes somebody out of a group on Windows.
pub(crate) fn powershell_leaves(who: &DistinguishedName, group: &MemberOf) -> String {
    format!(
        "Remove-ADGroupMember -Identity {} -Members {}",
        powershell_quoted(&group.dn.to_string()),
        powershell_quoted(&who.to_string())
    )
}
