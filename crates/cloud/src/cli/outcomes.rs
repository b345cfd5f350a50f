//! `passback outcomes`: what can come out of an operation and what happens around it, with what a
//! person is told and what an operator does; all of it, or what has one number or name.
//!
//! `docs/outcomes.md` is what it prints; a test holds the two together.

use std::fmt::Write as _;

use clap::Args;
use command::{Failure, print};
use protocol::outcome::{Actor, Group};
use protocol::{Changed, Outcome};
use serde_json::{Value, json};

use crate::locale::{Arguments, Locale};

/// What stands above the page.
const INTRODUCTION: &str = "\
# Outcomes

What can come out of an operation, and what happens around it: the number, who must act, what the
person is told, and for the operator the cause and the fix. This page is printed by
`passback outcomes > docs/outcomes.md` from the tables in `crates/protocol/src/outcome/` and the
English sentences in `crates/cloud/locales/en`; change it there.

`passback outcomes 33004` shows what has one number, `passback outcomes pdc_unreachable` one name,
and `--json` everything with the sentences of every language. Whoever reads out a support code is
found with `passback support CODE`.

A *name* is stable: it stands in an agent's answer, in both audit trails, in JSON and on the page
(`data-outcome`). A *number* is one of the event catalogue that Passback follows; several causes may
share it. Numbers from 34001 are Passback's own, one each.

| kind | where it stands |
|---|---|
| answer | how an operation ended: in the agent's answer and journal, in both audit trails, in the API, and told to the person |
| page | what the cloud service says by itself, mostly before there is an operation: in its audit trail, in the API, and told to the person |
| event | what happened around operations: in the log and in audit, for operators |

*‹number›* and *‹moment›* stand for what is filled in.
";

/// Show the outcomes: number, who must act, what the person is told, cause and fix.
#[derive(Args)]
pub(super) struct OutcomesCommand {
    /// Only what has this number or this stable name: 33004, SSPR_0030, pdc_unreachable.
    which: Option<String>,
    /// Answer in JSON, with the sentences of every language.
    #[arg(long)]
    json: bool,
}

/// Carries out the command. It needs no configuration.
pub(super) fn outcomes(command: &OutcomesCommand) -> Result<(), Failure> {
    let Some(which) = command.which.as_deref() else {
        return print(&if command.json { as_json(Outcome::ALL) } else { page() });
    };
    let asked = |outcome: &Outcome| outcome.name() == which || outcome.number() == which;
    let found: Vec<Outcome> = Outcome::ALL.iter().copied().filter(asked).collect();
    if found.is_empty() {
        return Err(Failure::refused(format!(
            "no outcome has the number or the name {which}; `passback outcomes` shows them all"
        )));
    }
    let entries = || found.iter().map(|outcome| entry(*outcome)).collect::<Vec<_>>().join("\n");
    print(&if command.json { as_json(&found) } else { entries() })
}

/// The page: an introduction, a table to find a number in, and an entry for each outcome.
fn page() -> String {
    let mut page = INTRODUCTION.to_owned();
    page.push_str("\n## By number\n\n| number | outcome |\n|---|---|\n");
    let mut by_number = Outcome::ALL.to_vec();
    by_number.sort_by_key(|outcome| (outcome.number().len(), outcome.number()));
    for same in by_number.chunk_by(|one, other| one.number() == other.number()) {
        let links: Vec<_> =
            same.iter().map(|one| format!("[{name}](#{name})", name = one.name())).collect();
        let _ = writeln!(page, "| {} | {} |", same[0].number(), links.join(", "));
    }
    for group in Group::ALL {
        let _ = write!(page, "\n## {}\n", group.title());
        for outcome in Outcome::ALL.iter().filter(|outcome| outcome.group() == *group) {
            let _ = write!(page, "\n{}", entry(*outcome));
        }
    }
    page
}

/// One outcome, as a section.
fn entry(outcome: Outcome) -> String {
    let mut text = format!("### {}\n\n", outcome.name());
    let (number, kind) = (outcome.number(), outcome.kind().word());
    let _ = write!(text, "**{number}**, {kind}. {}.", must_act(outcome.actor()));
    if outcome.is_told() {
        let _ = write!(text, " {}.", changed(outcome.changed()));
        let _ = write!(text, "\n\n> {}", told(&Locale::default(), outcome));
    }
    let _ = write!(text, "\n\nCause: {}", outcome.cause());
    if !outcome.fix().is_empty() {
        let _ = write!(text, "\n\nFix: {}", outcome.fix());
    }
    text.push('\n');
    text
}

const fn must_act(actor: Actor) -> &'static str {
    match actor {
        Actor::Nobody => "Nobody must act",
        Actor::Person => "The person must act",
        Actor::Operator => "The operator must act",
        Actor::Passback => "The makers of Passback must act",
    }
}

const fn changed(changed: Changed) -> &'static str {
    match changed {
        Changed::Yes => "The password changed",
        Changed::No => "The password did not change",
        Changed::Unknown => "Whether the password changed is not known",
    }
}

/// What the person is told, with a name in place of what is filled in.
fn told(locale: &Locale, outcome: Outcome) -> String {
    let arguments = Arguments::from([
        ("minimum".into(), "‹number›".into()),
        ("history".into(), "‹number›".into()),
        ("dated".into(), "no".into()),
        ("when".into(), "‹moment›".into()),
        ("inferred".into(), "no".into()),
    ]);
    locale.text_with(&format!("outcome-{}", outcome.name()), &arguments)
}

/// An array of objects: `name`, `number`, `group`, `kind`, `must_act`, `changed` and `person` (one
/// sentence per language; both null for an event), `cause`, `fix`.
fn as_json(outcomes: &[Outcome]) -> String {
    let all: Vec<_> = outcomes.iter().map(|outcome| object(*outcome)).collect();
    format!("{}\n", json!(all))
}

fn object(outcome: Outcome) -> Value {
    let person: serde_json::Map<_, _> = Locale::all()
        .iter()
        .map(|locale| (locale.tag(), Value::from(told(locale, outcome))))
        .collect();
    json!({
        "name": outcome.name(),
        "number": outcome.number(),
        "group": outcome.group().title(),
        "kind": outcome.kind().word(),
        "must_act": outcome.actor().word(),
        "changed": outcome.is_told().then(|| outcome.changed().word()),
        "person": outcome.is_told().then_some(person),
        "cause": outcome.cause(),
        "fix": outcome.fix(),
    })
}

#[cfg(test)]
mod tests {
    use std::process::ExitCode;

    use clap::Parser as _;

    use super::*;
    use crate::cli::Cli;

    const PAGE: &str = include_str!("../../../../docs/outcomes.md");
    const SETTINGS: [&str; 2] = [
        include_str!("../../../../docs/passback.example.toml"),
        include_str!("../../../../docs/passback-agent.example.toml"),
    ];

    fn exit_code(which: Option<&str>, json: bool) -> ExitCode {
        let which = which.map(str::to_owned);
        command::end("passback", outcomes(&OutcomesCommand { which, json }))
    }

    #[test]
    fn every_command_that_an_operator_is_told_to_run_on_the_service_is_understood() {
        let mut known = 0;
        for outcome in Outcome::ALL {
            for words in outcome.commands("passback") {
                let parsed = Cli::try_parse_from(&words);
                assert!(parsed.is_ok(), "{}: {words:?}: {}", outcome.name(), parsed.err().unwrap());
                known += 1;
            }
        }
        assert!(known > 5, "{known}");
    }

    #[test]
    fn the_page_that_is_checked_in_is_the_printed_one() {
        assert!(PAGE == page(), "run `passback outcomes > docs/outcomes.md`");
    }

    #[test]
    fn an_outcome_is_found_by_its_number_and_by_its_name() {
        for which in ["33004", "SSPR_0030", "pdc_unreachable", "agent_started"] {
            assert_eq!(exit_code(Some(which), false), ExitCode::SUCCESS, "{which}");
            assert_eq!(exit_code(Some(which), true), ExitCode::SUCCESS, "{which}");
        }
        assert_eq!(exit_code(Some("33"), false), ExitCode::from(1));
        assert_eq!(exit_code(None, true), ExitCode::SUCCESS);
    }

    #[test]
    fn an_entry_says_what_the_person_is_told_and_what_the_operator_does() {
        let text = entry(Outcome::PolicyTooShort);
        for part in ["33008", "The person must act", "did not change", "‹number› characters"] {
            assert!(text.contains(part), "{part}: {text}");
        }
        let event = entry(Outcome::RelayHostDown);
        assert!(event.contains("Fix: ") && !event.contains('>'), "{event}");
    }

    #[test]
    fn json_has_the_sentence_of_every_language_and_none_for_events() {
        let all: Value = serde_json::from_str(&as_json(Outcome::ALL)).unwrap();
        let all = all.as_array().unwrap();
        assert_eq!(all.len(), Outcome::ALL.len());
        for (object, outcome) in all.iter().zip(Outcome::ALL) {
            assert_eq!(object["name"], outcome.name());
            for locale in Locale::all() {
                let sentence = object["person"][locale.tag()].as_str();
                assert_eq!(sentence.is_some(), outcome.is_told(), "{object}");
            }
            assert_eq!(object["changed"].is_null(), !outcome.is_told(), "{object}");
        }
    }

    /// What stands between backquotes in the operator's texts.
    fn quoted() -> impl Iterator<Item = (&'static str, &'static str)> {
        Outcome::ALL.iter().flat_map(|outcome| {
            let parts = outcome.operator_text().split('`').skip(1).step_by(2);
            parts.map(|part| (outcome.name(), part))
        })
    }

    #[test]
    fn every_setting_that_an_operator_is_told_of_is_there() {
        let mut seen = 0;
        for (name, setting) in quoted() {
            let setting = setting.split(" = ").next().unwrap_or(setting);
            let is_key = |byte: u8| byte.is_ascii_lowercase() || byte == b'_';
            if !setting.bytes().all(is_key) || setting == "cause" {
                continue;
            }
            seen += 1;
            let line = |line: &str| {
                let line = line.trim_start_matches('#');
                line.strip_prefix(setting).is_some_and(|rest| rest.starts_with(" = "))
            };
            let there = SETTINGS.iter().any(|example| example.lines().any(line));
            assert!(there, "{name}: there is no setting `{setting}`");
        }
        assert!(seen > 15, "the texts are read");
    }
}
