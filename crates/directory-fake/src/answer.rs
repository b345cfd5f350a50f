//! What a controller answers when it refuses: result code and diagnostic text, as each flavour
//! words them.

use directory::{AdCode, DistinguishedName, Refusal};
use ldap3_proto::proto::LdapResultCode;

use crate::rules::Flavour;

/// An answer that is not success.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Refused {
    pub(crate) code: LdapResultCode,
    pub(crate) diagnostic: String,
}

/// Why a bind is refused (SPEC D-10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SubCode {
    UnknownAccount = 0x525,
    WrongPassword = 0x52e,
    Restricted = 0x52f,
    NotNow = 0x530,
    NotFromHere = 0x531,
    PasswordExpired = 0x532,
    Disabled = 0x533,
    AccountExpired = 0x701,
    MustChange = 0x773,
    LockedOut = 0x775,
}

impl Refused {
    /// Takes the result code (RFC 4511, 4.1.9) and the diagnostic text exactly as it goes over the
    /// wire.
    pub(crate) fn new(code: LdapResultCode, diagnostic: impl Into<String>) -> Self {
        Self { code, diagnostic: diagnostic.into() }
    }

    /// As the client keeps it.
    pub(crate) fn into_refusal(self) -> Refusal {
        let result = u32::try_from(self.code as i64).unwrap_or(u32::MAX);
        let code = AdCode::of(&self.diagnostic);
        Refusal { result, code, diagnostic: self.diagnostic }
    }

    /// `invalidCredentials` with the sub-code of `why` behind `data`, in hexadecimal (SPEC D-10).
    /// Samba gives an unknown account the sub-code of a wrong password.
    pub(crate) fn bind(flavour: Flavour, why: SubCode) -> Self {
        let (place, version) = match flavour {
            Flavour::Samba => ("0C0903A9", "v1db1"),
            Flavour::Windows => ("0C09044E", "v4563"),
        };
        // Samba says nothing about which accounts exist.
        let why = match (flavour, why) {
            (Flavour::Samba, SubCode::UnknownAccount) => SubCode::WrongPassword,
            _ => why,
        };
        let text = format!(
            "80090308: LdapErr: DSID-{place}, comment: AcceptSecurityContext error, data {:x}, {version}",
            why as u32
        );
        Self::new(LdapResultCode::InvalidCredentials, text)
    }

    /// `noSuchObject` for `base`, a DN or `<GUID=…>` as the client wrote it; only Samba repeats it.
    pub(crate) fn no_such_object(flavour: Flavour, base: &str) -> Self {
        let text = match flavour {
            Flavour::Samba => format!("Base-DN '{base}' not found"),
            Flavour::Windows => {
                "00002030: NameErr: DSID-03152809, problem 2001 (NO_OBJECT), data 0, best match of:\n\t''\n\0"
                    .to_owned()
            }
        };
        Self::new(LdapResultCode::NoSuchObject, text)
    }

    /// `referral` for a name below another domain's head, whose controllers a client is to ask (MS-ADTS
    /// 3.1.1.4.6). Samba (4.24) does not find such a name.
    pub(crate) fn elsewhere(head: &DistinguishedName) -> Self {
        let head = head.to_string();
        let labels = head.split(',').map(|level| level.trim_start_matches("DC="));
        let domain = labels.collect::<Vec<_>>().join(".");
        let text = format!(
            "0000202B: RefErr: DSID-0310084A, data 0, 1 access points\n\tref 1: '{domain}'\n\0"
        );
        Self::new(LdapResultCode::Referral, text)
    }

    /// `busy` (RFC 4511 appendix A): in both flavours without a text, so without a code of Windows.
    pub(crate) fn busy() -> Self {
        Self::new(LdapResultCode::Busy, "")
    }

    /// `insufficientAccessRights` for a new password where the right to reset it was not delegated.
    pub(crate) fn may_not_set(flavour: Flavour) -> Self {
        let text = match flavour {
            Flavour::Samba => {
                "error in module acl: insufficient access rights during LDB_MODIFY (50)"
            }
            Flavour::Windows => {
                "00000005: SecErr: DSID-031A11D4, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0"
            }
        };
        Self::new(LdapResultCode::InsufficentAccessRights, text)
    }

    /// A change by whoever may not, because the right Change Password is denied to everybody.
    pub(crate) fn may_not_change(flavour: Flavour) -> Self {
        match flavour {
            Flavour::Samba => Self::new(
                LdapResultCode::ConstraintViolation,
                "error in module acl: Constraint violation during LDB_MODIFY (19)",
            ),
            Flavour::Windows => Self::may_not_set(flavour),
        }
    }

    /// `insufficientAccessRights` for any other attribute of the object at `dn` that the caller may
    /// not write; only Samba names the object.
    pub(crate) fn may_not_write(flavour: Flavour, dn: &str) -> Self {
        let text = match flavour {
            Flavour::Samba => format!("00002098: Object {dn} has no write property access\n"),
            Flavour::Windows => {
                "00002098: SecErr: DSID-03150F94, problem 4003 (INSUFF_ACCESS_RIGHTS), data 0\n\0"
                    .to_owned()
            }
        };
        Self::new(LdapResultCode::InsufficentAccessRights, text)
    }

    /// A rule of the policy: what Samba says of it; Windows is mute (SPEC D-8).
    pub(crate) fn policy(flavour: Flavour, change: bool, rule: &str) -> Self {
        let code = if change {
            LdapResultCode::ConstraintViolation
        } else {
            LdapResultCode::UnwillingToPerform
        };
        let text = match (flavour, change) {
            (Flavour::Samba, true) => {
                format!("0000052D: Constraint violation - check_password_restrictions: {rule}")
            }
            (Flavour::Samba, false) => {
                format!("0000052D: Unwilling to perform - check_password_restrictions: {rule}")
            }
            (Flavour::Windows, true) => {
                "0000052D: AtrErr: DSID-03191083, #1:\n\t0: 0000052D: DSID-03191083, problem 1005 (CONSTRAINT_ATT_TYPE), data 0, Att 9005a (unicodePwd)\n\0".to_owned()
            }
            (Flavour::Windows, false) => {
                "0000052D: SvcErr: DSID-031A12D2, problem 5003 (WILL_NOT_PERFORM), data 0\n\0"
                    .to_owned()
            }
        };
        Self::new(code, text)
    }

    /// A password that is empty or longer than 256 units.
    pub(crate) fn policy_form() -> Self {
        Self::unwilling("0000052D: Unwilling to perform - the password has no length to be judged")
    }

    /// `constraintViolation` for a change whose old password is wrong (ERROR_INVALID_PASSWORD,
    /// 0x56). Both flavours get Samba's words.
    pub(crate) fn wrong_old_password() -> Self {
        let text = "00000056: Constraint violation - check_password_restrictions: The old password specified doesn't match!";
        Self::new(LdapResultCode::ConstraintViolation, text)
    }

    /// `constraintViolation` for a change by somebody who is locked out (ERROR_ACCOUNT_LOCKED_OUT,
    /// 0x775). Both flavours get Samba's words.
    pub(crate) fn locked_out() -> Self {
        let text = "00000775: Password change not permitted, account locked out!";
        Self::new(LdapResultCode::ConstraintViolation, text)
    }

    /// `unwillingToPerform` with this diagnostic text, for what the fake does not offer or cannot
    /// read.
    pub(crate) fn unwilling(text: &str) -> Self {
        Self::new(LdapResultCode::UnwillingToPerform, text)
    }
}
