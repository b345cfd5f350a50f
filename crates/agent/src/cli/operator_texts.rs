//! What the texts of outcomes tell an operator to run is there.

use clap::Parser as _;
use protocol::Outcome;

use super::Cli;

#[test]
fn every_command_that_an_operator_is_told_to_run_on_the_agent_is_understood() {
    let mut seen = 0;
    for outcome in Outcome::ALL {
        for words in outcome.commands("passback-agent") {
            // A word in capitals stands for one of the operator's own.
            let line = words.iter().map(|word| if *word == "DN" { "CN=Jan,DC=corp" } else { word });
            let parsed = Cli::try_parse_from(line);
            assert!(parsed.is_ok(), "{}: {words:?}: {}", outcome.name(), parsed.err().unwrap());
            seen += 1;
        }
    }
    assert!(seen > 20, "the texts are read");
}
