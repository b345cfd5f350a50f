//! What is lacking on people for a reason above them: reading, and classes.

use directory::security::Aliases;
use directory::security::rights::{Feature, INET_ORG_PERSON, Judged, Permission, RESET_PASSWORD};

use super::cause::Cause;
use super::judge::Kind;
use super::tests::{ABOVE, SERVICE, WRITEBACK, dn, domain, object, one, person, rights, sid};
use super::*;

const UNIT: &str = "OU=P,DC=corp,DC=example";
const JAN: &str = "CN=Jan,OU=P,DC=corp,DC=example";
const MIA: &str = "CN=Mia,OU=P,DC=corp,DC=example";

/// These rights on people, as they stand above (`CIIO`) or on a person (`CIID`).
fn reading(flags: &str, which: &[Judged]) -> String {
    let one = |judged: &Judged| {
        let entry = Permission::Read(*judged).entry(sid(SERVICE));
        let text = entry.to_sddl(&Aliases::without_domain()).unwrap();
        text.replace(";CIIO;", &format!(";{flags};"))
    };
    which.iter().map(one).collect()
}

/// Two people with all rights to write, by the unit, and these entries besides; the unit has others besides.
fn two_people(unit: &str, people: &str) -> Observed {
    let mut observed = domain("", &format!("D:AI{}{unit}", rights("CIIO", SERVICE)));
    for at in [JAN, MIA] {
        let list = format!("D:AI{}{people}", rights("CIID", SERVICE));
        let object = object(at, &list);
        observed.people.push(Sampled::of(object));
    }
    observed
}

#[test]
fn what_may_not_be_read_of_people_is_told_once_and_granted_by_its_own_feature() {
    let mut observed = two_people("", "");
    observed.people[0].hidden = Some("tokenGroups");
    let finding = one(&observed);
    assert_eq!((finding.kind, &finding.cause), (Kind::Unit, &Cause::Missing));
    assert_eq!(finding.permissions, Permission::of(Feature::Reading).collect::<Vec<_>>());
    let text = finding.text(&observed);
    assert!(text.contains(&format!("may not read of people below the unit {UNIT}: tokenGroups, ")));
    let by = "passback-agent permissions grant --directory corp";
    assert_eq!(
        finding.remedy(&observed).commands,
        [format!("{by} --ou '{UNIT}' --feature reading")]
    );
    let judgement = judge(&observed, WRITEBACK);
    assert_eq!(
        (judgement.people_good, judgement.features[4]),
        (0, (Feature::Reading, Some(false)))
    );
    assert_eq!(judge(&observed, &[Feature::Anchor]).findings.len(), 1, "the anchor's own right");

    // Exactly that is granted, and once it has come nothing is lacking.
    let wish = Wish {
        root: false,
        units: Vec::new(),
        features: vec![Feature::Reading],
        inet_org_person: false,
    };
    let changes = grant(&observed, &wish).unwrap();
    assert_eq!((changes.len(), changes[0].add.len()), (1, Judged::ALL.len()));
    let dsacls = print(Form::Dsacls, &changes, &observed).unwrap();
    assert!(dsacls.contains("/I:S /G \"svc@corp.example:RP;tokenGroups;user\"\n"), "{dsacls}");
    let there = two_people(&reading("CIIO", &Judged::ALL), &reading("CIID", &Judged::ALL));
    assert_eq!(judge(&there, WRITEBACK).findings, []);
    assert_eq!(judge(&there, WRITEBACK).people_good, 2);
    // By the unit and not yet by the people: it is on its way.
    let waiting = judge(&two_people(&reading("CIIO", &Judged::ALL), ""), WRITEBACK).findings;
    assert_eq!(waiting.len(), 2);
    assert_eq!(waiting[0].cause, Cause::NotArrived { from: dn(UNIT) });
}

/// Each feature is judged whichever are asked for, and so is this one.
#[test]
fn nobody_is_called_readable_at_whom_nobody_looked() {
    const FEATURES: [&[Feature]; 4] = [WRITEBACK, &[Feature::Anchor], &[Feature::Reading], &[]];
    let all = |observed: &Observed, expected: Option<bool>, told: &str| {
        for features in FEATURES {
            let judgement = judge(observed, features);
            assert_eq!(judgement.features[4], (Feature::Reading, expected), "{features:?}");
            let text = check_text(observed, &judgement, &[]);
            assert!(text.ends_with(&format!("\n  reading: {told}\n")), "{text}");
            let value = check_json(observed, &judgement, &[]);
            assert_eq!(value["features"]["reading"], serde_json::json!(expected));
        }
    };
    let not_looked = "not looked at: no people, or hidden who has which rights on them";
    let cannot = "lacks rights: nobody is reset without tokenGroups, replPropertyMetaData, userAccountControl, adminCount, accountExpires; without the rest it is not known whether an account was locked out; or how old a password is, so that its least age is not kept; or whose rules a password obeys, so that none of them is told";
    let mut people = two_people("", "(A;;RP;;;AU)");
    all(&people, Some(true), "has its rights");
    // Of one of them it cannot be said, and then it can.
    let list = people.people[1].object.descriptor.take();
    all(&people, None, not_looked);
    people.people[1].object.descriptor = object(MIA, "D:AI").descriptor;
    all(&people, Some(false), cannot);
    people.people[0].object.descriptor = None;
    all(&people, Some(false), cannot);
    // Whoever is never reset need not be read.
    people.people[1].object.descriptor = list;
    people.people[0].protection = Some(directory::Protection::Member(sid("S-1-5-32-544")));
    all(&people, Some(true), "has its rights");
    people.people.pop();
    all(&people, None, not_looked);
    people.people.clear();
    all(&people, None, not_looked);
}

/// A reset goes on where these alone are hidden, and says less (`writeback/hidden_tests.rs`).
#[test]
fn nobody_is_called_never_reset_of_whom_only_that_is_hidden_which_a_reset_does_not_need() {
    let (needed, rest): (Vec<Judged>, Vec<Judged>) =
        Judged::ALL.into_iter().partition(|one| one.is_needed());
    assert_eq!(rest, [Judged::LockoutTime, Judged::PwdLastSet, Judged::ResultantPso]);
    for hidden in rest {
        let read: Vec<Judged> = Judged::ALL.into_iter().filter(|one| *one != hidden).collect();
        let observed = two_people("", &reading("CIID", &read));
        let finding = one(&observed);
        assert_eq!(finding.permissions, [Permission::Read(hidden)]);
        let without =
            format!("people are reset, and it is not known {}", hidden.unknown_without().unwrap());
        let told = finding.text(&observed);
        assert!(told.ends_with(&format!(": {without}")) && !told.contains("nobody is"), "{told}");
        let text = check_text(&observed, &judge(&observed, WRITEBACK), &[]);
        assert!(text.ends_with(&format!("\n  reading: lacks rights: {without}\n")), "{text}");
    }
    for hidden in needed {
        let read: Vec<Judged> = Judged::ALL.into_iter().filter(|one| *one != hidden).collect();
        let observed = two_people("", &reading("CIID", &read));
        let told = one(&observed).text(&observed);
        let without = format!(": nobody is reset without {}", hidden.name());
        assert!(told.ends_with(&without), "{told}");
    }
}

#[test]
fn one_attribute_that_is_hidden_is_named_alone_and_a_denial_as_one() {
    let all_but_one = &Judged::ALL[1..];
    let lacking = one(&two_people("", &reading("CIID", all_but_one)));
    assert_eq!(lacking.permissions, [Permission::Read(Judged::TokenGroups)]);
    let deny = format!("(OD;;RP;{};;AU)", Judged::LockoutTime.property().attribute);
    let denied = two_people("", &format!("{deny}(A;;RP;;;AU)"));
    let findings = judge(&denied, WRITEBACK).findings;
    assert_eq!(findings.len(), 2);
    assert!(matches!(findings[0].cause, Cause::Denied { .. }), "{findings:?}");
    // Whoever inherits nothing is told of as that, once.
    let mut off = two_people("", "(A;;RP;;;AU)");
    off.people[0].object.descriptor = object(JAN, "D:PAI").descriptor;
    let finding = one(&off);
    assert_eq!((finding.cause, &finding.permissions[..]), (Cause::InheritanceOff, &ABOVE[..]));
}

#[test]
fn what_is_hidden_though_it_may_be_read_is_told_of_whom_it_is_about() {
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    observed.people.push(person(JAN, &format!("D:AI{}", rights("CIID", SERVICE))));
    observed.people[0].hidden = Some("tokenGroups");
    let finding = one(&observed);
    let cause = Cause::Unjudged { attribute: "tokenGroups", inheritance_off: false };
    assert_eq!((finding.kind, finding.cause), (Kind::Person, cause));
}

/// The entries of writeback for people of class `inetOrgPerson`.
fn for_class(flags: &str) -> String {
    let one = |permission: Permission| {
        let entry = permission.entry_for(INET_ORG_PERSON, sid(SERVICE));
        let text = entry.to_sddl(&Aliases::without_domain()).unwrap();
        text.replace(";CIIO;", &format!(";{flags};"))
    };
    ABOVE.map(one).concat()
}

#[test]
fn people_of_another_class_are_told_of_once_and_granted_for_and_that_is_taken_back_as_well() {
    let mut observed = two_people("", "(A;;RP;;;AU)");
    for person in &mut observed.people {
        // What is inherited for users is on nobody of another class.
        let list = object(JAN, "D:AI(A;;RP;;;AU)").descriptor;
        person.object.descriptor = list;
        person.object.classes.push("inetOrgPerson".to_owned());
    }
    let finding = one(&observed);
    assert_eq!((finding.kind, &finding.object), (Kind::Unit, &dn(UNIT)));
    assert_eq!(finding.cause, Cause::OtherClass { example: dn(JAN) });
    assert_eq!(finding.permissions, ABOVE);
    let grant_it = "passback-agent permissions grant --directory corp";
    let fix = format!("{grant_it} --ou '{UNIT}' --inet-org-person");
    assert_eq!(finding.remedy(&observed).commands, [fix]);

    let wish = |inet_org_person| Wish {
        root: false,
        units: Vec::new(),
        features: WRITEBACK.to_vec(),
        inet_org_person,
    };
    assert_eq!(grant(&observed, &wish(false)).unwrap(), []);
    let changes = grant(&observed, &wish(true)).unwrap();
    assert_eq!((changes.len(), changes[0].add.len()), (1, ABOVE.len()));
    let shown = preview(&observed, &changes);
    assert!(shown.contains("may: Reset Password, on people of class inetOrgPerson\n"), "{shown}");
    let dsacls = print(Form::Dsacls, &changes, &observed).unwrap();
    assert!(dsacls.contains("/I:S /G \"svc@corp.example:WP;lockoutTime;inetOrgPerson\"\n"));
    let reset = format!("[guid]'{RESET_PASSWORD}', 'Descendents', [guid]'{INET_ORG_PERSON}')");
    assert_eq!(dsacls.matches(&reset).count(), 1, "{dsacls}");
    changes.iter().for_each(|change| observed.apply(change));
    assert_eq!(one_cause(&observed), Cause::NotArrived { from: dn(UNIT) });
    for person in &mut observed.people {
        let list = format!("D:AI(A;;RP;;;AU){}", for_class("CIID"));
        person.object.descriptor = object(JAN, &list).descriptor;
    }
    assert_eq!(judge(&observed, WRITEBACK).findings, []);
    let back = revoke(&observed, &wish(false)).unwrap().changes;
    assert_eq!(back[0].remove.len(), 2 * ABOVE.len());
}

/// The cause that all findings have.
fn one_cause(observed: &Observed) -> Cause {
    let findings = judge(observed, WRITEBACK).findings;
    assert!(!findings.is_empty() && findings.iter().all(|one| one.cause == findings[0].cause));
    findings[0].cause.clone()
}
