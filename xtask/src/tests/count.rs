//! How many tests were run, and how many there must be.

/// What nextest's last line says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Count {
    /// Tests that were run.
    pub(super) run: u64,
    /// Tests that were not.
    pub(super) skipped: u64,
}

impl Count {
    /// Reads `Summary [   1.234s] 12 tests run: 11 passed (1 slow), 1 failed, 3 skipped`.
    pub(super) fn read(line: &str) -> Option<Self> {
        let line = without_colours(line);
        let (_, rest) = line.trim_start().strip_prefix("Summary [")?.split_once(']')?;
        let words: Vec<&str> =
            rest.split([' ', ',', ':']).filter(|word| !word.is_empty()).collect();
        let before = |name: &str| {
            let at = words.iter().position(|word| *word == name)?;
            words.get(at.checked_sub(1)?)?.split('/').next()?.parse().ok()
        };
        let run = before("tests").or_else(|| before("test"))?;
        Some(Self { run, skipped: before("skipped").unwrap_or(0) })
    }
}

/// The number in the line `KIND NUMBER`.
pub(super) fn minimum(text: &str, kind: &str) -> Option<u64> {
    text.lines().find_map(|line| line.strip_prefix(kind)?.trim().parse().ok())
}

/// Takes out the sequences with which terminals are coloured (ECMA-48, SGR).
fn without_colours(line: &str) -> String {
    let mut parts = line.split('\u{1b}');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        plain.push_str(part.split_once('m').map_or("", |(_, rest)| rest));
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_line_of_nextest_is_read() {
        let line =
            "     Summary [  12.345s] 412 tests run: 411 passed (2 slow), 1 failed, 3 skipped";
        assert_eq!(Count::read(line), Some(Count { run: 412, skipped: 3 }));
        let coloured = "\u{1b}[32;1m     Summary\u{1b}[0m [   0.005s] \u{1b}[1m1\u{1b}[0m test run: \
                        \u{1b}[1m1\u{1b}[0m \u{1b}[32;1mpassed\u{1b}[0m, 0 skipped";
        assert_eq!(Count::read(coloured), Some(Count { run: 1, skipped: 0 }));
        let cut = "Summary [   0.005s] 7/412 tests run: 6 passed, 1 failed, 2 skipped";
        assert_eq!(Count::read(cut), Some(Count { run: 7, skipped: 2 }));
        assert_eq!(Count::read("        PASS [   0.005s] a::b Summary"), None);
    }

    #[test]
    fn each_way_of_running_has_its_minimum() {
        let text = "# comment\nall 412\nwithout-lab 380\n";
        assert_eq!(minimum(text, "all"), Some(412));
        assert_eq!(minimum(text, "without-lab"), Some(380));
        assert_eq!(minimum(text, "none"), None);
    }
}
