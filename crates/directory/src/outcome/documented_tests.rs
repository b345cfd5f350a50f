//! The codes that are documented for what the agent sends, whether this program has a name for them or
//! not: none may fall through to [`DirectoryUnknown`] unless it is listed here with its reason.

use super::*;

/// Win32 codes with the LDAP results that they are documented with, and their names in MS-ERREF 2.2:
/// in ADSI's table of LDAP results, and in MS-ADTS for modifies.
const DOCUMENTED: &[(u32, u32, &str)] = &[
    // ADSI, "Win32 Error Codes": what each result of LDAP is in Win32.
    (0x0005, 50, "ERROR_ACCESS_DENIED"),
    (0x001f, 80, "ERROR_GEN_FAILURE"),
    (0x052e, 49, "ERROR_LOGON_FAILURE"),
    (0x200a, 16, "ERROR_DS_NO_ATTRIBUTE_OR_VALUE"),
    (0x200b, 21, "ERROR_DS_INVALID_ATTRIBUTE_SYNTAX"),
    (0x200c, 17, "ERROR_DS_ATTRIBUTE_TYPE_UNDEFINED"),
    (0x200d, 20, "ERROR_DS_ATTRIBUTE_OR_VALUE_EXISTS"),
    (0x200e, 51, "ERROR_DS_BUSY"),
    (0x200f, 52, "ERROR_DS_UNAVAILABLE"),
    (0x2014, 65, "ERROR_DS_OBJ_CLASS_VIOLATION"),
    (0x2015, 66, "ERROR_DS_CANT_ON_NON_LEAF"),
    (0x2016, 67, "ERROR_DS_CANT_ON_RDN"),
    (0x2017, 69, "ERROR_DS_CANT_MOD_OBJ_CLASS"),
    (0x2020, 1, "ERROR_DS_OPERATIONS_ERROR"),
    (0x2021, 2, "ERROR_DS_PROTOCOL_ERROR"),
    (0x2022, 3, "ERROR_DS_TIMELIMIT_EXCEEDED"),
    (0x2023, 4, "ERROR_DS_SIZELIMIT_EXCEEDED"),
    (0x2024, 11, "ERROR_DS_ADMIN_LIMIT_EXCEEDED"),
    (0x2025, 5, "ERROR_DS_COMPARE_FALSE"),
    (0x2026, 6, "ERROR_DS_COMPARE_TRUE"),
    (0x2027, 7, "ERROR_DS_AUTH_METHOD_NOT_SUPPORTED"),
    (0x2028, 8, "ERROR_DS_STRONG_AUTH_REQUIRED"),
    (0x2029, 48, "ERROR_DS_INAPPROPRIATE_AUTH"),
    (0x202b, 10, "ERROR_DS_REFERRAL"),
    (0x202c, 12, "ERROR_DS_UNAVAILABLE_CRIT_EXTENSION"),
    (0x202d, 13, "ERROR_DS_CONFIDENTIALITY_REQUIRED"),
    (0x202e, 18, "ERROR_DS_INAPPROPRIATE_MATCHING"),
    (0x202f, 19, "ERROR_DS_CONSTRAINT_VIOLATION"),
    (0x2030, 32, "ERROR_DS_NO_SUCH_OBJECT"),
    (0x2031, 33, "ERROR_DS_ALIAS_PROBLEM"),
    (0x2032, 34, "ERROR_DS_INVALID_DN_SYNTAX"),
    (0x2034, 36, "ERROR_DS_ALIAS_DEREF_PROBLEM"),
    (0x2035, 53, "ERROR_DS_UNWILLING_TO_PERFORM"),
    (0x2036, 54, "ERROR_DS_LOOP_DETECT"),
    (0x2037, 64, "ERROR_DS_NAMING_VIOLATION"),
    (0x2039, 71, "ERROR_DS_AFFECTS_MULTIPLE_DSAS"),
    // Passwords: MS-ADTS 3.1.1.3.1.5, MS-SAMR 3.1.1.7 and 3.1.1.8.
    (0x0005, 53, "ERROR_ACCESS_DENIED"),
    (0x001f, 53, "ERROR_GEN_FAILURE"),
    (0x0032, 19, "ERROR_NOT_SUPPORTED"),
    (0x0056, 19, "ERROR_INVALID_PASSWORD"),
    (0x052b, 19, "ERROR_WRONG_PASSWORD"),
    (0x052c, 19, "ERROR_ILL_FORMED_PASSWORD"),
    (0x052d, 19, "ERROR_PASSWORD_RESTRICTION"),
    (0x052d, 53, "ERROR_PASSWORD_RESTRICTION"),
    (0x0775, 19, "ERROR_ACCOUNT_LOCKED_OUT"),
    // Modifies: MS-ADTS 3.1.1.5.3.
    (0x202b, 10, "ERROR_DS_REFERRAL"),
    (0x2077, 53, "ERROR_DS_ILLEGAL_MOD_OPERATION"),
    (0x2082, 19, "ERROR_DS_RANGE_CONSTRAINT"),
    (0x2098, 50, "ERROR_DS_INSUFF_ACCESS_RIGHTS"),
    (0x21c7, 19, "ERROR_DS_SPN_VALUE_NOT_UNIQUE_IN_FOREST"),
    (0x21c8, 19, "ERROR_DS_UPN_VALUE_NOT_UNIQUE_IN_FOREST"),
];

/// Those whose outcome is [`DirectoryUnknown`] all the same.
const UNKNOWN: &[(u32, &str)] = &[
    (0x2020, "the controller failed inside and does not say at what"),
    (0x2025, "nothing is ever compared"),
    (0x2026, "nothing is ever compared"),
    (0x2082, "only 0 is written, and a password's length is looked at before it is sent"),
    (0x21c7, "no servicePrincipalName is written"),
    (0x21c8, "no userPrincipalName is written"),
];

/// The sub-codes of a refused bind: MS-ERREF's codes for a sign-in.
const SUB_CODES: &[(u32, &str)] = &[
    (0x525, "ERROR_NO_SUCH_USER"),
    (0x52e, "ERROR_LOGON_FAILURE"),
    (0x52f, "ERROR_ACCOUNT_RESTRICTION"),
    (0x530, "ERROR_INVALID_LOGON_HOURS"),
    (0x531, "ERROR_INVALID_WORKSTATION"),
    (0x532, "ERROR_PASSWORD_EXPIRED"),
    (0x533, "ERROR_ACCOUNT_DISABLED"),
    (0x569, "ERROR_LOGON_TYPE_NOT_GRANTED"),
    (0x568, "ERROR_TOO_MANY_CONTEXT_IDS"),
    (0x701, "ERROR_ACCOUNT_EXPIRED"),
    (0x773, "ERROR_PASSWORD_MUST_CHANGE"),
    (0x775, "ERROR_ACCOUNT_LOCKED_OUT"),
];

#[test]
fn no_documented_code_falls_through_without_a_reason() {
    for (code, result, name) in DOCUMENTED {
        let diagnostic = format!("{code:08X}: SvcErr: DSID-031A12D2");
        let code_of = AdCode::of(&diagnostic);
        assert_eq!(code_of, Some(AdCode(*code)), "{name}");
        let refusal = Refusal { result: *result, code: code_of, diagnostic };
        let listed = UNKNOWN.iter().any(|(unknown, reason)| unknown == code && !reason.is_empty());
        assert_eq!(of(&refusal) == DirectoryUnknown, listed, "{name}, result {result}");
    }
}

#[test]
fn every_reason_is_about_a_documented_code() {
    for (code, _) in UNKNOWN {
        assert!(DOCUMENTED.iter().any(|(documented, ..)| documented == code), "{code:x}");
    }
}

#[test]
fn no_sub_code_of_a_bind_is_passed_over() {
    for (code, name) in SUB_CODES {
        let text =
            format!("80090308: LdapErr: DSID-0C09044E, comment: error, data {code:x}, v2580");
        assert_ne!(BindRefusal::of(&text), BindRefusal::Other, "{name}");
    }
}
