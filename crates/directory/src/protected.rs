//! The groups and accounts that are never reset from the cloud (SPEC D-6, PR-6), by SID.
//!
//! Names are translated and can be changed; these numbers cannot (MS-DTYP 2.4.2.4).

use crate::{Account, Sid};

/// Relative identifiers of built-in groups, under `S-1-5-32`.
pub mod builtin {
    /// Administrators.
    pub const ADMINISTRATORS: u32 = 544;
    /// Account Operators.
    pub const ACCOUNT_OPERATORS: u32 = 548;
    /// Server Operators.
    pub const SERVER_OPERATORS: u32 = 549;
    /// Print Operators.
    pub const PRINT_OPERATORS: u32 = 550;
    /// Backup Operators.
    pub const BACKUP_OPERATORS: u32 = 551;
    /// Replicator.
    pub const REPLICATOR: u32 = 552;
}

/// Relative identifiers of accounts and groups of a domain, under `S-1-5-21-…`.
pub mod domain {
    /// The account Administrator.
    pub const ADMINISTRATOR: u32 = 500;
    /// The account krbtgt.
    pub const KRBTGT: u32 = 502;
    /// Domain Admins.
    pub const DOMAIN_ADMINS: u32 = 512;
    /// Domain Controllers.
    pub const DOMAIN_CONTROLLERS: u32 = 516;
    /// Schema Admins (forest root domain).
    pub const SCHEMA_ADMINS: u32 = 518;
    /// Enterprise Admins (forest root domain).
    pub const ENTERPRISE_ADMINS: u32 = 519;
    /// Read-only Domain Controllers.
    pub const READ_ONLY_DOMAIN_CONTROLLERS: u32 = 521;
    /// Key Admins.
    pub const KEY_ADMINS: u32 = 526;
    /// Enterprise Key Admins (forest root domain).
    pub const ENTERPRISE_KEY_ADMINS: u32 = 527;
}

/// The protected built-in groups.
pub const BUILTIN_GROUPS: &[u32] = &[
    builtin::ADMINISTRATORS,
    builtin::ACCOUNT_OPERATORS,
    builtin::SERVER_OPERATORS,
    builtin::PRINT_OPERATORS,
    builtin::BACKUP_OPERATORS,
    builtin::REPLICATOR,
];

/// The protected groups of a domain. Some live in the forest's root domain only, so that they are
/// matched under any domain's SID.
pub const DOMAIN_GROUPS: &[u32] = &[
    domain::DOMAIN_ADMINS,
    domain::DOMAIN_CONTROLLERS,
    domain::SCHEMA_ADMINS,
    domain::ENTERPRISE_ADMINS,
    domain::READ_ONLY_DOMAIN_CONTROLLERS,
    domain::KEY_ADMINS,
    domain::ENTERPRISE_KEY_ADMINS,
];

/// The protected accounts of a domain.
pub const DOMAIN_ACCOUNTS: &[u32] = &[domain::ADMINISTRATOR, domain::KRBTGT];

/// What protects an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Protection {
    /// It is Administrator or krbtgt.
    Account(Sid),
    /// It is a member, nested or by its primary group, of this group.
    Member(Sid),
    /// Only `adminCount` is left: it is in no protected group that is known here any more.
    AdminCountAlone,
}

/// What protects this account by AD's own rules; local groups and the agent's own account come on
/// top in the agent's guard.
pub fn protected_by(account: &Account) -> Option<Protection> {
    if account.sid.domain_rid().is_some_and(|rid| DOMAIN_ACCOUNTS.contains(&rid)) {
        return Some(Protection::Account(account.sid.clone()));
    }
    if let Some(group) = account.group_sids.iter().find(|group| is_protected_group(group)) {
        return Some(Protection::Member(group.clone()));
    }
    account.admin_count.then_some(Protection::AdminCountAlone)
}

/// Whether membership of this group protects.
pub fn is_protected_group(group: &Sid) -> bool {
    group.builtin_rid().is_some_and(|rid| BUILTIN_GROUPS.contains(&rid))
        || group.domain_rid().is_some_and(|rid| DOMAIN_GROUPS.contains(&rid))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::account_with;

    fn sid(text: &str) -> Sid {
        text.parse().unwrap()
    }

    fn member_of(group: &str) -> Account {
        let mut account = account_with(&[]).unwrap();
        account.group_sids.push(sid(group));
        account
    }

    #[test]
    fn every_group_of_d6_protects() {
        for rid in [544, 548, 549, 550, 551, 552] {
            let group = format!("S-1-5-32-{rid}");
            let found = protected_by(&member_of(&group));
            assert_eq!(found, Some(Protection::Member(sid(&group))), "{group}");
        }
        // Under another domain's SID: Enterprise Admins of the forest's root.
        for rid in [512, 516, 518, 519, 521, 526, 527] {
            let group = format!("S-1-5-21-9-8-7-{rid}");
            let found = protected_by(&member_of(&group));
            assert_eq!(found, Some(Protection::Member(sid(&group))), "{group}");
        }
    }

    #[test]
    fn ordinary_groups_and_lookalikes_do_not_protect() {
        // Domain Users, Users, an own group, "Domain Admins" of nothing, a RID under other parts.
        for group in [
            "S-1-5-21-1-2-3-513",
            "S-1-5-32-545",
            "S-1-5-21-1-2-3-5120",
            "S-1-5-512",
            "S-1-5-80-1-2-3-512",
        ] {
            assert_eq!(protected_by(&member_of(group)), None, "{group}");
        }
    }

    #[test]
    fn administrator_and_krbtgt_are_protected_without_any_group() {
        for rid in [500, 502] {
            let mut account = account_with(&[]).unwrap();
            account.sid = sid(&format!("S-1-5-21-1-2-3-{rid}"));
            assert_eq!(protected_by(&account), Some(Protection::Account(account.sid.clone())));
        }
    }

    #[test]
    fn an_admin_count_left_behind_is_told_from_a_membership() {
        let left = account_with(&[("adminCount", "1")]).unwrap();
        assert_eq!(protected_by(&left), Some(Protection::AdminCountAlone));
        let mut member = left;
        member.group_sids.push(sid("S-1-5-21-1-2-3-512"));
        assert!(matches!(protected_by(&member), Some(Protection::Member(_))));
        assert_eq!(protected_by(&account_with(&[("adminCount", "0")]).unwrap()), None);
    }
}
