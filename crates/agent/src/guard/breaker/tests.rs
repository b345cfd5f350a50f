use proptest::prelude::*;

use super::*;
use crate::guard::tests::limits;

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

#[test]
fn the_greater_of_a_number_and_a_share_of_the_people_is_the_limit() {
    let limits = limits();
    for (people, limit, alarm) in [
        (0, 60, 48),
        (6_000, 60, 48),
        (6_100, 61, 49),
        (20_000, 200, 160),
        (u64::MAX, u64::MAX / 100, 0),
    ] {
        assert_eq!(limits.limit(people), limit, "{people}");
        if alarm > 0 {
            assert_eq!(limits.alarm(limit), alarm, "{people}");
        }
    }
    let never = BreakerSettings { alarm_percent: 0, ..limits };
    assert_eq!(never.alarm(60), 1, "an alarm at nothing is one at the first");
}

/// What of a run of resets passes.
fn passed(counted: &mut Counted, moments: impl Iterator<Item = Timestamp>) -> Vec<bool> {
    let passes = |verdict| matches!(verdict, Verdict::Pass | Verdict::PassWithAlarm { .. });
    moments.map(|at| passes(counted.judge(&limits(), 60, at))).collect()
}

#[test]
fn the_alarm_is_raised_once_and_the_breaker_opens_and_stays_open() {
    let mut counted = Counted::default();
    for number in 1..=60 {
        let verdict = counted.judge(&limits(), 60, NOW);
        let expected = if number == 48 {
            Verdict::PassWithAlarm { count: 48, limit: 60 }
        } else {
            Verdict::Pass
        };
        assert_eq!(verdict, expected, "{number}");
    }
    assert_eq!(counted.judge(&limits(), 60, NOW), Verdict::Opens { limit: 60 });
    let days_later = NOW.after(WINDOW * 48);
    assert_eq!(counted.judge(&limits(), 60, days_later), Verdict::Open, "nobody released it");
}

#[test]
fn what_is_an_hour_old_counts_no_more() {
    let mut counted = Counted::default();
    let minutely = (0..600).map(|minute| NOW.after(Duration::from_secs(60) * minute));
    assert!(passed(&mut counted, minutely).into_iter().all(|passed| passed));
    // A clock that was put back forgets nothing.
    let before = NOW.before(WINDOW);
    assert_eq!(counted.judge(&limits(), 60, before), Verdict::Opens { limit: 60 });
}

#[test]
fn a_rate_at_the_mark_raises_the_alarm_once_an_hour() {
    let mut counted = Counted::default();
    // 48 an hour: the hour before each reset has 47 or 48 with it.
    let moments = (0..5 * 48).map(|number| NOW.after(Duration::from_secs(75) * number));
    let alarms: Vec<Timestamp> = moments
        .filter(|at| matches!(counted.judge(&limits(), 60, *at), Verdict::PassWithAlarm { .. }))
        .collect();
    assert!(alarms.len() >= 4, "{alarms:?}");
    assert!(alarms.windows(2).all(|pair| pair[1].apart(pair[0]) >= WINDOW), "{alarms:?}");
}

#[test]
fn what_was_asked_for_before_a_release_counts_no_more_and_what_was_after_it_does() {
    let mut counted = Counted::default();
    for _ in 0..60 {
        assert_ne!(counted.judge(&limits(), 60, NOW), Verdict::Open);
    }
    let second = |number| NOW.after(Duration::from_secs(number));
    assert_eq!(counted.judge(&limits(), 60, second(1)), Verdict::Opens { limit: 60 });
    // One that was asked for, is on its way, and is not noted yet.
    counted.resets.push(second(3));
    counted.released(&Kept { opened_at: None, released_at: Some(second(2)) }, Some(second(2)));
    assert_eq!((counted.open, counted.in_the_hour(second(4))), (false, 1));
}

#[test]
fn the_alarm_is_raised_again_after_it_was_quiet() {
    let mut counted = Counted::default();
    let mut alarms = 0;
    for day in 0..3 {
        for _ in 0..50 {
            let at = NOW.after(WINDOW * 24 * day);
            let verdict = counted.judge(&limits(), 60, at);
            alarms += u32::from(matches!(verdict, Verdict::PassWithAlarm { .. }));
        }
    }
    assert_eq!(alarms, 3);
}

proptest! {
    /// Whatever the moments: in no hour more than the limit pass.
    #[test]
    fn no_hour_has_more_than_the_limit(
        gaps in proptest::collection::vec(0_u64..120, 1..400),
        limit in 1_u64..80,
    ) {
        let (mut counted, mut now) = (Counted::default(), NOW);
        let mut passed: Vec<Timestamp> = Vec::new();
        for gap in gaps {
            now = now.after(Duration::from_secs(gap));
            match counted.judge(&limits(), limit, now) {
                Verdict::Pass | Verdict::PassWithAlarm { .. } => passed.push(now),
                Verdict::Opens { .. } => counted.open = false,
                Verdict::Open => prop_assert!(false, "it was closed"),
            }
            let hour = passed.iter().filter(|at| **at > now.before(WINDOW)).count();
            prop_assert!(hour as u64 <= limit);
        }
    }
}

#[tokio::test]
async fn it_is_open_by_what_is_known_in_memory_or_on_disk_until_it_is_released_there() {
    let folder = crate::journal::tests::Folder::new("breaker-is-open");
    let journal = Journal::create(&folder.0, NOW).await.unwrap();
    let breaker = Breaker::new(limits());
    let is_open = async || breaker.is_open(&journal).await.unwrap();
    assert!(!is_open().await);
    // The disk was full when it opened.
    breaker.state.lock().await.counted = Some(Counted { open: true, ..Counted::default() });
    assert!(is_open().await);
    let event = |name| Event::of_agent(name, json!({}));
    journal.open_breaker(&event("breaker.opened"), NOW).await.unwrap();
    assert!(is_open().await && Breaker::new(limits()).is_open(&journal).await.unwrap());
    // Nobody has asked for a reset since, so that memory has not noticed.
    assert!(journal.release_breaker(&event("breaker.released"), NOW).await.unwrap());
    assert!(!is_open().await);
}
