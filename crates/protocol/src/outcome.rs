//! What can come out of an operation, and what happens around it: from the directory's code to the
//! page, the log and audit (SPEC 5).
//!
//! One enumeration serves the wire, the journal, audit, the API and the pages. Its rows stand in
//! the rooms of `outcome/`, one for each group:
//!
//! ```text
//! operations  resets, changes and unlocks: started, succeeded, failed
//! settling    late, twice, or cut off in the middle
//! password    what was wrong with what the person typed
//! account     who the person is in the directory, and what their account allows
//! directory   what the directory refused, or why it could not be asked
//! message     what is wrong with a message between cloud service and agent
//! tenant      why self-service is not there (SSPR_…)
//! flow        steps of a visit: names, gates, throttles
//! service     onboarding, agents and their connections
//! alarms      what operators are alarmed or warned about
//! ```
//!
//! To find one by its number: `passback outcomes 33004`, or `docs/outcomes.md`. To add one: a row in
//! its room. A row is
//!
//! ```text
//! /// What it is, for whoever writes code.
//! Variant = "stable_name", "number", kind, who must act, changed,
//!     "The cause, for the operator.",
//!     "The fix.";
//! ```
//!
//! The fix may be left out where nobody must act. The sentence for the person stands, per language,
//! in the cloud service's `locales`, under `outcome-stable_name`; events have none. Numbers are SPEC
//! 5's, or our own from 34001, each used once; several causes of one number of SPEC 5 share it.

#[macro_use]
mod operations;
#[macro_use]
mod settling;
#[macro_use]
mod password;
#[macro_use]
mod account;
#[macro_use]
mod directory;
#[macro_use]
mod message;
#[macro_use]
mod tenant;
#[macro_use]
mod flow;
#[macro_use]
mod service;
#[macro_use]
mod alarms;

use crate::Changed;

/// Who can do something about an outcome.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Actor {
    /// Nobody needs to: it went well, or settles by itself.
    Nobody,
    /// The person in front of the page.
    Person,
    /// Whoever runs the organisation's directory, agent or cloud service.
    Operator,
    /// The makers of Passback.
    Passback,
}

impl Actor {
    /// The word in JSON and in the documentation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Nobody => "nobody",
            Self::Person => "person",
            Self::Operator => "operator",
            Self::Passback => "passback",
        }
    }
}

/// Where an outcome may stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// How an operation ended: in an agent's answer, in the journal, in audit, in the API, and told
    /// to the person.
    Answer,
    /// What the cloud service says without an agent, mostly before there is an operation: in audit,
    /// in the API, and told to the person; never in an answer.
    Page,
    /// What happened around operations: in the operator's log and in audit only.
    Event,
}

impl Kind {
    /// The word in JSON and in the documentation.
    pub const fn word(self) -> &'static str {
        match self {
            Self::Answer => "answer",
            Self::Page => "page",
            Self::Event => "event",
        }
    }
}

macro_rules! outcomes {
    ($($(#[$about:meta])* $group:ident = $title:literal {
        $($(#[$doc:meta])* $variant:ident = $name:literal, $number:literal,
            $kind:ident, $actor:ident, $changed:ident, $cause:literal $(, $fix:literal)?;)+
    })+) => {
        /// What outcomes have in common that stand in one room.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Group {
            $($(#[$about])* $group,)+
        }

        impl Group {
            /// Every group, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$group,)+];

            /// Its heading.
            pub const fn title(self) -> &'static str {
                match self { $(Self::$group => $title,)+ }
            }
        }

        /// An outcome of SPEC 5, what a page says before there is one, or an event around them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Outcome {
            $($($(#[$doc])* $variant,)+)+
        }

        impl Outcome {
            /// Every outcome, in the order of the table.
            pub const ALL: &'static [Self] = &[$($(Self::$variant,)+)+];

            /// The stable name: on the wire, in audit, on the page's `data-outcome`.
            pub const fn name(self) -> &'static str {
                match self { $($(Self::$variant => $name,)+)+ }
            }

            /// The event number, or the code of a page (`SSPR_…`), of SPEC 5.
            pub const fn number(self) -> &'static str {
                match self { $($(Self::$variant => $number,)+)+ }
            }

            /// The group that it belongs to.
            pub const fn group(self) -> Group {
                match self { $($(Self::$variant => Group::$group,)+)+ }
            }

            /// Where it may stand.
            pub const fn kind(self) -> Kind {
                match self { $($(Self::$variant => Kind::$kind,)+)+ }
            }

            /// Who must act.
            pub const fn actor(self) -> Actor {
                match self { $($(Self::$variant => Actor::$actor,)+)+ }
            }

            /// Whether the password in the directory changed by what this tells of. An event changes
            /// none by itself.
            pub const fn changed(self) -> Changed {
                match self { $($(Self::$variant => Changed::$changed,)+)+ }
            }

            /// The cause, for the operator. Never shown to the person.
            pub const fn cause(self) -> &'static str {
                match self { $($(Self::$variant => $cause,)+)+ }
            }

            /// What the operator can do about it; empty where there is nothing to do.
            pub const fn fix(self) -> &'static str {
                match self { $($(Self::$variant => concat!($($fix)?),)+)+ }
            }

            /// The cause and the fix, for the operator's log. Never shown to the person.
            pub const fn operator_text(self) -> &'static str {
                match self { $($(Self::$variant => concat!($cause $(, " ", $fix)?),)+)+ }
            }
        }
    };
}

/// Puts the rows of all rooms one behind the other, and makes the enumeration of them. Every room
/// gets what was gathered before it, adds its own, and calls this again.
macro_rules! gather {
    ({ $($rows:tt)* }) => { outcomes! { $($rows)* } };
    ({ $($rows:tt)* } $room:ident $($left:ident)*) => { $room! { { $($rows)* } $($left)* } };
}

gather! { {} operations settling password account directory message tenant flow service alarms }

impl Outcome {
    /// The command lines of `program` that the operator's text names, word by word. Each program's
    /// tests hold them against what it understands.
    pub fn commands(self, program: &str) -> impl Iterator<Item = Vec<&'static str>> {
        // Between backticks: every second piece.
        let pieces = self.operator_text().split('`').skip(1).step_by(2);
        let lines = pieces.map(|piece| piece.split_whitespace().collect::<Vec<_>>());
        lines.filter(move |words| words.first() == Some(&program))
    }

    /// The outcome with this stable name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|outcome| outcome.name() == name)
    }

    /// Every outcome that an agent may answer with, in the order of the table.
    pub fn answers() -> impl Iterator<Item = Self> {
        Self::ALL.iter().copied().filter(|outcome| outcome.may_be_answered())
    }

    /// Whether an agent may answer with it. [`crate::Answer::decode`] takes no other.
    pub const fn may_be_answered(self) -> bool {
        matches!(self.kind(), Kind::Answer)
    }

    /// Whether there is a sentence for a person.
    pub const fn is_told(self) -> bool {
        !matches!(self.kind(), Kind::Event)
    }

    /// Whether the person can put it right by choosing another password on the same page.
    pub const fn asks_for_another_password(self) -> bool {
        matches!(
            self,
            Self::PolicyTooShort
                | Self::PolicyNotComplex
                | Self::PolicyContainsName
                | Self::PolicyHistory
                | Self::PolicyOther
                | Self::PasswordBanned
                | Self::PasswordBreached
                | Self::PasswordMalformed
                | Self::PasswordsDiffer
        )
    }
}

#[cfg(test)]
mod tests;
