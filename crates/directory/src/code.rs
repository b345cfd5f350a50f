//! What AD says in an answer's diagnostic text, beyond LDAP's result code.
//!
//! Only the hexadecimal Win32 code at the start and the sub-code of a bind are read. The words
//! around them differ between controllers and mean nothing here.

use std::fmt;

/// The Win32 error code that a diagnostic text starts with: `0000052D: SvcErr: …` (MS-ERREF
/// 2.2; which of them a password operation gets, MS-ADTS 3.1.1.3.1.5).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AdCode(pub u32);

macro_rules! named {
    ($($(#[$doc:meta])* $name:ident = $code:literal;)+) => {
        impl AdCode {
            $($(#[$doc])* pub const $name: Self = Self($code);)+

            /// Every code that has a name: those that password operations are known to be answered
            /// with. What each means stands in the table of [`crate::outcome`].
            pub const ALL: &'static [Self] = &[$(Self::$name,)+];
        }
    };
}

named! {
    /// ERROR_ACCESS_DENIED.
    ACCESS_DENIED = 0x05;
    /// ERROR_GEN_FAILURE: a set over a connection that is not encrypted, or a value that is no
    /// password in quotes.
    GENERAL_FAILURE = 0x1f;
    /// ERROR_NOT_SUPPORTED.
    NOT_SUPPORTED = 0x32;
    /// ERROR_INVALID_PASSWORD: the old password of a change is wrong.
    INVALID_PASSWORD = 0x56;
    /// ERROR_INVALID_PARAMETER: a control or a value in another form than the controller reads.
    INVALID_PARAMETER = 0x57;
    /// ERROR_NOT_AUTHENTICATED: nobody is bound on this connection.
    NOT_AUTHENTICATED = 0x4dc;
    /// ERROR_PRIVILEGE_NOT_HELD.
    PRIVILEGE_NOT_HELD = 0x522;
    /// ERROR_NO_SUCH_USER.
    NO_SUCH_USER = 0x525;
    /// ERROR_WRONG_PASSWORD: the old password of a change is wrong.
    WRONG_PASSWORD = 0x52b;
    /// ERROR_ILL_FORMED_PASSWORD: characters that no password may have.
    ILL_FORMED_PASSWORD = 0x52c;
    /// ERROR_PASSWORD_RESTRICTION: any rule of the policy (SPEC D-8).
    PASSWORD_RESTRICTION = 0x52d;
    /// ERROR_LOGON_FAILURE.
    LOGON_FAILURE = 0x52e;
    /// ERROR_ACCOUNT_RESTRICTION.
    ACCOUNT_RESTRICTION = 0x52f;
    /// ERROR_INVALID_LOGON_HOURS.
    INVALID_LOGON_HOURS = 0x530;
    /// ERROR_INVALID_WORKSTATION.
    INVALID_WORKSTATION = 0x531;
    /// ERROR_PASSWORD_EXPIRED.
    PASSWORD_EXPIRED = 0x532;
    /// ERROR_ACCOUNT_DISABLED.
    ACCOUNT_DISABLED = 0x533;
    /// ERROR_ACCOUNT_EXPIRED.
    ACCOUNT_EXPIRED = 0x701;
    /// ERROR_PASSWORD_MUST_CHANGE.
    PASSWORD_MUST_CHANGE = 0x773;
    /// ERROR_DOMAIN_CONTROLLER_NOT_FOUND.
    CONTROLLER_NOT_FOUND = 0x774;
    /// ERROR_ACCOUNT_LOCKED_OUT: a change by somebody who is locked out (SPEC D-7).
    LOCKED_OUT = 0x775;
    /// NERR_UserNotFound.
    NET_USER_NOT_FOUND = 0x8ad;
    /// NERR_PasswordTooShort: any rule of the policy, as the network functions say it.
    NET_PASSWORD_TOO_SHORT = 0x8c5;
    /// ERROR_DS_NO_ATTRIBUTE_OR_VALUE.
    NO_ATTRIBUTE_OR_VALUE = 0x200a;
    /// ERROR_DS_INVALID_ATTRIBUTE_SYNTAX.
    INVALID_ATTRIBUTE_SYNTAX = 0x200b;
    /// ERROR_DS_BUSY.
    BUSY = 0x200e;
    /// ERROR_DS_UNAVAILABLE.
    UNAVAILABLE = 0x200f;
    /// ERROR_DS_OBJ_CLASS_VIOLATION.
    OBJECT_CLASS_VIOLATION = 0x2014;
    /// ERROR_DS_OPERATIONS_ERROR.
    OPERATIONS_ERROR = 0x2020;
    /// ERROR_DS_STRONG_AUTH_REQUIRED.
    STRONG_AUTH_REQUIRED = 0x2028;
    /// ERROR_DS_REFERRAL.
    REFERRAL = 0x202b;
    /// ERROR_DS_UNAVAILABLE_CRIT_EXTENSION.
    UNAVAILABLE_CRITICAL_EXTENSION = 0x202c;
    /// ERROR_DS_CONFIDENTIALITY_REQUIRED.
    CONFIDENTIALITY_REQUIRED = 0x202d;
    /// ERROR_DS_CONSTRAINT_VIOLATION.
    CONSTRAINT_VIOLATION = 0x202f;
    /// ERROR_DS_NO_SUCH_OBJECT.
    NO_SUCH_OBJECT = 0x2030;
    /// ERROR_DS_INVALID_DN_SYNTAX.
    INVALID_DN_SYNTAX = 0x2032;
    /// ERROR_DS_UNWILLING_TO_PERFORM.
    UNWILLING_TO_PERFORM = 0x2035;
    /// ERROR_DS_NOT_SUPPORTED: with `unavailableCriticalExtension`, a control that is not offered.
    NOT_SUPPORTED_HERE = 0x2040;
    /// ERROR_DS_CONTROL_NOT_FOUND.
    CONTROL_NOT_FOUND = 0x2042;
    /// ERROR_DS_ILLEGAL_MOD_OPERATION.
    ILLEGAL_MODIFICATION = 0x2077;
    /// ERROR_DS_MASTERDSA_REQUIRED: a read-only controller was asked to write.
    MASTER_REQUIRED = 0x207a;
    /// ERROR_DS_CANT_REM_MISSING_ATT_VAL.
    NO_SUCH_VALUE = 0x2085;
    /// ERROR_DS_OBJ_NOT_FOUND.
    OBJECT_NOT_FOUND = 0x208d;
    /// ERROR_DS_BAD_NAME_SYNTAX.
    BAD_NAME_SYNTAX = 0x208f;
    /// ERROR_DS_OBJECT_BEING_REMOVED.
    OBJECT_BEING_REMOVED = 0x2093;
    /// ERROR_DS_GENERIC_ERROR.
    GENERIC_ERROR = 0x2095;
    /// ERROR_DS_INSUFF_ACCESS_RIGHTS.
    INSUFFICIENT_RIGHTS = 0x2098;
    /// ERROR_DS_ATTRIBUTE_OWNED_BY_SAM.
    ATTRIBUTE_OWNED_BY_SAM = 0x209a;
    /// ERROR_DS_SHUTTING_DOWN.
    SHUTTING_DOWN = 0x20ac;
    /// ERROR_DS_INVALID_ROLE_OWNER.
    INVALID_ROLE_OWNER = 0x20ae;
    /// ERROR_DS_COULDNT_CONTACT_FSMO.
    ROLE_HOLDER_UNREACHABLE = 0x20af;
    /// ERROR_DS_CANT_MOD_SYSTEM_ONLY.
    SYSTEM_ONLY = 0x20b1;
    /// ERROR_DS_MISSING_SUPREF: the base of a request is outside of the forest.
    OUTSIDE_THE_FOREST = 0x20d6;
}

impl AdCode {
    /// Reads the code in front of the first colon: eight hexadecimal digits.
    pub fn of(diagnostic: &str) -> Option<Self> {
        let digits = diagnostic.split(':').next()?.trim();
        let hexadecimal = digits.len() == 8 && digits.bytes().all(|byte| byte.is_ascii_hexdigit());
        hexadecimal.then(|| u32::from_str_radix(digits, 16).ok().map(Self)).flatten()
    }
}

impl fmt::Display for AdCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:08X}", self.0)
    }
}

impl fmt::Debug for AdCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AdCode({self})")
    }
}

/// Why a bind was refused (SPEC D-10): the `data` of a diagnostic text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum BindRefusal {
    /// 525: no such account.
    UnknownAccount,
    /// 52e: wrong name or password.
    WrongPassword,
    /// 530: not at this time.
    NotNow,
    /// 531: not from this machine.
    NotFromHere,
    /// 532: the password was right and has expired.
    PasswordExpired,
    /// 533: the account is disabled.
    Disabled,
    /// 701: the account has expired.
    AccountExpired,
    /// 773: the password was right and must be changed.
    MustChange,
    /// 775: locked out.
    LockedOut,
    /// 52f: restricted in another way than those, such as by Protected Users or an authentication policy,
    /// under which nobody signs in by a simple bind.
    Restricted,
    /// 568: in more groups than a token holds.
    TooManyGroups,
    /// 569: without the user right to sign in to the controller over the network.
    NotOverTheNetwork,
    /// No sub-code, or one that is not in the list.
    Other,
}

impl BindRefusal {
    /// Every reason.
    pub const ALL: [Self; 13] = [
        Self::UnknownAccount,
        Self::WrongPassword,
        Self::NotNow,
        Self::NotFromHere,
        Self::PasswordExpired,
        Self::Disabled,
        Self::AccountExpired,
        Self::MustChange,
        Self::LockedOut,
        Self::Restricted,
        Self::TooManyGroups,
        Self::NotOverTheNetwork,
        Self::Other,
    ];

    /// Reads the sub-code out of a diagnostic text.
    pub fn of(diagnostic: &str) -> Self {
        let mut words = diagnostic.split([' ', ',', '\0']);
        let sub_code = words.by_ref().find(|word| *word == "data").and_then(|_| words.next());
        match sub_code.unwrap_or_default().to_ascii_lowercase().as_str() {
            "525" => Self::UnknownAccount,
            "52e" => Self::WrongPassword,
            "530" => Self::NotNow,
            "531" => Self::NotFromHere,
            "532" => Self::PasswordExpired,
            "533" => Self::Disabled,
            "701" => Self::AccountExpired,
            "773" => Self::MustChange,
            "775" => Self::LockedOut,
            "52f" => Self::Restricted,
            "568" => Self::TooManyGroups,
            "569" => Self::NotOverTheNetwork,
            _ => Self::Other,
        }
    }

    /// Whether the password was right all the same (SPEC D-10).
    pub const fn password_was_right(self) -> bool {
        matches!(self, Self::PasswordExpired | Self::MustChange)
    }

    /// The cause, for the operator.
    pub const fn text(self) -> &'static str {
        match self {
            Self::UnknownAccount => "there is no such account (525)",
            Self::WrongPassword => "the name or the password is wrong (52e)",
            Self::NotNow => "the account may not sign in at this time (530)",
            Self::NotFromHere => "the account may not sign in from this machine (531)",
            Self::PasswordExpired => "the password has expired (532)",
            Self::Disabled => "the account is disabled (533)",
            Self::AccountExpired => "the account has expired (701)",
            Self::MustChange => "the password must be changed first (773)",
            Self::LockedOut => "the account is locked out (775)",
            Self::Restricted => {
                "the account may not sign in by a simple bind: a restriction such as Protected Users or an authentication policy (52f)"
            }
            Self::TooManyGroups => "the account is in more groups than a token holds (568)",
            Self::NotOverTheNetwork => {
                "the account may not sign in to this controller over the network (569)"
            }
            Self::Other => "for a reason that is not known here",
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn the_code_is_read_and_the_words_are_not() {
        for text in [
            "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0",
            "0000052D: Constraint violation - check_password_restrictions: the password was too short",
            "0000052d: ",
        ] {
            assert_eq!(AdCode::of(text), Some(AdCode::PASSWORD_RESTRICTION), "{text}");
        }
        for text in ["", "no code: here", "52D: short", "0000052D1: long", "+000052D: sign"] {
            assert_eq!(AdCode::of(text), None, "{text}");
        }
    }

    #[test]
    fn every_named_code_is_another_one_and_is_read_as_it_is_shown() {
        let codes: HashSet<_> = AdCode::ALL.iter().collect();
        assert_eq!(codes.len(), AdCode::ALL.len());
        for code in AdCode::ALL {
            assert_eq!(AdCode::of(&format!("{code}: SvcErr: DSID-031A12D2")), Some(*code));
        }
    }

    #[test]
    fn every_sub_code_of_d10_and_of_hardened_domains_is_known() {
        let text = |code: &str| {
            format!(
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {code}, v2580\0"
            )
        };
        let codes =
            ["525", "52e", "530", "531", "532", "533", "701", "773", "775", "52f", "568", "569"];
        for code in codes {
            // Whoever reads it can look the code up.
            assert!(BindRefusal::of(&text(code)).text().contains(&format!("({code})")), "{code}");
        }
        let known: Vec<_> = codes.map(|code| BindRefusal::of(&text(code))).to_vec();
        assert_eq!([&known[..], &[BindRefusal::Other]].concat(), BindRefusal::ALL);
        assert_eq!(known.iter().filter(|one| one.password_was_right()).count(), 2);
        for text in ["", "data", "data 52", "database 52e"] {
            assert_eq!(BindRefusal::of(text), BindRefusal::Other, "{text}");
        }
    }
}
