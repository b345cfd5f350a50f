use proptest::prelude::*;

use super::*;

fn policy(minimum_length: u32, complexity: bool, judged_by: Judge) -> PasswordPolicy {
    PasswordPolicy {
        minimum_length,
        complexity,
        history_length: 24,
        judged_by: Some(judged_by),
        ..PasswordPolicy::default()
    }
}

fn jan() -> AccountNames {
    AccountNames { account_name: "jdevries".into(), display_name: "Jan de Vries".into() }
}

fn examined(policy: &PasswordPolicy, password: &str) -> Examined {
    policy.examine(&ClearPassword::from_text(password).unwrap(), &jan())
}

fn broken(policy: &PasswordPolicy, password: &str) -> Vec<Rule> {
    examined(policy, password).broken
}

#[test]
fn length_counts_utf16_units() {
    for judge in Judge::ALL {
        assert_eq!(broken(&policy(8, false, judge), "1234567"), [Rule::TooShort]);
        assert_eq!(broken(&policy(8, false, judge), "😀😀😀1"), [Rule::TooShort]);
        assert_eq!(broken(&policy(8, false, judge), "😀😀😀😀"), []);
        // As long as AD's relaxed limits go.
        assert_eq!(broken(&policy(255, false, judge), &"x".repeat(254)), [Rule::TooShort]);
        assert_eq!(broken(&policy(255, false, judge), &"x".repeat(255)), []);
    }
}

#[test]
fn three_of_five_kinds_are_enough() {
    for judge in Judge::ALL {
        for good in ["Aa1aaaaa", "aa1!aaaa", "密碼aA", "密碼1!"] {
            assert_eq!(broken(&policy(1, true, judge), good), [], "{good}");
        }
        for bad in ["aaaaaaaa", "AAAA1111", "密碼a", "aa AA aa"] {
            assert_eq!(broken(&policy(1, true, judge), bad), [Rule::TooFewKinds], "{bad}");
        }
    }
}

#[test]
fn what_they_count_differently_is_certain_only_where_it_is_known_who_judges() {
    let (windows, samba) = (policy(1, true, Judge::Windows), policy(1, true, Judge::Samba));
    let nobody = PasswordPolicy { judged_by: None, ..policy(1, true, Judge::Samba) };
    assert_eq!(broken(&windows, "10 €uro"), [Rule::TooFewKinds]);
    assert_eq!(examined(&samba, "10 €uro"), Examined::default());
    let doubt = Examined { broken: vec![], doubtful: vec![Rule::TooFewKinds] };
    assert_eq!(examined(&nobody, "10 €uro"), doubt);
    // Not known of Windows itself.
    assert_eq!(examined(&windows, "a1Ⓐ"), doubt);
}

#[test]
fn names_are_judged_by_windows_alone() {
    let nobody = PasswordPolicy { judged_by: None, ..policy(1, true, Judge::Samba) };
    for name in ["xJDEVRIES9!", "my-vries-9A"] {
        assert_eq!(broken(&policy(1, true, Judge::Windows), name), [Rule::ContainsName]);
        assert_eq!(examined(&policy(1, true, Judge::Samba), name), Examined::default());
        let doubt = Examined { broken: vec![], doubtful: vec![Rule::ContainsName] };
        assert_eq!(examined(&nobody, name), doubt);
        assert_eq!(examined(&policy(1, false, Judge::Windows), name), doubt);
    }
    assert_eq!(broken(&policy(1, true, Judge::Windows), "Under-de-bridge-9"), []);
}

#[test]
fn all_broken_rules_are_named_in_order() {
    let all = [Rule::TooShort, Rule::TooFewKinds, Rule::ContainsName];
    assert_eq!(broken(&policy(10, true, Judge::Windows), "janvries"), all);
    assert!(all.is_sorted());
}

#[test]
fn the_least_age_is_kept_to_100_nanoseconds() {
    for (seconds, nanos) in [(0, 0), (86_400, 0), (1, 500_000_000), (0, 100), (7, 999_999_900)] {
        let age = Duration::new(seconds, nanos);
        let policy = PasswordPolicy::default().with_minimum_age(age);
        assert_eq!(policy.minimum_age(), age);
        let shown = policy.shown(&AccountNames::default()).minimum_age_seconds;
        let up = seconds + u64::from(nanos > 0);
        assert_eq!(shown, (up > 0).then_some(up), "{age:?}");
    }
    // From somebody who writes no such thing.
    let rest = PasswordPolicy { minimum_age_rest: u32::MAX, ..PasswordPolicy::default() };
    assert!(rest.minimum_age() < Duration::from_secs(1));
}

/// As it was before there was more than the four rules.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct First {
    minimum_length: u32,
    complexity: bool,
    history_length: u32,
    minimum_age_seconds: u64,
}

#[test]
fn an_agent_and_a_cloud_service_of_the_first_version_are_understood_and_understand() {
    let json = r#"{"minimumLength":7,"complexity":true,"historyLength":24,"minimumAgeSeconds":60}"#;
    let plain = PasswordPolicy {
        minimum_length: 7,
        complexity: true,
        history_length: 24,
        minimum_age_seconds: 60,
        ..PasswordPolicy::default()
    };
    assert_eq!(serde_json::from_str::<PasswordPolicy>(json).unwrap(), plain);
    assert_eq!(serde_json::to_string(&plain).unwrap(), json);
    let full = PasswordPolicy {
        minimum_age_rest: 5_000_000,
        maximum_age_seconds: Some(0),
        lockout_threshold: Some(5),
        lockout_duration_seconds: Some(1_800),
        lockout_window_seconds: Some(1_800),
        judged_by: Some(Judge::Windows),
        ..plain
    };
    let text = serde_json::to_string(&full).unwrap();
    assert_eq!(serde_json::from_str::<PasswordPolicy>(&text).unwrap(), full);
    let first: First = serde_json::from_str(&text).unwrap();
    assert_eq!(first, serde_json::from_str(json).unwrap());
}

#[test]
fn a_judge_of_a_later_version_is_nobody_known() {
    let json = |judge: &str| {
        format!(
            r#"{{"minimumLength":7,"complexity":true,"historyLength":0,"minimumAgeSeconds":0,"judgedBy":{judge}}}"#
        )
    };
    for (text, judge) in [
        (r#""windows""#, Some(Judge::Windows)),
        (r#""samba""#, Some(Judge::Samba)),
        (r#""a later one""#, None),
        ("null", None),
    ] {
        let policy: PasswordPolicy = serde_json::from_str(&json(text)).unwrap();
        assert_eq!(policy.judged_by, judge, "{text}");
    }
    for text in ["1", r#""""#, "{}"] {
        assert!(serde_json::from_str::<PasswordPolicy>(&json(text)).is_err(), "{text}");
    }
}

#[test]
fn nothing_is_shown_that_is_not_asked_for() {
    let shown = PasswordPolicy::default().shown(&jan());
    assert_eq!(shown, ShownRules::default());
    assert_eq!(serde_json::to_string(&shown).unwrap(), "{}");
    let windows = policy(8, true, Judge::Windows).shown(&jan());
    let complexity = windows.complexity.unwrap();
    assert_eq!((complexity.needed, complexity.kinds.len()), (3, 5));
    assert_eq!(complexity.names, ["jdevries", "Jan", "Vries"]);
    assert_eq!((windows.minimum_length, windows.history_length), (Some(8), Some(24)));
    let samba = policy(8, true, Judge::Samba).shown(&jan());
    assert_eq!(samba.complexity.unwrap().names, [""; 0], "nobody looks at them");
}

fn any_policy() -> impl Strategy<Value = PasswordPolicy> {
    let judge = prop_oneof![Just(None), Just(Some(Judge::Windows)), Just(Some(Judge::Samba))];
    (0..40_u32, any::<bool>(), judge).prop_map(|(minimum_length, complexity, judged_by)| {
        PasswordPolicy { minimum_length, complexity, judged_by, ..PasswordPolicy::default() }
    })
}

/// Few of each kind, so that they meet.
const CHARACTERS: &str = "[aA1!Jan\\-Vries é Éß€Ⓐ密😀٣\\x01-\\x{10FFFF}]{1,24}";

proptest! {
    #[test]
    fn what_a_page_marks_is_what_the_agent_names(policy in any_policy(), text in CHARACTERS) {
        let password = ClearPassword::from_text(&text).unwrap();
        let shown = policy.shown(&jan());
        prop_assert_eq!(shown.unmet(&password), policy.broken_rules(&password, &jan()));
        let json = serde_json::to_string(&shown).unwrap();
        prop_assert_eq!(serde_json::from_str::<ShownRules>(&json).unwrap(), shown);
    }

    #[test]
    fn who_does_not_know_the_judge_names_only_what_both_refuse(
        policy in any_policy(),
        text in CHARACTERS,
    ) {
        let password = ClearPassword::from_text(&text).unwrap();
        let by = |judged_by| PasswordPolicy { judged_by, ..policy.clone() };
        let unknown = by(None).broken_rules(&password, &jan());
        for judge in Judge::ALL {
            let known = by(Some(judge)).examine(&password, &jan());
            prop_assert!(unknown.iter().all(|rule| known.broken.contains(rule)));
        }
        let examined = by(None).examine(&password, &jan());
        prop_assert!(examined.doubtful.iter().all(|rule| !examined.broken.contains(rule)));
    }
}
