//! The rules for the next password, and how the present one stands.

use std::time::Duration;

use command::trail::rfc3339;
use directory::{PolicySource, PwdLastSet, too_young};
use protocol::PasswordPolicy;

use super::{Line, Section, Subject};
use crate::permissions::{READABLE, Remedy, quoted};

/// Who puts right that a password has to be changed.
const BY_ITSELF: &str = "a reset or a change by the person ends that: a sign-in that cannot ask for another password is refused until then";

impl Subject<'_> {
    /// Whether the account is locked out at the moment.
    pub(super) fn locked(&self) -> Line {
        let locked = self.account.is_locked(self.policy.rules.as_ref(), self.now);
        let Some(since) = self.account.lockout_time else {
            return match locked {
                Some(true) => Line::bad("locked out: a reset unlocks").with(self.unlock()),
                Some(false) => Line::good("not locked out"),
                None => Line::bad(
                    "lockoutTime is hidden from the service account: whether it is locked out cannot be said",
                )
                .with(Remedy::note(READABLE)),
            };
        };
        let since = rfc3339(since);
        match locked {
            Some(true) => {
                Line::bad(format!("locked out since {since}: a reset unlocks")).with(self.unlock())
            }
            Some(false) => Line::good(format!(
                "not locked out any more: it was since {since}, and that has run out"
            )),
            None => Line::known(format!(
                "locked out on {since}: whether that has run out cannot be said, because neither the controller says it nor the rules of its policy, which are hidden; a reset unlocks"
            )),
        }
    }

    /// Until when the present password can be signed in with.
    pub(super) fn expiry(&self) -> Line {
        let account = &self.account;
        if account.password_never_expires() {
            return Line::good(
                "the password never expires, so that it cannot be made to change at the next sign-in",
            );
        }
        if account.requires_smart_card() {
            return Line::known(
                "nobody asks it for another password: it signs in with a smart card",
            );
        }
        if account.is_computer_or_trust() {
            return Line::known("nobody asks it for another password: it is no person's");
        }
        let at = match account.pwd_last_set {
            PwdLastSet::Never => {
                let text = "the password must be changed at the next sign-in, or was never set";
                return Line::bad(text).with(Remedy::note(BY_ITSELF));
            }
            PwdLastSet::Hidden => {
                return Line::known(
                    "whether the password has expired cannot be said: pwdLastSet is hidden",
                );
            }
            PwdLastSet::At(at) => at,
        };
        match self.policy.rules.as_ref().and_then(|rules| rules.maximum_age_seconds) {
            None => {
                Line::known("whether the password has expired cannot be said: its rules are hidden")
            }
            Some(0) => Line::good("the password does not expire by its age"),
            Some(seconds) => {
                let end = at.after(Duration::from_secs(seconds));
                match end <= self.now {
                    true => Line::bad(format!(
                        "the password has expired by its age, on {}",
                        rfc3339(end)
                    ))
                    .with(Remedy::note(BY_ITSELF)),
                    false => Line::good(format!("the password expires on {}", rfc3339(end))),
                }
            }
        }
    }

    /// The rules for the next password, and whose they are.
    pub(super) fn rules(&self) -> Section {
        let of = match &self.policy.source {
            PolicySource::Domain(head) => format!("the domain's rules, on {head}"),
            PolicySource::FineGrained(pso) => format!("the fine-grained policy {pso}"),
            PolicySource::Unknown => {
                let text = "msDS-ResultantPSO is hidden from the service account: whose rules the next password obeys cannot be said";
                let line = Line::bad(text).with(Remedy::note(READABLE));
                return Section { title: "Password policy", lines: vec![line] };
            }
        };
        let mut lines = vec![Line::good(of)];
        match &self.policy.rules {
            None => {
                let grant = format!(
                    "passback-agent permissions grant --directory {} --feature fine-grained-rules",
                    quoted(self.settings.name.as_str())
                );
                lines.push(Line::bad("its rules are hidden from the service account: a refusal cannot be explained").with(Remedy::command(grant)));
            }
            Some(rules) => {
                lines.push(Line::good(format!(
                    "at least {} characters, {}; {} earlier passwords remembered; at least {} s between two changes",
                    rules.minimum_length,
                    if rules.complexity { "three of five kinds" } else { "of any kind" },
                    rules.history_length,
                    rules.minimum_age_seconds
                )));
                lines.extend([oldest(rules), lockout(rules)]);
            }
        }
        if self.settings.administrator_reset_without_history_and_age {
            lines.push(Line::known(
                "a reset by an administrator is made without history and least age, as the configuration allows",
            ));
        }
        if let Some(from) = too_young(self.policy.rules.as_ref(), &self.account, self.now) {
            let text = format!(
                "the present password is too young: it can be replaced from {} on",
                rfc3339(from)
            );
            let remedy = Remedy::note(
                "wait until then, or make the account change its password at the next sign-in, which has no least age",
            );
            lines.push(Line::stopping(text).with(remedy));
        }
        Section { title: "Password policy", lines }
    }

    /// When the password was last set, and where.
    pub(super) fn last_set(&self) -> Section {
        let mut lines = vec![match self.account.pwd_last_set {
            PwdLastSet::Never => Line::known("never, or it must be changed at the next sign-in"),
            PwdLastSet::At(at) => Line::good(format!("at {}", rfc3339(at))),
            PwdLastSet::Hidden => Line::known("hidden from the service account"),
        }];
        let Some(witness) = &self.witness else {
            let text = "replPropertyMetaData is hidden from the service account: after a crash it could not be said whether the password was set";
            let inherit = format!("where inheritance is off, turn it on; else {READABLE}");
            lines.push(Line::stopping(text).with(Remedy::note(inherit)));
            return Section { title: "Last set", lines };
        };
        lines.push(match (&self.set_at, witness.originator) {
            (Some(name), _) => Line::good(format!("at the controller {name}")),
            (None, Some(copy)) => Line::known(format!(
                "by a copy of the database that no controller that may be seen has now, {copy}: it was restored since, or taken out of the domain"
            )),
            (None, None) => Line::known("nowhere that is known"),
        });
        lines.push(Line::good(format!("version {} of the password", witness.version)));
        Section { title: "Last set", lines }
    }
}

/// How old a password may become.
fn oldest(rules: &PasswordPolicy) -> Line {
    match rules.maximum_age_seconds {
        None => Line::known("how old a password may become is hidden"),
        Some(0) => Line::good("passwords of any age"),
        Some(seconds) => Line::good(format!("passwords of at most {seconds} s")),
    }
}

/// After how many wrong passwords an account is locked, and for how long.
fn lockout(rules: &PasswordPolicy) -> Line {
    let threshold = match rules.lockout_threshold {
        None => {
            return Line::known("after how many wrong passwords the account is locked is hidden");
        }
        Some(0) => return Line::good("wrong passwords never lock the account"),
        Some(threshold) => threshold,
    };
    let within = rules.lockout_window_seconds;
    let within = within.map_or_else(String::new, |seconds| format!(" within {seconds} s"));
    let until = match rules.lockout_duration_seconds {
        None => "for a time that is hidden".to_owned(),
        Some(0) => "until somebody unlocks it".to_owned(),
        Some(seconds) => format!("for {seconds} s"),
    };
    Line::good(format!("{threshold} wrong passwords{within} lock the account {until}"))
}
