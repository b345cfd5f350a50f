//! What is told about a person, as data, as text and as JSON.

use std::fmt::Write as _;

use directory::DistinguishedName;
use serde_json::{Value, json};

use crate::permissions::{Remedy, of_remedy};

/// Everything about a person.
#[derive(Debug, Clone)]
pub(crate) struct Explanation {
    /// The directory's name in the configuration.
    pub(crate) directory: String,
    /// The account's login.
    pub(crate) login: String,
    /// Where it stands; none where the directory could not be asked.
    pub(crate) dn: Option<DistinguishedName>,
    /// Whether the password can be reset, and what stops it.
    pub(crate) verdict: Line,
    /// The answers, question by question.
    pub(crate) sections: Vec<Section>,
}

/// The answer to one question.
#[derive(Debug, Clone)]
pub(crate) struct Section {
    /// The question, in a word or two.
    pub(crate) title: &'static str,
    /// The answer.
    pub(crate) lines: Vec<Line>,
}

/// One fact.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    /// Whether it is as it should be.
    pub(crate) mark: Mark,
    /// It keeps the password from being reset.
    pub(crate) stops: bool,
    /// The fact.
    pub(crate) text: String,
    /// What puts it right.
    pub(crate) remedy: Remedy,
}

/// Whether a fact is as it should be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mark {
    /// It is.
    Good,
    /// It is not.
    Bad,
    /// It is neither, and worth knowing.
    Known,
}

impl Line {
    fn of(mark: Mark, stops: bool, text: String) -> Self {
        Self { mark, stops, text, remedy: Remedy::default() }
    }

    /// A fact that is as it should be.
    pub(crate) fn good(text: impl Into<String>) -> Self {
        Self::of(Mark::Good, false, text.into())
    }

    /// A fact that is neither good nor bad.
    pub(crate) fn known(text: impl Into<String>) -> Self {
        Self::of(Mark::Known, false, text.into())
    }

    /// A fact that is not as it should be, and does not stop a reset.
    pub(crate) fn bad(text: impl Into<String>) -> Self {
        Self::of(Mark::Bad, false, text.into())
    }

    /// A fact that stops a reset.
    pub(crate) fn stopping(text: impl Into<String>) -> Self {
        Self::of(Mark::Bad, true, text.into())
    }

    /// The same with what puts it right.
    #[must_use]
    pub(crate) fn with(self, remedy: Remedy) -> Self {
        Self { remedy, ..self }
    }

    fn json(&self) -> Value {
        let mark = match self.mark {
            Mark::Good => "good",
            Mark::Bad => "bad",
            Mark::Known => "known",
        };
        let fix = of_remedy(&self.remedy);
        json!({ "mark": mark, "stops": self.stops, "text": self.text, "fix": fix })
    }
}

impl Explanation {
    /// A directory that could not be asked about a person.
    pub(crate) fn of_fault(directory: &str, user: &str, fault: Line) -> Self {
        let text = format!("cannot be reset: {}", fault.text);
        Self {
            directory: directory.to_owned(),
            login: user.replace(char::is_control, "?"),
            dn: None,
            verdict: Line { text, ..fault },
            sections: Vec::new(),
        }
    }

    /// Whether a reset would be made.
    pub(crate) const fn is_good(&self) -> bool {
        !self.verdict.stops
    }

    /// For people: the verdict and its fix, then the sections.
    pub(crate) fn text(&self) -> String {
        let mut text = String::new();
        let Self { directory, login, dn, verdict, .. } = self;
        let _ = writeln!(text, "{directory}: {login} {}.", verdict.text.trim_end_matches('.'));
        for line in verdict.remedy.lines() {
            let _ = writeln!(text, "  {line}");
        }
        if let Some(dn) = dn {
            let _ = writeln!(text, "{}", dn.to_string().replace(char::is_control, "?"));
        }
        for section in &self.sections {
            let _ = writeln!(text, "\n{}", section.title);
            for line in &section.lines {
                let mark = match line.mark {
                    Mark::Good => "good ",
                    Mark::Bad => "BAD  ",
                    Mark::Known => "     ",
                };
                let _ = writeln!(text, "  {mark} {}", line.text);
                for fix in line.remedy.lines() {
                    let _ = writeln!(text, "          {fix}");
                }
            }
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let sections: Vec<Value> = self
            .sections
            .iter()
            .map(|section| {
                let lines: Vec<Value> = section.lines.iter().map(Line::json).collect();
                json!({ "title": section.title, "lines": lines })
            })
            .collect();
        json!({
            "version": 1,
            "directory": self.directory,
            "login": self.login,
            "dn": self.dn.as_ref().map(ToString::to_string),
            "can_be_reset": self.is_good(),
            "verdict": self.verdict.json(),
            "sections": sections,
        })
    }
}
