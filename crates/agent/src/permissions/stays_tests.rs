//! What a revoke takes, what it leaves, and how that is printed for Windows.

use directory::DistinguishedName;
use directory::security::Aliases;
use directory::security::rights::{Feature, Permission};

use super::judge::Kind;
use super::stays::{Stay, WhyStays};
use super::tests::{ABOVE, SERVICE, WRITEBACK, dn, domain, object, rights, seen, sid};
use super::*;

const P: &str = "OU=P,DC=corp,DC=example";
const R: &str = "OU=R,DC=corp,DC=example";
const HEAD: &str = "DC=corp,DC=example";

fn wish(root: bool, units: &[&str], features: &[Feature]) -> Wish {
    let units = units.iter().map(|unit| dn(unit)).collect();
    Wish { root, units, features: features.to_vec(), inet_org_person: false }
}

fn text(permission: Permission) -> String {
    permission.entry(sid(SERVICE)).to_sddl(&Aliases::without_domain()).unwrap()
}

/// Two units in scope with these lists; this stands on the root besides Unexpire Password.
fn two_units(root: &str, p: &str, r: &str) -> Observed {
    let mut observed = domain(root, &format!("D:AI{p}"));
    observed.units.push(seen(R, &format!("D:AI{r}")));
    observed
}

/// The rights that go, by place.
fn gone(revocation: &Revocation) -> Vec<(String, Vec<Permission>)> {
    let changes = revocation.changes.iter();
    let rights = |change: &Change| change.remove.iter().map(|(right, _)| *right).collect();
    changes.map(|change| (change.on.to_string(), rights(change))).collect()
}

#[test]
fn what_stands_on_the_root_goes_once_no_unit_is_reset_with_it() {
    let own = rights("CIIO", SERVICE);
    let above = (P.to_owned(), ABOVE.to_vec());
    let unexpire = (HEAD.to_owned(), vec![Permission::UnexpirePassword]);
    let serves = |observed: &Observed, wish: &Wish| {
        let revocation = revoke(observed, wish).unwrap();
        let [stay] = &revocation.stays[..] else { panic!("{revocation:?}") };
        assert_eq!(stay.why, WhyStays::ServesUnit(dn(R)));
        assert_eq!(
            still(observed, wish, &revocation.stays).unwrap().len(),
            gone(&revocation)[0].1.len()
        );
        revocation
    };
    let both = two_units("", &own, &own);
    let on_p = serves(&both, &wish(false, &[P], WRITEBACK));
    assert_eq!(gone(&on_p), std::slice::from_ref(&above));
    assert_eq!(
        stays_text(&both, &on_p.stays),
        format!(
            "On {HEAD}:\n  = svc@corp.example may still: Unexpire Password; {R} keeps writeback, which needs it\n"
        )
    );
    // Nobody had granted it there: nothing is told of.
    let mut nothing = both.clone();
    nothing.head = seen(HEAD, "D:AI");
    assert_eq!(stays_text(&nothing, &on_p.stays), "");

    let alone = two_units("", &own, "");
    let revocation = revoke(&alone, &wish(false, &[P], WRITEBACK)).unwrap();
    assert_eq!((gone(&revocation), revocation.stays), (vec![above, unexpire.clone()], vec![]));
    let all = revoke(&both, &wish(false, &[], WRITEBACK)).unwrap();
    assert_eq!((gone(&all).len(), gone(&all)[2].clone()), (3, unexpire));

    // From the root: units that have it by entries of their own keep it, those that inherit do not.
    let inherited = rights("CIIOID", SERVICE);
    let root = wish(true, &[], WRITEBACK);
    let revocation = serves(&two_units(&own, &inherited, &format!("{own}{inherited}")), &root);
    assert_eq!(gone(&revocation), [(HEAD.to_owned(), ABOVE.to_vec())]);
    let revocation = revoke(&two_units(&own, &inherited, &inherited), &root).unwrap();
    assert_eq!((gone(&revocation)[0].1.len(), revocation.stays), (ABOVE.len() + 1, vec![]));
}

/// Without Unexpire Password each password that is set there would expire at once.
#[test]
fn what_a_unit_may_need_of_which_the_rights_are_hidden_stays() {
    let own = rights("CIIO", SERVICE);
    let mut observed = two_units("", &own, &own);
    let unexpire = (HEAD.to_owned(), vec![Permission::UnexpirePassword]);
    let gone_and_stays = |observed: &Observed, wish: &Wish| {
        let revocation = revoke(observed, wish).unwrap();
        let reasons: Vec<WhyStays> = revocation.stays.iter().map(|stay| stay.why.clone()).collect();
        (gone(&revocation), reasons, stays_text(observed, &revocation.stays))
    };
    observed.units[1].object.as_mut().unwrap().descriptor = None;
    let first = wish(false, &[P], WRITEBACK);
    let (gone, stays, told) = gone_and_stays(&observed, &first);
    assert_eq!(gone, [(P.to_owned(), ABOVE.to_vec())]);
    assert_eq!(stays, [WhyStays::MayServeUnit(dn(R))]);
    let expected = format!(
        "may still: Unexpire Password; who has which rights on {R} is hidden from the service account, and writeback there, if it stays, needs it\n"
    );
    assert!(told.ends_with(&expected), "{told}");
    // So it does where all is taken back: nothing of that unit is.
    let (gone, why, _) = gone_and_stays(&observed, &wish(false, &[], WRITEBACK));
    assert_eq!((gone.len(), &why), (1, &stays));
    let unseen = unseen(&observed, &wish(false, &[], WRITEBACK), &[]).unwrap();
    let [hidden] = &unseen[..] else { panic!("{unseen:?}") };
    assert_eq!((&hidden.object, &hidden.cause, hidden.kind), (&dn(R), &Cause::Hidden, Kind::Unit));
    assert_eq!(hidden.permissions, ABOVE);
    // A unit that certainly keeps it is named before one of which nobody knows.
    let another = seen("OU=S,DC=corp,DC=example", &format!("D:AI{own}"));
    let mut three = observed.clone();
    three.units.push(another.clone());
    assert_eq!(gone_and_stays(&three, &first).1, [WhyStays::ServesUnit(another.dn)]);
    // The same of one that may not be seen at all.
    observed.units[1].object = None;
    assert_eq!(gone_and_stays(&observed, &first).1, stays);
    // Of one that has nothing nobody needs it.
    observed.units[1] = seen(R, "D:AI");
    assert_eq!(gone_and_stays(&observed, &first).0, [(P.to_owned(), ABOVE.to_vec()), unexpire]);
}

/// Of a right on one object of the domain as of those above people: nothing is called gone where nobody may
/// look.
#[test]
fn a_single_place_of_which_the_rights_are_hidden_is_named() {
    let own = rights("CIIO", SERVICE);
    let mut observed = two_units("", &own, &own);
    observed.settings = seen("CN=Password Settings Container,CN=System,DC=corp,DC=example", "D:AI");
    let named = |observed: &Observed, features: &[Feature], stays: &[Stay]| {
        let unseen = unseen(observed, &wish(false, &[], features), stays).unwrap();
        unseen.into_iter().map(|one| (one.kind, one.cause, one.permissions)).collect::<Vec<_>>()
    };
    let all = [Feature::Writeback, Feature::FineGrainedRules, Feature::Deletions];
    assert_eq!(named(&observed, &all, &[]), []);
    observed.head.object.as_mut().unwrap().descriptor = None;
    observed.settings.object.as_mut().unwrap().descriptor = None;
    let unexpire = Permission::UnexpirePassword;
    let on_root = vec![unexpire, Permission::ReplicatingDirectoryChanges];
    let hidden = |kind, permissions| (kind, Cause::Hidden, permissions);
    assert_eq!(named(&observed, &all, &[]), [hidden(Kind::Root, on_root)]);
    // What is to stay is told as that.
    let (on, why) = (dn(HEAD), WhyStays::ServesUnit(dn(R)));
    let stays = [Stay { on, permission: unexpire, why }];
    assert_eq!(named(&observed, WRITEBACK, &stays), []);
    // Of a container the list is hidden once the right to read it has gone (seen with Samba 4.24).
    assert_eq!(named(&observed, &[Feature::FineGrainedRules], &[]), []);
}

#[test]
fn a_revoke_is_about_the_features_that_are_named_and_about_no_other_one() {
    let anchor = Permission::WriteConsistencyGuid;
    let replicating = Permission::ReplicatingDirectoryChanges;
    let own = format!("{}{}", rights("CIIO", SERVICE), text(anchor));
    let observed = two_units(&text(replicating), &own, &own);
    let by = |features: &[Feature], units: &[&str]| {
        revoke(&observed, &wish(false, units, features)).unwrap()
    };
    let each = |on: &str, right: Permission| (on.to_owned(), vec![right]);
    assert_eq!(gone(&by(&[Feature::Anchor], &[])), [each(P, anchor), each(R, anchor)]);
    assert_eq!(gone(&by(&[Feature::Anchor], &[R])), [each(R, anchor)]);
    assert_eq!(gone(&by(&[Feature::Deletions], &[])), [each(HEAD, replicating)]);
    let named = by(&[Feature::Deletions], &[P]);
    assert_eq!((named.changes.len(), &named.stays[0].why), (0, &WhyStays::OfTheDomain));
    let told = stays_text(&observed, &named.stays);
    assert!(told.contains("Replicating Directory Changes; it is of the whole domain"), "{told}");
}

#[test]
fn dsacls_takes_all_of_an_account_only_where_that_is_what_goes() {
    let anchor = text(Permission::WriteConsistencyGuid);
    let own = rights("CIIO", SERVICE);
    let printed = |observed: &Observed, features: &[Feature]| {
        let changes = revoke(observed, &wish(false, &[], features)).unwrap().changes;
        print(Form::Dsacls, &changes, observed).unwrap()
    };
    let all = format!("dsacls \"{P}\" /R \"svc@corp.example\"\n");
    let removes = |text: &str| text.matches("RemoveAccessRuleSpecific").count();
    // On the root there is more for the account than this command knows of.
    let text = printed(&domain("", &format!("D:AI{own}")), WRITEBACK);
    assert!(text.contains(&all) && text.matches("/R").count() == 1, "{text}");
    assert_eq!(removes(&text), 1, "{text}");
    let rule = format!(
        "[Security.Principal.SecurityIdentifier]'{SERVICE}', 'ExtendedRight', 'Allow', [guid]'ccc2dc7d-a6ad-4a7a-8846-c04e3cc53501', 'None', [guid]::Empty)"
    );
    assert!(text.contains(&rule) && text.contains(&format!("[ADSI]'LDAP://{HEAD}'")), "{text}");
    // What another feature has there stays.
    let text = printed(&domain("", &format!("D:AI{own}{anchor}")), &[Feature::Anchor]);
    assert!(!text.contains("/R") && removes(&text) == 1, "{text}");
    let rule = "'WriteProperty', 'Allow', [guid]'23773dc2-b63a-11d2-90e1-00c04fd91ab1', 'Descendents', [guid]'bf967aba-0de6-11d0-a285-00aa003049e2')";
    assert!(text.contains(rule), "{text}");
    // What is inherited is nobody's to take there, and not taken by it.
    let text = printed(&domain("", &format!("D:AI{own}{}", rights("CIIOID", SERVICE))), WRITEBACK);
    assert!(text.contains(&all), "{text}");
}

/// `dsacls` looks a control access right up by its translated name: "Kennwort zurücksetzen".
#[test]
fn nothing_is_printed_for_windows_that_depends_on_its_language() {
    let mut observed = domain("", "D:AI");
    observed.head = seen(HEAD, "D:AI");
    let all = wish(false, &[], &[Feature::Writeback, Feature::Anchor, Feature::Deletions]);
    let changes = grant(&observed, &all).unwrap();
    let text = print(Form::Dsacls, &changes, &observed).unwrap();
    let (dsacls, others): (Vec<_>, Vec<_>) =
        text.lines().partition(|line| line.starts_with("dsacls "));
    let attributes = ["lockoutTime", "pwdLastSet", "mS-DS-ConsistencyGuid"];
    let granted =
        |name: &str| format!("dsacls \"{P}\" /I:S /G \"svc@corp.example:WP;{name};user\"");
    assert_eq!(dsacls, attributes.map(granted));
    let [unit_says, unit, head_says, head] = others[..] else { panic!("{text}") };
    assert!(
        unit_says.starts_with("rem ") && unit_says.ends_with(": Reset Password, Change Password.")
    );
    assert!(head_says.ends_with(": Unexpire Password, Replicating Directory Changes."), "{text}");
    for (line, on, rights) in [
        (unit, P, &[Permission::ResetPassword, Permission::ChangePassword]),
        (head, HEAD, &[Permission::UnexpirePassword, Permission::ReplicatingDirectoryChanges]),
    ] {
        let start = format!("powershell -Command \"$on = [ADSI]'LDAP://{on}'; ");
        assert!(line.starts_with(&start) && line.matches("AddAccessRule").count() == 2, "{line}");
        for right in rights {
            let entry = right.entry(sid(SERVICE));
            let number = entry.access().unwrap().object_type.unwrap();
            let rule = format!("'{SERVICE}', 'ExtendedRight', 'Allow', [guid]'{number}', ");
            assert!(line.contains(&rule) && !line.contains(right.name()), "{rule}: {line}");
        }
    }
}

/// A line of `cmd` ends at 8,191 characters.
#[test]
fn no_line_is_too_long_for_windows_however_many_entries_go() {
    let every = [Feature::Writeback, Feature::Anchor, Feature::Reading];
    let all = Wish { inet_org_person: true, ..wish(false, &[], &every) };
    let mut observed = domain("", "D:AI");
    let changes = grant(&observed, &all).unwrap();
    changes.iter().for_each(|change| observed.apply(change));
    // Something of the account's own that stays.
    let other = "(A;;RC;;;S-1-5-21-1-2-3-1104)";
    let descriptor = observed.units[0].object.as_mut().unwrap().descriptor.as_mut().unwrap();
    let more = object(P, &format!("D:AI{other}")).descriptor.unwrap().dacl.unwrap().entries;
    descriptor.dacl.as_mut().unwrap().entries.extend(more);
    let back = revoke(&observed, &all).unwrap().changes;
    let text = print(Form::Dsacls, &back, &observed).unwrap();
    let removed: usize = back.iter().map(|change| change.remove.len()).sum();
    assert!(removed > 26 && !text.contains("/R"), "{removed}: {text}");
    assert_eq!(text.matches("RemoveAccessRuleSpecific").count(), removed);
    // As long as the SIDs of a real domain are.
    let text = text.replace(SERVICE, "S-1-5-21-1004336348-1177238915-2682003330-100512");
    assert!(text.lines().all(|line| line.len() < 8_191), "{text}");
}

#[test]
fn a_name_ends_no_quotes_on_the_command_lines_of_windows() {
    assert_eq!(powershell_quoted("CN=O'Brien"), "'CN=O''Brien'");
    let name = "CN=x\u{2019}; Remove-Item y #\u{2018}\u{201a}\u{201b}";
    let expected =
        "'CN=x\u{2019}\u{2019}; Remove-Item y #\u{2018}\u{2018}\u{201a}\u{201a}\u{201b}\u{201b}'";
    assert_eq!(powershell_quoted(name), expected);
    let unit: DistinguishedName = "OU=Sales \\22EMEA\\22,DC=corp".parse().unwrap();
    let quoted = dsacls_name(&unit);
    assert!(!quoted.contains('"'), "{quoted}");
    assert_eq!(quoted.parse::<DistinguishedName>().unwrap(), unit);
}
