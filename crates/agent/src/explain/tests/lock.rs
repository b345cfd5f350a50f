//! What is told of a lockout.

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
