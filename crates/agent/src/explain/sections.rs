//! One answer per question about a person.

use command::trail::rfc3339;
use directory::security::rights::{Feature, Permission, Stand};
use directory::security::{Ground, SecurityDescriptor, Target};
use directory::{PolicySource, Protection, PwdLastSet, protected_by, too_young};

use super::role::Role;
use super::{Line, Mark, Section, Subject};
use crate::permissions::{
    Cause, Finding, Kind, Owned, READABLE, Remedy, is_by_design, label, may_change, newer,
    newer_or_allowed, no_control, own_cause, quoted, shown,
};

/// What is to be done about an account that a group protects.
const ADMINISTRATOR_RESETS: &str = "an administrator resets it by hand; an account that need not be protected is taken out of the group, and out of groups in between";

impl Subject<'_> {
    /// Whether it is one of those that are never reset from the cloud (SPEC D-6), and why.
    pub(super) fn protection(&self) -> Section {
        let (account, names) = (&self.account, &self.observed.names);
        let by_hand = || Remedy::note(ADMINISTRATOR_RESETS);
        let mut lines = Vec::new();
        if account.sid == self.observed.asker.own {
            let text = "it is the agent's own account, which is never reset from the cloud";
            lines.push(
                Line::stopping(text).with(Remedy::note("an administrator resets it by hand")),
            );
        }
        if account.is_computer_or_trust() {
            let text = "it is the account of a computer, a service or a trust, and no person's";
            lines.push(
                Line::stopping(text)
                    .with(Remedy::note("none: such accounts keep their own passwords")),
            );
        }
        let local = account
            .group_sids
            .iter()
            .filter(|group| self.settings.protected_groups.contains(group));
        for group in local {
            let text =
                format!("it is in the group {}, which the configuration protects", names.of(group));
            lines.push(
                Line::stopping(text)
                    .with(by_hand().and_also("or take the group out of `protected_groups`")),
            );
        }
        lines.push(match protected_by(account) {
            Some(Protection::Account(_)) => {
                let text = "it is one of the domain's own accounts, which are never reset from the cloud";
                Line::stopping(text).with(Remedy::note("an administrator resets it by hand"))
            }
            Some(Protection::Member(group)) => {
                let text = format!("it is in the protected group {}, nested groups included, and is never reset from the cloud", names.of(&group));
                Line::stopping(text).with(by_hand())
            }
            Some(Protection::AdminCountAlone) => {
                let text = "adminCount is left over: the account was in a protected group and is in none any more";
                Line::stopping(text).with(self.no_admin_count())
            }
            None => Line::good("in no protected group"),
        });
        lines.push(match (account.admin_count, protected_by(account)) {
            (false, Some(Protection::Member(_) | Protection::Account(_))) => {
                Line::known("adminCount is not set (yet): the directory sets it within the hour")
            }
            (false, _) => Line::known("adminCount is not set"),
            (true, _) => Line::known("adminCount is set"),
        });
        Section { title: "Protection", lines }
    }

    /// Whether it is below one of the units of the configuration.
    pub(super) fn scope(&self) -> Section {
        let unit = self.settings.ous.iter().find(|ou| self.account.dn.is_at_or_below(ou));
        let line = match unit {
            Some(unit) => Line::good(format!("in scope, by {unit}")),
            None => {
                let parent = self.account.dn.parent();
                let parent = parent.map_or_else(String::new, |parent| parent.to_string());
                Line::stopping("it is below no OU of the configuration").with(Remedy::note(format!(
                    "add {parent:?}, or a unit above, to `ous` of the directory {}, and run `passback-agent sync`",
                    self.settings.name.as_str()
                )))
            }
        };
        Section { title: "Scope", lines: vec![line] }
    }

    /// The state of the account.
    pub(super) fn flags(&self) -> Section {
        let account = &self.account;
        let mut lines = vec![
            match account.is_disabled() {
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
        if let Some(since) = account.lockout_time {
            let text = format!(
                "locked out since {}, unless that has run out: a reset unlocks",
                rfc3339(since)
            );
            lines.push(Line::known(text));
        }
        if account.password_never_expires() {
            lines.push(Line::known("the password never expires, so that it cannot be made to change at the next sign-in"));
        }
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
        Some(Line::known(owned.text(&self.observed.account(), &self.observed.names)))
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
            if place.dn != self.observed.head.dn
                && place.descriptor().is_some_and(|one| one.is_protected())
            {
                lines.push(Line::known(format!("inheritance is off on {}", shown(&place.dn))));
            }
        }
        Section { title: "Inheritance", lines }
    }

    /// The rules for the next password, and whose they are.
    pub(super) fn rules(&self) -> Section {
        let of = match &self.policy.source {
            PolicySource::Domain(head) => format!("the domain's rules, on {head}"),
            PolicySource::FineGrained(pso) => format!("the fine-grained policy {pso}"),
        };
        let mut lines = vec![Line { mark: Mark::Good, ..Line::known(of) }];
        match &self.policy.rules {
            None => {
                let grant = format!(
                    "passback-agent permissions grant --directory {} --feature fine-grained-rules",
                    quoted(self.settings.name.as_str())
                );
                lines.push(Line::bad("its rules are hidden from the service account: a refusal cannot be explained").with(Remedy::command(grant)));
            }
            Some(rules) => lines.push(Line::known(format!(
                "at least {} characters, {}; {} earlier passwords remembered; at least {} s between two changes",
                rules.minimum_length,
                if rules.complexity { "three of five kinds" } else { "of any kind" },
                rules.history_length,
                rules.minimum_age_seconds
            ))),
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
        let when = match self.account.pwd_last_set {
            PwdLastSet::Never => "never, or it must be changed at the next sign-in".to_owned(),
            PwdLastSet::At(at) => format!("at {}", rfc3339(at)),
            PwdLastSet::Hidden => "hidden from the service account".to_owned(),
        };
        let mut lines = vec![Line::known(when)];
        let Some(witness) = &self.witness else {
            let text = "replPropertyMetaData is hidden from the service account: after a crash it could not be said whether the password was set";
            let inherit = format!("where inheritance is off, turn it on; else {READABLE}");
            lines.push(Line::stopping(text).with(Remedy::note(inherit)));
            return Section { title: "Last set", lines };
        };
        lines.push(Line::known(match (&self.set_at, witness.originator) {
            (Some(name), _) => format!("at the controller {name}"),
            (None, Some(copy)) => {
                format!("at a controller that is no longer there (its copy was {copy})")
            }
            (None, None) => "nowhere that is known".to_owned(),
        }));
        lines.push(Line::known(format!("version {} of the password", witness.version)));
        Section { title: "Last set", lines }
    }
}
