//! What AD says in an answer's diagnostic text, beyond LDAP's result code.
//!
//! Only the hexadecimal Win32 code at the start and the sub-code of a bind are read. The words
//! around them differ between controllers and mean nothing here.

use std::fmt;

/// The Win32 error code that a diagnostic text starts with: `0000052D: SvcErr: …` (MS-ERREF
/// 2.2).
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct AdCode(pub u32);

impl AdCode {
    /// ERROR_ACCESS_DENIED.
    pub const ACCESS_DENIED: Self = Self(0x05);
    /// ERROR_GEN_FAILURE: what AD says to a set over a connection that is not encrypted.
    pub const GENERAL_FAILURE: Self = Self(0x1f);
    /// ERROR_INVALID_PASSWORD: the old password of a change is wrong.
    pub const INVALID_PASSWORD: Self = Self(0x56);
    /// ERROR_PASSWORD_RESTRICTION: any rule of the policy (SPEC D-8).
    pub const PASSWORD_RESTRICTION: Self = Self(0x52d);
    /// ERROR_ACCOUNT_LOCKED_OUT.
    pub const LOCKED_OUT: Self = Self(0x775);
    /// ERROR_DS_INSUFF_ACCESS_RIGHTS.
    pub const INSUFFICIENT_RIGHTS: Self = Self(0x2098);

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
    /// No sub-code, or one that is not in the list.
    Other,
}

impl BindRefusal {
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
            Self::Other => "no reason that is known was given",
        }
    }
}

#[cfg(test)]
mod tests {
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
    fn every_sub_code_of_d10_is_known() {
        let text = |code: &str| {
            format!(
                "80090308: LdapErr: DSID-0C09044E, comment: AcceptSecurityContext error, data {code}, v2580\0"
            )
        };
        let known: Vec<_> = ["525", "52e", "530", "531", "532", "533", "701", "773", "775"]
            .map(|code| BindRefusal::of(&text(code)))
            .to_vec();
        assert_eq!(
            known,
            [
                BindRefusal::UnknownAccount,
                BindRefusal::WrongPassword,
                BindRefusal::NotNow,
                BindRefusal::NotFromHere,
                BindRefusal::PasswordExpired,
                BindRefusal::Disabled,
                BindRefusal::AccountExpired,
                BindRefusal::MustChange,
                BindRefusal::LockedOut,
            ]
        );
        assert_eq!(known.iter().filter(|one| one.password_was_right()).count(), 2);
        for text in ["", "data", "data 52", "database 52e"] {
            assert_eq!(BindRefusal::of(text), BindRefusal::Other, "{text}");
        }
    }
}
