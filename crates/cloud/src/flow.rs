//! What comes next in a flow: derived from the recorded facts by one pure function, never stored
//! (a stored "current step" gets out of step with what happened).

use std::time::Duration;

use protocol::{CloudAnchor, TenantId, Timestamp};
use store::flows::{Fact, Flow, FlowId};
use store::people::Person;

use crate::gate::Method;

/// How many of which methods a tenant asks for (SPEC G-2).
#[derive(Debug, Clone)]
pub(crate) struct GatePolicy {
    /// The methods, in the order in which they are offered.
    pub(crate) methods: Vec<Method>,
    /// How many must be passed.
    pub(crate) required: usize,
    /// How old a passed gate may be.
    pub(crate) facts_live: Duration,
}

/// What a person has to do next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Step {
    /// Pass this gate.
    Gate(Method),
    /// Choose a password.
    Password,
}

/// The next step, from the policy and the gates that were passed.
pub(crate) fn next(policy: &GatePolicy, facts: &[Fact], now: Timestamp) -> Step {
    let fresh = |method: &Method| {
        let passed = facts.iter().find(|fact| fact.method == method.name());
        // A fact from the future does not count either: since() would call it fresh.
        passed.is_some_and(|fact| {
            fact.passed_at <= now && now.since(fact.passed_at) < policy.facts_live
        })
    };
    let passed = policy.methods.iter().filter(|method| fresh(method)).count();
    if policy.required > 0 && passed >= policy.required {
        return Step::Password;
    }
    match policy.methods.iter().find(|method| !fresh(method)) {
        Some(method) => Step::Gate(*method),
        // More gates are required than methods exist: nobody gets through.
        None => Step::Gate(Method::Email),
    }
}

/// The proof that all gates of a flow were passed by a person who exists. It can be made by
/// [`clear`] only, and the dispatcher takes nothing less (SPEC G-7, THREATS I9).
pub(crate) struct Cleared {
    flow: FlowId,
    tenant: TenantId,
    person: Person,
}

impl Cleared {
    /// The flow.
    pub(crate) const fn flow(&self) -> FlowId {
        self.flow
    }

    /// The tenant.
    pub(crate) const fn tenant(&self) -> TenantId {
        self.tenant
    }

    /// Who.
    pub(crate) const fn person(&self) -> &Person {
        &self.person
    }

    /// The person's cloudAnchor.
    pub(crate) const fn anchor(&self) -> &CloudAnchor {
        &self.person.id
    }
}

/// Clears a flow, if its recorded facts are enough, it has not ended, and it is that person's.
pub(crate) fn clear(
    policy: &GatePolicy,
    flow: &Flow,
    person: Option<Person>,
    facts: &[Fact],
    now: Timestamp,
) -> Option<Cleared> {
    let person = person?;
    let theirs = flow.person.as_ref() == Some(&person.id) && flow.tenant == person.tenant;
    let alive = !flow.ended && now < flow.expires_at;
    if !theirs || !alive || next(policy, facts, now) != Step::Password {
        return None;
    }
    Some(Cleared { flow: flow.id, tenant: flow.tenant, person })
}

#[cfg(test)]
mod tests {
    use protocol::scim::{AccountKind, Extension, PolicyReference, User};

    use super::*;

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn policy(required: usize) -> GatePolicy {
        GatePolicy { methods: vec![Method::Email], required, facts_live: Duration::from_secs(900) }
    }

    fn passed(ago: u64) -> Vec<Fact> {
        let passed_at = NOW.before(Duration::from_secs(ago));
        vec![Fact { method: "email".into(), passed_at }]
    }

    fn person(id: &str) -> Person {
        let anchor: protocol::SourceAnchor = "anchor".parse().unwrap();
        Person {
            id: id.parse().unwrap(),
            tenant: TenantId::from_bytes([1; 16]),
            version: 1,
            resource: User {
                schemas: vec![],
                id: None,
                external_id: anchor.clone(),
                user_name: "anna".into(),
                display_name: String::new(),
                active: true,
                emails: vec![],
                passback: Extension {
                    cloud_anchor: None,
                    source_anchor: anchor,
                    account_kind: AccountKind::PassThrough,
                    pwd_last_set: None,
                    policy: PolicyReference { reference: "domain".into(), rules: None },
                },
            },
        }
    }

    fn flow() -> Flow {
        Flow {
            id: FlowId::from_bytes([2; 16]),
            tenant: TenantId::from_bytes([1; 16]),
            person: Some("p".parse().unwrap()),
            name: [0; 32],
            locale: "en".into(),
            expires_at: NOW.after(Duration::from_secs(60)),
            ended: false,
        }
    }

    #[test]
    fn only_fresh_facts_of_the_tenants_methods_lead_on() {
        let gate = Step::Gate(Method::Email);
        assert_eq!(next(&policy(1), &[], NOW), gate);
        assert_eq!(next(&policy(1), &passed(0), NOW), Step::Password);
        assert_eq!(next(&policy(1), &passed(899), NOW), Step::Password);
        assert_eq!(next(&policy(1), &passed(900), NOW), gate);
        let future =
            vec![Fact { method: "email".into(), passed_at: NOW.after(Duration::from_secs(1)) }];
        assert_eq!(next(&policy(1), &future, NOW), gate);
        let other = vec![Fact { method: "wish".into(), passed_at: NOW }];
        assert_eq!(next(&policy(1), &other, NOW), gate);
    }

    #[test]
    fn a_policy_that_nobody_can_meet_or_that_asks_for_nothing_lets_nobody_through() {
        assert_eq!(next(&policy(2), &passed(0), NOW), Step::Gate(Method::Email));
        assert_eq!(next(&policy(0), &passed(0), NOW), Step::Gate(Method::Email));
    }

    #[test]
    fn a_flow_is_cleared_for_its_own_living_person_with_all_facts_only() {
        let clear = |flow: &Flow, who: Option<Person>, facts: &[Fact]| {
            clear(&policy(1), flow, who, facts, NOW).is_some()
        };
        assert!(clear(&flow(), Some(person("p")), &passed(0)));
        assert!(!clear(&flow(), Some(person("p")), &[]));
        assert!(!clear(&flow(), Some(person("q")), &passed(0)));
        assert!(!clear(&flow(), None, &passed(0)));
        assert!(!clear(&Flow { ended: true, ..flow() }, Some(person("p")), &passed(0)));
        assert!(!clear(&Flow { expires_at: NOW, ..flow() }, Some(person("p")), &passed(0)));
        assert!(!clear(&Flow { person: None, ..flow() }, Some(person("p")), &passed(0)));
        let other = TenantId::from_bytes([9; 16]);
        assert!(!clear(&Flow { tenant: other, ..flow() }, Some(person("p")), &passed(0)));
    }
}
