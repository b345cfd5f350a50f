//! How somebody stands: two searches that travel together, and what becomes of it where they do not
//! come back together.
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

use std::sync::{Arc, Mutex};
use std::time::Duration;

use clock::SystemClock;
use directory::{Directory as _, DirectoryError, LdapDirectory, ObjectGuid, Sid};
use futures_util::{SinkExt as _, StreamExt as _};
use lab::Authority;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapMsg, LdapOp, LdapPartialAttribute, LdapResultCode, LdapSearchRequest, LdapSearchResultEntry,
};
use staged::{Stage, State, acceptor, host, respond, result, stage_of};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::Framed;

/// Far above what reading takes.
const PATIENCE: Duration = Duration::from_secs(30);
/// How long an answer is waited for that does not come: more than one takes on a busy machine.
const ANSWER: Duration = Duration::from_secs(4);
const GUID: ObjectGuid = ObjectGuid::from_bytes([7; 16]);
const GROUPS: &str = "tokenGroups";
/// The account that is looked at.
const OWN: &str = "S-1-5-21-1-2-3-1104";

/// What the controller does about the searches for one account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    /// It answers one after the other.
    Orderly,
    /// It answers the second one first.
    Reversed,
    /// It hangs up between the two, once.
    HangsUp,
    /// The account is deleted between the two.
    Deletes,
    /// It does not show the groups.
    HidesGroups,
    /// It does not answer about the groups.
    MuteAboutGroups,
}

struct Account {
    mood: Mood,
    /// The attributes of each search, as they came.
    asked: Vec<Vec<String>>,
    hung_up: bool,
}

fn attribute(name: &str, value: impl Into<Vec<u8>>) -> LdapPartialAttribute {
    LdapPartialAttribute { atype: name.to_owned(), vals: vec![value.into()] }
}

/// `replPropertyMetaData` with one entry: `unicodePwd`, written twice.
fn metadata() -> Vec<u8> {
    let head = [1_u32, 0, 1, 0].map(u32::to_le_bytes).concat();
    let entry = [0x0009_005a_u32, 2].map(u32::to_le_bytes).concat();
    let time = (11_644_473_600_u64 + 1_700_000_000).to_le_bytes();
    [&head[..], &entry, &time, &[7; 16], &[8; 16]].concat()
}

/// The answer to one search; none if there is no such object.
fn answer(account: &Account, search: &LdapSearchRequest) -> Vec<LdapOp> {
    let wanted = |name: &str| search.attrs.iter().any(|one| one.eq_ignore_ascii_case(name));
    let groups_alone = search.attrs.len() == 1 && wanted(GROUPS);
    if account.mood == Mood::Deletes && groups_alone {
        return vec![LdapOp::SearchResultDone(result(LdapResultCode::NoSuchObject))];
    }
    if account.mood == Mood::MuteAboutGroups && wanted(GROUPS) {
        return Vec::new();
    }
    let sid = |text: &str| text.parse::<Sid>().unwrap().to_value();
    let mut attributes = vec![
        attribute("objectGUID", [7; 16]),
        attribute("objectSid", sid(OWN)),
        attribute("sAMAccountName", "jdevries"),
        attribute("userAccountControl", "512"),
        attribute("pwdLastSet", "133500000000000000"),
        attribute("accountExpires", "9223372036854775807"),
        attribute("objectClass", "user"),
        attribute("replPropertyMetaData", metadata()),
    ];
    if account.mood != Mood::HidesGroups {
        attributes.push(attribute(GROUPS, sid("S-1-5-21-1-2-3-513")));
    }
    attributes.retain(|one| wanted(&one.atype));
    let dn = "CN=Jan de Vries,DC=staged,DC=test".to_owned();
    vec![
        LdapOp::SearchResultEntry(LdapSearchResultEntry { dn, attributes }),
        LdapOp::SearchResultDone(result(LdapResultCode::Success)),
    ]
}

async fn talk(
    acceptor: TlsAcceptor,
    stream: TcpStream,
    state: Arc<Mutex<State>>,
    account: Arc<Mutex<Account>>,
) -> Option<()> {
    let mut messages = Framed::new(acceptor.accept(stream).await.ok()?, LdapCodec::default());
    let mut kept_back = Vec::new();
    while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
        let mut answers = Vec::new();
        let mut last = false;
        match op {
            LdapOp::SearchRequest(search) if search.base.starts_with("<GUID=") => {
                let mut account = account.lock().unwrap();
                account.asked.push(search.attrs.clone());
                let first = search.attrs.iter().any(|one| one == "replPropertyMetaData");
                let ops = answer(&account, &search);
                let ops = ops.into_iter().map(|op| (msgid, op));
                if account.mood == Mood::Reversed && first {
                    kept_back.extend(ops);
                } else {
                    answers.extend(ops);
                    answers.append(&mut kept_back);
                }
                last = account.mood == Mood::HangsUp && first && !account.hung_up;
                account.hung_up |= last;
            }
            op => {
                let ops = respond(op, ctrl, &host(1), &mut state.lock().unwrap());
                answers.extend(ops.into_iter().map(|op| (msgid, op)));
            }
        }
        for (msgid, op) in answers {
            messages.send(LdapMsg::new(msgid, op)).await.ok()?;
        }
        if last {
            return None;
        }
    }
    None
}

async fn staged(mood: Mood) -> (LdapDirectory, Stage, Arc<Mutex<Account>>) {
    let authority = Authority::create().unwrap();
    let acceptor = acceptor(&authority, &host(1));
    let account = Arc::new(Mutex::new(Account { mood, asked: Vec::new(), hung_up: false }));
    let shared = Arc::clone(&account);
    let stage = stage_of(&authority, move |stream, state| {
        let (acceptor, account) = (acceptor.clone(), Arc::clone(&shared));
        async move {
            talk(acceptor, stream, state, account).await;
        }
    });
    let stage = stage.await;
    let mut config = stage.config.clone();
    if mood == Mood::MuteAboutGroups {
        (config.operation_timeout, config.connect_timeout) = (ANSWER, ANSWER / 2);
    }
    let directory = LdapDirectory::new(config, Arc::new(SystemClock)).unwrap();
    (directory, stage, account)
}

/// What is told of the account, and how often the controller was asked for what.
async fn told(mood: Mood) -> (Result<Option<usize>, DirectoryError>, Vec<Vec<String>>) {
    let (directory, _stage, account) = staged(mood).await;
    let standing = timeout(PATIENCE, directory.standing(GUID)).await.unwrap().unwrap().unwrap();
    assert_eq!(standing.witness.version, 2);
    let told = timeout(PATIENCE, standing.account).await.unwrap();
    let asked = account.lock().unwrap().asked.clone();
    (told.map(|account| account.map(|account| account.group_sids.len())), asked)
}

#[tokio::test]
async fn the_groups_are_asked_for_alone_and_before_the_rest_has_come() {
    // Here the first answer is kept back until the second question is there.
    let (told, asked) = told(Mood::Reversed).await;
    assert_eq!(told, Ok(Some(1)));
    assert_eq!(asked.len(), 2, "{asked:?}");
    assert!(!asked[0].iter().any(|one| one == GROUPS), "{asked:?}");
    assert_eq!(asked[1], [GROUPS]);
}

#[tokio::test]
async fn the_account_that_asks_is_known_wherever_in_its_token_it_stands() {
    let own: Sid = OWN.parse().unwrap();
    let token = [OWN, "S-1-5-21-1-2-3-513", "S-1-1-0"].map(|sid| sid.parse::<Sid>().unwrap());
    for behind in 0..token.len() {
        let (directory, stage, _account) = staged(Mood::Orderly).await;
        let mut token = token.to_vec();
        token.rotate_right(behind);
        stage.state.lock().unwrap().token = token;
        let standing = directory.standing(GUID).await.unwrap().unwrap();
        let account = standing.account.await.unwrap().unwrap();
        assert_eq!(account.sid, own);
        assert!(standing.bound_as.unwrap().is(&account.sid), "behind {behind} others");
        let probe = directory.probe().await.unwrap();
        assert!(probe.bound_as.unwrap().is(&own), "behind {behind} others");
    }
    // Where the controller shows nobody of a domain, it is not known who asks.
    let (directory, _stage, _account) = staged(Mood::Orderly).await;
    assert_eq!(directory.standing(GUID).await.unwrap().unwrap().bound_as, None);
}

#[tokio::test]
async fn they_come_one_after_the_other() {
    let (told, asked) = told(Mood::Orderly).await;
    assert_eq!(told, Ok(Some(1)));
    assert_eq!(asked.len(), 2, "{asked:?}");
}

#[tokio::test]
async fn where_the_connection_breaks_in_between_all_of_the_account_is_read_anew() {
    let (told, asked) = told(Mood::HangsUp).await;
    assert_eq!(told, Ok(Some(1)));
    let last = asked.last().unwrap();
    assert!(last.iter().any(|one| one == GROUPS) && last.len() > 1, "{asked:?}");
}

#[tokio::test]
async fn whoever_is_deleted_in_between_is_gone() {
    assert_eq!(told(Mood::Deletes).await.0, Ok(None));
}

#[tokio::test]
async fn groups_that_are_hidden_are_an_error_and_not_their_absence() {
    let unreadable = DirectoryError::Unreadable { attribute: GROUPS };
    assert_eq!(told(Mood::HidesGroups).await.0, Err(unreadable));
}

#[tokio::test]
async fn where_the_groups_are_not_answered_all_of_the_account_is_asked_for_once_more_and_no_longer()
{
    let (told, asked) = told(Mood::MuteAboutGroups).await;
    assert!(matches!(told, Err(DirectoryError::Lost { .. })), "{told:?}");
    // The rest, the groups, and all of it with the little patience that is left: not with the whole again.
    assert_eq!(asked.len(), 3, "{asked:?}");
}
