//! What is told of a person, branch by branch, of what no lab has to be brought into.

mod lock;

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::security::rights::{RESET_PASSWORD, USER};
use directory::security::{Aliases, SecurityDescriptor};
use directory::{
    Account, AccountFlags, DistinguishedName, InvocationId, ObjectGuid, PolicySource, PwdLastSet,
};
use protocol::PasswordPolicy;
use protocol::policy::Judge;

use super::*;
use crate::guard::tests::{ordinary, settings};
use crate::permissions::tests::{GROUP, SERVICE, domain, person, rights, sid};
use crate::permissions::{Sampled, judge};

const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);
const UNIT: &str = "OU=P,DC=corp,DC=example";
pub(super) const ANNA: &str = "CN=Anna,OU=P,DC=corp,DC=example";

fn rules() -> PasswordPolicy {
    PasswordPolicy {
        minimum_length: 7,
        complexity: true,
        history_length: 24,
        minimum_age_seconds: 86_400,
        minimum_age_rest: 0,
        maximum_age_seconds: Some(0),
        lockout_threshold: Some(0),
        lockout_duration_seconds: Some(0),
        lockout_window_seconds: Some(0),
        judged_by: None,
    }
}

fn copy() -> InvocationId {
    InvocationId(ObjectGuid::from_bytes([9; 16]))
}

/// Somebody of a Windows directory with everything as it should be, but for these changes.
pub(super) fn told(change: impl FnOnce(&mut Subject<'_>, &mut DirectorySettings)) -> Explanation {
    let mut configured = settings();
    configured.ous = vec![UNIT.parse().unwrap()];
    let mut observed = domain("", &format!("D:AI{}", rights("CIIO", SERVICE)));
    observed.names.note(sid("S-1-5-21-1-2-3-5000"), "Board".to_owned());
    let anna = person(ANNA, &format!("D:AI{}", rights("CIID", SERVICE)));
    observed.people = vec![anna.clone()];
    let read = settings();
    let mut subject = Subject {
        settings: &read,
        account: Account {
            dn: ANNA.parse().unwrap(),
            pwd_last_set: PwdLastSet::At(Timestamp::from_millis(1_700_000_000_000)),
            ..ordinary()
        },
        object: anna.object,
        judgement: judge(&observed, &[directory::security::rights::Feature::Writeback]),
        policy: EffectivePolicy {
            source: PolicySource::Domain(observed.head.dn.clone()),
            rules: Some(rules()),
        },
        chains: Vec::new(),
        marked_by: MarkedBy::Nothing,
        witness: Some(Witness {
            version: 3,
            originator: Some(copy()),
            written_at: None,
            pwd_last_set: PwdLastSet::Never,
            of_one_write: false,
            judge: Judge::Windows,
            controller: observed.asker.controller.clone(),
            invocation_id: copy(),
        }),
        pdc_in_dns: vec![observed.asker.controller.clone()],
        signs_in_to: Vec::new(),
        set_at: Some("DC1".to_owned()),
        now: NOW,
        observed,
    };
    change(&mut subject, &mut configured);
    // As it is read: the person is the one that is looked at, with what protects the account.
    let protection = directory::protected_by(&subject.account);
    let object = subject.object.clone();
    let marked_by = subject.marked_by.clone();
    subject.observed.people = vec![Sampled { protection, marked_by, ..Sampled::of(object) }];
    let judgement = judge(&subject.observed, &[directory::security::rights::Feature::Writeback]);
    Subject { settings: &configured, judgement, ..subject }.explain()
}

/// This list, by which whoever signs in reads the object.
fn list(sddl: &str) -> Option<SecurityDescriptor> {
    let sddl = format!("{sddl}(A;;RP;;;AU)");
    Some(SecurityDescriptor::from_sddl(&sddl, &Aliases::without_domain()).unwrap())
}

/// The one line of a section that holds this.
fn line<'e>(told: &'e Explanation, title: &str, part: &str) -> &'e Line {
    let section = told.sections.iter().find(|section| section.title == title).unwrap();
    let mut lines = section.lines.iter().filter(|line| line.text.contains(part));
    let found = lines.next().unwrap_or_else(|| panic!("{part}:\n{}", told.text()));
    assert!(lines.next().is_none(), "{part}: twice");
    found
}

/// It stops a reset: the first line says so, and this is told below with that fix.
pub(super) fn stops(told: &Explanation, title: &str, part: &str, fix: &str) {
    assert!(!told.is_good(), "{part}:\n{}", told.text());
    let line = line(told, title, part);
    assert!(line.stops && line.mark == Mark::Bad, "{line:?}");
    assert_eq!(told.verdict.text, format!("cannot be reset: {}", line.text));
    assert_eq!(told.verdict.remedy, line.remedy);
    let lines = line.remedy.lines().join(" ");
    assert!(lines.starts_with("Fix: ") && lines.contains(fix), "{fix}: {lines}");
}

pub(super) fn known(told: &Explanation, title: &str, part: &str) {
    let line = line(told, title, part);
    assert!(!line.stops && line.mark == Mark::Known, "{line:?}");
    assert_eq!(line.remedy, crate::permissions::Remedy::default());
}

fn good(told: &Explanation, title: &str, part: &str) {
    let line = line(told, title, part);
    assert!(!line.stops && line.mark == Mark::Good, "{line:?}");
    assert_eq!(line.remedy, crate::permissions::Remedy::default());
}

#[test]
fn somebody_with_everything_as_it_should_be_can_be_reset() {
    let told = told(|_, _| {});
    assert_eq!((told.is_good(), told.verdict.text.as_str()), (true, "can be reset"));
    let lines = told.sections.iter().flat_map(|section| &section.lines);
    assert_eq!(lines.filter(|line| line.mark == Mark::Bad).count(), 0, "{}", told.text());
}

#[test]
fn accounts_that_are_never_reset_are_told_by_what_they_are() {
    let by_hand = "an administrator resets it by hand";
    let own = told(|subject, _| subject.account.sid = sid(SERVICE));
    stops(&own, "Protection", "the agent's own account", by_hand);
    let others = told(|subject, _| subject.signs_in_to = vec!["sales".to_owned()]);
    let text = "the account with which the agent signs in to the directory sales";
    stops(&others, "Protection", text, by_hand);
    for rid in [500, 502] {
        let own = format!("S-1-5-21-1-2-3-{rid}");
        let one = told(|subject, _| subject.account.sid = sid(&own));
        stops(&one, "Protection", "one of the domain's own accounts", by_hand);
        known(&one, "Protection", "adminCount is not set (yet)");
    }
    for flags in [AccountFlags::WORKSTATION_TRUST, AccountFlags::INTERDOMAIN_TRUST] {
        let computer = told(|subject, _| subject.account.flags = flags);
        stops(&computer, "Protection", "no person's", "such accounts keep their own passwords");
    }
    // A managed service account is of a class of its own, which the rights of people do not reach.
    let managed = told(|subject, _| {
        let classes = ["top", "user", "computer", "msDS-GroupManagedServiceAccount"];
        subject.account.object_classes = classes.map(str::to_owned).into();
        subject.object.classes = subject.account.object_classes.clone();
    });
    stops(&managed, "Protection", "no person's", "such accounts keep their own passwords");
    let board = told(|subject, settings| {
        settings.protected_groups = vec![sid("S-1-5-21-1-2-3-5000")];
        subject.account.group_sids.push(sid("S-1-5-21-1-2-3-5000"));
    });
    let text = "in the group Board, nested groups included, which the configuration protects";
    stops(&board, "Protection", text, "or take the group out of `protected_groups`");
}

#[test]
fn what_a_protected_account_lacks_is_no_fault_and_has_no_fix() {
    let admin = told(|subject, _| {
        subject.account.group_sids.push(sid("S-1-5-21-1-2-3-512"));
        subject.account.admin_count = true;
        subject.object.descriptor = list("D:PAI(A;;RPRC;;;AU)");
    });
    stops(&admin, "Protection", "in the protected group", "taken out of the group");
    for right in ["Reset Password", "write lockoutTime", "write pwdLastSet"] {
        let text =
            format!("{right}: inheritance is off, as on every protected account: what {UNIT}");
        known(&admin, "Rights of the service account", &text);
    }
    known(&admin, "Inheritance", "as on every protected one");
    // Where no unit grants it, that is another matter.
    let nowhere = told(|subject, _| {
        subject.account.group_sids.push(sid("S-1-5-21-1-2-3-512"));
        subject.object.descriptor = list("D:PAI(A;;RPRC;;;AU)");
        subject.observed.units[0].object.as_mut().unwrap().descriptor = list("D:AI");
    });
    let lacking = line(&nowhere, "Rights of the service account", "Reset Password: ");
    assert!(lacking.mark == Mark::Bad && lacking.text.contains("lacks on the unit"), "{lacking:?}");
}

#[test]
fn inheritance_is_given_back_only_where_that_is_what_is_lacking() {
    let off = told(|subject, _| subject.object.descriptor = list("D:PAI"));
    let line_of_it = line(&off, "Inheritance", "inheritance is off on the account");
    assert_eq!(line_of_it.mark, Mark::Bad);
    assert!(line_of_it.remedy.commands[0].contains("--inherit"), "{line_of_it:?}");
    let deny = format!("(OD;;CR;{RESET_PASSWORD};;{GROUP})");
    let own = rights("", SERVICE).replace(&USER.to_string(), "");
    let denied = told(|subject, _| subject.object.descriptor = list(&format!("D:PAI{deny}{own}")));
    known(&denied, "Inheritance", "what the service account lacks has another reason");
    stops(&denied, "Rights of the service account", "is denied on the person", "dsacls");
    let own = told(|subject, _| subject.object.descriptor = list(&format!("D:PAI{own}")));
    known(&own, "Inheritance", "has its rights by entries of its own");
    assert!(own.is_good(), "{}", own.text());
}

#[test]
fn somebody_out_of_scope_is_told_what_takes_him_in_and_gives_the_rights() {
    let out = told(|subject, _| {
        let dn: DistinguishedName = "CN=Anna,OU=Other,DC=corp,DC=example".parse().unwrap();
        (subject.account.dn, subject.object.dn) = (dn.clone(), dn);
        subject.object.descriptor = list("D:AI");
    });
    stops(&out, "Scope", "below no OU of the configuration", "add \"OU=Other,DC=corp,DC=example\"");
    let lacking = line(&out, "Rights of the service account", "Reset Password: ");
    assert!(lacking.text.ends_with("neither here nor on a unit above"), "{lacking:?}");
    let fix =
        "passback-agent permissions grant --directory corp --ou 'OU=Other,DC=corp,DC=example'";
    assert_eq!(lacking.remedy.commands, [fix]);
}

#[test]
fn somebody_below_a_unit_that_is_spelt_otherwise_is_told_how_the_directory_writes_it() {
    let out = told(|subject, settings| {
        let [asked, there] = ["OU=Munchen,DC=corp,DC=example", "OU=München,DC=corp,DC=example"]
            .map(|one| one.parse::<DistinguishedName>().unwrap());
        subject.account.dn = there.child("OU", "Sales").child("CN", "Anna");
        subject.object.dn = subject.account.dn.clone();
        subject.observed.units[0].object.as_mut().unwrap().dn = there;
        subject.observed.units[0].dn = asked.clone();
        settings.ous = vec![asked];
    });
    let text = "OU=Munchen,DC=corp,DC=example of the configuration is OU=München,DC=corp,DC=example in the directory";
    stops(&out, "Scope", text, "write \"OU=München,DC=corp,DC=example\" in `ous` of the directory");
}

#[test]
fn the_state_of_an_account_is_told_with_the_fix_for_the_directory_that_it_is_in() {
    for (samba, tool) in [(false, "Identity 'CN=Anna,"), (true, "-H ldap://dc1.corp.example -U")] {
        let with = |change: fn(&mut Account)| {
            told(|subject, _| {
                subject.observed.asker.is_samba = samba;
                change(&mut subject.account);
            })
        };
        let off = with(|anna| anna.flags = AccountFlags(0x202));
        stops(&off, "Account", "the account is disabled", tool);
        let over = with(|anna| anna.account_expires = Some(Timestamp::from_millis(0)));
        stops(&over, "Account", "has expired, on 1970-01-01", tool);
        let card = with(|anna| anna.flags = AccountFlags(0x4_0200));
        stops(&card, "Account", "with a smart card only", tool);
    }
    let may_not = told(|subject, _| subject.account.cannot_change_password = true);
    stops(&may_not, "Account", "user cannot change password", "-CannotChangePassword $false");
    let ever = told(|subject, _| subject.account.flags = AccountFlags(0x1_0200));
    good(&ever, "Account", "the password never expires");
}

/// `samba-tool user enable` and `setexpiry --noexpiry` change other flags of the account as well.
#[test]
fn what_is_to_be_written_on_samba_touches_what_is_to_be_put_right_and_nothing_else() {
    let fix = |change: fn(&mut Account)| {
        let told = told(|subject, _| {
            subject.observed.asker.is_samba = true;
            change(&mut subject.account);
        });
        told.verdict.remedy.commands[0].clone()
    };
    let name = format!("printf '%s\\n' 'dn:: {}'", STANDARD.encode(ANNA));
    let start = format!("{name} 'changetype: modify' ");
    let by = " | ldbmodify -H ldap://dc1.corp.example -U Administrator";
    // What was seen goes and the rest comes: where the flags are others by then, nothing is written.
    let flags = |from: u32, to: u32| {
        format!(
            "{start}'delete: userAccountControl' 'userAccountControl: {from}' - \
             'add: userAccountControl' 'userAccountControl: {to}' -{by}"
        )
    };
    assert_eq!(fix(|anna| anna.flags = AccountFlags(0x1_0222)), flags(66_082, 66_080));
    assert_eq!(fix(|anna| anna.flags = AccountFlags(0x4_0200)), flags(262_656, 512));
    let over = fix(|anna| anna.account_expires = Some(Timestamp::from_millis(0)));
    assert_eq!(over, format!("{start}'replace: accountExpires' 'accountExpires: 0' -{by}"));
}

#[test]
fn a_password_that_has_to_be_changed_is_told_as_that_by_age_or_by_hand() {
    let aged = |seconds: Option<u64>, age: u64| {
        told(|subject, _| {
            subject.policy.rules.as_mut().unwrap().maximum_age_seconds = seconds;
            subject.account.pwd_last_set = PwdLastSet::At(NOW.before(Duration::from_secs(age)));
            subject.account.pwd_last_set_steps = 1;
        })
    };
    let fix = "a reset or a change by the person";
    let over = aged(Some(90 * 86_400), 90 * 86_400);
    let line_of_it = line(&over, "Account", "has expired by its age, on 2027-");
    assert!(line_of_it.mark == Mark::Bad && over.is_good(), "{line_of_it:?}");
    assert!(line_of_it.remedy.note.as_deref().unwrap().starts_with(fix));
    assert!(over.verdict.text.starts_with("can be reset; not as it should be: the password has"));
    let soon = aged(Some(90 * 86_400), 90 * 86_400 - 1);
    good(&soon, "Account", "the password expires on 2027-");
    good(&soon, "Password policy", "passwords of at most 7776000 s");
    good(&aged(Some(0), 1 << 30), "Account", "does not expire by its age");
    good(&aged(Some(0), 1 << 30), "Password policy", "passwords of any age");
    known(&aged(None, 1 << 30), "Account", "cannot be said: its rules are hidden");
    known(&aged(None, 1 << 30), "Password policy", "how old a password may become is hidden");
    let must = told(|subject, _| subject.account.pwd_last_set = PwdLastSet::Never);
    let line_of_it = line(&must, "Account", "must be changed at the next sign-in");
    assert!(line_of_it.mark == Mark::Bad && must.is_good(), "{line_of_it:?}");
    // Nobody asks these: nothing of it is told.
    for flags in [0x1_0200, 0x4_0200] {
        let never_asked = told(|subject, _| {
            subject.account.flags = AccountFlags(flags);
            subject.account.pwd_last_set = PwdLastSet::Never;
        });
        let section = never_asked.sections.iter().find(|one| one.title == "Account").unwrap();
        let texts: Vec<_> = section.lines.iter().map(|line| &line.text).collect();
        assert!(!texts.iter().any(|text| text.contains("must be changed")), "{texts:?}");
    }
    let hidden = told(|subject, _| {
        subject.policy.rules = None;
        subject.account.pwd_last_set = PwdLastSet::At(NOW);
    });
    known(&hidden, "Account", "cannot be said: its rules are hidden");
    let hidden = told(|subject, _| subject.account.pwd_last_set = PwdLastSet::Hidden);
    known(&hidden, "Account", "cannot be said: pwdLastSet is hidden");
}

#[test]
fn nothing_is_said_of_a_lockout_and_a_policy_that_may_not_be_read() {
    let hidden = told(|subject, _| {
        subject.account.hidden.lockout_time = true;
        subject.account.pwd_last_set = PwdLastSet::Hidden;
        subject.policy = EffectivePolicy::unknown();
    });
    for (title, part) in [
        ("Account", "lockoutTime is hidden from the service account"),
        ("Password policy", "msDS-ResultantPSO is hidden from the service account"),
    ] {
        let line = line(&hidden, title, part);
        assert!(line.mark == Mark::Bad && !line.stops, "{line:?}");
    }
    let text = hidden.text();
    assert!(!text.contains("not locked out") && !text.contains("at least 7 characters"), "{text}");
    assert!(text.contains("hidden from the service account"), "{text}");
}

#[test]
fn what_administrators_are_spared_is_told_with_the_rules() {
    let spared = "a reset by an administrator is made without history and least age";
    assert!(!told(|_, _| ()).text().contains(spared));
    let told = told(|_, settings| settings.administrator_reset_without_history_and_age = true);
    known(&told, "Password policy", spared);
}

#[test]
fn rules_and_their_age_are_told_and_hidden_ones_with_the_feature_that_shows_them() {
    let pso: DistinguishedName =
        "CN=Young,CN=Password Settings Container,CN=System,DC=corp,DC=example".parse().unwrap();
    let hidden = told(|subject, settings| {
        settings.name = "corp-2".parse().unwrap();
        subject.policy = EffectivePolicy { source: PolicySource::FineGrained(pso), rules: None };
    });
    let line = line(&hidden, "Password policy", "hidden from the service account");
    assert!(line.mark == Mark::Bad && !line.stops && hidden.is_good(), "{line:?}");
    let grant = "passback-agent permissions grant --directory corp-2 --feature fine-grained-rules";
    assert_eq!(line.remedy.commands, [grant]);
    let young = told(|subject, _| {
        let hour_ago = NOW.before(Duration::from_secs(3_600));
        subject.account.pwd_last_set = PwdLastSet::At(hour_ago);
        // In steps of 100 ns since 1601 (MS-DTYP 2.3.3).
        subject.account.pwd_last_set_steps = (hour_ago.as_millis() + 11_644_473_600_000) * 10_000;
    });
    stops(&young, "Password policy", "is too young: it can be replaced from", "wait until then");
}

#[test]
fn who_set_the_password_last_is_told_as_far_as_anybody_knows() {
    let hidden = told(|subject, _| subject.witness = None);
    stops(&hidden, "Last set", "replPropertyMetaData is hidden", "turn it on");
    let gone = told(|subject, _| subject.set_at = None);
    known(&gone, "Last set", &format!("has now, {}: it was restored since, or taken out", copy()));
    let never = told(|subject, _| {
        subject.account.pwd_last_set = PwdLastSet::Never;
        subject.set_at = None;
        subject.witness.as_mut().unwrap().originator = None;
    });
    known(&never, "Last set", "never, or it must be changed at the next sign-in");
    known(&never, "Last set", "nowhere that is known");
}

#[test]
fn a_controller_that_would_not_enforce_history_stops_a_reset_unless_that_is_allowed() {
    let without = told(|subject, _| subject.observed.asker.policy_control = None);
    stops(&without, "Controller", "offers no policy-hints control", "move the PDC role");
    let allowed = told(|subject, settings| {
        subject.observed.asker.policy_control = None;
        settings.allow_without_policy_control = true;
    });
    let line = line(&allowed, "Controller", "history is not enforced, as the configuration allows");
    assert!(line.mark == Mark::Bad && allowed.is_good(), "{line:?}");
    assert!(allowed.verdict.text.starts_with("can be reset; not as it should be: "));
}
