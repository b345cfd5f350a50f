//! Inputs that chance makes, for everything that reads what others wrote.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use super::{Column, one_test, side_by_side};
use crate::fault::Fault;
use crate::show;

/// The crates whose tests make inputs by chance.
pub(super) const CRATES: [&str; 4] = ["directory", "protocol", "relay", "seal"];
/// The test at the relay's socket.
pub(super) const AT_THE_SOCKET: &str = "channel";

/// A test that makes inputs by chance.
struct Reader {
    /// The program that holds it: a crate's own tests, or those at the socket.
    program: &'static str,
    /// What is read.
    what: &'static str,
    /// The test.
    test: &'static str,
    /// Which environment variable says how many.
    variable: &'static str,
    /// How many.
    count: fn(&Column) -> u64,
}

const fn reader(program: &'static str, what: &'static str, test: &'static str) -> Reader {
    let count = |column: &Column| column.inputs;
    Reader { program, what, test, variable: "PASSBACK_GENERATED_INPUTS", count }
}

/// All of them.
const READERS: &[Reader] = &[
    reader("directory", "LDAP messages", "answers::tests::whatever_comes_is_read_or_refused"),
    reader(
        "directory",
        "answers to a search",
        "search::tests::whatever_a_controller_says_a_search_ends_with_the_connection",
    ),
    reader(
        "directory",
        "security descriptors",
        "security::write::tests::reading_never_panics_and_what_is_read_can_be_written",
    ),
    reader(
        "directory",
        "SDDL",
        "security::sddl::tests::reading_never_panics_and_what_is_read_reads_back",
    ),
    reader(
        "directory",
        "distinguished names",
        "dn::tests::whatever_is_written_for_a_name_is_read_or_refused",
    ),
    reader(
        "directory",
        "filters",
        "filter::tests::whatever_is_written_for_a_filter_is_read_or_refused",
    ),
    reader(
        "directory",
        "certificates",
        "certificate::tests::what_is_no_certificate_has_no_issuer_or_any_and_harms_nobody",
    ),
    reader("protocol", "parts of packages", SEEDS),
    reader("relay", "relay frames", SEEDS),
    reader("seal", "packages and answers", SEEDS),
    Reader {
        program: AT_THE_SOCKET,
        what: "malformed messages at the relay's socket",
        test: "malformed::malformed_messages_end_a_channel_each_and_nothing_grows",
        variable: "PASSBACK_MALFORMED_MESSAGES",
        count: |column| column.messages,
    },
];
/// The test of a crate that has what becomes of a fuzzer's seeds read.
const SEEDS: &str = "fuzzing::tests::whatever_becomes_of_the_seeds_is_read_or_refused";

/// How a reader took its inputs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Inputs {
    /// What is read.
    pub(super) what: &'static str,
    /// How many were to be made.
    pub(super) wanted: u64,
    /// How many were made.
    pub(super) made: u64,
    /// Whether it ran long enough to say that its memory does not grow.
    pub(super) judged: bool,
}

/// How long each reader may take, so that all of them together take so much time.
pub(super) fn share(together: Duration, processors: usize) -> Duration {
    let rounds = READERS.len().div_ceil(processors.max(1));
    together / u32::try_from(rounds).unwrap_or(u32::MAX)
}

/// Makes all inputs of all readers, or as many as each has time for.
///
/// # Errors
/// The first finding.
pub(super) fn all_inputs(
    programs: &HashMap<&'static str, PathBuf>,
    column: &Column,
    share: Option<Duration>,
) -> Result<Vec<Inputs>, Fault> {
    let done = Mutex::new(Vec::new());
    side_by_side(READERS.iter(), |reader| {
        let missing = || Fault::finding(format!("no tests of {} were built", reader.program));
        let program = programs.get(reader.program).ok_or_else(missing)?;
        let inputs = inputs(program, reader, (reader.count)(column), share)?;
        done.lock().unwrap_or_else(PoisonError::into_inner).push(inputs);
        Ok(())
    })?;
    Ok(done.into_inner().unwrap_or_else(PoisonError::into_inner))
}

/// Makes all inputs of one reader, or as many as it has time for.
fn inputs(
    program: &Path,
    reader: &Reader,
    wanted: u64,
    share: Option<Duration>,
) -> Result<Inputs, Fault> {
    let Reader { what, test, variable, .. } = *reader;
    let until = share.and_then(|share| show::now().checked_add(share));
    let run = one_test(what, program, test, (variable, &wanted.to_string()), until)?;
    let made = if run.ended {
        wanted
    } else {
        run.far.as_deref().and_then(made_before).unwrap_or_default()
    };
    show::line(&format!("  {what}: {made} inputs; {}", run.memory));
    match run.memory.grows() {
        Some(true) => Err(Fault::finding(format!("{what} grows: {}; test {test}", run.memory))),
        judged => Ok(Inputs { what, wanted, made, judged: judged.is_some() }),
    }
}

/// Reads `NAME: inputs before 300000 of 10000000 are done`.
fn made_before(line: &str) -> Option<u64> {
    let (_, rest) = line.split_once(": inputs before ")?;
    rest.split_once(" of ")?.0.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many tests in the files below make inputs by chance.
    fn calls(directory: &Path) -> usize {
        let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
        entries.fold(0, |sum, path| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            let ways = ["for_each_input(\"", "seeds::spoil(\""];
            let here: usize = ways.iter().map(|way| text.matches(way).count()).sum();
            sum + here + if path.is_dir() { calls(&path) } else { 0 }
        })
    }

    #[test]
    fn every_test_of_generated_inputs_is_run() {
        for package in CRATES {
            let sources = crate::build::root().join("crates").join(package).join("src");
            let run = READERS.iter().filter(|reader| reader.program == package).count();
            assert_eq!(calls(&sources), run, "{package}");
        }
        let all = calls(&crate::build::root().join("crates"));
        let own = calls(&crate::build::root().join("crates/generated"));
        let run = READERS.iter().filter(|reader| reader.program != AT_THE_SOCKET).count();
        assert_eq!(all - own, run, "another crate has some");
    }

    #[test]
    fn all_readers_together_take_the_time_that_there_is() {
        let hour = Duration::from_secs(3_600);
        let readers = u32::try_from(READERS.len()).unwrap();
        assert_eq!(share(hour, 1), hour / readers);
        assert_eq!(share(hour, 2), hour / readers.div_ceil(2));
        assert_eq!(share(hour, 1_000), hour);
    }

    #[test]
    fn how_many_inputs_were_made_is_read_from_what_was_said_last() {
        let first = "test a::b ... filters: inputs before 100000 of 10000000 are done";
        assert_eq!(made_before(first), Some(100_000));
        assert_eq!(
            made_before("filters: inputs before 200000 of 10000000 are done"),
            Some(200_000)
        );
        assert_eq!(made_before("running 1 test"), None);
    }
}
