//! What is computed from what was observed.

/// How many channels are spoken of where fewer were opened.
const MANY: f64 = 100_000.0;

/// When the agents of a storm were back, in seconds after the relay's return.
#[derive(Debug, Clone)]
pub(super) struct Storm {
    /// How long the relay was away.
    pub(super) away_seconds: u64,
    /// How many there are.
    pub(super) agents: usize,
    /// One for each that came back.
    pub(super) back: Vec<f64>,
}

impl Storm {
    /// When the last one was back; no number if one is missing.
    pub(super) fn back_seconds(&self) -> f64 {
        if self.back.len() < self.agents {
            return f64::NAN;
        }
        self.back.iter().copied().fold(0.0, f64::max)
    }

    /// The largest share of all agents that came back within one second, wherever that begins.
    pub(super) fn worst_second_share(&self) -> f64 {
        let mut sorted = self.back.clone();
        sorted.sort_by(f64::total_cmp);
        let within = |(at, begins): (usize, &f64)| {
            sorted.partition_point(|moment| *moment < begins + 1.0).saturating_sub(at)
        };
        let most = sorted.iter().enumerate().map(within).max().unwrap_or_default();
        count(most) / count(self.agents)
    }
}

/// Memory of each of so many channels, from the resident bytes without and with them.
pub(super) fn bytes_per_channel(before: u64, after: u64, channels: usize) -> f64 {
    let bytes = usize::try_from(after.saturating_sub(before)).unwrap_or(usize::MAX);
    count(bytes) / count(channels)
}

/// What many channels would take, and that nobody has opened them.
pub(super) fn extrapolated(bytes_each: f64, channels: usize) -> String {
    let gib = bytes_each * MANY / f64::from(1 << 30);
    format!("100,000 channels would take {gib:.2} GiB: extrapolated from {channels}, not measured")
}

/// Resident bytes as `/proc/PID/status` tells them.
pub(super) fn resident(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kib: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kib * 1_024)
}

#[expect(clippy::cast_precision_loss, reason = "there are fewer than 2^52 of anything here")]
pub(super) const fn count(of: usize) -> f64 {
    of as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    fn storm(agents: usize, back: &[f64]) -> Storm {
        Storm { away_seconds: 1, agents, back: back.to_vec() }
    }

    #[test]
    fn the_worst_second_begins_anywhere_and_is_a_share_of_all_agents() {
        // Whole seconds would see two and two.
        let found = storm(8, &[2.1, 0.2, 0.9, 1.3, 1.8]);
        assert!((found.worst_second_share() - 3.0 / 8.0).abs() < 1e-9);
        // A second ends before the next one begins.
        assert!((storm(2, &[0.0, 1.0]).worst_second_share() - 0.5).abs() < 1e-9);
        assert!(storm(2, &[]).worst_second_share().abs() < 1e-9);
    }

    #[test]
    fn a_storm_is_over_with_the_last_agent_and_never_where_one_is_missing() {
        assert!((storm(3, &[2.0, 7.5, 0.1]).back_seconds() - 7.5).abs() < 1e-9);
        assert!(storm(3, &[2.0, 7.5]).back_seconds().is_nan());
    }

    #[test]
    fn a_channel_takes_what_the_process_grew_by_over_their_number() {
        assert!((bytes_per_channel(10_000_000, 210_000_000, 10_000) - 20_000.0).abs() < 1e-9);
        assert!(bytes_per_channel(20, 10, 10).abs() < 1e-9);
    }

    #[test]
    fn what_is_extrapolated_says_so_and_from_how_many() {
        let text = extrapolated(21_474.836_48, 10_000);
        assert!(text.contains("2.00 GiB") && text.contains("from 10000, not measured"), "{text}");
    }

    #[test]
    fn resident_memory_is_read_from_what_the_system_tells() {
        assert_eq!(resident("VmHWM:\t   900 kB\nVmRSS:\t   512 kB\n"), Some(524_288));
        assert_eq!(resident("VmRSS:\t lots\n"), None);
    }
}
