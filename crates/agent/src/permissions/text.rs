//! Judgements and changes for people.

use std::fmt::Write as _;

use directory::UNITS_MAX;
use directory::security::rights::{Feature, INET_ORG_PERSON, Judged, Permission, USER};

use super::arrived::Arrival;
use super::cause::{Cause, own_cause};
use super::conditional::but_for_its_condition;
use super::judge::{Finding, Judgement, Kind};
use super::plan::{Change, is_for_inet_org_person};
use super::policy::no_control;
use super::print::shown;
use super::{NOT_FOLLOWED, Observed, Remedy, feature_name, label, labels, marked_text};

impl Cause {
    /// Of something that beats a grant: what it does, by whose entry.
    fn denial(&self, observed: &Observed) -> Option<String> {
        let by =
            |trustee, does: &str| format!("{does} by an entry for {}", observed.names.of(trustee));
        match self {
            Self::Denied { trustee, .. } => Some(by(trustee, "is denied it")),
            Self::Unclear { trustee, denies: true, .. } => {
                Some(by(trustee, "may be denied it, under a condition,"))
            }
            _ => None,
        }
    }
}

/// What comes of it that these may not be read of people.
fn without(read: &[Judged]) -> String {
    let needed = read.iter().filter(|one| one.is_needed()).map(|one| one.name());
    let needed: Vec<&str> = needed.collect();
    let unknown: Vec<&str> = read.iter().filter_map(|one| one.unknown_without()).collect();
    match (&needed[..], &unknown[..]) {
        ([], unknown) => format!("people are reset, and it is not known {}", unknown.join("; or ")),
        (needed, []) => format!("nobody is reset without {}", needed.join(", ")),
        (needed, unknown) => format!(
            "nobody is reset without {}; without the rest it is not known {}",
            needed.join(", "),
            unknown.join("; or ")
        ),
    }
}

impl Kind {
    /// What an object is called in a sentence, before its name.
    const fn named(self) -> &'static str {
        match self {
            Self::Root => "the root of the domain",
            Self::Unit => "the unit",
            Self::Person => "the person",
            Self::Container => "the container",
            Self::Controller => "the controller",
            Self::Configuration => "the configuration",
        }
    }
}

impl Finding {
    /// That people may not be read, with what is hidden of them.
    fn unread(&self, account: &str) -> String {
        let below = match self.kind {
            Kind::Unit => "people below the unit",
            kind => kind.named(),
        };
        let names: Vec<_> = self.permissions.iter().map(|one| one.name()).collect();
        let read = self.permissions.iter().filter_map(|one| match one {
            Permission::Read(attribute) => Some(*attribute),
            _ => None,
        });
        let read: Vec<Judged> = read.collect();
        format!(
            "{account} may not read of {below} {}: {}; no entry there or above grants it, such as one for Pre-Windows 2000 Compatible Access with everybody in it: {}",
            shown(&self.object),
            names.join(", "),
            without(&read)
        )
    }

    /// The cause, in one line.
    pub(crate) fn text(&self, observed: &Observed) -> String {
        let (object, rights) = (shown(&self.object), labels(&self.permissions));
        let account = observed.account();
        let of = self.kind.named();
        match &self.cause {
            Cause::NotThere => format!("{of} {object} is not there, or {account} may not see it"),
            Cause::SpeltOtherwise { there } => format!(
                "{of} {object} of the configuration is {} in the directory, and nobody is in scope by it as long as the two are written differently",
                shown(there)
            ),
            Cause::Hidden => {
                format!("{account} may not read who has which rights on {of} {object}")
            }
            Cause::Missing if self.is_about_reading() => self.unread(&account),
            Cause::OtherClass { example } => format!(
                "{account} lacks on people of class inetOrgPerson below {of} {object}, such as {}: {rights}; entries for users do not reach them",
                shown(example)
            ),
            Cause::Missing => {
                format!(
                    "{account} lacks on {of} {object}: {rights}; no entry there or above grants it"
                )
            }
            Cause::Denied { trustee, inherited, index } => {
                let from = self.whence(observed, *inherited, *index);
                let whom = observed.names.of(trustee);
                format!(
                    "{account} is denied on {of} {object}: {rights}; by an entry for {whom}, {from}"
                )
            }
            Cause::Unclear { trustee, inherited, denies, index } => {
                let from = self.whence(observed, *inherited, *index);
                let whom = observed.names.of(trustee);
                let (may, does) = match denies {
                    true => ("may be denied on", "denies it"),
                    false => ("may lack on", "grants it"),
                };
                format!(
                    "{account} {may} {of} {object}: {rights}; an entry for {whom}, {from}, {does} under a condition that cannot be evaluated here, and counts as a refusal"
                )
            }
            Cause::InheritanceOff => {
                format!("inheritance is off on {of} {object}, so that {account} lacks: {rights}")
            }
            Cause::NotArrived { from } => format!(
                "what {account} has on {} has not reached {of} {object}: {rights}",
                shown(from)
            ),
            Cause::CannotChange => format!(
                "\"user cannot change password\" is set on {of} {object}: never reset as long as it is"
            ),
            Cause::Unjudged { attribute, inheritance_off } => format!(
                "{attribute} of {of} {object} is hidden from {account}, so that nobody can say whether it may be reset{}: never reset as long as it is",
                off(*inheritance_off)
            ),
            Cause::NoPolicyControl => format!(
                "{}, so that history would not be enforced: nothing is reset",
                no_control(&observed.asker)
            ),
            Cause::ProtectsNobody(group) => group.text(),
            Cause::NotAllLookedAt => format!(
                "{of} {object} has more than {UNITS_MAX} units and containers below it, and no more than those were looked at"
            ),
            Cause::AdminCountKept { .. }
            | Cause::AdminCountUnclear { .. }
            | Cause::AdminCountLeft { .. } => self.cause.of_mark(&format!("{of} {object}")),
        }
    }
}

impl Cause {
    /// Of an `adminCount` that the account's groups do not account for, what is wrong with it.
    fn of_mark(&self, who: &str) -> String {
        match self {
            Self::AdminCountKept { by, inheritance_off } => format!(
                "adminCount of {who} comes back{}: it is {}, and is never reset as long as it is",
                off(*inheritance_off),
                marked_text(by).unwrap_or_default()
            ),
            Self::AdminCountUnclear { inheritance_off } => format!(
                "adminCount of {who} may be left over{}: {NOT_FOLLOWED}; never reset as long as it is there",
                off(*inheritance_off)
            ),
            Self::AdminCountLeft { inheritance_off } => format!(
                "adminCount is left over on {who}, who is in no protected group{}: never reset as long as it is there",
                off(*inheritance_off)
            ),
            _ => String::new(),
        }
    }
}

/// That inheritance is off as well.
const fn off(inheritance_off: bool) -> &'static str {
    if inheritance_off { ", and inheritance is off" } else { "" }
}

/// Each finding with its fix below it.
pub(crate) fn findings<'f>(
    observed: &Observed,
    findings: impl IntoIterator<Item = &'f Finding>,
) -> String {
    let mut text = String::new();
    for finding in findings {
        let _ = writeln!(text, "{}: {}.", observed.name, finding.text(observed));
        for line in finding.remedy(observed).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    text
}

/// A directory that could not be looked at: why, and what puts it right.
pub(crate) fn not_checked(name: &str, cause: &str, fix: &Remedy) -> String {
    let mut text = format!("{name}: cannot be looked at: {}.\n", cause.trim_end_matches('.'));
    for line in fix.lines() {
        let _ = writeln!(text, "  {line}");
    }
    text
}

/// So many of something, by its names for one and for several.
fn counted(number: usize, [one, several]: [&str; 2]) -> String {
    format!("{number} {}", if number == 1 { one } else { several })
}

/// A judged directory: each finding with its fix below it, then what was looked at.
pub(crate) fn check(observed: &Observed, judgement: &Judgement, arrivals: &[Arrival]) -> String {
    let name = &observed.name;
    let mut text = findings(observed, &judgement.findings);
    for arrival in arrivals.iter().filter(|one| !one.is_complete()) {
        let _ = writeln!(text, "{name}: {}.", arrival.text(observed).trim_end_matches('.'));
        for line in arrival.remedy(observed).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    let all = if judgement.findings.is_empty() { "all rights are there" } else { "not complete" };
    let _ = writeln!(
        text,
        "{name}: {all}: {} at {}; {} in scope, {} below; {} looked at, {} of them good, {} protected and never reset.",
        observed.account(),
        observed.asker.controller,
        counted(observed.units.len(), ["unit", "units"]),
        observed.below.len(),
        counted(observed.people.len(), ["person", "people"]),
        judgement.people_good,
        judgement.people_protected,
    );
    for arrival in arrivals.iter().filter(|one| one.is_complete()) {
        let _ = writeln!(text, "  {}.", arrival.text(observed));
    }
    if observed.asker.policy_control.is_none() && observed.without_policy_control {
        let none = no_control(&observed.asker);
        let _ = writeln!(text, "  {none}: history is not enforced, as the configuration allows.");
    }
    for group in observed.idle_groups.iter().filter(|group| !group.is_finding()) {
        let _ = writeln!(text, "  {}.", group.text());
    }
    for (feature, has) in &judgement.features {
        let _ = writeln!(
            text,
            "  {}: {}",
            feature_name(*feature),
            standing(*feature, *has, &judgement.unread)
        );
    }
    text
}

/// Whether a feature has what it needs, with what comes of it that these may not be read.
fn standing(feature: Feature, has: Option<bool>, unread: &[Judged]) -> String {
    let told = match (feature, has) {
        (_, None) => "not looked at: no people, or hidden who has which rights on them",
        (_, Some(true)) => "has its rights",
        (Feature::Writeback, Some(false)) => "lacks rights where they stand",
        (Feature::FineGrainedRules, Some(false)) => {
            "no rights (optional); fine-grained rules are shown as unknown"
        }
        (Feature::Anchor, Some(false)) => {
            "no rights (optional); mS-DS-ConsistencyGuid is not written"
        }
        (Feature::Reading, Some(false)) => return format!("lacks rights: {}", without(unread)),
        (Feature::Deletions, Some(false)) => "no rights (optional); deletions are found by a sweep",
    };
    told.to_owned()
}

/// What is said of a right on people of another class than `user`.
const ON_INET_ORG_PERSON: &str = ", on people of class inetOrgPerson";

/// Changes before they are made.
pub(crate) fn preview(observed: &Observed, changes: &[Change]) -> String {
    let (account, who) = (observed.account(), observed.requester());
    let mut text = String::new();
    for change in changes {
        let _ = writeln!(text, "On {}:", shown(&change.on));
        let after = change.after();
        for (permission, entry) in &change.add {
            let (class, people) = match is_for_inet_org_person(entry) {
                true => (INET_ORG_PERSON, ON_INET_ORG_PERSON),
                false => (USER, ""),
            };
            let _ = writeln!(text, "  + {account} may: {}{people}", label(*permission));
            let standing = |one| permission.standing_for(class, one, &who);
            let ruling = after.as_ref().map(|one| (one, standing(one)));
            if let Some((after, ruling)) = ruling.filter(|(_, one)| !one.is_granted())
                && let Some(why) = own_cause(&ruling, after).denial(observed)
            {
                let _ = writeln!(text, "    and {why} all the same");
            }
        }
        for (permission, entry) in &change.remove {
            let people = if is_for_inet_org_person(entry) { ON_INET_ORG_PERSON } else { "" };
            let right = format!("{}{people}", label(*permission));
            let Some(access) = entry.access().filter(|_| entry.denies()) else {
                let _ = writeln!(text, "  - {account} may no longer, by this entry: {right}");
                continue;
            };
            let _ = writeln!(
                text,
                "  - the entry for {} under a condition goes, by which {account} may be denied: {right}",
                observed.names.of(&access.trustee)
            );
            // It may be about more than that right.
            if let Some(whole) = but_for_its_condition(entry) {
                let _ = writeln!(text, "    but for its condition, it is the whole of {whole}");
            }
        }
        if change.inherit {
            let _ = writeln!(text, "  + inheritance is turned on");
        }
        if change.clear_admin_count {
            let _ = writeln!(text, "  - adminCount is taken away");
        }
    }
    text
}
