//! AD's times: 100 ns steps since 1601-01-01T00:00:00Z (MS-DTYP 2.3.3), and its spans.

use std::time::Duration;

use protocol::Timestamp;

/// Milliseconds from 1601 to 1970: 134,774 days.
const EPOCH_DIFFERENCE_MS: i64 = 134_774 * 86_400 * 1_000;
/// Steps in a millisecond.
const STEPS_PER_MS: i64 = 10_000;
/// What `accountExpires` holds for "never", besides 0. MS-ADA1, accountExpires.
const NEVER: i64 = i64::MAX;

/// The moment of a FILETIME, rounded down to milliseconds.
pub fn moment(steps: i64) -> Timestamp {
    Timestamp::from_millis(steps.div_euclid(STEPS_PER_MS) - EPOCH_DIFFERENCE_MS)
}

/// The first millisecond at which a FILETIME has come: rounded up.
pub fn moment_from(steps: i64) -> Timestamp {
    let up = i64::from(steps.rem_euclid(STEPS_PER_MS) > 0);
    Timestamp::from_millis(steps.div_euclid(STEPS_PER_MS) - EPOCH_DIFFERENCE_MS + up)
}

/// The FILETIME of a moment; the nearest one if it has none.
pub fn from_moment(moment: Timestamp) -> i64 {
    moment.as_millis().saturating_add(EPOCH_DIFFERENCE_MS).saturating_mul(STEPS_PER_MS)
}

/// The moment so many seconds after 1601 (DSTIME, MS-DRSR 5.54).
pub fn moment_of_seconds(seconds: i64) -> Timestamp {
    Timestamp::from_millis(seconds.saturating_mul(1_000).saturating_sub(EPOCH_DIFFERENCE_MS))
}

/// The moment that a GeneralizedTime in UTC stands for, as controllers write it
/// (`20261128120000.0Z`, RFC 4517 section 3.3.13); none if it is of another form.
pub fn generalized(text: &str) -> Option<Timestamp> {
    let written = jiff::civil::DateTime::strptime("%Y%m%d%H%M%S%.fZ", text).ok()?;
    let moment = written.to_zoned(jiff::tz::TimeZone::UTC).ok()?;
    Some(Timestamp::from_millis(moment.timestamp().as_millisecond()))
}

/// The moment of an `accountExpires`; none if it is never (0 or 0x7FFFFFFFFFFFFFFF, MS-ADA1).
pub fn expiry(steps: i64) -> Option<Timestamp> {
    (steps != 0 && steps != NEVER).then(|| moment(steps))
}

/// A span such as `minPwdAge`: stored negative (MS-ADA2). A positive one is none.
pub fn span(steps: i64) -> Duration {
    let steps = if steps < 0 { steps.unsigned_abs() } else { 0 };
    Duration::from_nanos(steps % 10_000_000 * 100) + Duration::from_secs(steps / 10_000_000)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_epochs_lie_134774_days_apart() {
        assert_eq!(moment(116_444_736_000_000_000), Timestamp::from_millis(0));
        // 2009-07-25T23:00:00Z, a FILETIME that MS's own documentation of accountExpires uses.
        assert_eq!(moment(128_930_364_000_000_000).as_seconds(), 1_248_562_800);
        assert_eq!(from_moment(moment(128_930_364_000_000_000)), 128_930_364_000_000_000);
    }

    #[test]
    fn a_moment_has_come_at_the_next_millisecond() {
        let whole = 116_444_736_000_000_000;
        for (steps, from) in [(0, 0), (1, 1), (9_999, 1), (10_000, 1), (-1, 0), (-10_000, -1)] {
            assert_eq!(moment_from(whole + steps), Timestamp::from_millis(from), "{steps}");
        }
        assert!(moment_from(i64::MAX) > moment(i64::MAX));
    }

    #[test]
    fn never_is_written_in_two_ways() {
        assert_eq!(expiry(0), None);
        assert_eq!(expiry(i64::MAX), None);
        assert_eq!(expiry(116_444_736_000_000_000), Some(Timestamp::from_millis(0)));
    }

    #[test]
    fn a_controllers_own_time_is_read() {
        let at = |seconds: i64| Some(Timestamp::from_millis(seconds * 1_000));
        assert_eq!(generalized("20240229235959.0Z"), at(1_709_251_199));
        assert_eq!(generalized("19700101000000Z"), at(0));
        assert_eq!(moment_of_seconds(11_644_473_600), Timestamp::from_millis(0));
        for other in ["", "20240230000000.0Z", "20240229235959.0", "now"] {
            assert_eq!(generalized(other), None, "{other}");
        }
    }

    #[test]
    fn spans_are_negative() {
        assert_eq!(span(-864_000_000_000), Duration::from_secs(86_400));
        assert_eq!(span(0), Duration::ZERO);
        assert_eq!(span(5), Duration::ZERO);
        assert_eq!(span(i64::MIN).as_secs(), 922_337_203_685);
    }
}
