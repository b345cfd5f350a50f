//! `permissions` on the fake, over LDAPS and with no lab: what it says there is what it says on a real Active
//! Directory, by the same snapshots, and what it writes has the same effect. `fake_permissions_people.rs` is
//! about single people, and has `explain`.
//!
//! What needs other tools than the agent's own is tried in `samba_permissions*.rs` alone.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    missing_docs,
    unreachable_pub,
    dead_code,
    reason = "a test reports a broken expectation by panicking; the module is private, and shared"
)]

mod fake;
mod permissions;

use directory::security::rights::{LOCKOUT_TIME, Permission, RESET_PASSWORD, USER};
use directory::security::{Ace, SecurityDescriptor, mask};
use directory_fake::{FakeDomain, Flavour, NewFakePerson};
use fake::{CHECK, Fake, good, pretty};
use permissions::Said;
use serde_json::json;

#[test]
fn a_unit_without_rights_is_given_exactly_those_and_they_are_taken_back() {
    let fake = Fake::new("grant");
    let place = &fake.place;
    let before = fake.descriptor();
    place.snapshot("check_nothing.txt", &place.agent(&CHECK).out);
    place.snapshot("check_nothing.json", &place.agent(&["permissions", "check", "--json"]).out);
    place.named_and_fixed(&CHECK, &["lacks on the unit", &fake.dn()]);
    let (old, new) =
        (before.dacl.clone().unwrap().entries, fake.descriptor().dacl.unwrap().entries);
    assert_eq!(new.iter().filter(|entry| !old.contains(entry)).count(), 4);
    assert_eq!(new.len(), old.len() + 4);
    let again = place.as_administrator(&["permissions", "grant"]);
    assert_eq!((again.code, again.out.as_str()), (0, "There is nothing to do.\n"));
    place.snapshot("check_good.txt", &place.agent(&CHECK).out);
    place.snapshot("check_good.json", &pretty(&place.agent(&["permissions", "check", "--json"])));
    good(&place.as_administrator(&["permissions", "revoke", "--ou", &fake.dn()]));
    assert_eq!(fake.descriptor(), before);
    assert_eq!(place.agent(&CHECK).code, 1);
}

#[test]
fn a_revoke_takes_no_more_than_the_feature_and_the_unit_that_are_named() {
    let fake = Fake::new("apart");
    let (place, here) = (&fake.place, fake.dn());
    let other = format!("OU=Other {}", std::process::id());
    fake.domain.add_unit(&other).unwrap();
    let other = format!("{other},{}", place.forest.base_dn);
    place.configure(&[&here, &other], place.forest.ldaps_port);
    fake.domain.everybody_unexpires(false).unwrap();
    good(&place.as_administrator(&["permissions", "grant"]));
    good(&place.agent(&CHECK));

    let [anchor_there, anchor_back] = ["grant", "revoke"]
        .map(|command| place.as_administrator(&["permissions", command, "--feature", "anchor"]));
    for said in [&anchor_there, &anchor_back] {
        good(said);
        assert_eq!(said.out.matches("write mS-DS-ConsistencyGuid\n").count(), 2, "{}", said.out);
        assert!(
            !said.out.contains("Password") && !said.out.contains("lockoutTime"),
            "{}",
            said.out
        );
    }
    good(&place.agent(&CHECK));

    let one = place.as_administrator(&["permissions", "revoke", "--ou", &here]);
    good(&one);
    let stays = format!("may still: Unexpire Password; {other} keeps writeback, which needs it\n");
    assert!(one.out.contains(&stays), "{}", one.out);
    place.configure(&[&other], place.forest.ldaps_port);
    good(&place.agent(&CHECK));
    let last = place.as_administrator(&["permissions", "revoke", "--ou", &other]);
    good(&last);
    let gone = "may no longer, by this entry: Unexpire Password\n";
    assert!(last.out.contains(gone) && !last.out.contains("may still"), "{}", last.out);
}

#[test]
fn programs_are_told_what_would_be_changed_and_change_nothing_unless_they_say_so() {
    let fake = Fake::new("forms");
    let (place, dn) = (&fake.place, fake.dn());
    // As in the lab, by an entry of its own.
    let (head, service) = (fake.domain.guid_at("").unwrap(), place.service());
    let unexpire = Permission::UnexpirePassword.entry(service.clone());
    let give = |held: &mut SecurityDescriptor| assert!(held.dacl.as_mut().unwrap().add(unexpire));
    fake.domain.secure(head, give).unwrap();
    let before = fake.descriptor();
    let grant = ["permissions", "grant", "--ou", &dn, "--json"];
    let revoke = ["permissions", "revoke", "--ou", &dn, "--json"];
    let value = |said: &Said| serde_json::from_str::<serde_json::Value>(&said.out).unwrap();

    let said = place.agent(&grant);
    good(&said);
    place.snapshot("preview_grant.json", &pretty(&said));
    assert_eq!((value(&said)["made"].clone(), fake.descriptor()), (false.into(), before.clone()));
    let said = place.as_administrator(&grant);
    good(&said);
    assert_eq!(value(&said)["made"], true);
    assert_eq!(value(&said)["changes"][0]["add"].as_array().unwrap().len(), 4);
    good(&place.agent(&CHECK));
    let said = place.as_administrator(&grant);
    good(&said);
    assert_eq!((&value(&said)["made"], &value(&said)["changes"]), (&false.into(), &json!([])));

    // A denial would beat it, or does.
    fake.spoil(|entries| {
        let denial = Ace::deny(mask::CONTROL_ACCESS, directory::Sid::authenticated_users());
        entries.insert(0, denial.on(RESET_PASSWORD).below(None));
    });
    for said in [place.agent(&grant), place.as_administrator(&grant)] {
        assert_eq!((said.code, &value(&said)["findings"][0]["cause"]), (1, &"denied".into()));
    }
    fake.spoil(|entries| drop(entries.remove(0)));

    let granted = fake.descriptor();
    let said = place.agent(&revoke);
    good(&said);
    place.snapshot("preview_revoke.json", &pretty(&said));
    assert_eq!(fake.descriptor(), granted);
    // Another unit that is reset with it, and an entry by which the right stands all the same.
    let other = format!("OU=Second {}", std::process::id());
    fake.domain.add_unit(&other).unwrap();
    let other = format!("{other},{}", place.forest.base_dn);
    place.configure(&[&dn, &other], place.forest.ldaps_port);
    good(&place.as_administrator(&["permissions", "grant"]));
    fake.spoil(|entries| {
        let more = Ace::allow(mask::CONTROL_ACCESS | mask::WRITE_PROPERTY, service.clone());
        entries.push(more.on(RESET_PASSWORD).below(Some(USER)));
    });
    let said = place.as_administrator(&revoke);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(said.err, "passback-agent: a right stands all the same\n");
    place.snapshot("preview_revoke_one.json", &pretty(&said));
    assert_eq!(place.agent(&["permissions", "revoke", "--json", "--print", "ldif"]).code, 2);
}

#[test]
fn nothing_is_called_taken_back_where_the_service_account_may_not_look() {
    let fake = Fake::new("unseen").granted();
    let place = &fake.place;
    let read = Ace::allow(mask::READ_CONTROL, directory::Sid::authenticated_users());
    let of = |entry: &Ace| entry.access().map(|access| access.trustee.clone());
    fake.spoil(|entries| entries.retain(|one| of(one) != of(&read)));
    let hidden = fake.descriptor();
    let said = place.as_administrator(&["permissions", "revoke"]);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    let named = format!("may not read who has which rights on the unit {}.\n", fake.dn());
    assert!(said.out.contains(&named) && !said.out.contains("Taken back"), "{}", said.out);
    assert_eq!(
        said.err,
        "passback-agent: could not look everywhere for what stands all the same\n"
    );
    assert_eq!(fake.descriptor(), hidden);
    let said = place.agent(&["permissions", "revoke", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&said.out).unwrap();
    assert_eq!((said.code, &value["findings"][0]["cause"]), (1, &"hidden".into()));
    fake.spoil(|entries| entries.push(read));
    good(&place.as_administrator(&["permissions", "revoke"]));
    assert_eq!(
        fake.descriptor().dacl.unwrap().entries.len(),
        hidden.dacl.unwrap().entries.len() - 3
    );
}

#[test]
fn a_group_that_is_to_protect_its_members_and_protects_nobody_is_a_finding() {
    let fake = Fake::new("idle-groups").granted();
    let (place, domain) = (&fake.place, &fake.domain);
    good(&place.agent(&CHECK));
    let board = domain.add_group("board", "CN=Users", &[]).unwrap();
    let mail = domain.add_group("board-by-mail", "CN=Users", &[]).unwrap();
    domain.put(domain.guid_of("board-by-mail").unwrap(), "groupType", "2").unwrap();
    let nobody = mail.domain().unwrap().with_rid(99_999).unwrap();
    let foreign = "S-1-5-21-9-9-9-1106";
    let groups = format!("protected_groups = ['{board}', '{mail}', '{nobody}', '{foreign}']\n");
    let ous = "ous = ";
    place.reconfigure(ous, &format!("{groups}{ous}"));
    let said = place.agent(&CHECK);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(said.out.matches("` protects nobody").count(), 1, "{}", said.out);
    for words in [
        format!("{mail} of `protected_groups` protects nobody: CN=board-by-mail,CN=Users,"),
        format!("{nobody} of `protected_groups` cannot be found: no group of the domain"),
        "  Fix: make it a security group".to_owned(),
        format!("  {foreign} of `protected_groups` is of another domain"),
    ] {
        assert!(said.out.contains(&words), "{words}: {}", said.out);
    }
    assert!(!said.out.contains(&board.to_string()), "{}", said.out);
    let told = place.agent(&["permissions", "check", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    let finding = &value["directories"][0]["findings"][0];
    assert_eq!(finding["cause"], "protects_nobody");
    assert_eq!(finding["kind"], "configuration");
    assert_eq!(value["directories"][0]["findings"][1]["cause"], "group_not_found");
    // It is about whom is reset.
    good(&place.agent(&["permissions", "check", "--feature", "fine-grained-rules"]));
    // Carried out as told.
    domain.put(domain.guid_of("board-by-mail").unwrap(), "groupType", "-2147483646").unwrap();
    place.reconfigure(&format!("'{nobody}', "), "");
    good(&place.agent(&CHECK));
}

/// Controllers of Windows find it whatever accents it is written with, those of Samba do not.
#[test]
fn a_unit_that_is_configured_without_its_accents_is_named_as_the_directory_writes_it() {
    let unit = "OU=Zürich";
    let make = |domain: &FakeDomain| drop(domain.add_unit(unit).unwrap());
    let fake = Fake::over("accents", unit, make).granted();
    let (place, person) = (&fake.place, fake.person(NewFakePerson::new("reto")));
    fake.domain.imitate(Flavour::Windows);
    fake.domain.disconnect("dc1").unwrap();
    let explain = ["explain", &person.login];
    for command in [&CHECK[..], &explain] {
        good(&place.agent(command));
    }
    let written = fake.dn().replace('ü', "u");
    place.configure(&[&written], place.forest.ldaps_port);
    for command in [&CHECK[..], &explain] {
        let said = place.agent(command);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        for name in [&written, &fake.dn()] {
            assert!(said.line(0).contains(name), "{name}: {}", said.out);
        }
        let fix = format!("  Fix: write \"{}\" in `ous` of the directory", fake.dn());
        assert!(said.line(1).starts_with(&fix), "{}", said.out);
    }
    let told = place.agent(&["permissions", "check", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(value["directories"][0]["findings"][0]["cause"], "spelt_otherwise");
    fake.domain.imitate(Flavour::Samba);
    fake.domain.disconnect("dc1").unwrap();
    let said = place.agent(&CHECK);
    assert!(said.line(0).contains(&format!("the unit {written} is not there")), "{}", said.out);
}

/// More units than fit on a page (1,000): what is lacking is lacking at the last one.
#[test]
fn whatever_number_of_units_there_is_each_of_them_is_looked_at() {
    let fake = Fake::new("many").granted();
    for number in 0..1_200 {
        fake.domain.add_unit(&format!("OU=Unit {number:04},{}", fake.unit)).unwrap();
    }
    let said = fake.place.agent(&CHECK);
    good(&said);
    assert!(said.out.contains("; 1 unit in scope, 1200 below; "), "{}", said.out);
    let first = fake.domain.guid_at(&format!("OU=Unit 0000,{}", fake.unit)).unwrap();
    let last = fake.domain.guid_at(&format!("OU=Unit 1199,{}", fake.unit)).unwrap();
    for (guid, name) in [(first, "OU=Unit 0000,"), (last, "OU=Unit 1199,")] {
        fake.domain.inherit(guid, false).unwrap();
        let named = ["inheritance is off on the unit", name, "Reset Password"];
        fake.place.named_and_fixed(&CHECK, &named);
    }
}

#[test]
fn one_right_that_is_missing_and_one_that_is_denied_are_named_and_put_right() {
    let fake = Fake::new("one").granted();
    fake.spoil(|entries| {
        let about = |entry: &Ace| entry.access().and_then(|access| access.object_type);
        entries.retain(|entry| about(entry) != Some(LOCKOUT_TIME.attribute));
    });
    let named = ["lacks on the unit", &fake.dn(), ": write lockoutTime;"];
    fake.place.named_and_fixed(&CHECK, &named);
    fake.spoil(|entries| {
        let denial = Ace::deny(mask::CONTROL_ACCESS, directory::Sid::authenticated_users());
        entries.insert(0, denial.on(RESET_PASSWORD).below(None));
    });
    let said = fake.place.agent(&CHECK);
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    for part in ["is denied on the unit", "Authenticated Users", "Reset Password"] {
        assert!(said.line(0).contains(part), "{part}: {}", said.out);
    }
}

#[test]
fn a_controller_that_will_not_say_who_has_a_sid_is_not_believed_that_nobody_has_it() {
    let fake = Fake::new("busy").granted();
    let person = fake.person(NewFakePerson::new("named"));
    let (check, explain) = (&CHECK[..], &["explain", &person.login][..]);
    let before = [check, explain].map(|command| fake.place.agent(command));
    before.iter().for_each(good);
    fake.domain.busy_about_sids();
    for command in [check, explain] {
        let said = fake.place.agent(command);
        assert_eq!(said.code, 3, "{}{}", said.out, said.err);
        let told = format!("{}{}", said.out, said.err);
        assert!(told.contains("result 51 (busy)"), "{told}");
        // Nothing is printed in which a SID stands for a name.
        assert!(!said.out.contains("S-1-5-21-"), "{}", said.out);
    }
    let printed = ["permissions", "revoke", "--print", "dsacls"];
    let said = fake.place.agent(&printed);
    assert_eq!((said.code, said.out.as_str()), (3, ""), "{}", said.err);
    fake.domain.heal();
    let after = [check, explain].map(|command| fake.place.agent(command).out);
    assert_eq!(after, before.map(|said| said.out));
}
