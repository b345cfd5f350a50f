//! What is said of single people on the fake, by `permissions` and `explain`: as on a real Active Directory, and
//! as only a controller of Windows has it.
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

use directory::security::{Ace, SecurityDescriptor, mask};
use directory::{AccountFlags, ObjectGuid};
use directory_fake::{FakeDomain, Flavour, NewFakePerson, PolicyControls};
use fake::{CHECK, Fake, good, pretty};
use lab::Kind;
use permissions::Said;
use serde_json::json;

/// Who signs in does not read people by that, as where Pre-Windows 2000 Compatible Access is emptied.
#[test]
fn people_who_may_not_be_read_are_told_of_once_for_all_of_a_unit() {
    let fake = Fake::new("reading").granted();
    fake.person(NewFakePerson::new("another"));
    good(&fake.place.agent(&CHECK));
    // As guides to hardening advise.
    let signed_in = fake.domain.guid_at("CN=S-1-5-11,CN=ForeignSecurityPrincipals").unwrap();
    fake.domain.leave(signed_in, "Pre-Windows 2000 Compatible Access").unwrap();
    let said = fake.place.agent(&CHECK);
    assert_eq!(said.err, "passback-agent: 1 finding\n", "{}", said.out);
    // Whichever features are asked for; and not where nobody looked.
    let others = ["permissions", "check", "--feature", "fine-grained-rules"];
    let said = fake.place.agent(&others);
    good(&said);
    assert!(
        said.out.contains("\n  reading: lacks rights: nobody is reset without"),
        "{}",
        said.out
    );
    let nobody = [&others[..], &["--people", "0"]].concat();
    let said = fake.place.agent(&nobody);
    good(&said);
    assert!(said.out.contains("\n  reading: not looked at: no people"), "{}", said.out);
    let said = fake.place.agent(&[&nobody[..], &["--json"]].concat());
    good(&said);
    fake.place.snapshot("check_nobody.json", &pretty(&said));
    let named = format!("may not read of people below the unit {}: tokenGroups, ", fake.dn());
    fake.place.named_and_fixed(&CHECK, &[&named, "msDS-ResultantPSO"]);
}

/// One person is let inherit again, by a program.
#[test]
fn programs_are_told_what_lets_somebody_inherit_and_what_has_come_of_it() {
    let fake = Fake::new("forms-inherit").granted();
    let off = fake.person(NewFakePerson::new("off"));
    fake.domain.inherit(off.guid, false).unwrap();
    let dn = off.dn.to_string();
    let inherit = ["permissions", "grant", "--inherit", &dn, "--json"];
    let value = |said: &Said| serde_json::from_str::<serde_json::Value>(&said.out).unwrap();
    let said = fake.place.agent(&inherit);
    good(&said);
    let change = json!([{
        "object": dn, "add": [], "remove": [], "inherit": true, "clear_admin_count": false,
    }]);
    assert_eq!((&value(&said)["made"], &value(&said)["changes"]), (&false.into(), &change));
    assert_eq!(fake.place.agent(&CHECK).code, 1);
    let said = fake.place.as_administrator(&inherit);
    good(&said);
    assert_eq!((&value(&said)["made"], &value(&said)["findings"]), (&true.into(), &json!([])));
    good(&fake.place.agent(&CHECK));
}

#[test]
fn a_person_who_inherits_nothing_or_is_marked_for_nothing_is_named_and_put_right() {
    let fake = Fake::new("person").granted();
    let off = fake.person(NewFakePerson::new("off"));
    fake.domain.inherit(off.guid, false).unwrap();
    let dn = off.dn.to_string();
    fake.place.named_and_fixed(&CHECK, &["inheritance is off on the person", &dn]);
    fake.domain.put(off.guid, "adminCount", "1").unwrap();
    fake.place.named_and_fixed(&CHECK, &["adminCount is left over on the person", &dn]);
    fake.domain.inherit(off.guid, false).unwrap();
    let named = ["cannot be reset", "inheritance is off"];
    fake.place.named_and_fixed(&["explain", "off"], &named);
}

/// What AdminSDHolder's descriptor makes of an account: nothing is inherited, and whoever signs in reads it.
fn as_it_is_kept_protected(domain: &FakeDomain, guid: ObjectGuid) {
    domain.put(guid, "adminCount", "1").unwrap();
    domain.inherit(guid, false).unwrap();
    let read = Ace::allow(mask::mapped(mask::GENERIC_READ), directory::Sid::authenticated_users());
    let show = |held: &mut SecurityDescriptor| _ = held.dacl.as_mut().unwrap().add(read);
    domain.secure(guid, show).unwrap();
}

/// As a controller of Windows marks, for which a group for mail counts as well; Samba marks nobody.
#[test]
fn a_mark_that_a_group_for_mail_keeps_is_taken_away_only_after_that_group_is_left() {
    let fake = Fake::new("marked").granted();
    let (place, domain) = (&fake.place, &fake.domain);
    domain.add_group("it-all", "CN=Users", &["Domain Admins"]).unwrap();
    domain.put(domain.guid_of("it-all").unwrap(), "groupType", "2").unwrap();
    domain.add_group("it-lan", "CN=Users", &["it-all"]).unwrap();
    let person = fake.person(NewFakePerson::new("marked"));
    domain.join(person.guid, "it-lan").unwrap();
    as_it_is_kept_protected(domain, person.guid);
    let (dn, inherit) = (person.dn.to_string(), ["permissions", "grant", "--inherit"]);
    let explain = ["explain", "marked"];
    // At Samba it is left over, and would not come back.
    let left_over = [&CHECK[..], &explain[..]].map(|command| place.agent(command));
    for said in left_over {
        assert!(said.code == 1 && said.line(0).contains("adminCount is left over"), "{}", said.out);
    }
    domain.imitate(Flavour::Windows);
    domain.disconnect("dc1").unwrap();
    for command in [&CHECK[..], &explain[..]] {
        let said = place.agent(command);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        for part in ["comes back", "Domain Admins, by way of it-lan, then it-all (groups for mail"]
        {
            assert!(said.line(0).contains(part), "{part}: {}", said.out);
        }
        let [leave, again] = &said.fixes()[..] else { panic!("{}", said.out) };
        assert!(
            leave.starts_with("Remove-ADGroupMember -Identity 'CN=it-lan,CN=Users,"),
            "{leave}"
        );
        assert!(again.contains("grant --directory corp --inherit "), "{again}");
    }
    let told = place.agent(&["permissions", "check", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(value["directories"][0]["findings"][0]["cause"], "admin_count_kept");
    place.snapshot("check_kept.json", &pretty(&told));
    // Nobody takes away what comes back.
    let refused = place.as_administrator(&[&inherit[..], &[&dn]].concat());
    assert_eq!(refused.code, 1, "{}{}", refused.out, refused.err);
    assert!(refused.err.contains("set adminCount; take it out of it-lan first"), "{}", refused.err);
    let printed = place.agent(&[&inherit[..], &[&dn, "--print", "ldif"]].concat());
    assert_eq!((printed.code, printed.out.as_str()), (1, ""), "{}", printed.err);
    // As told: out of the group, and then the mark goes.
    domain.leave(person.guid, "it-lan").unwrap();
    place.named_and_fixed(&CHECK, &["adminCount is left over on the person", &dn]);
    good(&place.agent(&explain));
}

/// The login at the directory's own domain signs in as well (MS-ADTS 5.1.1.1.1).
#[test]
fn a_login_at_the_domain_finds_an_account_unless_it_is_the_name_of_another_one() {
    let fake = Fake::new("implicit").granted();
    let (place, domain) = (&fake.place, &fake.domain);
    let [anna, bert] = ["annabel", "bertil"].map(|login| fake.person(NewFakePerson::new(login)));
    let at = |login: &str, domain: &str| format!("{login}@{domain}");
    let own = &place.forest.domain;
    domain.put(anna.guid, "userPrincipalName", "a.smith@elsewhere.test").unwrap();
    for name in [at("annabel", own), at("Annabel", &own.to_uppercase())] {
        let said = place.agent(&["explain", &name]);
        good(&said);
        assert_eq!(said.line(0), "corp: annabel can be reset.", "{name}");
    }
    for name in [at("annabel", "elsewhere.test"), at("nobody", own), at("", own)] {
        let said = place.agent(&["explain", &name]);
        assert_eq!((said.code, said.out.as_str()), (1, ""), "{name}");
    }
    domain.put(bert.guid, "userPrincipalName", &at("annabel", own)).unwrap();
    let said = place.agent(&["explain", &at("annabel", own)]);
    good(&said);
    assert_eq!(said.line(0), "corp: bertil can be reset.");
}

/// More groups than are followed: nobody can say that none of them leads to a protected one.
#[test]
fn a_mark_of_somebody_whose_groups_cannot_all_be_followed_is_not_called_left_over() {
    let fake = Fake::new("not-followed").granted();
    let (place, domain) = (&fake.place, &fake.domain);
    let person = fake.person(NewFakePerson::new("many"));
    for number in 0..510 {
        let name = format!("mail-{number}");
        domain.add_group(&name, "CN=Users", &[]).unwrap();
        domain.put(domain.guid_of(&name).unwrap(), "groupType", "2").unwrap();
        domain.join(person.guid, &name).unwrap();
    }
    as_it_is_kept_protected(domain, person.guid);
    domain.imitate(Flavour::Windows);
    domain.disconnect("dc1").unwrap();
    for command in [&CHECK[..], &["explain", "many"]] {
        let said = place.agent(command);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        assert!(said.line(0).contains("may be left over"), "{}", said.out);
        assert!(said.line(0).contains("not all groups could be followed"), "{}", said.out);
        assert!(!said.out.contains("adminCount is left over"), "{}", said.out);
    }
    let told = place.agent(&["permissions", "check", "--json"]);
    let value: serde_json::Value = serde_json::from_str(&told.out).unwrap();
    assert_eq!(value["directories"][0]["findings"][0]["cause"], "admin_count_unclear");
    // Nor is it taken away as one.
    let inherit = ["permissions", "grant", "--inherit", &person.dn.to_string()];
    for said in [
        place.as_administrator(&inherit),
        place.agent(&[&inherit[..], &["--print", "ldif"]].concat()),
    ] {
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        assert!(said.err.contains("cannot say whether it is left over"), "{}", said.err);
    }
}

#[test]
fn every_kind_of_account_is_explained_as_on_a_real_directory() {
    let fake = Fake::over("kinds", "OU=People", |_| {});
    for (kind, good) in [
        (Kind::Ordinary, true),
        (Kind::Disabled, false),
        (Kind::Locked, true),
        (Kind::Expired, false),
        (Kind::MustChange, true),
        (Kind::CannotChange, false),
        (Kind::ProtectedNested, false),
        (Kind::AdmincountOrphan, false),
        (Kind::TwoForests, true),
        (Kind::Pso, false),
        (Kind::EscapedName, true),
    ] {
        let person = fake.place.forest.person_of(kind).unwrap();
        let said = fake.place.agent(&["explain", &person.object_guid]);
        assert_eq!(said.code == 0, good, "{kind:?}: {}{}", said.out, said.err);
        let name = serde_json::to_value(kind).unwrap();
        let name = format!("explain_{}", name.as_str().unwrap());
        fake.place.snapshot(&format!("{name}.txt"), &as_in_the_lab(&said.out));
        let json = pretty(&fake.place.agent(&["explain", &person.object_guid, "--json"]));
        let json = json.replace(&person.object_guid, "GUID");
        fake.place.snapshot(&format!("{name}.json"), &as_in_the_lab(&json));
    }
}

/// Accounts that the lab has nobody of, each in its first line by what keeps it from being reset (SPEC D-6, D-7).
#[test]
fn other_kinds_of_account_are_explained_as_on_a_real_directory() {
    let fake = Fake::new("others").granted();
    let (place, domain) = (&fake.place, &fake.domain);
    let told = |name: &str, user: &str, called: &str| {
        place.told(name, user, called, as_in_the_lab);
    };
    for (name, flags) in [
        ("smart_card_only", AccountFlags::SMART_CARD_REQUIRED),
        ("password_never_expires", AccountFlags::PASSWORD_NEVER_EXPIRES),
    ] {
        let person = fake.person(NewFakePerson::new(name));
        domain.flag(person.guid, flags, true).unwrap();
        told(name, name, name);
    }
    let computer = format!("machine-{}", std::process::id());
    let guid = domain.add_computer(&computer, &fake.unit).unwrap();
    // The lab's has one, and it counts as never set.
    domain.administrator_sets(guid, "First-Password-2024").unwrap();
    domain.put(guid, "pwdLastSet", "0").unwrap();
    told("computer", &format!("{computer}$"), &computer);
    let member = fake.person(NewFakePerson::new("chairwoman"));
    let board = format!("Board {}", std::process::id());
    let sid = domain.add_group(&board, &fake.unit, &[]).unwrap();
    domain.join(member.guid, &board).unwrap();
    place.reconfigure("ous = ", &format!("protected_groups = ['{sid}']\nous = "));
    told("protected_locally", "chairwoman", "chairwoman");
    let krbtgt = domain.guid_of("krbtgt").unwrap();
    domain.administrator_sets(krbtgt, "First-Password-2024").unwrap();
    for (name, user) in permissions::told::OUTSIDE {
        told(name, user, user);
    }
}

/// Tried with a real one in `samba_explain_pdc`.
#[test]
fn a_controller_that_would_not_enforce_history_is_told_in_the_first_line() {
    let fake = Fake::new("no-control").granted();
    good(&fake.place.agent(&["explain", "somebody"]));
    fake.domain.offer("dc1", PolicyControls::None).unwrap();
    fake.domain.disconnect("dc1").unwrap();
    fake.place.told("no_policy_control", "somebody", "somebody", as_in_the_lab);
}

/// What the lab's administrator has made is owned by Domain Admins; and at the head of its domain the lab
/// gives to the service account what every domain gives to whoever is signed in.
fn as_in_the_lab(text: &str) -> String {
    let everybody = "Unexpire Password: by an entry for Authenticated Users,";
    let text = text.replace(everybody, "Unexpire Password: by an entry for svc-passback,");
    // Of the two by which everybody may change the own password, the lab's tool has the other one first.
    let first = "Change Password: by an entry for Everyone, on CN=Passback service account,";
    let text = text.replace(first, &first.replace("Everyone", "Self"));
    text.replace("owned by Administrators", "owned by Domain Admins")
}
