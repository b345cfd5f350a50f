//! What each answer of a controller means: the one table from codes to outcomes.
//!
//! A refusal has a result code of LDAP and, mostly, a Win32 code in front of its diagnostic text.
//! The Win32 code says more, so it is looked up first; a result code then says what is left. A code
//! that is in no row is [`Outcome::DirectoryUnknown`], unless the result says by itself what it is.
//! To teach the agent another code: name it in [`AdCode`], and give it a row here.

use protocol::Outcome;
use protocol::Outcome::{
    AccountExpired, DirectoryConfiguration, DirectoryUnknown, Disabled, LockedOut, MustChange,
    NoPolicyControl, NotEncrypted, PasswordExpired, PasswordMalformed, PdcUnreachable,
    PermissionMissing, PolicyOther, ServiceAccountRefused, SetDenied, SetRestricted, SignInNotHere,
    SignInNotNow, UserGone, WrongOldPassword,
};

use crate::code::{AdCode, BindRefusal};
use crate::error::Refusal;

/// `unavailableCriticalExtension`.
const CRITICAL_EXTENSION: u32 = 12;
/// `insufficientAccessRights`.
const ACCESS_RIGHTS: u32 = 50;
/// Results that say no more than that the controller refused: `operationsError`,
/// `constraintViolation`, `unwillingToPerform`, `other`.
const VAGUE: [u32; 4] = [1, 19, 53, 80];

/// Win32 codes (MS-ERREF 2.2), each with the result that the row is for if not for every one. The
/// first row that fits counts.
pub(super) const CODES: &[(AdCode, Option<u32>, Outcome)] = &[
    (AdCode::PASSWORD_RESTRICTION, None, PolicyOther),
    (AdCode::NET_PASSWORD_TOO_SHORT, None, PolicyOther),
    (AdCode::ILL_FORMED_PASSWORD, None, PasswordMalformed),
    (AdCode::INVALID_PASSWORD, None, WrongOldPassword),
    (AdCode::WRONG_PASSWORD, None, WrongOldPassword),
    // The person's account.
    (AdCode::LOCKED_OUT, None, LockedOut),
    (AdCode::ACCOUNT_DISABLED, None, Disabled),
    (AdCode::ACCOUNT_EXPIRED, None, AccountExpired),
    (AdCode::PASSWORD_EXPIRED, None, PasswordExpired),
    (AdCode::PASSWORD_MUST_CHANGE, None, MustChange),
    (AdCode::INVALID_LOGON_HOURS, None, SignInNotNow),
    (AdCode::INVALID_WORKSTATION, None, SignInNotHere),
    (AdCode::NO_SUCH_USER, None, UserGone),
    (AdCode::NET_USER_NOT_FOUND, None, UserGone),
    (AdCode::NO_SUCH_OBJECT, None, UserGone),
    (AdCode::OBJECT_NOT_FOUND, None, UserGone),
    (AdCode::OBJECT_BEING_REMOVED, None, UserGone),
    // Rights. Without the result that speaks of rights, something else denied it.
    (AdCode::ACCESS_DENIED, Some(ACCESS_RIGHTS), PermissionMissing),
    (AdCode::ACCESS_DENIED, None, SetDenied),
    (AdCode::INSUFFICIENT_RIGHTS, None, PermissionMissing),
    (AdCode::PRIVILEGE_NOT_HELD, None, PermissionMissing),
    (AdCode::NOT_AUTHENTICATED, None, ServiceAccountRefused),
    (AdCode::LOGON_FAILURE, None, ServiceAccountRefused),
    // Restrictions that are not the policy's.
    (AdCode::ACCOUNT_RESTRICTION, None, SetRestricted),
    (AdCode::CONSTRAINT_VIOLATION, None, SetRestricted),
    (AdCode::UNWILLING_TO_PERFORM, None, SetRestricted),
    // The connection and the controller.
    (AdCode::GENERAL_FAILURE, None, NotEncrypted),
    (AdCode::STRONG_AUTH_REQUIRED, None, NotEncrypted),
    (AdCode::CONFIDENTIALITY_REQUIRED, None, NotEncrypted),
    (AdCode::UNAVAILABLE_CRITICAL_EXTENSION, None, NoPolicyControl),
    (AdCode::CONTROL_NOT_FOUND, None, NoPolicyControl),
    (AdCode::NOT_SUPPORTED_HERE, Some(CRITICAL_EXTENSION), NoPolicyControl),
    (AdCode::BUSY, None, PdcUnreachable),
    (AdCode::UNAVAILABLE, None, PdcUnreachable),
    (AdCode::SHUTTING_DOWN, None, PdcUnreachable),
    (AdCode::CONTROLLER_NOT_FOUND, None, PdcUnreachable),
    (AdCode::ROLE_HOLDER_UNREACHABLE, None, PdcUnreachable),
    // The directory is another one than the agent takes it for, or is set up differently.
    (AdCode::NOT_SUPPORTED, None, DirectoryConfiguration),
    (AdCode::NOT_SUPPORTED_HERE, None, DirectoryConfiguration),
    (AdCode::INVALID_PARAMETER, None, DirectoryConfiguration),
    (AdCode::NO_ATTRIBUTE_OR_VALUE, None, DirectoryConfiguration),
    (AdCode::NO_SUCH_VALUE, None, DirectoryConfiguration),
    (AdCode::INVALID_ATTRIBUTE_SYNTAX, None, DirectoryConfiguration),
    (AdCode::OBJECT_CLASS_VIOLATION, None, DirectoryConfiguration),
    (AdCode::INVALID_DN_SYNTAX, None, DirectoryConfiguration),
    (AdCode::BAD_NAME_SYNTAX, None, DirectoryConfiguration),
    (AdCode::ILLEGAL_MODIFICATION, None, DirectoryConfiguration),
    (AdCode::ATTRIBUTE_OWNED_BY_SAM, None, DirectoryConfiguration),
    (AdCode::SYSTEM_ONLY, None, DirectoryConfiguration),
    (AdCode::MASTER_REQUIRED, None, DirectoryConfiguration),
    (AdCode::INVALID_ROLE_OWNER, None, DirectoryConfiguration),
    (AdCode::REFERRAL, None, DirectoryConfiguration),
    (AdCode::OUTSIDE_THE_FOREST, None, DirectoryConfiguration),
    // They say that something failed, and not what.
    (AdCode::OPERATIONS_ERROR, None, DirectoryUnknown),
    (AdCode::GENERIC_ERROR, None, DirectoryUnknown),
];

/// LDAP's result codes (RFC 4511 appendix A), each with its name there.
pub(super) const RESULTS: &[(u32, &str, Outcome)] = &[
    (0, "success", DirectoryUnknown),
    (1, "operationsError", DirectoryUnknown),
    (2, "protocolError", DirectoryConfiguration),
    (3, "timeLimitExceeded", PdcUnreachable),
    (4, "sizeLimitExceeded", DirectoryConfiguration),
    (5, "compareFalse", DirectoryUnknown),
    (6, "compareTrue", DirectoryUnknown),
    (7, "authMethodNotSupported", DirectoryConfiguration),
    (8, "strongerAuthRequired", NotEncrypted),
    (10, "referral", DirectoryConfiguration),
    (11, "adminLimitExceeded", DirectoryConfiguration),
    (CRITICAL_EXTENSION, "unavailableCriticalExtension", NoPolicyControl),
    (13, "confidentialityRequired", NotEncrypted),
    (14, "saslBindInProgress", DirectoryConfiguration),
    (16, "noSuchAttribute", DirectoryConfiguration),
    (17, "undefinedAttributeType", DirectoryConfiguration),
    (18, "inappropriateMatching", DirectoryConfiguration),
    (19, "constraintViolation", SetRestricted),
    (20, "attributeOrValueExists", DirectoryConfiguration),
    (21, "invalidAttributeSyntax", DirectoryConfiguration),
    (32, "noSuchObject", UserGone),
    (33, "aliasProblem", DirectoryConfiguration),
    (34, "invalidDNSyntax", DirectoryConfiguration),
    (36, "aliasDereferencingProblem", DirectoryConfiguration),
    (48, "inappropriateAuthentication", ServiceAccountRefused),
    (49, "invalidCredentials", ServiceAccountRefused),
    (ACCESS_RIGHTS, "insufficientAccessRights", PermissionMissing),
    // It is there and says that it cannot work: for everybody the same as not there.
    (51, "busy", PdcUnreachable),
    (52, "unavailable", PdcUnreachable),
    (53, "unwillingToPerform", SetRestricted),
    (54, "loopDetect", DirectoryConfiguration),
    (64, "namingViolation", DirectoryConfiguration),
    (65, "objectClassViolation", DirectoryConfiguration),
    (66, "notAllowedOnNonLeaf", DirectoryConfiguration),
    (67, "notAllowedOnRDN", DirectoryConfiguration),
    (68, "entryAlreadyExists", DirectoryConfiguration),
    (69, "objectClassModsProhibited", DirectoryConfiguration),
    (71, "affectsMultipleDSAs", DirectoryConfiguration),
    (80, "other", DirectoryUnknown),
];

/// Why a person's own sign-in was refused (SPEC D-10). Nothing that runs asks for it yet: a sub-code is the
/// answer to a bind, people bind in pass-through sign-in alone (SPEC M-3), and that is still to be built.
pub(super) const BINDS: &[(BindRefusal, Outcome)] = &[
    (BindRefusal::UnknownAccount, UserGone),
    (BindRefusal::WrongPassword, WrongOldPassword),
    (BindRefusal::NotNow, SignInNotNow),
    (BindRefusal::NotFromHere, SignInNotHere),
    (BindRefusal::PasswordExpired, PasswordExpired),
    (BindRefusal::Disabled, Disabled),
    (BindRefusal::AccountExpired, AccountExpired),
    (BindRefusal::MustChange, MustChange),
    (BindRefusal::LockedOut, LockedOut),
    (BindRefusal::Restricted, SetRestricted),
    (BindRefusal::TooManyGroups, DirectoryUnknown),
    (BindRefusal::NotOverTheNetwork, SetDenied),
    (BindRefusal::Other, DirectoryUnknown),
];

/// What a refusal means.
pub(super) fn of(refusal: &Refusal) -> Outcome {
    let fits = |code: AdCode, with: Option<u32>| {
        refusal.code == Some(code) && with.is_none_or(|result| result == refusal.result)
    };
    if let Some((_, _, outcome)) = CODES.iter().find(|(code, with, _)| fits(*code, *with)) {
        return *outcome;
    }
    if refusal.code.is_some() && VAGUE.contains(&refusal.result) {
        return DirectoryUnknown;
    }
    let row = RESULTS.iter().find(|(result, ..)| *result == refusal.result);
    row.map_or(DirectoryUnknown, |(.., outcome)| *outcome)
}

/// The name of a result in RFC 4511.
pub(crate) fn name_of(result: u32) -> &'static str {
    let row = RESULTS.iter().find(|(number, ..)| *number == result);
    row.map_or("not one of RFC 4511", |(_, name, _)| name)
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;
    use crate::error::SetError;
    use crate::outcome::outcome;

    /// Every result code of RFC 4511 appendix A.1.
    const RFC_4511: [u32; 39] = [
        0, 1, 2, 3, 4, 5, 6, 7, 8, 10, 11, 12, 13, 14, 16, 17, 18, 19, 20, 21, 32, 33, 34, 36, 48,
        49, 50, 51, 52, 53, 54, 64, 65, 66, 67, 68, 69, 71, 80,
    ];

    /// What may end as [`Outcome::DirectoryUnknown`], and why nothing better is known.
    const UNKNOWN_ON_PURPOSE: &[(Said, &str)] = &[
        (Said::Result(0), "success is no refusal; who asks about it has made a mistake"),
        (Said::Result(1), "the controller failed inside and does not say at what"),
        (Said::Result(5), "nothing is ever compared"),
        (Said::Result(6), "nothing is ever compared"),
        (Said::Result(80), "`other` is what a controller says when nothing else fits"),
        (Said::Code(AdCode::OPERATIONS_ERROR), "as result 1"),
        (Said::Code(AdCode::GENERIC_ERROR), "as result 80"),
        (
            Said::Bind(BindRefusal::TooManyGroups),
            "it says that the sign-in failed by the account's groups, and nothing of its password",
        ),
        (Said::Bind(BindRefusal::Other), "a sub-code that is in no list, or none"),
    ];

    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    enum Said {
        Result(u32),
        Code(AdCode),
        Bind(BindRefusal),
    }

    fn refusal(result: u32, diagnostic: &str) -> Refusal {
        Refusal { result, code: AdCode::of(diagnostic), diagnostic: diagnostic.to_owned() }
    }

    /// Every row of the three tables.
    fn rows() -> Vec<(Said, Outcome)> {
        let results = RESULTS.iter().map(|(result, _, outcome)| (Said::Result(*result), *outcome));
        let codes = CODES.iter().map(|(code, _, outcome)| (Said::Code(*code), *outcome));
        let binds = BINDS.iter().map(|(bind, outcome)| (Said::Bind(*bind), *outcome));
        results.chain(codes).chain(binds).collect()
    }

    #[test]
    fn nothing_falls_through_to_unknown_without_being_listed() {
        let listed: HashSet<_> = UNKNOWN_ON_PURPOSE.iter().map(|(said, _)| *said).collect();
        for (said, outcome) in rows() {
            assert_eq!(outcome == DirectoryUnknown, listed.contains(&said), "{said:?}");
        }
        let said: HashSet<_> = rows().into_iter().map(|(said, _)| said).collect();
        for (listed, reason) in UNKNOWN_ON_PURPOSE {
            assert!(said.contains(listed) && !reason.is_empty(), "{listed:?}");
        }
    }

    #[test]
    fn every_result_every_named_code_and_every_sub_code_has_a_row() {
        assert_eq!(RESULTS.iter().map(|(result, ..)| *result).collect::<Vec<_>>(), RFC_4511);
        for code in AdCode::ALL {
            let for_any = CODES.iter().filter(|(one, with, _)| one == code && with.is_none());
            assert_eq!(for_any.count(), 1, "{code}");
        }
        let binds: Vec<_> = BINDS.iter().map(|(bind, _)| *bind).collect();
        assert_eq!(binds, BindRefusal::ALL);
    }

    #[test]
    fn a_row_for_one_result_stands_before_the_one_for_every_result() {
        for (at, (code, with, _)) in CODES.iter().enumerate() {
            let before = CODES[..at].iter().any(|(one, with, _)| one == code && with.is_none());
            assert!(!before, "{code} {with:?} is never reached");
        }
    }

    /// What a refusal means does not depend on which of the two says it.
    #[test]
    fn a_code_that_repeats_a_result_means_what_the_result_means() {
        for (code, result) in [
            (AdCode::OPERATIONS_ERROR, 1),
            (AdCode::STRONG_AUTH_REQUIRED, 8),
            (AdCode::REFERRAL, 10),
            (AdCode::UNAVAILABLE_CRITICAL_EXTENSION, 12),
            (AdCode::CONFIDENTIALITY_REQUIRED, 13),
            (AdCode::NO_ATTRIBUTE_OR_VALUE, 16),
            (AdCode::CONSTRAINT_VIOLATION, 19),
            (AdCode::INVALID_ATTRIBUTE_SYNTAX, 21),
            (AdCode::NO_SUCH_OBJECT, 32),
            (AdCode::INVALID_DN_SYNTAX, 34),
            (AdCode::INSUFFICIENT_RIGHTS, 50),
            (AdCode::BUSY, 51),
            (AdCode::UNAVAILABLE, 52),
            (AdCode::UNWILLING_TO_PERFORM, 53),
            (AdCode::OBJECT_CLASS_VIOLATION, 65),
        ] {
            let of_code = of(&refusal(result, &format!("{code}: ")));
            assert_eq!(of_code, of(&refusal(result, "")), "{code}, {result}");
        }
    }

    #[test]
    fn a_code_says_more_than_its_result() {
        for (result, diagnostic, expected) in [
            (53, "0000052D: SvcErr: DSID-031A12D2, problem 5003", PolicyOther),
            (19, "0000052D: AtrErr: DSID-03191083, #1:", PolicyOther),
            (19, "00000056: AtrErr: DSID-03191083, #1:", WrongOldPassword),
            (19, "00000775: Password change not permitted, account locked out!", LockedOut),
            (50, "00000005: SecErr: DSID-031A1190, problem 4003", PermissionMissing),
            (53, "00000005: SvcErr: DSID-031A1248, problem 5003", SetDenied),
            (50, "00002098: Object has no write property access", PermissionMissing),
            (50, "error in module acl: insufficient access rights", PermissionMissing),
            (32, "Base-DN '<GUID=…>' not found", UserGone),
            (12, "00002040: SvcErr: DSID-03140355", NoPolicyControl),
            (53, "00002040: SvcErr: DSID-03140355", DirectoryConfiguration),
            (53, "0000001F: SvcErr: DSID-031A12D2, problem 5003", NotEncrypted),
            (1, "000004DC: LdapErr: DSID-0C090A5C", ServiceAccountRefused),
            (1, "000020D6: SvcErr: DSID-031007DB", DirectoryConfiguration),
            (10, "0000202B: RefErr: DSID-03100", DirectoryConfiguration),
            (53, "no code", SetRestricted),
        ] {
            assert_eq!(of(&refusal(result, diagnostic)), expected, "{result} {diagnostic}");
        }
    }

    #[test]
    fn a_code_that_no_row_has_is_unknown_unless_the_result_says_what_it_is() {
        for result in VAGUE {
            assert_eq!(of(&refusal(result, "0000FFFF: SvcErr:")), DirectoryUnknown, "{result}");
        }
        assert_eq!(of(&refusal(50, "0000FFFF: SecErr:")), PermissionMissing);
        assert_eq!(of(&refusal(51, "0000FFFF: SvcErr:")), PdcUnreachable);
        assert_eq!(of(&refusal(81, "")), DirectoryUnknown);
        assert_eq!(of(&refusal(u32::MAX, "anything")), DirectoryUnknown);
    }

    /// The operator is told to look for the code in the log, where the error's text stands.
    #[test]
    fn the_text_of_an_unknown_refusal_has_its_result_and_its_code() {
        let long = format!("0000FFFF: SvcErr: {}", "x".repeat(10_000));
        let error = SetError::Refused(refusal(53, &long));
        assert_eq!(outcome(&error), DirectoryUnknown);
        let text = error.to_string();
        for part in ["result 53", "unwillingToPerform", "0000FFFF"] {
            assert!(text.contains(part), "{text}");
        }
        assert!(text.len() < 1_000);
        assert!(refusal(99, "").to_string().contains("not one of RFC 4511"));
    }

    /// Machines to sign in from and the right to sign in to a controller are two settings in two places.
    #[test]
    fn who_may_not_sign_in_over_the_network_is_not_told_of_chosen_machines() {
        let (here, network) = (BindRefusal::NotFromHere, BindRefusal::NotOverTheNetwork);
        assert_eq!((here.outcome(), network.outcome()), (SignInNotHere, SetDenied));
        for (refusal, parts) in [
            (here, ["sub-code 531", "“Log on to”"]),
            (network, ["sub-code 569", "“Access this computer from the network”"]),
        ] {
            let text = refusal.outcome().operator_text();
            assert!(parts.iter().all(|part| text.contains(part)), "{refusal:?}: {text}");
        }
    }

    #[test]
    fn nothing_that_a_controller_refuses_says_that_the_password_changed() {
        for (said, outcome) in rows() {
            assert_eq!(outcome.changed(), protocol::Changed::No, "{said:?}");
            assert!(outcome.may_be_answered(), "{said:?}");
        }
    }
}

#[cfg(test)]
#[path = "documented_tests.rs"]
mod documented;
