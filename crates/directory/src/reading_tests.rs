use std::time::Duration;

use protocol::{ManualClock, timeout};

use super::*;
use crate::pdc::tests::{AT_ONCE, Does, Line, holding, in_time};

/// How long a question may take, and a small one, unless configured otherwise.
const WHOLE: Duration = crate::OPERATION_TIMEOUT;
const SMALL: Duration = crate::CONNECT_TIMEOUT;

const fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

/// Longer than any test takes by its machine's clock.
const FAR: Duration = seconds(3_600);

/// A directory with connections that do this about questions.
struct World<const N: usize> {
    clock: ManualClock,
    lines: [Line; N],
}

impl<const N: usize> World<N> {
    fn of(all: [Does; N]) -> Self {
        let clock = ManualClock::default();
        let lines = all.map(|does| Line::to(1, &clock, [does, AT_ONCE]));
        Self { clock, lines }
    }

    /// Reads something that may take [`WHOLE`]: how it ended, and after how long.
    async fn read(&self, patience: Patience) -> (Result<(), DirectoryError>, Duration) {
        let (clock, lines) = (&self.clock, self.lines.each_ref());
        let directory = LdapDirectory(holding(clock, &lines).await);
        let ask = async |session: Arc<Session>| {
            let asked = session.object("CN=Anybody".to_owned(), &["cn"], FAR);
            let late = |_| Err(DirectoryError::Lost { cause: "late".to_owned() });
            timeout(clock, WHOLE, asked).await.unwrap_or_else(late).map(drop)
        };
        let (read, waited) = in_time(clock, directory.reading_with(patience, ask)).await;
        (read.map(|(_, found)| found), waited)
    }

    fn asked(&self) -> [usize; N] {
        self.lines.each_ref().map(Line::asked)
    }
}

#[tokio::test]
async fn after_a_silence_a_person_waits_for_a_small_question_and_an_administrator_for_a_whole_one()
{
    for (patience, takes, is_read, waited) in [
        (Patience::Whole, 4, true, 14),
        (Patience::Whole, 8, false, 15),
        (Patience::Unhurried, 8, true, 18),
        // That has an end, too.
        (Patience::Unhurried, 11, false, 20),
    ] {
        let world = World::of([Does::Silent, Does::Answers(seconds(takes)), AT_ONCE]);
        let (read, after) = world.read(patience).await;
        assert_eq!((read.is_ok(), after), (is_read, seconds(waited)), "{patience:?} {takes}");
        assert_eq!(world.asked(), [1, 1, 0], "{patience:?} {takes}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_late_has_kept_somebody_waiting_as_one_that_is_silent() {
    for patience in [Patience::Whole, Patience::Unhurried] {
        // The second try is the last.
        let world = World::of([Does::Ends(SMALL), Does::Silent, AT_ONCE]);
        let (read, after) = world.read(patience).await;
        let second = if patience == Patience::Whole { SMALL } else { WHOLE };
        assert!(matches!(read, Err(DirectoryError::Lost { .. })), "{patience:?}");
        assert_eq!((after, world.asked()), (SMALL + second, [1, 1, 0]), "{patience:?}");
    }
}

#[tokio::test]
async fn a_connection_that_ends_soon_takes_nothing_from_the_next_try() {
    let soon = Does::Ends(SMALL - seconds(1));
    let world = World::of([soon, Does::Silent, AT_ONCE]);
    assert_eq!(world.read(Patience::Whole).await, (Ok(()), seconds(4) + WHOLE));
    assert_eq!(world.asked(), [1, 1, 1]);
}

/// Both ask for much: each page, and each group, may take as long as a question may.
#[tokio::test]
async fn a_survey_and_a_chain_of_groups_have_a_whole_second_try() {
    let takes = SMALL + seconds(2);
    for is_chain in [false, true] {
        let world = World::of([Does::Ends(SMALL), Does::Answers(takes), AT_ONCE]);
        let directory = LdapDirectory(holding(&world.clock, &world.lines.each_ref()).await);
        let base = "OU=People,DC=corp,DC=example".parse().unwrap();
        let anna = crate::account::tests::account_with(&[]).unwrap();
        let group = "S-1-5-21-1-2-3-512".parse().unwrap();
        let work = async {
            match is_chain {
                true => directory.chain_to(&anna, &group).await.map(drop),
                false => directory.people_in(&base, 10).await.map(drop),
            }
        };
        let (read, waited) = in_time(&world.clock, work).await;
        assert_eq!((read, waited), (Ok(()), SMALL + takes), "{is_chain}");
        assert_eq!(world.asked(), [1, 1, 0]);
    }
}
