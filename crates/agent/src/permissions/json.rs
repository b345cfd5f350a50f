//! Judgements for programs. The form is checked by `tests/snapshots` of this crate.

use directory::PolicyControl;
use serde_json::{Value, json};

use super::arrived::{Arrival, State};
use super::cause::Cause;
use super::judge::{Finding, Judgement, Kind};
use super::remedy::is_optional;
use super::{Observed, Remedy, feature_name, key};

/// A directory that could not be looked at: why, what puts it right, and the exit code by which the
/// command fails.
pub(crate) fn not_checked(
    name: &str,
    domain: &str,
    cause: &str,
    fix: &Remedy,
    exit_code: u8,
) -> Value {
    json!({
        "directory": name,
        "domain": domain,
        "good": false,
        "error": { "text": cause, "exit_code": exit_code, "fix": of_remedy(fix) },
    })
}

/// A judged directory.
pub(crate) fn check(observed: &Observed, judgement: &Judgement, arrivals: &[Arrival]) -> Value {
    let features: serde_json::Map<String, Value> = judgement
        .features
        .iter()
        .map(|(feature, has)| (feature_name(*feature).to_owned(), json!(has)))
        .collect();
    json!({
        "directory": observed.name,
        "domain": observed.domain,
        "controller": observed.asker.controller,
        "account": observed.account(),
        "account_sid": observed.asker.own.to_string(),
        "policy_control": observed.asker.policy_control.map(PolicyControl::oid),
        "error": null,
        "good": judgement.findings.is_empty() && arrivals.iter().all(Arrival::is_complete),
        "features": features,
        "units": observed.units.iter().map(|unit| unit.dn.to_string()).collect::<Vec<_>>(),
        "units_below": observed.below.len(),
        "units_below_cut": !observed.below_cut.is_empty(),
        "people": {
            "looked_at": observed.people.len(),
            "good": judgement.people_good,
            "protected": judgement.people_protected,
        },
        "findings": judgement
            .findings
            .iter()
            .map(|finding| of_finding(finding, observed))
            .collect::<Vec<_>>(),
        "other_controllers": arrivals
            .iter()
            .map(|arrival| of_arrival(arrival, observed))
            .collect::<Vec<_>>(),
    })
}

fn of_arrival(arrival: &Arrival, observed: &Observed) -> Value {
    let (state, findings, absent) = match &arrival.state {
        State::Complete => ("complete", &[][..], &[][..]),
        State::NotAsked(_) => ("not_asked", &[][..], &[][..]),
        State::Behind { findings, absent } => ("behind", &findings[..], &absent[..]),
    };
    let lacking = |one: &Finding| {
        let rights: Vec<_> = one.permissions.iter().map(|one| key(*one)).collect();
        json!({ "object": one.object.to_string(), "rights": rights, "text": one.text(observed) })
    };
    json!({
        "controller": arrival.controller,
        "state": state,
        "text": arrival.text(observed),
        "findings": findings.iter().map(lacking).collect::<Vec<_>>(),
        "absent": absent.iter().map(ToString::to_string).collect::<Vec<_>>(),
        "fix": of_remedy(&arrival.remedy(observed)),
    })
}

/// Something that is not as it must be.
pub(crate) fn of_finding(finding: &Finding, observed: &Observed) -> Value {
    let kind = match finding.kind {
        Kind::Root => "root",
        Kind::Unit => "unit",
        Kind::Person => "person",
        Kind::Container => "container",
        Kind::Controller => "controller",
        Kind::Configuration => "configuration",
    };
    let cause = match &finding.cause {
        Cause::NotThere => "not_there",
        Cause::SpeltOtherwise { .. } => "spelt_otherwise",
        Cause::Hidden => "hidden",
        Cause::Missing => "missing",
        Cause::Denied { .. } => "denied",
        Cause::Unclear { .. } => "unclear",
        Cause::InheritanceOff => "inheritance_off",
        Cause::NotArrived { .. } => "not_arrived",
        Cause::CannotChange => "cannot_change",
        Cause::AdminCountLeft { .. } => "admin_count_left",
        Cause::AdminCountKept { .. } => "admin_count_kept",
        Cause::AdminCountUnclear { .. } => "admin_count_unclear",
        Cause::Unjudged { .. } => "unjudged",
        Cause::OtherClass { .. } => "other_class",
        Cause::NoPolicyControl => "no_policy_control",
        Cause::NotAllLookedAt => "not_all_looked_at",
        Cause::ProtectsNobody(group) if group.is_certain() => "protects_nobody",
        Cause::ProtectsNobody(_) => "group_not_found",
    };
    json!({
        "cause": cause,
        "kind": kind,
        "object": finding.object.to_string(),
        "rights": finding.permissions.iter().map(|one| key(*one)).collect::<Vec<_>>(),
        "optional": !finding.permissions.is_empty()
            && finding.permissions.iter().all(|one| is_optional(*one)),
        "text": finding.text(observed),
        "fix": of_remedy(&finding.remedy(observed)),
    })
}

/// A fix; null where nobody knows one.
pub(crate) fn of_remedy(remedy: &Remedy) -> Value {
    if *remedy == Remedy::default() {
        return Value::Null;
    }
    json!({ "commands": remedy.commands, "note": remedy.note })
}
