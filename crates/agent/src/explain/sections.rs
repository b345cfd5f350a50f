//! One answer per question about a person.

use command::trail::rfc3339;
use directory::protected_by;
use directory::security::rights::{Feature, Permission, Stand};
use directory::security::{Ground, SecurityDescriptor, Target};

use super::role::Role;
use super::{Line, Section, Subject};
use crate::permissions::{
    Cause, Finding, Kind, Owned, Remedy, is_by_design, label, may_change, newer, newer_or_allowed,
    no_control, own_cause, quoted, shown,
};

impl Subject<'_> {
    /// Whether it is below one of the units of the configuration.
    pub(super) fn scope(&self) -> Section {
        let unit = self.settings.ous.iter().find(|ou| self.account.dn.is_at_or_below(ou));
        let line = match unit {
            Some(unit) => Line::good(format!("in scope, by {unit}")),
            None => self.out_of_scope(),
        };
        Section { title: "Scope", lines: vec![line] }
    }

    /// That no unit of the configuration is above it, as names are compared here.
    fn out_of_scope(&self) -> Line {
        let spelt = |one: &&Finding| match &one.cause {
            Cause::SpeltOtherwise { there } => self.account.dn.is_at_or_below(there),
            _ => false,
        };
        if let Some(finding) = self.judgement.findings.iter().find(spelt) {
            return Line::stopping(finding.text(&self.observed))
                .with(finding.remedy(&self.observed));
        }
        if self.is_never_reset() {
            return Line::known("it is below no OU of the configuration, and need not be");
        }
        let parent = self.account.dn.parent();
        let parent = parent.map_or_else(String::new, |parent| parent.to_string());
        Line::stopping("it is below no OU of the configuration").with(Remedy::note(format!(
            "add {parent:?}, or a unit above, to `ous` of the directory {}, and run `passback-agent sync`",
            self.settings.name.as_str()
        )))
    }

    /// The state of the account.
    pub(super) fn flags(&self) -> Section {
        let account = &self.account;
        let mut lines = vec![
            match account.is_disabled() {
                // `krbtgt` always is, and Administrator often.
                true if self.is_never_reset() => Line::known("the account is disabled"),
                true => Line::stopping("the account is disabled").with(self.enable()),
                false => Line::good("enabled"),
            },
            match account.account_expires.filter(|_| account.is_expired(self.now)) {
                Some(end) => {
                    Line::stopping(format!("the account has expired, on {}", rfc3339(end)))
                        .with(self.no_end())
                }
                None => Line::good("not expired"),
            },
            match account.requires_smart_card() {
                true => Line::stopping("the account signs in with a smart card only")
                    .with(self.no_smart_card()),
                false => Line::good("signs in with a password"),
            },
            match account.cannot_change_password {
                true => Line::stopping("\"user cannot change password\" is set")
                    .with(may_change(&self.observed, &self.object)),
                false => Line::good("the person may change the password"),
            },
        ];
        lines.push(self.locked());
        lines.push(self.expiry());
        Section { title: "Account", lines }
    }

    /// Where it would be set.
    pub(super) fn controller(&self) -> Section {
        let asker = &self.observed.asker;
        let mut lines = vec![Line::good(format!(
            "{} holds the PDC role and answers; signed in as {}",
            asker.controller,
            self.observed.account()
        ))];
        let role = Role {
            domain: self.settings.domain.clone(),
            in_dns: self.pdc_in_dns.clone(),
            words: Vec::new(),
        };
        lines.extend(role.in_dns_only(&asker.controller, asker.is_samba));
        lines.push(self.policy_control());
        Section { title: "Controller", lines }
    }

    /// Whether a reset would obey the whole policy there (SPEC D-2).
    fn policy_control(&self) -> Line {
        let asker = &self.observed.asker;
        match (asker.policy_control, self.settings.allow_without_policy_control) {
            (Some(control), _) => {
                Line::good(format!("offers the policy-hints control, {}", control.oid()))
            }
            (None, true) => Line::bad(format!(
                "{}: history is not enforced, as the configuration allows",
                no_control(asker)
            ))
            .with(newer(asker)),
            (None, false) => {
                let text = format!("{}, so that history would not be enforced", no_control(asker));
                Line::stopping(text).with(newer_or_allowed(asker, self.settings.name.as_str()))
            }
        }
    }

    /// What the service account may do to this very account, and by which entry.
    pub(super) fn rights(&self) -> Section {
        let mut lines = Vec::new();
        for permission in
            Permission::ALL.into_iter().filter(|one| one.feature() == Feature::Writeback)
        {
            lines.push(self.right(permission));
        }
        lines.extend(self.reading());
        lines.extend(self.owner());
        Section { title: "Rights of the service account", lines }
    }

    /// Whether all may be read that the person is judged by; nothing where who may do what is hidden.
    fn reading(&self) -> Option<Line> {
        let descriptor = self.object.descriptor.as_ref()?;
        let (who, target) = (self.observed.requester(), self.target());
        let hidden =
            |one: &Permission| !descriptor.effective(one.wanted(), &who, &target).is_granted();
        let hidden: Vec<Permission> = Permission::of(Feature::Reading).filter(hidden).collect();
        if hidden.is_empty() {
            return Some(Line::good("reads all that the person is judged by"));
        }
        let about = |finding: &&Finding| {
            self.object.dn.is_at_or_below(&finding.object)
                && hidden.iter().any(|one| finding.permissions.contains(one))
        };
        let names: Vec<_> = hidden.iter().map(|one| one.name()).collect();
        Some(match self.judgement.findings.iter().find(about) {
            Some(finding) => {
                Line::bad(finding.text(&self.observed)).with(finding.remedy(&self.observed))
            }
            None => Line::known(format!("may not read {}", names.join(", "))),
        })
    }

    /// The account, as far as entries can be about it.
    fn target(&self) -> Target<'_> {
        Target { sid: self.object.sid.as_ref(), class: self.object.class() }
    }

    /// Who owns the account, and whether the service account may do more by that than it needs.
    fn owner(&self) -> Option<Line> {
        let descriptor = self.object.descriptor.as_ref()?;
        let owned = Owned::of(descriptor, &self.observed.requester(), &self.target())?;
        let text = owned.text(&self.observed.account(), &self.observed.names);
        Some(if owned.may_change_rights { Line::known(text) } else { Line::good(text) })
    }

    fn right(&self, permission: Permission) -> Line {
        let on_root = permission == Permission::UnexpirePassword;
        let (place, object) = match on_root {
            true => (&self.observed.head.dn, self.observed.head.object.as_ref()),
            false => (&self.object.dn, Some(&self.object)),
        };
        let descriptor = object.and_then(|one| one.descriptor.as_ref());
        let Some((object, descriptor)) = object.zip(descriptor) else {
            return self.lacking(permission, None);
        };
        let target = Target { sid: object.sid.as_ref(), class: object.class() };
        let ruling = descriptor.effective(permission.wanted(), &self.observed.requester(), &target);
        if !ruling.is_granted() {
            let kind = if on_root { Kind::Root } else { Kind::Person };
            let cause = own_cause(&ruling, descriptor);
            let own = Finding { object: place.clone(), kind, cause, permissions: vec![permission] };
            return self.lacking(permission, Some(own).filter(|own| own.cause != Cause::Missing));
        }
        let by = match ruling.grounds.first() {
            Some(Ground::Entry { index, inherited, trustee }) => {
                let from = match (inherited, self.observed.origin(place, *index)) {
                    (false, _) => format!("on {} itself", shown(place)),
                    (true, Some((source, _))) => format!("inherited from {}", shown(source)),
                    (true, None) => "inherited from above".to_owned(),
                };
                format!("by an entry for {}, {from}", self.observed.names.of(trustee))
            }
            Some(Ground::NoList) => "because the object has no list at all".to_owned(),
            Some(Ground::Owner) => "because it owns the object".to_owned(),
            None => "by nothing".to_owned(),
        };
        Line::good(format!("{}: {by}", label(permission)))
    }

    /// A right that is not there, with the reason nearest to the account; `own` is what an entry of the
    /// very object says against it.
    fn lacking(&self, permission: Permission, own: Option<Finding>) -> Line {
        // Its class is another one than people's: what is not there is neither on its way nor kept off.
        if self.account.is_computer_or_trust()
            && let Some(line) = self.not_reached(permission)
        {
            return line;
        }
        let about = |finding: &&Finding| {
            finding.permissions.contains(&permission)
                && self.object.dn.is_at_or_below(&finding.object)
        };
        let findings = self.judgement.findings.iter().filter(about).chain(&own);
        // Of several that are as near, the last one: what the judgement makes of it comes first.
        let finding = findings.rev().max_by_key(|finding| finding.object.levels());
        let stops = matches!(permission, Permission::ResetPassword | Permission::WriteLockoutTime);
        let line = match finding {
            Some(finding) => {
                let text = format!("{}: {}", label(permission), finding.text(&self.observed));
                Line::bad(text).with(finding.remedy(&self.observed))
            }
            None => match self.not_reached(permission) {
                Some(line) => return line,
                None if self.is_never_reset() => {
                    let text = "neither here nor on a unit above, and not needed on this account";
                    return Line::known(format!("{}: {text}", label(permission)));
                }
                None => self.nowhere(permission),
            },
        };
        Line { stops, ..line }
    }

    /// A right that a place above grants to people, where it is by design that it does not reach this
    /// account; none where no place grants it.
    fn not_reached(&self, permission: Permission) -> Option<Line> {
        if permission.stand() != Stand::AboveUsers {
            return None;
        }
        let label = label(permission);
        let above = self.observed.above(&self.object.dn)?;
        let ruling = permission.standing(above.descriptor()?, &self.observed.requester());
        if !ruling.is_granted() {
            return None;
        }
        let (above, off) = (shown(&above.dn), self.inherits_nothing());
        Some(Line::known(match (self.account.is_computer_or_trust(), off) {
            (true, _) => format!("{label}: {above} grants it on accounts of people alone"),
            (false, true) => format!(
                "{label}: inheritance is off, as on every protected account: what {above} grants does not reach it"
            ),
            (false, false) => format!("{label}: what {above} grants has not reached it"),
        }))
    }

    /// A right that nothing grants, and that nobody would have told of: the account is out of scope.
    fn nowhere(&self, permission: Permission) -> Line {
        let directory = quoted(self.settings.name.as_str());
        let mut grant = format!("passback-agent permissions grant --directory {directory}");
        let parent = self.object.dn.parent();
        if let Some(unit) = parent.filter(|_| permission.stand() == Stand::AboveUsers) {
            grant.push_str(&format!(" --ou {}", quoted(&unit.to_string())));
        }
        Line::bad(format!(
            "{}: {} has it neither here nor on a unit above",
            label(permission),
            self.observed.account()
        ))
        .with(Remedy::command(grant))
    }

    fn inherits_nothing(&self) -> bool {
        self.object.descriptor.as_ref().is_some_and(SecurityDescriptor::is_protected)
    }

    /// Whether what stands above reaches the account.
    pub(super) fn inheritance(&self) -> Section {
        let mut lines = Vec::new();
        let mut of_it = self.judgement.findings.iter().filter(|one| one.object == self.object.dn);
        let lacks = of_it.clone().next().is_some();
        let off = of_it.find(|one| one.cause.is_inheritance_off());
        let by_design = is_by_design(protected_by(&self.account).as_ref());
        lines.push(match (self.inherits_nothing(), off) {
            (false, _) => Line::good("the account inherits"),
            (true, Some(finding)) => Line::bad("inheritance is off on the account")
                .with(finding.remedy(&self.observed)),
            (true, None) if by_design => {
                Line::known("inheritance is off on the account, as on every protected one")
            }
            (true, None) if lacks => Line::known(
                "inheritance is off on the account; what the service account lacks has another reason",
            ),
            (true, None) => Line::known(
                "inheritance is off on the account, which has its rights by entries of its own, or needs none",
            ),
        });
        for place in self.observed.places().filter(|place| self.object.dn.is_below(&place.dn)) {
            if place.dn == self.observed.head.dn
                || !place.descriptor().is_some_and(|one| one.is_protected())
            {
                continue;
            }
            let text = format!("inheritance is off on {}", shown(&place.dn));
            let mut findings = self.judgement.findings.iter();
            let lacks = |one: &&Finding| one.object == place.dn && one.cause.is_inheritance_off();
            lines.push(match findings.find(lacks) {
                Some(finding) => Line::bad(text).with(finding.remedy(&self.observed)),
                None => {
                    Line::good(format!("{text}, which has what it needs by entries of its own"))
                }
            });
        }
        Section { title: "Inheritance", lines }
    }
}
