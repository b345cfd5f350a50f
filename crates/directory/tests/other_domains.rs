//! A forest of several domains, of which the controller has one: what it says of the others is no error.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its module is private and shared"
)]

mod staged;

use std::sync::Arc;

use clock::SystemClock;
use directory::{
    Account, Directory as _, Holder, LdapDirectory, MarkedBy, MemberOf, ObjectGuid, Sid,
};
use ldap3_proto::proto::LdapPartialAttribute;
use staged::{HEAD, Stage, attribute, stage};

const GUID: ObjectGuid = ObjectGuid::from_bytes([7; 16]);
/// A group of the forest's root domain, and one that this domain has.
const ENTERPRISE_ADMINS: &str = "S-1-5-21-9-9-9-519";
const OWN_GROUP: &str = "S-1-5-21-1-2-3-1200";

fn client(stage: &Stage) -> LdapDirectory {
    LdapDirectory::new(stage.config.clone(), Arc::new(SystemClock)).unwrap()
}

fn sid(text: &str) -> Sid {
    text.parse().unwrap()
}

fn sids(name: &str, sids: &[&str]) -> LdapPartialAttribute {
    let vals = sids.iter().map(|text| sid(text).to_value()).collect();
    LdapPartialAttribute { atype: name.to_owned(), vals }
}

#[tokio::test]
async fn what_another_domain_has_is_not_here_by_whichever_word_of_the_controller() {
    let stage = stage(1, str::to_owned).await;
    let directory = client(&stage);
    let there = "CN=Jan,OU=People,DC=sales,DC=staged,DC=test".parse().unwrap();
    for refers in [false, true] {
        stage.state.lock().unwrap().refers = refers;
        assert!(directory.account(GUID).await.unwrap().is_none(), "moved to another domain");
        assert!(directory.standing(GUID).await.unwrap().is_none());
        assert!(directory.witness(GUID).await.unwrap().is_none());
        assert!(directory.surveyed_by_guid(GUID).await.unwrap().is_none());
        assert!(directory.surveyed(&there).await.unwrap().is_none());
        for somebody in [ENTERPRISE_ADMINS, "S-1-5-21-1-2-3-9999"] {
            assert_eq!(directory.account_name_of(&sid(somebody)).await.unwrap(), None);
        }
        let holder = directory.holder(&sid("S-1-5-21-1-2-3-9999")).await.unwrap();
        assert_eq!(holder, Holder::Nobody);
    }
    // Of one of another domain nothing is asked: whatever it were answered with.
    stage.state.lock().unwrap().known = vec![(sid(ENTERPRISE_ADMINS), "group")];
    let holder = directory.holder(&sid(ENTERPRISE_ADMINS)).await.unwrap();
    assert_eq!(holder, Holder::OfAnotherDomain);
}

/// The way into Enterprise Admins of an account, with the groups of this domain, each with those that it is
/// a member of.
async fn chain(member_of: &[&str], groups: &[(&str, &str, &[&str])]) -> Vec<MemberOf> {
    chain_on(&stage(1, str::to_owned).await, member_of, groups).await
}

async fn chain_on(
    stage: &Stage,
    member_of: &[&str],
    groups: &[(&str, &str, &[&str])],
) -> Vec<MemberOf> {
    let (directory, account) = member(stage, member_of, groups).await;
    directory.chain_to(&account, &sid(ENTERPRISE_ADMINS)).await.unwrap()
}

/// An account that is a member of these, in a domain with those groups.
async fn member(
    stage: &Stage,
    member_of: &[&str],
    groups: &[(&str, &str, &[&str])],
) -> (LdapDirectory, Account) {
    let person = vec![
        LdapPartialAttribute { atype: "objectGUID".to_owned(), vals: vec![vec![7; 16]] },
        sids("objectSid", &["S-1-5-21-1-2-3-1104"]),
        attribute("sAMAccountName", &["jdevries"]),
        attribute("userAccountControl", &["512"]),
        attribute("pwdLastSet", &["133500000000000000"]),
        attribute("objectClass", &["user"]),
        attribute("memberOf", member_of),
        sids("tokenGroups", &[OWN_GROUP, "S-1-5-21-1-2-3-1201", ENTERPRISE_ADMINS]),
    ];
    {
        let mut state = stage.state.lock().unwrap();
        state.refers = true;
        state.objects.insert(format!("<GUID={GUID}>"), (format!("CN=Jan,{HEAD}"), person));
        for (dn, group, above) in groups {
            let attributes = vec![
                sids("objectSid", &[group]),
                attribute("sAMAccountName", &["own"]),
                attribute("memberOf", above),
            ];
            state.objects.insert((*dn).to_owned(), ((*dn).to_owned(), attributes));
        }
    }
    let directory = client(stage);
    let account: Account = directory.account(GUID).await.unwrap().unwrap();
    (directory, account)
}

/// What gives such an account an `adminCount`.
async fn marked_by(member_of: &[&str], groups: &[(&str, &str, &[&str])]) -> MarkedBy {
    let stage = stage(1, str::to_owned).await;
    let (directory, account) = member(&stage, member_of, groups).await;
    directory.chain_to_any_protected(&account).await.unwrap()
}

#[tokio::test]
async fn the_way_into_a_group_of_another_domain_ends_where_nothing_more_is_known() {
    let admins = "CN=Enterprise Admins,CN=Users,DC=root,DC=test";
    let own = "CN=Own,DC=staged,DC=test";
    let names = |chain: &[MemberOf]| {
        chain.iter().map(|one| (one.dn.to_string(), one.elsewhere)).collect::<Vec<_>>()
    };
    let last = (admins.to_owned(), true);
    assert_eq!(names(&chain(&[admins], &[]).await), std::slice::from_ref(&last));
    let nested = chain(&[own], &[(own, OWN_GROUP, &[admins])]).await;
    assert_eq!(names(&nested), [(own.to_owned(), false), last]);
    assert_eq!(nested[1].name, "Enterprise Admins");
    // Which of two it is cannot be said, nor where a group cannot be seen that may lead there as well.
    let other = "CN=Mail,CN=Users,DC=root,DC=test";
    assert!(chain(&[admins, other], &[]).await.is_empty());
    assert!(chain(&[admins, own], &[]).await.is_empty());
}

#[tokio::test]
async fn a_mark_is_left_over_only_where_every_group_was_followed() {
    let (own, second) = ("CN=Own,DC=staged,DC=test", "CN=Second,DC=staged,DC=test");
    let second_group = "S-1-5-21-1-2-3-1201";
    let both = [(own, OWN_GROUP, &[][..]), (second, second_group, &[])];
    assert_eq!(marked_by(&[own, second], &both).await, MarkedBy::Nothing);
    let elsewhere = "CN=Mail,CN=Users,DC=root,DC=test";
    assert_eq!(marked_by(&[own, second, elsewhere], &both).await, MarkedBy::Unknown);
    assert_eq!(
        marked_by(&[own, second, "CN=Hidden,DC=staged,DC=test"], &both).await,
        MarkedBy::Unknown
    );
    let stage = stage(1, str::to_owned).await;
    let nameless = "CN=Nameless,DC=staged,DC=test";
    let only_seen = (nameless.to_owned(), vec![attribute("sAMAccountName", &["seen"])]);
    stage.state.lock().unwrap().objects.insert(nameless.to_owned(), only_seen);
    let (directory, account) = member(&stage, &[own, second, nameless], &both).await;
    let by = directory.chain_to_any_protected(&account).await.unwrap();
    assert_eq!(by, MarkedBy::Unknown, "there, and nothing of it may be read");
    // By its token it is in both, and whose list of groups is hidden nobody can say.
    assert_eq!(marked_by(&[], &both).await, MarkedBy::Unknown);
    assert_eq!(marked_by(&[own], &both).await, MarkedBy::Unknown);
    let nested = [(own, OWN_GROUP, &[second][..]), (second, second_group, &[])];
    assert_eq!(marked_by(&[own], &nested).await, MarkedBy::Nothing);
    // What is found is certain, whatever else there is.
    let admins = "CN=Domain Admins,DC=staged,DC=test";
    let by_mail =
        [(own, "S-1-5-21-1-2-3-7000", &[admins][..]), (admins, "S-1-5-21-1-2-3-512", &[])];
    let MarkedBy::Groups(by) = marked_by(&[elsewhere, own], &by_mail).await else { panic!() };
    assert_eq!(by.iter().map(|one| one.dn.to_string()).collect::<Vec<_>>(), [own, admins]);
    let many: Vec<String> = (0..600).map(|number| format!("CN=Mail {number},{HEAD}")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    let mut groups: Vec<_> =
        many.iter().map(|name| (*name, "S-1-5-21-1-2-3-7000", &[][..])).collect();
    groups.extend(both);
    let all = [&[own, second], &many[..]].concat();
    assert_eq!(marked_by(&all, &groups).await, MarkedBy::Unknown);
}

#[tokio::test]
async fn of_somebody_in_very_many_groups_no_more_than_some_are_read() {
    let names: Vec<String> = (0..600).map(|number| format!("CN=Mail {number},{HEAD}")).collect();
    let names: Vec<&str> = names.iter().map(String::as_str).collect();
    // For mail alone: none is among the groups of anybody's token.
    let groups: Vec<_> = names.iter().map(|name| (*name, "S-1-5-21-1-2-3-7000", &[][..])).collect();
    let stage = stage(1, str::to_owned).await;
    assert!(chain_on(&stage, &names, &groups).await.is_empty());
    let read = stage.state.lock().unwrap().objects_read;
    assert!((500..520).contains(&read), "{read}");
}
