use std::time::Duration;

use protocol::PasswordPolicy;

use super::*;
use crate::account::tests::account_with;
use crate::code::BindRefusal;
use crate::policy::PolicySource;

fn refusal(result: u32, diagnostic: &str) -> Refusal {
    Refusal { result, code: AdCode::of(diagnostic), diagnostic: diagnostic.to_owned() }
}

fn policy(minimum_length: u32, complexity: bool, history_length: u32) -> EffectivePolicy {
    let rules =
        PasswordPolicy { minimum_length, complexity, history_length, minimum_age_seconds: 86_400 };
    EffectivePolicy {
        source: PolicySource::Domain("DC=corp,DC=example".parse().unwrap()),
        rules: Some(rules),
        names_judged: true,
    }
}

fn explain(policy: &EffectivePolicy, password: &str) -> (Outcome, Details) {
    let password = ClearPassword::from_text(password).unwrap();
    explain_refusal(policy, &account_with(&[]).unwrap(), &password)
}

#[test]
fn every_refusal_has_its_outcome() {
    for (result, diagnostic, expected) in [
        (53, "0000052D: SvcErr: DSID-031A12D2, problem 5003", Outcome::PolicyOther),
        (19, "0000052D: AtrErr: DSID-03191083, #1:", Outcome::PolicyOther),
        (50, "00000005: SecErr: DSID-031A1190, problem 4003", Outcome::PermissionMissing),
        (50, "00002098: Object has no write property access", Outcome::PermissionMissing),
        (50, "", Outcome::PermissionMissing),
        (32, "00002030: No such object", Outcome::UserGone),
        (12, "00002040: SvcErr: DSID-03140355", Outcome::NoPolicyControl),
        (53, "0000001F: SvcErr: DSID-031A12D2, problem 5003", Outcome::DirectoryConfiguration),
        (10, "0000202B: RefErr: DSID-03100", Outcome::DirectoryConfiguration),
        (8, "", Outcome::DirectoryConfiguration),
        (13, "", Outcome::DirectoryConfiguration),
        (51, "", Outcome::PdcUnreachable),
        (52, "", Outcome::PdcUnreachable),
        (19, "00000056: AtrErr: DSID-03191", Outcome::DirectoryUnknown),
        (53, "", Outcome::DirectoryUnknown),
        (80, "anything", Outcome::DirectoryUnknown),
    ] {
        let error = SetError::Refused(refusal(result, diagnostic));
        assert_eq!(outcome(&error), expected, "{result} {diagnostic}");
    }
}

#[test]
fn what_was_not_sent_is_never_in_doubt_and_what_was_sent_without_answer_always_is() {
    let cause = || "cut".to_owned();
    let bind = DirectoryError::BindRefused {
        controller: "dc1".into(),
        name: "svc".into(),
        refusal: BindRefusal::WrongPassword,
    };
    for (error, expected) in [
        (DirectoryError::PdcUnreachable { cause: cause() }, Outcome::PdcUnreachable),
        (DirectoryError::Lost { cause: cause() }, Outcome::PdcUnreachable),
        (bind, Outcome::DirectoryConfiguration),
        (DirectoryError::Unreadable { attribute: "tokenGroups" }, Outcome::DirectoryConfiguration),
    ] {
        assert_eq!(outcome(&SetError::NotSent(error)), expected);
        assert_eq!(expected.changed(), protocol::Changed::No);
    }
    assert_eq!(outcome(&SetError::Unknown { cause: cause() }), Outcome::InDoubt);
    assert_eq!(outcome(&SetError::NoPolicyControl), Outcome::NoPolicyControl);
    assert_eq!(outcome(&SetError::TooLate), Outcome::Expired);
}

#[test]
fn the_rule_that_certainly_fails_is_named_first() {
    let policy = policy(10, true, 24);
    let (short, details) = explain(&policy, "Ab1!");
    assert_eq!((short, details.minimum_length), (Outcome::PolicyTooShort, Some(10)));
    assert_eq!(explain(&policy, "aaaaaaaaaaaa").0, Outcome::PolicyNotComplex);
    assert_eq!(explain(&policy, "Xx9-jdevries-").0, Outcome::PolicyNotComplex);
    let (history, details) = explain(&policy, "Unrelated-Words-9");
    assert_eq!((history, details.history_length), (Outcome::PolicyHistory, Some(24)));
}

#[test]
fn a_name_is_not_blamed_where_names_are_not_judged() {
    let policy = EffectivePolicy { names_judged: false, ..policy(10, true, 24) };
    assert_eq!(explain(&policy, "Xx9-jdevries-").0, Outcome::PolicyHistory);
    assert_eq!(explain(&policy, "jdevriesjdevries").0, Outcome::PolicyNotComplex);
}

#[test]
fn without_history_or_without_known_rules_the_rule_stays_unknown() {
    assert_eq!(explain(&policy(1, false, 0), "good").0, Outcome::PolicyOther);
    let unknown = EffectivePolicy { rules: None, ..policy(1, true, 24) };
    assert_eq!(explain(&unknown, "a"), (Outcome::PolicyOther, Details::default()));
}

#[test]
fn a_password_is_too_young_until_the_minimum_age_has_passed() {
    let jan = account_with(&[("pwdLastSet", "116444736000000000")]).unwrap();
    let day = Duration::from_secs(86_400);
    let set = Timestamp::from_millis(0);
    let policy = policy(1, false, 0);
    let almost = set.after(day).before(Duration::from_millis(1));
    assert_eq!(too_young(&policy, &jan, almost), Some(set.after(day)));
    assert_eq!(too_young(&policy, &jan, set.after(day)), None);
    // Must change at next sign-in: no age at all.
    let fresh = account_with(&[("pwdLastSet", "0")]).unwrap();
    assert_eq!(too_young(&policy, &fresh, set), None);
    // No minimum age, a clock that is behind the controller's.
    let mut ageless = policy.clone();
    ageless.rules.as_mut().unwrap().minimum_age_seconds = 0;
    assert_eq!(too_young(&ageless, &jan, set.before(day)), None);
    assert_eq!(too_young(&EffectivePolicy { rules: None, ..policy }, &jan, set), None);
}
