//! What libFuzzer says of how far it is.

use std::fmt;

/// How far a target is.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub(super) struct Progress {
    /// How many inputs were run.
    pub(super) inputs: u64,
    /// How many places in the code the seeds and what was kept of earlier runs had reached.
    pub(super) first: Option<u64>,
    /// How many are reached now.
    pub(super) places: u64,
    /// How many inputs are kept because they came further.
    pub(super) corpus: u64,
}

impl Progress {
    /// Takes a line such as `#512 pulse cov: 120 ft: 340 corp: 12/3Kb exec/s: 90 rss: 40Mb`; says whether
    /// it is one.
    pub(super) fn read(&mut self, line: &str) -> bool {
        let mut words = line.strip_prefix('#').unwrap_or_default().split_whitespace();
        let Some(inputs) = words.next().and_then(|word| word.parse().ok()) else { return false };
        let kind = words.next().unwrap_or_default();
        let after = |name: &str| {
            let (_, rest) = line.split_once(name)?;
            let digits = rest.trim_start().split(|c: char| !c.is_ascii_digit()).next()?;
            digits.parse().ok()
        };
        self.inputs = inputs;
        self.places = after(" cov:").unwrap_or(self.places);
        self.corpus = after(" corp:").unwrap_or(self.corpus);
        if kind == "INITED" {
            self.first = Some(self.places);
        }
        true
    }
}

impl fmt::Display for Progress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { inputs, first, places, corpus } = self;
        let first = first.unwrap_or_default();
        write!(f, "{inputs} inputs, {corpus} kept; {places} places in the code, {first} at first")
    }
}

/// The file in which the input was kept that failed, if the line says so.
pub(super) fn kept_in(line: &str) -> Option<&str> {
    let (_, file) = line.split_once("Test unit written to ")?;
    Some(file.trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_libfuzzer_says_is_read() {
        let mut progress = Progress::default();
        for line in [
            "INFO: Running with entropic power schedule (0xFF, 100).",
            "#0\tREAD units: 5",
            "#6\tINITED cov: 312 ft: 402 corp: 5/210b exec/s: 0 rss: 35Mb",
            "#262144\tpulse  cov: 498 ft: 1702 corp: 130/9Kb lim: 163 exec/s: 87381 rss: 60Mb",
            "Done 300000 runs in 3 second(s)",
        ] {
            assert_eq!(progress.read(line), line.starts_with('#'), "{line}");
        }
        let expected = Progress { inputs: 262_144, first: Some(312), places: 498, corpus: 130 };
        assert_eq!(progress, expected);
        let shown = "262144 inputs, 130 kept; 498 places in the code, 312 at first";
        assert_eq!(progress.to_string(), shown);
    }

    #[test]
    fn the_file_of_an_input_that_fails_is_found() {
        let line = "artifact_prefix='/w/fuzz/artifacts/sddl/'; Test unit written to /w/fuzz/artifacts/sddl/crash-1";
        assert_eq!(kept_in(line), Some("/w/fuzz/artifacts/sddl/crash-1"));
        assert_eq!(kept_in("#6\tINITED cov: 312"), None);
    }
}
