use directory::security::rights::{Feature, Permission, RESET_PASSWORD};
use directory::security::{Ace, AceKind, Aliases, SecurityDescriptor, Target, mask};
use directory::{Asker, DistinguishedName, PolicyControl, Protection, Sid, Surveyed};

use super::arrived::{State, compared};
use super::cause::Cause;
use super::judge::{Finding, Kind};
use super::*;

pub(crate) const SERVICE: &str = "S-1-5-21-1-2-3-1104";
pub(crate) const GROUP: &str = "S-1-5-21-1-2-3-1200";
pub(crate) const WRITEBACK: &[Feature] = &[Feature::Writeback];
pub(crate) const ABOVE: [Permission; 4] = [
    Permission::ResetPassword,
    Permission::ChangePassword,
    Permission::WriteLockoutTime,
    Permission::WritePwdLastSet,
];

pub(crate) fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

pub(crate) fn dn(text: &str) -> DistinguishedName {
    text.parse().unwrap()
}

/// The entries of all four rights on people: as they are granted (`CIIO`), as a unit below has them
/// (`CIIOID`), or as a person has them (`CIID`).
pub(crate) fn rights(flags: &str, who: &str) -> String {
    let sddl = |permission: Permission| {
        permission.entry(sid(who)).to_sddl(&Aliases::without_domain()).unwrap()
    };
    ABOVE.map(sddl).concat().replace(";CIIO;", &format!(";{flags};"))
}

pub(crate) fn seen(at: &str, sddl: &str) -> Seen {
    Seen { dn: dn(at), object: Some(object(at, sddl)) }
}

pub(crate) fn object(at: &str, sddl: &str) -> Surveyed {
    let descriptor = SecurityDescriptor::from_sddl(sddl, &Aliases::without_domain()).unwrap();
    Surveyed {
        dn: dn(at),
        guid: None,
        sid: None,
        classes: vec!["top".to_owned(), "user".to_owned()],
        admin_count: false,
        descriptor: Some(descriptor),
    }
}

/// With this list, and read by whoever signs in.
pub(crate) fn person(at: &str, sddl: &str) -> Sampled {
    let object = object(at, &format!("{sddl}(A;;RP;;;AU)"));
    let object = Surveyed { sid: Some(sid("S-1-5-21-1-2-3-2000")), ..object };
    Sampled::of(object)
}

/// A domain with one unit in scope; `root` stands on its root, `unit` on the unit.
pub(crate) fn domain(root: &str, unit: &str) -> Observed {
    let unexpire = Permission::UnexpirePassword.entry(sid(SERVICE));
    let unexpire = unexpire.to_sddl(&Aliases::without_domain()).unwrap();
    let mut names = Names::default();
    names.note(sid(SERVICE), "svc".to_owned());
    let nothing = |at: &str| Seen { dn: dn(at), object: None };
    Observed {
        name: "corp".to_owned(),
        domain: "corp.example".to_owned(),
        asker: Asker {
            controller: "dc1.corp.example".to_owned(),
            own: sid(SERVICE),
            groups: vec![sid(GROUP)],
            policy_control: Some(PolicyControl::Current),
            is_samba: false,
        },
        without_policy_control: false,
        head: seen("DC=corp,DC=example", &format!("D:AI{unexpire}{root}")),
        units: vec![seen("OU=P,DC=corp,DC=example", unit)],
        below: Vec::new(),
        below_cut: Vec::new(),
        idle_groups: Vec::new(),
        settings: nothing("CN=Password Settings Container,CN=System,DC=corp,DC=example"),
        deleted: nothing("CN=Deleted Objects,DC=corp,DC=example"),
        people: Vec::new(),
        names,
    }
}

pub(crate) fn one(observed: &Observed) -> Finding {
    let [finding] = &judge(observed, WRITEBACK).findings[..] else {
        panic!("{:?}", judge(observed, WRITEBACK).findings)
    };
    finding.clone()
}

#[test]
fn rights_may_stand_on_the_root_or_on_the_unit_and_for_a_group() {
    let (own, inherited) = (rights("CIIO", SERVICE), rights("CIIOID", SERVICE));
    for observed in [
        domain("", &format!("D:AI{own}")),
        domain(&own, &format!("D:AI{inherited}")),
        domain("", &format!("D:AI{}", rights("CIIO", GROUP))),
        domain("", &format!("D:PAI{own}")),
    ] {
        let judgement = judge(&observed, WRITEBACK);
        assert_eq!(judgement.findings, []);
        assert_eq!(judgement.features[0], (Feature::Writeback, Some(true)));
    }
}

#[test]
fn what_is_lacking_is_said_once_at_the_unit_and_not_of_all_below() {
    let mut observed = domain("", "D:AI");
    observed.below.push(seen("OU=Q,OU=P,DC=corp,DC=example", "D:AI"));
    observed.people.push(person("CN=Jan,OU=Q,OU=P,DC=corp,DC=example", "D:AI"));
    let finding = one(&observed);
    assert_eq!((finding.kind, &finding.cause), (Kind::Unit, &Cause::Missing));
    assert_eq!(finding.permissions, ABOVE);
    let fix = finding.remedy(&observed).commands;
    assert_eq!(
        fix,
        ["passback-agent permissions grant --directory corp --ou 'OU=P,DC=corp,DC=example'"]
    );
}

#[test]
fn what_stands_above_has_not_arrived_or_is_kept_off() {
    let root = rights("CIIO", SERVICE);
    let waiting = one(&domain(&root, "D:AI"));
    assert_eq!(waiting.cause, Cause::NotArrived { from: dn("DC=corp,DC=example") });
    assert_eq!(one(&domain(&root, "D:PAI")).cause, Cause::InheritanceOff);

    let mut observed = domain("", &format!("D:AI{root}"));
    let jan = "CN=Jan,OU=P,DC=corp,DC=example";
    observed.people.push(person(jan, "D:PAI"));
    assert_eq!((one(&observed).kind, one(&observed).cause), (Kind::Person, Cause::InheritanceOff));
    observed.people = vec![person(jan, &format!("D:AI{}", rights("CIID", SERVICE)))];
    assert_eq!(judge(&observed, WRITEBACK).people_good, 1);
}

#[test]
fn who_is_protected_lacks_rights_by_design_and_who_was_is_named() {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    let mut jan = person("CN=Jan,OU=P,DC=corp,DC=example", "D:PAI");
    jan.protection = Some(Protection::Member(sid("S-1-5-21-1-2-3-512")));
    observed.people = vec![jan.clone()];
    assert_eq!(judge(&observed, WRITEBACK).findings, []);
    assert_eq!(judge(&observed, WRITEBACK).people_protected, 1);
    jan.protection = Some(Protection::AdminCountAlone);
    observed.people = vec![jan];
    let finding = one(&observed);
    assert_eq!(finding.cause, Cause::AdminCountLeft { inheritance_off: true });
    assert_eq!(finding.permissions, ABOVE);
}

#[test]
fn a_denial_is_told_with_whom_it_is_about_and_where_it_stands() {
    let deny = "(OD;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;;AU)";
    let own = one(&domain("", &format!("D:AI{deny}{}", rights("CIIO", SERVICE))));
    assert!(matches!(own.cause, Cause::Denied { inherited: false, .. }), "{own:?}");
    let inherited = deny.replace("CIIO", "CIIOID");
    let from_above = format!("D:AI{inherited}{}", rights("CIIOID", SERVICE));
    let above = one(&domain("", &from_above));
    assert!(matches!(above.cause, Cause::Denied { inherited: true, .. }), "{above:?}");
    assert_eq!(above.permissions, [Permission::ResetPassword]);
    let observed = domain("", &from_above);
    assert!(above.text(&observed).ends_with("Authenticated Users, inherited"));
    // Where what stands above was read, it is named, and the fix is for there.
    let observed = domain(deny, &from_above);
    let above = one(&observed);
    let text = above.text(&observed);
    assert!(text.ends_with("Authenticated Users, inherited from DC=corp,DC=example"), "{text}");
    let by_hand = above.remedy(&observed);
    assert_eq!(by_hand.commands, [""; 0], "not on the root of the domain");
    assert!(by_hand.note.unwrap().contains("Authenticated Users away on DC=corp,DC=example, in"));
}

/// A person right below `OU=Q`, which is below the unit, is denied Reset Password by an inherited entry;
/// these stand on the unit and on `OU=Q`, if that was read.
fn denied_from(unit: &str, q: Option<&str>, on_person: &str) -> (Finding, Observed) {
    let mut observed = domain("", &format!("D:AI{unit}{}", rights("CIIO", SERVICE)));
    let q = q.map(|q| seen("OU=Q,OU=P,DC=corp,DC=example", &format!("D:AI{q}")));
    observed.below.extend(q);
    let list = format!("D:AI{on_person}{}", rights("CIID", SERVICE));
    observed.people.push(person("CN=Jan,OU=Q,OU=P,DC=corp,DC=example", &list));
    let of_jan = Finding {
        object: observed.people[0].object.dn.clone(),
        kind: Kind::Person,
        cause: Cause::Denied { trustee: sid(GROUP), index: 0, inherited: true },
        permissions: ABOVE[..1].to_vec(),
    };
    (of_jan, observed)
}

#[test]
fn a_denial_is_only_taken_away_where_it_is_inherited_from_step_by_step() {
    let user = "bf967aba-0de6-11d0-a285-00aa003049e2";
    let other = "bf967a86-0de6-11d0-a285-00aa003049e2";
    let deny = |flags: &str, class: &str, who: &str| {
        format!("(OD;{flags};CR;00299570-246d-11d0-a768-00aa006e0529;{class};{who})")
    };
    let jan = deny("CIID", user, GROUP);
    let on_q = deny("CIIOID", user, GROUP);
    let (finding, observed) = denied_from(&deny("CIIO", user, GROUP), Some(&on_q), &jan);
    let fix = &finding.remedy(&observed).commands[0];
    assert!(fix.starts_with("dsacls \"OU=P,DC=corp,DC=example\" /R"), "{fix}");
    for (case, on_unit, on_q, on_jan) in [
        ("a level was not read", deny("CIIO", user, GROUP), None, &jan),
        ("a level lacks it", deny("CIIO", user, GROUP), Some(String::new()), &jan),
        ("it is not handed further", deny("CIIONP", user, GROUP), Some(String::new()), &jan),
        ("it is not inherited", deny("", "", GROUP), Some(on_q.clone()), &jan),
        ("it is for another class", deny("CIIO", other, GROUP), Some(on_q.clone()), &jan),
        (
            "it is about everybody",
            deny("CIIO", user, "AU"),
            Some(deny("CIIOID", user, "AU")),
            &deny("CIID", user, "AU"),
        ),
    ] {
        let (finding, observed) = denied_from(&on_unit, on_q.as_deref(), on_jan);
        let remedy = finding.remedy(&observed);
        assert_eq!(remedy.commands, [""; 0], "{case}");
        assert!(remedy.note.is_some(), "{case}");
    }
}

#[test]
fn only_denials_at_or_below_what_was_wished_are_about_a_grant() {
    let deny = format!("(OD;CIIO;CR;00299570-246d-11d0-a768-00aa006e0529;;{GROUP})");
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    let denied = format!("D:AI{deny}{}", rights("CIIO", SERVICE));
    observed.units.push(seen("OU=Denied,DC=corp,DC=example", &denied));
    let finding = one(&observed);
    let wish = |root, units: &[&str]| Wish {
        root,
        units: units.iter().map(|unit| dn(unit)).collect(),
        features: WRITEBACK.to_vec(),
        inet_org_person: false,
    };
    assert!(!wish(false, &["OU=P,DC=corp,DC=example"]).is_about(&finding));
    assert!(wish(false, &["ou=denied,DC=corp,DC=example"]).is_about(&finding));
    assert!(wish(false, &[]).is_about(&finding) && wish(true, &[]).is_about(&finding));
    let on_root = Finding { kind: Kind::Root, object: dn("DC=corp,DC=example"), ..finding };
    assert!(wish(false, &["OU=P,DC=corp,DC=example"]).is_about(&on_root));
}

#[test]
fn a_grant_under_a_condition_does_not_hide_that_what_stands_above_is_kept_off() {
    for (list, expected) in [
        ("D:PAI", Cause::InheritanceOff),
        ("D:AI", Cause::NotArrived { from: dn("DC=corp,DC=example") }),
    ] {
        let mut observed = domain(&rights("CIIO", SERVICE), list);
        let unit = observed.units[0].object.as_mut().unwrap().descriptor.as_mut().unwrap();
        let entry = ABOVE[0].entry(sid(SERVICE));
        unit.dacl.as_mut().unwrap().add(Ace { kind: AceKind::ALLOWED_CALLBACK_OBJECT, ..entry });
        let finding = one(&observed);
        assert_eq!((finding.cause, &finding.permissions[..]), (expected, &ABOVE[..]));
    }
}

/// The unit's list with a denial of Reset Password under a condition before what is granted.
pub(crate) fn denied_under_a_condition() -> Observed {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    let denial = Ace::deny(mask::CONTROL_ACCESS, sid(GROUP)).on(RESET_PASSWORD);
    let denial = Ace { kind: AceKind::DENIED_CALLBACK_OBJECT, ..denial.below(None) };
    let unit = observed.units[0].object.as_mut().unwrap().descriptor.as_mut().unwrap();
    assert!(unit.dacl.as_mut().unwrap().add(denial));
    observed
}

#[test]
fn what_depends_on_a_condition_is_lacking_and_named_as_that() {
    let observed = denied_under_a_condition();
    let denied = one(&observed);
    let cause = Cause::Unclear { trustee: sid(GROUP), index: 0, inherited: false, denies: true };
    assert_eq!((&denied.cause, &denied.permissions[..]), (&cause, &ABOVE[..1]));
    assert!(denied.text(&observed).contains("may be denied on the unit"));
    assert!(denied.cause.is_denial() && denied.cause.is_about_rights());
    assert_eq!(judge(&observed, WRITEBACK).features[0], (Feature::Writeback, Some(false)));
    let fix = denied.remedy(&observed);
    let drop = "passback-agent permissions grant --directory corp --drop-conditional";
    assert_eq!(fix.commands, [format!("{drop} '{}'", denied.object)]);
    assert!(fix.note.unwrap().contains("put one without a condition"));

    // A grant under a condition is none, and is granted without one by the fix.
    let mut observed = domain("", "D:AI");
    let unit = observed.units[0].object.as_mut().unwrap().descriptor.as_mut().unwrap();
    let entry = ABOVE[0].entry(sid(SERVICE));
    unit.dacl.as_mut().unwrap().add(Ace { kind: AceKind::ALLOWED_CALLBACK_OBJECT, ..entry });
    let findings = judge(&observed, WRITEBACK).findings;
    let unclear = &findings[0];
    assert_eq!(unclear.permissions, &ABOVE[..1]);
    assert!(matches!(unclear.cause, Cause::Unclear { denies: false, .. }), "{unclear:?}");
    assert!(!unclear.cause.is_denial());
    let fix = &unclear.remedy(&observed).commands[0];
    assert!(fix.starts_with("passback-agent permissions grant"), "{fix}");
    let wish = Wish {
        root: false,
        units: Vec::new(),
        features: WRITEBACK.to_vec(),
        inet_org_person: false,
    };
    let changes = grant(&observed, &wish).unwrap();
    assert_eq!(changes[0].add.len(), ABOVE.len(), "the one under a condition is not there for it");
}

#[test]
fn what_a_denial_beats_is_said_before_it_is_granted_and_is_not_granted_twice() {
    let deny = format!("(OD;CIIO;CR;{};;AU)", RESET_PASSWORD);
    let mut observed = domain("", &format!("D:AI{deny}"));
    let wish = Wish {
        root: false,
        units: Vec::new(),
        features: WRITEBACK.to_vec(),
        inet_org_person: false,
    };
    let changes = grant(&observed, &wish).unwrap();
    let shown = preview(&observed, &changes);
    let lines: Vec<&str> = shown.lines().collect();
    assert_eq!(
        &lines[1..4],
        [
            "  + svc@corp.example may: Reset Password",
            "    and is denied it by an entry for Authenticated Users all the same",
            "  + svc@corp.example may: Change Password",
        ]
    );
    observed.units[0].object.as_mut().unwrap().descriptor = changes[0].after();
    assert_eq!(grant(&observed, &wish).unwrap(), []);
    assert!(one(&observed).cause.is_denial());
    let conditional = denied_under_a_condition();
    assert_eq!(grant(&conditional, &wish).unwrap(), [], "it stands there, and may be denied");
}

#[test]
fn an_owner_may_change_rights_unless_owner_rights_say_otherwise_and_samba_heeds_them() {
    let names = &domain("", "D:").names;
    let own = |sddl: &str, is_samba: bool| {
        let observed = domain("", &format!("O:{SERVICE}{sddl}"));
        let asker = Asker { is_samba, ..observed.asker };
        let descriptor = observed.units[0].object.as_ref().unwrap().descriptor.clone().unwrap();
        Owned::of(&descriptor, &asker.requester(), &Target::default()).unwrap()
    };
    let text = |owned: &Owned| owned.text("svc@corp.example", names);
    let may = "svc@corp.example may change who has which rights there: more than it needs";
    let free = own("D:AI", false);
    assert!(free.by_account && free.may_change_rights && !free.owner_rights);
    assert_eq!(text(&free), format!("owned by svc, by which {may}"));
    let reading = "D:AI(A;;RC;;;OW)";
    let bound = own(reading, false);
    assert!(bound.owner_rights && !bound.may_change_rights);
    assert!(text(&bound).ends_with("are those of the entries for Owner Rights"));
    let samba = own(reading, true);
    assert!(!samba.owner_rights && samba.may_change_rights);
    assert!(text(&samba).contains("which Samba passes over)"), "{}", text(&samba));
    let by_entry = own("D:AI(A;;RCWD;;;OW)", false);
    assert!(text(&by_entry).ends_with(&format!("; {may}")), "{}", text(&by_entry));
}

#[test]
fn only_what_is_lacking_is_granted_and_only_that_is_taken_back() {
    let reset = Permission::ResetPassword.entry(sid(SERVICE));
    let text = reset.to_sddl(&Aliases::without_domain()).unwrap();
    let observed = domain("", &format!("D:AI{text}(A;;RP;;;AU)"));
    let wish = Wish {
        root: false,
        units: Vec::new(),
        features: WRITEBACK.to_vec(),
        inet_org_person: false,
    };
    let changes = grant(&observed, &wish).unwrap();
    let added: Vec<_> = changes[0].add.iter().map(|(permission, _)| *permission).collect();
    assert_eq!((changes.len(), &added[..]), (1, &ABOVE[1..]));
    let after = changes[0].after().unwrap();
    assert_eq!(after.dacl.as_ref().unwrap().entries.len(), 5);

    let mut granted = observed;
    granted.units[0].object.as_mut().unwrap().descriptor = Some(after);
    let back = revoke(&granted, &wish).unwrap().changes;
    let unit = back.iter().find(|change| change.on == granted.units[0].dn).unwrap();
    assert_eq!(unit.after().unwrap().dacl.unwrap().entries.len(), 1);
    let elsewhere = Wish { units: vec![dn("OU=X,DC=corp,DC=example")], ..wish };
    assert!(grant(&granted, &elsewhere).is_err());
}

#[test]
fn names_stay_one_word_in_every_printed_form() {
    let odd = r#"OU=P\"x\, $(id)'`,DC=corp,DC=example"#;
    let mut observed = domain("", "D:AI");
    observed.units = vec![seen(odd, "D:AI")];
    let wish = Wish {
        root: false,
        units: Vec::new(),
        features: WRITEBACK.to_vec(),
        inet_org_person: false,
    };
    let changes = grant(&observed, &wish).unwrap();
    let samba = print(Form::SambaTool, &changes, &observed).unwrap();
    let name = observed.units[0].dn.to_string();
    assert!(samba.contains(&format!("--objectdn={}", quoted(&name))), "{samba}");
    assert!(quoted(&name).starts_with('\'') && quoted(&name).contains(r"'\''"));
    let dsacls = print(Form::Dsacls, &changes, &observed).unwrap();
    let line = "/I:S /G \"svc@corp.example:WP;lockoutTime;user\"\n";
    assert!(dsacls.contains(&format!("dsacls \"{}\" {line}", dsacls_name(&observed.units[0].dn))));
    let path = powershell_quoted(&format!("LDAP://{}", dsacls_name(&observed.units[0].dn)));
    assert!(dsacls.contains(&format!("-Command \"$on = [ADSI]{path}; ")), "{dsacls}");
    let ldif = print(Form::Ldif, &changes, &observed).unwrap();
    assert!(ldif.starts_with("dn:: ") && ldif.contains("\nreplace: nTSecurityDescriptor\n"));
}

#[test]
fn what_is_hidden_is_granted_by_tools_that_need_not_read_it_and_refused_as_ldif() {
    let observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    let features = vec![Feature::Writeback, Feature::FineGrainedRules];
    let wish = Wish { root: false, units: Vec::new(), features, inet_org_person: false };
    let changes = grant(&observed, &wish).unwrap();
    assert_eq!(changes[0].on, observed.settings.dn);
    assert!(print(Form::SambaTool, &changes, &observed).unwrap().contains("(A;CI;"));
    assert!(print(Form::Ldif, &changes, &observed).unwrap_err().contains("may not read"));
}

#[test]
fn a_controller_is_behind_by_what_it_alone_lacks() {
    let unit = |sddl: &str| domain("", sddl);
    let complete = unit(&format!("D:AI{}", rights("CIIO", SERVICE)));
    let (nothing, jan) = (unit("D:AI"), dn("CN=Jan,OU=P,DC=corp,DC=example"));
    assert_eq!(compared(&complete, &complete, Vec::new(), WRITEBACK), State::Complete);
    assert_eq!(compared(&nothing, &nothing, Vec::new(), WRITEBACK), State::Complete);

    let state = compared(&complete, &nothing, vec![jan.clone()], WRITEBACK);
    let State::Behind { findings, absent } = &state else { panic!("{state:?}") };
    assert_eq!((findings.len(), &findings[0].cause, absent), (1, &Cause::Missing, &vec![jan]));
    let arrival = Arrival { controller: "dc2.corp.example".to_owned(), state };
    let text = arrival.text(&complete);
    let start = "dc2.corp.example has not caught up with dc1.corp.example: svc@corp.example lacks";
    assert!(text.starts_with(start) && text.ends_with(", and 1 more"), "{text}");
    let fix = "repadmin /replicate dc2.corp.example dc1.corp.example \"DC=corp,DC=example\"";
    assert_eq!(arrival.remedy(&complete).commands, [fix]);

    // What is not there has no rights neither: it is told once.
    let gone = complete.units[0].dn.clone();
    let mut there = complete.clone();
    there.units[0].object = None;
    let state = compared(&complete, &there, vec![gone.clone()], WRITEBACK);
    assert_eq!(state, State::Behind { findings: Vec::new(), absent: vec![gone] });
}
