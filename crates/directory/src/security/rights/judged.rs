//! What a person is judged by before a password is touched (SPEC D-6 to D-8, D-12). In a new domain, whoever
//! signs in may read all of it, most of it by Pre-Windows 2000 Compatible Access alone; where that group is
//! emptied, a service account with the rights to write sees nobody whom it could write to.

use super::{LOCKOUT_TIME, PWD_LAST_SET, USER_ACCOUNT_RESTRICTIONS, guid};
use crate::ObjectGuid;
use crate::security::Property;

/// The property set RAS-Information, called "Remote Access Information" (MS-ADTS 5.1.3.3.1), which the groups
/// are in as well.
const REMOTE_ACCESS: ObjectGuid = guid(0x0370_88f8, 0x0ae1, 0x11d2, 0xb422_00a0_c968_f939);

/// An attribute of a person that is to be readable.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Judged {
    /// The groups, by which an account is protected.
    TokenGroups,
    /// How often the password was set, by which a set that is in doubt is settled.
    ReplPropertyMetaData,
    /// Whether it is disabled, a computer's, or for a smart card alone.
    UserAccountControl,
    /// Whether it is protected, or was.
    AdminCount,
    /// Whether the account has ended.
    AccountExpires,
    /// Whether it was locked out.
    LockoutTime,
    /// How old the password is.
    PwdLastSet,
    /// Whose rules the next password obeys.
    ResultantPso,
}

impl Judged {
    /// All of them, those without which nothing is done first.
    pub const ALL: [Self; 8] = [
        Self::TokenGroups,
        Self::ReplPropertyMetaData,
        Self::UserAccountControl,
        Self::AdminCount,
        Self::AccountExpires,
        Self::LockoutTime,
        Self::PwdLastSet,
        Self::ResultantPso,
    ];

    /// Whether nobody is reset of whom it may not be read (SPEC D-6, D-7, PR-2). Without the others a reset
    /// goes on, and the directory alone knows what they would have said ([`Judged::unknown_without`]).
    pub const fn is_needed(self) -> bool {
        self.unknown_without().is_none()
    }

    /// What is not known of a person whose password is set all the same where it may not be read; none
    /// where nothing is set.
    pub const fn unknown_without(self) -> Option<&'static str> {
        match self {
            Self::TokenGroups
            | Self::ReplPropertyMetaData
            | Self::UserAccountControl
            | Self::AdminCount
            | Self::AccountExpires => None,
            Self::LockoutTime => Some("whether an account was locked out"),
            Self::PwdLastSet => Some("how old a password is, so that its least age is not kept"),
            Self::ResultantPso => {
                Some("whose rules a password obeys, so that none of them is told")
            }
        }
    }

    /// `lDAPDisplayName`.
    pub const fn name(self) -> &'static str {
        match self {
            Self::TokenGroups => "tokenGroups",
            Self::ReplPropertyMetaData => "replPropertyMetaData",
            Self::UserAccountControl => "userAccountControl",
            Self::AdminCount => "adminCount",
            Self::LockoutTime => "lockoutTime",
            Self::PwdLastSet => "pwdLastSet",
            Self::AccountExpires => "accountExpires",
            Self::ResultantPso => "msDS-ResultantPSO",
        }
    }

    /// As entries name it (MS-ADA1 to MS-ADA3).
    pub const fn property(self) -> Property {
        let (attribute, set) = match self {
            Self::TokenGroups => {
                let attribute = guid(0xb7c6_9e6d, 0x2cc7, 0x11d2, 0x854e_00a0_c983_f608);
                (attribute, Some(REMOTE_ACCESS))
            }
            Self::ReplPropertyMetaData => {
                (guid(0x2814_16c0, 0x1968, 0x11d0, 0xa28f_00aa_0030_49e2), None)
            }
            Self::UserAccountControl => {
                let attribute = guid(0xbf96_7a68, 0x0de6, 0x11d0, 0xa285_00aa_0030_49e2);
                (attribute, Some(USER_ACCOUNT_RESTRICTIONS))
            }
            Self::AdminCount => (guid(0xbf96_7918, 0x0de6, 0x11d0, 0xa285_00aa_0030_49e2), None),
            Self::LockoutTime => return LOCKOUT_TIME,
            Self::PwdLastSet => return PWD_LAST_SET,
            Self::AccountExpires => {
                let attribute = guid(0xbf96_7915, 0x0de6, 0x11d0, 0xa285_00aa_0030_49e2);
                (attribute, Some(USER_ACCOUNT_RESTRICTIONS))
            }
            Self::ResultantPso => (guid(0xb77e_a093, 0x88d0, 0x4780, 0x9a98_911f_8e8b_1dca), None),
        };
        Property { attribute, set }
    }
}
