//! Where it ends before a directory is asked.

use lab::Kind;
use protocol::Operation;
use sync::{AdAccount, Resolution};

use super::operations_tests::{World, account_of, change};
use super::*;

/// Its objects are still in the state of the synchronisation; the configuration names it no more, or by another
/// name.
#[tokio::test]
async fn whose_directory_is_none_of_this_agent_s_is_told_so_and_not_that_it_is_configured_wrong() {
    let mut world = World::new("not-enabled").await;
    let (guid, old) = world.person(Kind::Ordinary);
    let elsewhere = AdAccount { connector: "sales".parse().unwrap(), ..account_of(guid) };
    for operation in Operation::ALL {
        let header = world.header(operation);
        assert!(world.writeback.journal.begin(&header, header.issued_at).await.unwrap());
        let looked =
            world.writeback.look(&header, Ok(Resolution::Account(elsewhere.clone()))).await;
        let ended = world.writeback.carry_out(&header, looked, Ok(change(&old))).await.unwrap();
        let Ended::Known(answer) = ended else { panic!("{operation:?}") };
        assert_eq!(answer.outcome, Outcome::DirectoryNotEnabled, "{operation:?}");
        assert_eq!(answer.outcome.changed(), Changed::No);
    }
    assert!(world.population.domain.is_password(guid, &old));
}
