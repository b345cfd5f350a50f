//! Moments as people read them.

use protocol::Timestamp;

/// A moment as people read it, in the configured time zone, for example `2026-11-22 18:05 CET`.
pub(crate) fn moment(at: Timestamp, time_zone: &str) -> String {
    let zone = jiff::tz::TimeZone::get(time_zone).unwrap_or(jiff::tz::TimeZone::UTC);
    let Ok(at) = jiff::Timestamp::from_millisecond(at.as_millis()) else { return String::new() };
    at.to_zoned(zone).strftime("%Y-%m-%d %H:%M %Z").to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_told_in_the_configured_zone() {
        let at = Timestamp::from_millis(1_800_000_000_000);
        assert_eq!(moment(at, "UTC"), "2027-01-15 08:00 UTC");
        assert_eq!(moment(at, "Europe/Amsterdam"), "2027-01-15 09:00 CET");
    }
}
