//! Where a right comes from, what stands all the same, what cannot be judged, and features by themselves.

use directory::security::rights::{Feature, INET_ORG_PERSON, Permission, RESET_PASSWORD, USER};
use directory::security::{Ace, AceKind, Aliases, SecurityDescriptor};
use directory::{ObjectGuid, PolicyControl, Protection, Surveyed};

use super::cause::Cause;
use super::judge::Kind;
use super::plan::Obstacle;
use super::tests::{
    ABOVE, GROUP, SERVICE, WRITEBACK, denied_under_a_condition, dn, domain, one, person, rights,
    seen, sid,
};
use super::*;

const UNIT: &str = "OU=P,DC=corp,DC=example";
const Q: &str = "OU=Q,OU=P,DC=corp,DC=example";
const JAN: &str = "CN=Jan,OU=Q,OU=P,DC=corp,DC=example";

fn wish() -> Wish {
    Wish { root: false, units: Vec::new(), features: WRITEBACK.to_vec(), inet_org_person: false }
}

/// A person in `OU=Q`, which is below the unit, has Reset Password by an inherited entry; these stand on
/// the unit and on `OU=Q`.
fn granted_from(unit: &str, q: &str) -> Observed {
    let reset = format!("(OA;CIID;CR;{RESET_PASSWORD};{USER};{SERVICE})");
    let mut observed = domain("", &format!("D:AI{unit}"));
    observed.below.push(seen(Q, &format!("D:AI{q}")));
    observed.people.push(person(JAN, &format!("D:AI{reset}")));
    observed
}

#[test]
fn a_right_is_said_to_come_from_where_it_is_handed_down_and_from_no_lookalike() {
    let computer: ObjectGuid = "bf967a86-0de6-11d0-a285-00aa003049e2".parse().unwrap();
    let entry = |kind: &str, flags: &str, class: &str| {
        format!("({kind};{flags};CR;{RESET_PASSWORD};{class};{SERVICE})")
    };
    let (user, computer) = (USER.to_string(), computer.to_string());
    let (own, inherited) = (entry("OA", "CIIO", &user), entry("OA", "CIIOID", &user));
    let from = |unit: &str, q: &str| {
        let observed = granted_from(unit, q);
        observed.origin(&dn(JAN), 0).map(|(place, _)| place.to_string())
    };
    for (case, decoy) in [
        ("it is for the unit itself", entry("OA", "", "")),
        ("it is for another class", entry("OA", "CIIO", &computer)),
        ("it denies", entry("OD", "CIIO", &user)),
    ] {
        let q = format!("{decoy}{inherited}");
        assert_eq!(from(&own, &q).as_deref(), Some(UNIT), "{case}");
        assert_eq!(from("", &decoy), None, "{case}");
    }
    assert_eq!(from(&own, &entry("OA", "CIIO", &user)).as_deref(), Some(Q), "the nearer one");
    // What a unit that inherits nothing has left of its unit above comes from nowhere that is known.
    let mut cut = granted_from(&own, &inherited);
    let list =
        SecurityDescriptor::from_sddl(&format!("D:PAI{inherited}"), &Aliases::without_domain());
    cut.below[0].object.as_mut().unwrap().descriptor = Some(list.unwrap());
    assert_eq!(cut.origin(&dn(JAN), 0).map(|(place, _)| place), None);
}

#[test]
fn of_whom_nobody_can_say_what_protects_him_that_is_what_is_lacking() {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    let hidden = Some("tokenGroups");
    let mut jan = person("CN=Jan,OU=P,DC=corp,DC=example", "D:PAI");
    jan.hidden = hidden;
    observed.people = vec![jan.clone()];
    assert_eq!(one(&observed).cause, Cause::InheritanceOff, "by which it is hidden");
    jan.object.admin_count = true;
    observed.people = vec![jan.clone()];
    let finding = one(&observed);
    let cause = Cause::Unjudged { attribute: "tokenGroups", inheritance_off: true };
    assert_eq!((&finding.cause, &finding.permissions[..]), (&cause, &ABOVE[..]));
    assert!(!finding.cause.is_about_rights() && finding.cause.is_inheritance_off());
    let fix = finding.remedy(&observed).commands;
    assert_eq!(
        fix,
        [format!(
            "passback-agent permissions grant --directory corp --inherit '{}'",
            finding.object
        )]
    );
    // Somebody with all rights, by entries of the account's own: nothing is reset all the same.
    let inherits = format!("D:AI{}", rights("CIID", SERVICE));
    let mut reached = person("CN=Jan,OU=P,DC=corp,DC=example", &inherits);
    reached.hidden = hidden;
    observed.people = vec![reached];
    let finding = one(&observed);
    assert!(matches!(finding.cause, Cause::Unjudged { inheritance_off: false, .. }), "{finding:?}");
    assert_eq!(judge(&observed, WRITEBACK).people_good, 0);
    assert!(finding.remedy(&observed).note.unwrap().contains("Authenticated Users"));
    jan.protection = Some(Protection::Member(sid("S-1-5-21-1-2-3-512")));
    observed.people = vec![jan];
    assert_eq!(judge(&observed, WRITEBACK).findings, []);
}

#[test]
fn a_controller_that_would_not_enforce_history_is_a_finding_unless_that_is_allowed() {
    let mut observed = domain("", "D:AI");
    observed.asker.policy_control = None;
    let findings = judge(&observed, WRITEBACK).findings;
    assert_eq!((findings.len(), findings[0].kind), (2, Kind::Controller));
    let text = findings[0].text(&observed);
    assert!(text.starts_with("dc1.corp.example offers no policy-hints control ("), "{text}");
    let fix = findings[0].remedy(&observed).note.unwrap();
    assert!(fix.starts_with("update dc1.corp.example, or move the PDC role"), "{fix}");
    assert!(fix.contains("`allow_without_policy_control = true`"), "{fix}");
    assert!(!findings[0].cause.is_about_rights(), "it does not arrive by itself");

    observed.without_policy_control = true;
    let judgement = judge(&observed, WRITEBACK);
    assert_eq!(judgement.findings.len(), 1);
    let told = check_text(&observed, &judgement, &[]);
    assert!(told.contains(": history is not enforced, as the configuration allows.\n"), "{told}");
    observed.asker.policy_control = Some(PolicyControl::Deprecated);
    assert!(!check_text(&observed, &judgement, &[]).contains("history is not enforced"));
}

#[test]
fn a_unit_of_which_not_all_was_looked_at_is_not_called_good() {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    observed.below_cut.push(dn(UNIT));
    let finding = one(&observed);
    assert_eq!((finding.kind, &finding.cause), (Kind::Unit, &Cause::NotAllLookedAt));
    assert!(!finding.cause.is_about_rights(), "it does not come by waiting");
    assert!(finding.text(&observed).contains("more than 20000 units and containers"));
    let value = check_json(&observed, &judge(&observed, WRITEBACK), &[]);
    assert_eq!((&value["good"], &value["units_below_cut"]), (&false.into(), &true.into()));
}

/// AD finds a unit whatever accents its name is written with; whoever is below is out of scope.
#[test]
fn a_unit_that_the_directory_writes_otherwise_is_named_with_both_names() {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    let there = dn("OU=München,DC=corp,DC=example");
    observed.units[0].object.as_mut().unwrap().dn = there.clone();
    observed.units[0].dn = dn("OU=Munchen,DC=corp,DC=example");
    let finding = one(&observed);
    assert_eq!((finding.kind, &finding.cause), (Kind::Unit, &Cause::SpeltOtherwise { there }));
    assert!(!finding.cause.is_about_rights(), "it does not come by waiting");
    let text = finding.text(&observed);
    let both = ["OU=Munchen,DC=corp,DC=example", "is OU=München,DC=corp,DC=example in"];
    assert!(both.iter().all(|name| text.contains(name)), "{text}");
    let fix = finding.remedy(&observed).note.unwrap();
    assert!(fix.starts_with("write \"OU=München,DC=corp,DC=example\" in `ous`"), "{fix}");
    // Of rights, it is judged as any other.
    observed.units[0].object.as_mut().unwrap().descriptor =
        seen(UNIT, "D:AI").object.unwrap().descriptor;
    let causes: Vec<_> =
        judge(&observed, WRITEBACK).findings.into_iter().map(|one| one.cause).collect();
    assert!(matches!(causes[..], [Cause::SpeltOtherwise { .. }, Cause::Missing]), "{causes:?}");
}

#[test]
fn a_unit_that_differs_by_case_alone_is_the_same_one() {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    observed.units[0].dn = dn("ou=p,dc=CORP,dc=example");
    assert_eq!(judge(&observed, WRITEBACK).findings, []);
}

#[test]
fn what_is_on_its_way_is_waited_for_in_its_own_directory() {
    let observed = domain(&rights("CIIO", SERVICE), "D:AI");
    let fix = one(&observed).remedy(&observed).commands;
    assert_eq!(fix, ["passback-agent permissions check --wait --directory corp"]);
}

/// What stands all the same, as it is told, without the account's name.
fn told(observed: &Observed, wish: &Wish) -> Vec<String> {
    let all = still(observed, wish, &[]).unwrap();
    let text = still_text(observed, &all);
    text.lines().map(|line| line.replace("corp: svc@corp.example has on ", "")).collect()
}

#[test]
fn what_stands_after_a_revoke_is_named_by_the_entry_that_it_stands_by() {
    let one_right =
        |flags: &str, who: &str| format!("(OA;{flags};CR;{RESET_PASSWORD};{USER};{who})");
    // A new domain's root grants Unexpire Password to everybody who signs in, which is nobody's own.
    let unexpire = Permission::UnexpirePassword.entry(directory::Sid::authenticated_users());
    let unexpire = unexpire.to_sddl(&Aliases::without_domain()).unwrap();
    let observed = |root: &str, unit: &str| {
        let mut observed = domain("", &format!("D:AI{unit}"));
        observed.head = seen("DC=corp,DC=example", &format!("D:AI{unexpire}{root}"));
        observed.names.note(sid(GROUP), "Helpdesk".to_owned());
        observed
    };
    assert_eq!(told(&observed("", ""), &wish()), [""; 0]);
    assert_eq!(told(&observed("", &one_right("CIIO", "AU")), &wish()), [""; 0]);

    let by_group = told(&observed("", &one_right("CIIO", GROUP)), &wish());
    assert_eq!(
        by_group,
        [
            format!(
                "{UNIT} all the same: Reset Password; by an entry for Helpdesk, of the object's own."
            ),
            format!(
                "  Fix: take svc@corp.example out of Helpdesk, or take that entry away on {UNIT}"
            ),
        ]
    );
    // By an entry that grants more than `grant` does: that one goes.
    let mut samba = observed("", &format!("(A;CIIO;GA;;;{SERVICE})"));
    samba.asker.is_samba = true;
    let whole = told(&samba, &wish());
    assert_eq!(whole.len(), 2 * ABOVE.len(), "{whole:?}");
    assert!(whole[1].starts_with("  Fix: samba-tool dsacl delete --objectdn="), "{whole:?}");
    // By another entry for people of each class: both are told.
    let inet = one_right("CIIO", SERVICE).replace(&USER.to_string(), &INET_ORG_PERSON.to_string());
    let both = told(&observed("", &format!("{}{inet}", one_right("CIIO", GROUP))), &wish());
    let by_both = "by an entry for Helpdesk, of the object's own and by an entry for svc, of the object's own.";
    assert!(both.len() == 3 && both[0].ends_with(by_both), "{both:?}");
    let revoke = format!("passback-agent permissions revoke --directory corp --ou '{UNIT}'");
    assert!(both[1].contains("out of Helpdesk") && both[2].ends_with(&revoke), "{both:?}");
    // From above: taken back there, by the same command where it is the same entry.
    let inherited =
        told(&observed(&one_right("CIIO", SERVICE), &one_right("CIIOID", SERVICE)), &wish());
    assert_eq!(
        inherited,
        [
            format!(
                "{UNIT} all the same: Reset Password; by an entry for svc, inherited from DC=corp,DC=example."
            ),
            "  Fix: passback-agent permissions revoke --directory corp --root".to_owned(),
        ]
    );
}

#[test]
fn what_a_revoke_would_leave_is_worked_out_before_it_is_made() {
    let unit = format!("D:AI{}(A;CIIO;GA;;;{GROUP})", rights("CIIO", SERVICE));
    let mut observed = domain("", &unit);
    let changes = revoke(&observed, &wish()).unwrap().changes;
    changes.iter().for_each(|change| observed.apply(change));
    assert_eq!(revoke(&observed, &wish()).unwrap().changes, []);
    let still = still(&observed, &wish(), &[]).unwrap();
    assert_eq!(still.len(), ABOVE.len());
    assert!(still_text(&observed, &still).contains(&format!("by an entry for {GROUP}")));
}

#[test]
fn an_object_without_a_list_is_told_from_one_whose_list_is_hidden() {
    let mut observed = domain("", "D:AI");
    let unit = observed.units[0].object.as_mut().unwrap();
    unit.descriptor.as_mut().unwrap().dacl = None;
    let changes = grant(&observed, &wish()).unwrap();
    assert_eq!(changes[0].obstacle(), Some(Obstacle::NoList));
    let refused = print(Form::Ldif, &changes, &observed).unwrap_err();
    assert!(refused.starts_with(&format!("{UNIT} has no list of rights at all")), "{refused}");
    observed.units[0].object.as_mut().unwrap().descriptor = None;
    let changes = grant(&observed, &wish()).unwrap();
    assert_eq!(changes[0].obstacle(), Some(Obstacle::Hidden));
    assert!(print(Form::Ldif, &changes, &observed).unwrap_err().contains("may not read"));
}

#[test]
fn an_entry_under_a_condition_is_taken_away_and_no_other_one() {
    let observed = denied_under_a_condition();
    let unit = observed.units[0].object.as_ref().unwrap();
    let dropping = |unit, observed| Change::dropping_conditional(unit, observed, WRITEBACK);
    let change = dropping(unit, &observed).unwrap().unwrap();
    let before = unit.descriptor.as_ref().unwrap().dacl.as_ref().unwrap().entries.len();
    assert_eq!(change.after().unwrap().dacl.unwrap().entries.len(), before - 1);
    let shown = preview(&observed, std::slice::from_ref(&change));
    let line = "under a condition goes, by which svc@corp.example may be denied: Reset Password\n";
    assert!(shown.contains(line), "{shown}");
    let whole = format!("it is the whole of (OD;CIIO;CR;{RESET_PASSWORD};;{GROUP})\n");
    assert!(shown.contains(&whole), "{shown}");
    let mut better = observed.clone();
    better.apply(&change);
    assert_eq!(judge(&better, WRITEBACK).findings, []);
    let unit = better.units[0].object.as_ref().unwrap();
    assert_eq!(dropping(unit, &better), Ok(None));
    let hidden = Surveyed { descriptor: None, ..unit.clone() };
    assert_eq!(
        dropping(&hidden, &better),
        Err(Obstacle::Hidden),
        "not that there is nothing to do"
    );
}

/// Puts a denial of a right under a condition on a place, for a group that the account is in.
fn deny_under_a_condition(place: &mut Seen, permission: Permission) {
    let granted = permission.entry(sid(GROUP));
    let denial = Ace { kind: AceKind::DENIED_CALLBACK_OBJECT, ..granted };
    let descriptor = place.object.as_mut().unwrap().descriptor.as_mut().unwrap();
    assert!(descriptor.dacl.as_mut().unwrap().add(denial));
}

#[test]
fn an_entry_under_a_condition_stays_unless_it_is_about_a_feature_that_is_asked_for() {
    let anchor = Permission::WriteConsistencyGuid;
    let replicating = Permission::ReplicatingDirectoryChanges;
    let granted = |one: Permission| one.entry(sid(SERVICE)).to_sddl(&Aliases::without_domain());
    let unit = format!("D:AI{}{}", rights("CIIO", SERVICE), granted(anchor).unwrap());
    let mut observed = domain(&granted(replicating).unwrap(), &unit);
    deny_under_a_condition(&mut observed.units[0], anchor);
    deny_under_a_condition(&mut observed.head, replicating);
    let dropped = |place: &Seen, features: &[Feature]| {
        let object = place.object.as_ref().unwrap();
        let change = Change::dropping_conditional(object, &observed, features).unwrap();
        change.map(|change| change.remove.into_iter().map(|(one, _)| one).collect::<Vec<_>>())
    };
    let (unit, head) = (&observed.units[0], &observed.head);
    assert_eq!((dropped(unit, WRITEBACK), dropped(head, WRITEBACK)), (None, None));
    assert_eq!(dropped(unit, &[Feature::Anchor]), Some(vec![anchor]));
    assert_eq!(dropped(head, &[Feature::Deletions]), Some(vec![replicating]));

    // The fix names the feature, by which it is taken away.
    let findings = judge(&observed, &[Feature::Writeback, Feature::Anchor]).findings;
    let [finding] = &findings[..] else { panic!("{findings:?}") };
    let drop = "passback-agent permissions grant --directory corp --drop-conditional";
    let fix = finding.remedy(&observed).commands;
    assert_eq!(fix, [format!("{drop} '{UNIT}' --feature anchor")]);
}

#[test]
fn an_entry_under_a_condition_on_the_root_goes_by_which_people_below_may_be_denied() {
    let mut observed = domain(&rights("CIIO", SERVICE), "D:AI");
    // As a real one has it: it is no person by that.
    observed.head.object.as_mut().unwrap().sid = Some(sid("S-1-5-21-1-2-3"));
    for right in [Permission::ResetPassword, Permission::UnexpirePassword] {
        deny_under_a_condition(&mut observed.head, right);
    }
    let head = observed.head.object.as_ref().unwrap();
    let change = Change::dropping_conditional(head, &observed, WRITEBACK).unwrap().unwrap();
    let rights: Vec<_> = change.remove.iter().map(|(right, _)| *right).collect();
    assert_eq!(rights, [Permission::ResetPassword, Permission::UnexpirePassword]);
}

#[test]
fn features_are_judged_apart_and_one_way_to_hear_of_deletions_is_enough() {
    let own = rights("CIIO", SERVICE);
    let mut observed = domain("", &format!("D:AI{own}"));
    let all = [Feature::Writeback, Feature::FineGrainedRules, Feature::Anchor, Feature::Deletions];
    let lacking = judge(&observed, &all).findings;
    let lacking: Vec<_> = lacking.iter().map(|one| one.permissions.clone()).collect();
    assert_eq!(
        lacking,
        [
            vec![Permission::ReadPasswordSettings],
            vec![Permission::ReplicatingDirectoryChanges],
            vec![Permission::WriteConsistencyGuid],
        ]
    );
    observed.deleted =
        seen("CN=Deleted Objects,DC=corp,DC=example", &format!("D:(A;;LCRP;;;{SERVICE})"));
    assert_eq!(judge(&observed, &[Feature::Writeback, Feature::Deletions]).findings, []);
}

#[test]
fn samba_tells_of_deletions_to_whoever_may_read_them_and_windows_to_whoever_replicates_too() {
    let replicating = Permission::ReplicatingDirectoryChanges.entry(sid(SERVICE));
    let replicating = replicating.to_sddl(&Aliases::without_domain()).unwrap();
    let unit = format!("D:AI{}", rights("CIIO", SERVICE));
    let mut observed = domain(&replicating, &unit);
    let features = [Feature::Writeback, Feature::Deletions];
    assert_eq!(judge(&observed, &features).findings, []);
    observed.asker.is_samba = true;
    let judgement = judge(&observed, &features);
    assert_eq!(judgement.findings[0].permissions, [Permission::ReadDeletedObjects]);
    assert_eq!(judgement.features[3], (Feature::Deletions, Some(false)));
    let fix = judgement.findings[0].remedy(&observed).note.unwrap();
    assert!(fix.contains(&format!("(A;;LCRPLORC;;;{SERVICE})")), "{fix}");
    let list = format!("D:(A;;LCRPLORC;;;{SERVICE})");
    observed.deleted = seen(&observed.deleted.dn.to_string(), &list);
    assert_eq!(judge(&observed, &features).findings, []);
}
