//! Judgements and changes for people.

use std::fmt::Write as _;

use directory::security::rights::Feature;

use super::arrived::Arrival;
use super::judge::{Cause, Finding, Judgement, Kind};
use super::plan::Change;
use super::print::shown;
use super::{Observed, feature_name, label, labels};

impl Finding {
    /// The cause, in one line.
    pub(crate) fn text(&self, observed: &Observed) -> String {
        let (object, rights) = (shown(&self.object), labels(&self.permissions));
        let account = observed.account();
        let of = match self.kind {
            Kind::Root => "the root of the domain",
            Kind::Unit => "the unit",
            Kind::Person => "the person",
            Kind::Container => "the container",
        };
        match &self.cause {
            Cause::NotThere => format!("{of} {object} is not there, or {account} may not see it"),
            Cause::Hidden => {
                format!("{account} may not read who has which rights on {of} {object}")
            }
            Cause::Missing => {
                format!(
                    "{account} lacks on {of} {object}: {rights}; no entry there or above grants it"
                )
            }
            Cause::Denied { trustee, inherited, .. } => {
                let from = if *inherited { "inherited" } else { "of the object's own" };
                let whom = observed.names.of(trustee);
                format!(
                    "{account} is denied on {of} {object}: {rights}; by an entry for {whom}, {from}"
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
            Cause::AdminCountLeft { inheritance_off } => {
                let off = if *inheritance_off { ", and inheritance is off" } else { "" };
                format!(
                    "adminCount is left over on {of} {object}, who is in no protected group{off}: never reset as long as it is there"
                )
            }
        }
    }
}

/// A judged directory: each finding with its fix below it, then what was looked at.
pub(crate) fn check(observed: &Observed, judgement: &Judgement, arrivals: &[Arrival]) -> String {
    let mut text = String::new();
    let name = &observed.name;
    for finding in &judgement.findings {
        let _ = writeln!(text, "{name}: {}.", finding.text(observed));
        for line in finding.remedy(observed).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    for arrival in arrivals.iter().filter(|one| !one.is_complete()) {
        let _ = writeln!(text, "{name}: {}.", arrival.text(observed).trim_end_matches('.'));
        for line in arrival.remedy(observed).lines() {
            let _ = writeln!(text, "  {line}");
        }
    }
    let all = if judgement.findings.is_empty() { "all rights are there" } else { "not complete" };
    let _ = writeln!(
        text,
        "{name}: {all}: {} at {}; {} units in scope, {} below; {} people looked at, {} of them good, {} protected and never reset.",
        observed.account(),
        observed.asker.controller,
        observed.units.len(),
        observed.below.len(),
        observed.people.len(),
        judgement.people_good,
        judgement.people_protected,
    );
    for arrival in arrivals.iter().filter(|one| one.is_complete()) {
        let _ = writeln!(text, "  {}.", arrival.text(observed));
    }
    if observed.below_cut {
        let _ = writeln!(text, "  There are more units and containers than were looked at.");
    }
    for (feature, has) in &judgement.features {
        let _ = writeln!(text, "  {}: {}", feature_name(*feature), standing(*feature, *has));
    }
    text
}

const fn standing(feature: Feature, has: bool) -> &'static str {
    match (feature, has) {
        (_, true) => "has its rights",
        (Feature::Writeback, false) => "lacks rights where they stand",
        (Feature::FineGrainedRules, false) => {
            "no rights (optional); fine-grained rules are shown as unknown"
        }
        (Feature::Anchor, false) => "no rights (optional); mS-DS-ConsistencyGuid is not written",
        (Feature::Deletions, false) => "no rights (optional); deletions are found by a sweep",
    }
}

/// Changes before they are made.
pub(crate) fn preview(observed: &Observed, changes: &[Change]) -> String {
    let account = observed.account();
    let mut text = String::new();
    for change in changes {
        let _ = writeln!(text, "On {}:", shown(&change.on));
        for (permission, _) in &change.add {
            let _ = writeln!(text, "  + {account} may: {}", label(*permission));
        }
        for (permission, _) in &change.remove {
            let _ = writeln!(
                text,
                "  - {account} may no longer, by this entry: {}",
                label(*permission)
            );
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
