//! What is told of a lockout.

use command::trail::rfc3339;

use super::*;

#[test]
fn a_lock_is_told_as_long_as_it_holds_with_what_ends_it_sooner() {
    let locked = |duration: Option<u64>, ago: u64| {
        told(|subject, _| {
            let rules = subject.policy.rules.as_mut().unwrap();
            rules.lockout_threshold = Some(5);
            rules.lockout_duration_seconds = duration;
            rules.lockout_window_seconds = Some(600);
            subject.account.lockout_time = Some(NOW.before(Duration::from_secs(ago)));
        })
    };
    for (duration, ago) in [(Some(1_800), 1_799), (Some(0), 1_000_000)] {
        let held = locked(duration, ago);
        let line = line(&held, "Account", "locked out since");
        assert!(line.mark == Mark::Bad && !line.stops && held.is_good(), "{line:?}");
        assert_eq!(line.remedy.commands, [format!("Unlock-ADAccount -Identity '{ANNA}'")]);
        assert_eq!(held.verdict.remedy, line.remedy);
    }
    good(&locked(Some(1_800), 1_800), "Account", "that has run out");
    known(&locked(None, 1_000_000), "Account", "whether that has run out cannot be said");
    // The controller knows the rules, whoever may read them.
    let computed = |locked_now, since: Option<Timestamp>| {
        told(|subject, _| {
            subject.policy.rules = None;
            subject.account.lockout_time = since;
            subject.account.hidden.lockout_time = since.is_none();
            subject.account.locked_now = Some(locked_now);
        })
    };
    let long_ago = NOW.before(Duration::from_secs(1_000_000));
    good(&computed(false, Some(long_ago)), "Account", "that has run out");
    for since in [Some(long_ago), None] {
        let held = computed(true, since);
        let line = line(&held, "Account", "locked out");
        assert!(line.mark == Mark::Bad && line.text.contains("a reset unlocks"), "{line:?}");
    }
    good(&told(|_, _| {}), "Account", "not locked out");
    let text = "5 wrong passwords within 600 s lock the account for 1800 s";
    good(&locked(Some(1_800), 0), "Password policy", text);
    good(&locked(Some(0), 0), "Password policy", "lock the account until somebody unlocks it");
    good(&told(|_, _| {}), "Password policy", "wrong passwords never lock the account");
    good(&locked(None, 0), "Password policy", "lock the account for a time that is hidden");
    let hidden = told(|subject, _| subject.policy.rules.as_mut().unwrap().lockout_threshold = None);
    known(&hidden, "Password policy", "after how many wrong passwords");
}

#[test]
fn when_a_lock_ends_is_told_by_what_is_known_of_its_policy() {
    let since = NOW.before(Duration::from_secs(600));
    let locked = |since: Option<Timestamp>, duration: Option<Option<u64>>| {
        let told = told(|subject, _| {
            match (duration, subject.policy.rules.as_mut()) {
                (Some(seconds), Some(rules)) => rules.lockout_duration_seconds = seconds,
                _ => subject.policy.rules = None,
            }
            subject.account.lockout_time = since;
            subject.account.hidden.lockout_time = since.is_none();
            subject.account.locked_now = Some(true);
        });
        let note = line(&told, "Account", "a reset unlocks").remedy.note.clone().unwrap();
        // To programs as well.
        let json = told.json();
        assert_eq!(json["verdict"]["fix"]["note"], note.as_str(), "{json}");
        note.strip_prefix("to sign in with the present password; ").unwrap().to_owned()
    };
    let end = rfc3339(NOW.after(Duration::from_secs(1_200)));
    let by_itself = "it ends by itself 1800 s after it began";
    assert_eq!(locked(Some(since), Some(Some(1_800))), format!("{by_itself}, on {end}"));
    assert_eq!(locked(None, Some(Some(1_800))), by_itself);
    let for_ever = "it does not end by itself: it lasts until somebody unlocks the account";
    let unknown = "whether it ends by itself is not known: how long a lockout lasts is hidden from the service account";
    for since in [Some(since), None] {
        assert_eq!(locked(since, Some(Some(0))), for_ever);
        // Its duration alone, or all of the policy.
        for hidden in [Some(None), None] {
            assert_eq!(locked(since, hidden), unknown);
        }
    }
}
