//! Every page that the service has, and every way in which it is looked at: on a desk and on a
//! phone, with and without scripting, in every language, in the light and in the dark.
#![allow(dead_code, reason = "every file that includes this uses a part of it")]

use protocol::{Changed, Outcome};

use crate::browser::{Browser, Examined, FOUR, Look, Profile, Seen, Tab};
use crate::walk::World;

macro_rules! pages {
    ($($(#[$doc:meta])* $page:ident = $template:literal, $step:literal, $outcome:literal;)+) => {
        /// A page, as it can be told from the others when one looks at it.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub(crate) enum Page {
            $($(#[$doc])* $page,)+
        }

        impl Page {
            pub(crate) const ALL: &'static [Self] = &[$(Self::$page,)+];

            /// The template that it is made from.
            pub(crate) const fn template(self) -> &'static str {
                match self { $(Self::$page => $template,)+ }
            }

            /// What stands in its `data-step`.
            pub(crate) const fn step(self) -> &'static str {
                match self { $(Self::$page => $step,)+ }
            }

            /// What stands in its `data-outcome` when it is looked at.
            pub(crate) const fn outcome(self) -> &'static str {
                match self { $(Self::$page => $outcome,)+ }
            }
        }
    };
}

pages! {
    Start = "start.html", "start", "";
    StartRefused = "start.html", "start", "name_malformed";
    Unavailable = "message.html", "unavailable", "on_premises_unreachable";
    Code = "code.html", "code", "";
    CodeWrong = "code.html", "code", "code_wrong";
    CodeResent = "code.html", "code", "";
    Password = "password.html", "password", "";
    /// With scripting the page says so by itself.
    PasswordDiffers = "password.html", "password", "passwords_differ";
    PasswordRefused = "password.html", "password", "policy_history";
    Waiting = "waiting.html", "waiting", "";
    /// Follows by itself.
    InDoubt = "message.html", "result", "in_doubt";
    Changed = "message.html", "result", "password_changed";
    /// Nothing that the person could do here.
    Unchanged = "message.html", "result", "disabled";
    /// The same visit goes on.
    TryAgain = "message.html", "result", "expired";
    /// The visit is over.
    Ended = "message.html", "error", "flow_expired";
    NotFound = "bare.html", "error", "";
    /// Before any page has seen the request.
    TurnedAway = "bare.html", "error", "foreign_request";
}

impl Page {
    /// The page that tells of an outcome: each that a person is told has one. They differ in their
    /// sentences only.
    pub(crate) fn that_tells(outcome: Outcome) -> Option<Self> {
        use Outcome as O;
        if !outcome.is_told() {
            return None;
        }
        Some(match outcome {
            O::InDoubt => Self::InDoubt,
            O::Expired
            | O::AlreadyInFlight
            | O::CannotBeKnown
            | O::SettledUnchanged
            | O::SettledElsewhereUnchanged
            | O::PdcUnreachable
            | O::BadInput
            | O::NotDecryptable
            | O::Fault => Self::TryAgain,
            O::OnPremisesUnreachable | O::WritebackOff | O::TenantOff => Self::Unavailable,
            O::PasswordsDiffer => Self::PasswordDiffers,
            O::CodeWrong | O::CodeExpired | O::AnswerWrong | O::ContactDiffers => Self::CodeWrong,
            O::CodeTriesSpent
            | O::Throttled
            | O::FlowExpired
            | O::FlowReplaced
            | O::CookiesBlocked => Self::Ended,
            O::NameMalformed | O::BotCheckFailed => Self::StartRefused,
            O::ForeignRequest => Self::TurnedAway,
            _ if outcome.changed() == Changed::Yes => Self::Changed,
            _ if outcome.asks_for_another_password() => Self::PasswordRefused,
            // What the result's page says unless it is told otherwise.
            _ => Self::Unchanged,
        })
    }

    /// Its name in a screenshot's.
    fn name(self) -> String {
        let mut name = String::new();
        for letter in format!("{self:?}").chars() {
            if letter.is_uppercase() && !name.is_empty() {
                name.push('_');
            }
            name.extend(letter.to_lowercase());
        }
        name
    }
}

/// A tab for every way to look at a page, and what was looked at in them.
pub(crate) struct Ways {
    browser: Browser,
    tabs: Vec<(Profile, Tab)>,
    visited: Vec<Page>,
}

impl Ways {
    pub(crate) fn of(world: &World) -> Self {
        let looks = FOUR.into_iter().flat_map(|look| [look, look.dutch_in_the_dark()]);
        let tabs = looks.map(|look| world.visitor(look)).collect();
        Self { browser: world.browser.clone(), tabs, visited: Vec::new() }
    }

    /// From now on they all stand where this visit stands.
    pub(crate) fn follow(&self, guide: &Profile) {
        for (profile, _) in &self.tabs {
            profile.adopt(guide);
        }
    }

    /// Goes to a page in every way, and looks at it.
    pub(crate) fn visit(&mut self, page: Page, go: impl Fn(&Tab)) {
        let tabs: Vec<&Tab> = self.tabs.iter().map(|(_, tab)| tab).collect();
        tabs.iter().for_each(|tab| go(tab));
        let looked = self.browser.examine(&tabs, "pages", &page.name());
        for (tab, Examined { seen, wider_when_narrow, axe }) in tabs.iter().zip(looked) {
            let told = format!("{page:?}, {:?}", tab.look);
            assert_is(&seen, page, tab.look, &told);
            assert!(!seen.wider_than_screen, "{told}: must be scrolled sideways");
            assert!(!wider_when_narrow, "{told}: must be scrolled sideways when it is narrow");
            axe.assert_nothing(&told);
        }
        self.visited.push(page);
    }

    /// That these were visited, and that no script and no policy had anything to complain about.
    pub(crate) fn assert_visited(&self, pages: &[Page]) {
        assert_eq!(self.visited, pages);
        for (_, tab) in &self.tabs {
            assert_eq!(tab.complaints(), [""; 0], "{:?}", tab.look);
        }
    }
}

/// It is that page, in its language, and explains itself.
fn assert_is(seen: &Seen, page: Page, look: Look, told: &str) {
    let by_itself = page == Page::PasswordDiffers && look.scripting;
    let outcome = if by_itself { "" } else { page.outcome() };
    assert_eq!((&*seen.step, &*seen.outcome), (page.step(), outcome), "{told}: {}", seen.text);
    assert_eq!(seen.language, look.language[..2], "{told}");
    assert_explained(seen, told);
}

/// Something says where one is, what happened, and what to do.
fn assert_explained(seen: &Seen, told: &str) {
    assert!(!seen.heading.is_empty() && seen.title.starts_with(&seen.heading), "{told}: {seen:?}");
    let beyond = seen.text.len() - seen.heading.len();
    assert!(beyond > 40, "{told} says nothing more than its heading: {}", seen.text);
    assert!(seen.text.contains(&seen.support_code), "{told}: {}", seen.text);
    if seen.outcome.is_empty() {
        return;
    }
    assert!(!seen.number.is_empty() && !seen.messages.is_empty(), "{told}: {seen:?}");
    let said = seen.messages.join(" ");
    let expected = match (&*seen.changed, &*seen.language) {
        ("yes", "en") => "Your new password works",
        ("yes", _) => "Uw nieuwe wachtwoord werkt",
        ("no", "en") => "Nothing was changed",
        ("no", _) => "niets veranderd",
        (_, "en") => "we do not know yet",
        (_, _) => "weten daarom nog niet",
    };
    assert!(said.contains(expected), "{told}: {said}");
}
