//! What the texts of outcomes tell an operator to run is there.

use clap::CommandFactory as _;
use protocol::Outcome;

use super::Cli;

#[test]
fn every_command_that_an_operator_is_told_to_run_on_the_agent_is_there() {
    let mut seen = 0;
    for outcome in Outcome::ALL {
        for line in outcome.operator_text().split('`').skip(1).step_by(2) {
            let mut words = line.split_whitespace();
            if words.next() != Some("passback-agent") {
                continue;
            }
            seen += 1;
            let name = outcome.name();
            let mut command = Cli::command();
            for word in words {
                if let Some(option) = word.strip_prefix("--") {
                    let mut options = command.get_arguments().filter_map(clap::Arg::get_long);
                    assert!(options.any(|one| one == option), "{name}: `{line}` has no {word}");
                } else if word.bytes().any(|byte| byte.is_ascii_lowercase()) {
                    let found = command.find_subcommand(word).cloned();
                    command = found.unwrap_or_else(|| panic!("{name}: there is no `{line}`"));
                }
            }
            let whole = !command.is_subcommand_required_set();
            assert!(whole, "{name}: `{line}` is not a whole command");
        }
    }
    assert!(seen > 10, "the texts are read");
}
