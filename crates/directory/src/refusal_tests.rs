use protocol::PasswordPolicy;

use super::*;
use crate::account::tests::account_with;

/// 1970-01-01T00:00:00Z.
const EPOCH: i64 = 116_444_736_000_000_000;
const DAY: Duration = Duration::from_secs(86_400);

fn rules(minimum_length: u32, complexity: bool, history_length: u32) -> PasswordPolicy {
    PasswordPolicy {
        minimum_length,
        complexity,
        history_length,
        judged_by: Some(Judge::Windows),
        ..PasswordPolicy::default()
    }
}

/// What is told of a refusal long after Jan's password was set.
fn explain(rules: &PasswordPolicy, password: &str) -> (Outcome, Details) {
    explain_at(rules, &[], password, Timestamp::from_millis(4_000_000_000_000))
}

fn explain_at(
    rules: &PasswordPolicy,
    account: &[(&str, &str)],
    password: &str,
    now: Timestamp,
) -> (Outcome, Details) {
    let (account, policy) = (account_with(account).unwrap(), Some(rules));
    explain_refusal(policy, &account, &ClearPassword::from_text(password).unwrap(), now)
}

fn short(length: u32) -> Details {
    Details { minimum_length: Some(length), ..Details::default() }
}

fn history(length: u32) -> Details {
    Details { history_length: Some(length), ..Details::default() }
}

#[test]
fn the_rule_that_certainly_fails_is_named() {
    let rules = rules(10, true, 24);
    for (password, outcome, details) in [
        ("Ab1!", Outcome::PolicyTooShort, short(10)),
        ("aaaaaaaaaaaa", Outcome::PolicyNotComplex, Details::default()),
        ("Xx9-jdevries-", Outcome::PolicyContainsName, Details::default()),
        // One of the last 24, or one that a password filter refuses: nobody can tell.
        ("Unrelated-Words-9", Outcome::PolicyOther, history(24)),
    ] {
        assert_eq!(explain(&rules, password), (outcome, details), "{password}");
    }
}

#[test]
fn history_is_named_where_no_password_filter_can_have_refused_and_nowhere_else() {
    let told = |judged_by| {
        let rules = PasswordPolicy { judged_by, ..rules(7, false, 24) };
        explain(&rules, "Unrelated-Words-9")
    };
    assert_eq!(told(Some(Judge::Samba)), (Outcome::PolicyHistory, history(24)));
    for judge in [Some(Judge::Windows), None] {
        assert_eq!(told(judge), (Outcome::PolicyOther, history(24)), "{judge:?}");
    }
}

#[test]
fn of_several_broken_rules_each_is_told() {
    let rules = rules(14, true, 24);
    for (password, outcome) in [
        ("abc", Outcome::PolicyNotComplex),
        ("Vries-9", Outcome::PolicyContainsName),
        // The sentence about kinds speaks of names, too.
        ("jan", Outcome::PolicyNotComplex),
    ] {
        assert_eq!(explain(&rules, password), (outcome, short(14)), "{password}");
    }
    assert_eq!(explain(&rules, "jandevriesjandevries").1, Details::default());
}

#[test]
fn a_name_is_not_blamed_where_names_are_not_judged() {
    let samba = PasswordPolicy { judged_by: Some(Judge::Samba), ..rules(10, true, 24) };
    assert_eq!(explain(&samba, "Xx9-jdevries-"), (Outcome::PolicyHistory, history(24)));
    assert_eq!(explain(&samba, "jdevriesjdevries").0, Outcome::PolicyNotComplex);
}

#[test]
fn where_two_rules_could_be_meant_none_is_named() {
    let windows = rules(7, true, 24);
    let unknown = PasswordPolicy { judged_by: None, ..windows.clone() };
    let lax = PasswordPolicy { complexity: false, ..windows.clone() };
    let now = Timestamp::from_millis(4_000_000_000_000);
    for (rules, password) in [
        // Not documented of Windows: whether a circled letter is a capital.
        (&windows, "aaaaaa1Ⓐ"),
        // A name by some tables of letters, and without complexity by MS-SAMR alone.
        (&windows, "Koffie-STRASSE-9"),
        (&lax, "with-jdevries"),
        // Somebody judges.
        (&unknown, "10 €uros"),
        (&unknown, "Xx9-jdevries-"),
    ] {
        let told = explain_at(rules, &[("displayName", "J. Straße")], password, now);
        assert_eq!(told, (Outcome::PolicyOther, history(24)), "{password}");
    }
    // What is certain is named all the same.
    let told = explain_at(&unknown, &[], "Xx9-jdevries", now);
    assert_eq!(told.0, Outcome::PolicyOther);
    assert_eq!(explain_at(&unknown, &[], "jan", now), (Outcome::PolicyNotComplex, short(7)));
}

#[test]
fn without_history_or_without_known_rules_the_rule_stays_unknown() {
    let nothing = (Outcome::PolicyOther, Details::default());
    assert_eq!(explain(&rules(1, false, 0), "good"), nothing);
    let (jan, now) = (account_with(&[]).unwrap(), Timestamp::from_millis(0));
    // A fine-grained policy that may not be read: nothing of the domain's is said in its place.
    let password = ClearPassword::from_text("a").unwrap();
    assert_eq!(explain_refusal(None, &jan, &password, now), nothing);
    assert_eq!(too_young(None, &jan, now), None);
}

#[test]
fn who_needs_no_password_is_exempt_for_windows_and_not_for_samba() {
    let exempt = [("userAccountControl", "544")];
    let now = Timestamp::from_millis(4_000_000_000_000);
    let windows = rules(7, true, 24);
    let told = explain_at(&windows, &exempt, "a", now);
    assert_eq!(told, (Outcome::PolicyOther, history(24)));
    let samba = PasswordPolicy { judged_by: Some(Judge::Samba), ..windows };
    let told = explain_at(&samba, &exempt, "Ab1", now);
    assert_eq!(told, (Outcome::PolicyTooShort, short(7)));
}

#[test]
fn a_password_is_too_young_until_the_minimum_age_has_passed() {
    let jan = account_with(&[("pwdLastSet", &EPOCH.to_string())]).unwrap();
    let policy = rules(1, false, 0).with_minimum_age(DAY);
    let set = Timestamp::from_millis(0);
    let almost = set.after(DAY).before(Duration::from_millis(1));
    assert_eq!(too_young(Some(&policy), &jan, almost), Some(set.after(DAY)));
    assert_eq!(too_young(Some(&policy), &jan, set.after(DAY)), None);
    // Must change at next sign-in: no age at all.
    let fresh = account_with(&[("pwdLastSet", "0")]).unwrap();
    assert_eq!(too_young(Some(&policy), &fresh, set), None);
    // No minimum age, a clock that is behind the controller's.
    assert_eq!(too_young(Some(&rules(1, false, 0)), &jan, set.before(DAY)), None);
    assert_eq!(too_young(None, &jan, set), None);
}

#[test]
fn the_moment_is_the_first_millisecond_that_ad_lets_through() {
    // Steps of 100 ns after the epoch at which it was set, the least age, and when it is over.
    for (set, age, from) in [
        (0, Duration::from_secs(2), 2_000),
        (1, Duration::from_secs(2), 2_001),
        (9_999, Duration::from_secs(2), 2_001),
        (10_000, Duration::from_secs(2), 2_001),
        (3_000, Duration::from_nanos(300_000), 1),
        (3_000, Duration::from_nanos(700_000), 1),
        (3_001, Duration::from_nanos(700_000), 2),
        (0, Duration::from_nanos(100), 1),
    ] {
        let jan = account_with(&[("pwdLastSet", &(EPOCH + set).to_string())]).unwrap();
        let policy = rules(1, false, 0).with_minimum_age(age);
        let from = Timestamp::from_millis(from);
        let almost = from.before(Duration::from_millis(1));
        assert_eq!(too_young(Some(&policy), &jan, almost), Some(from), "{set} {age:?}");
        assert_eq!(too_young(Some(&policy), &jan, from), None, "{set} {age:?}");
    }
    // For ever, and longer than there are steps.
    for age in [Duration::MAX, filetime::span(i64::MIN)] {
        let policy = rules(1, false, 0).with_minimum_age(age);
        let jan = account_with(&[]).unwrap();
        assert!(
            too_young(Some(&policy), &jan, Timestamp::from_millis(i64::from(u32::MAX))).is_some()
        );
    }
}

#[test]
fn an_age_is_named_where_it_is_judged_and_suspected_while_clocks_may_differ() {
    let set = [("pwdLastSet", &*EPOCH.to_string())];
    let old_enough = Timestamp::from_millis(0).after(DAY);
    let samba = PasswordPolicy { judged_by: Some(Judge::Samba), ..rules(7, true, 24) }
        .with_minimum_age(DAY);
    let windows = PasswordPolicy { judged_by: Some(Judge::Windows), ..samba.clone() };
    let age = Details { not_before: Some(old_enough), ..Details::default() };
    let both = Details { history_length: Some(24), ..age };
    let moment = Duration::from_millis(1);
    for (rules, now, expected) in [
        (&samba, old_enough.before(moment), (Outcome::PolicyTooYoung, age)),
        (&windows, old_enough.before(moment), (Outcome::PolicyOther, both)),
        (&samba, old_enough, (Outcome::PolicyOther, both)),
        (&samba, old_enough.after(CLOCKS_APART - moment), (Outcome::PolicyOther, both)),
        (&samba, old_enough.after(CLOCKS_APART), (Outcome::PolicyHistory, history(24))),
        (&windows, old_enough.after(CLOCKS_APART), (Outcome::PolicyOther, history(24))),
    ] {
        assert_eq!(explain_at(rules, &set, "Unrelated-9", now), expected, "{now}");
    }
    // Samba looks at the age first.
    let early = old_enough.before(moment);
    assert_eq!(explain_at(&samba, &set, "a", early), (Outcome::PolicyTooYoung, age));
    assert_eq!(explain_at(&samba, &set, "Ab1", old_enough), (Outcome::PolicyTooShort, short(7)));
}
