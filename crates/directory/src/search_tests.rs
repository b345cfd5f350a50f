//! What a controller that means harm can do to a search: nothing but make it fail, in its time.

use ldap3_proto::proto::{LdapExtendedResponse, LdapPartialAttribute, LdapSearchResultEntry};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream};
use tokio::time::Instant;

use super::*;
use crate::answers::ANSWER_MAX;
use crate::fuzzing;
use generated::{Chance, for_each_input};

/// Longer than any test here takes that does not wait for it.
const LONG: Duration = Duration::from_secs(60);

fn result(code: LdapResultCode) -> LdapResult {
    let referral = vec!["ldap://elsewhere.test/DC=x".to_owned()];
    LdapResult { code, matcheddn: String::new(), message: "data 52e".to_owned(), referral }
}

fn bytes_of(id: i32, op: LdapOp) -> Vec<u8> {
    let page = LdapControl::SimplePagedResults { size: 0, cookie: vec![1, 2, 3] };
    wire::plain(id, op, vec![page]).unwrap().to_vec()
}

fn entry(values: Vec<Vec<u8>>) -> LdapOp {
    let attributes = vec![LdapPartialAttribute { atype: "description".to_owned(), vals: values }];
    LdapOp::SearchResultEntry(LdapSearchResultEntry { dn: "CN=x,DC=y".to_owned(), attributes })
}

/// Asks, has the controller say whatever `say` makes of it, and gives what came of the search.
async fn asked<F>(say: impl FnOnce(DuplexStream) -> F) -> Result<Vec<Entry>, DirectoryError>
where
    F: Future<Output = ()> + Send + 'static,
{
    within(LONG, say).await
}

async fn within<F>(
    limit: Duration,
    say: impl FnOnce(DuplexStream) -> F,
) -> Result<Vec<Entry>, DirectoryError>
where
    F: Future<Output = ()> + Send + 'static,
{
    let (near, mut far) = tokio::io::duplex(4_096);
    let connection = Connection::over(near);
    let search = search(&connection, Search::object("DC=y".to_owned(), &["cn"]), limit);
    let controller = async {
        assert!(far.read(&mut [0; 1_024]).await.unwrap() > 0);
        tokio::spawn(say(far));
    };
    tokio::join!(search, controller).0
}

fn cause(found: Result<Vec<Entry>, DirectoryError>) -> String {
    match found {
        Err(DirectoryError::Lost { cause }) => cause,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_controller_that_never_answers_ends_a_search_when_its_time_is_over() {
    let limit = Duration::from_millis(200);
    let before = Instant::now();
    let found = within(limit, |far| async move {
        let _far = far;
        tokio::time::sleep(LONG).await;
    });
    assert!(cause(found.await).contains("in time"));
    assert!((limit..LONG / 2).contains(&before.elapsed()));
}

#[tokio::test]
async fn answers_without_end_end_with_the_time_of_the_search() {
    let limit = Duration::from_millis(200);
    let before = Instant::now();
    let found = within(limit, |mut far| async move {
        let one = bytes_of(1, entry(vec![b"x".to_vec()]));
        // Never silent for long, and never done.
        while far.write_all(&one).await.is_ok() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    });
    assert!(cause(found.await).contains("in time"));
    assert!((limit..LONG / 2).contains(&before.elapsed()));
}

#[tokio::test]
async fn answers_as_fast_as_can_be_are_not_kept_beyond_measure() {
    let found = asked(|mut far| async move {
        let large = bytes_of(1, entry(vec![vec![7; 8 << 20]]));
        while far.write_all(&large).await.is_ok() {}
    });
    assert!(matches!(found.await, Err(DirectoryError::TooMuch { .. })));
}

#[tokio::test]
async fn ten_megabytes_are_read_and_what_is_beyond_the_limit_is_an_error_by_name() {
    let large = |size: usize| {
        move |mut far: DuplexStream| async move {
            let done = LdapOp::SearchResultDone(result(LdapResultCode::Success));
            let answer = [bytes_of(1, entry(vec![vec![7; size]])), bytes_of(1, done)].concat();
            let _ = far.write_all(&answer).await;
        }
    };
    let found = asked(large(10 << 20)).await.unwrap();
    assert_eq!(found[0].attributes.value("description").unwrap().len(), 10 << 20);
    let error = asked(large(ANSWER_MAX)).await.unwrap_err();
    assert!(matches!(error, DirectoryError::TooMuch { .. }), "{error}");
    let text = error.to_string();
    assert!(text.contains("CN=x,DC=y") && text.ends_with("bytes; at most 16777216"), "{text}");
}

#[tokio::test]
async fn a_connection_that_is_cut_between_request_and_answer_says_so() {
    let cut = asked(|far| async move { drop(far) }).await;
    assert!(cause(cut).contains("closed"));
    let half = asked(|mut far| async move {
        far.write_all(&bytes_of(1, entry(vec![b"x".to_vec()]))[..20]).await.unwrap();
    });
    assert!(cause(half.await).starts_with("reading"));
}

#[tokio::test]
async fn an_answer_of_another_kind_or_a_notice_is_an_error_and_a_referral_is_not_followed() {
    let say = |answers: Vec<u8>| {
        asked(move |mut far| async move {
            far.write_all(&answers).await.unwrap();
            // Held open: what ends the search is what was said.
            let _ = far.read(&mut [0; 64]).await;
        })
    };
    let other = say(bytes_of(1, LdapOp::DelResponse(result(LdapResultCode::Success)))).await;
    assert!(cause(other).contains("another kind"));
    let extended = |code| LdapExtendedResponse { res: result(code), name: None, value: None };
    // Nobody was found is not what it says.
    let success = LdapOp::ExtendedResponse(extended(LdapResultCode::Success));
    assert!(cause(say(bytes_of(1, success)).await).contains("another kind"));
    let unknown = extended(LdapResultCode::UnavailableCriticalExtension);
    let refused = say(bytes_of(1, LdapOp::ExtendedResponse(unknown))).await.unwrap_err();
    assert!(matches!(refused, DirectoryError::Refused(Refusal { result: 12, .. })), "{refused}");
    let response = LdapExtendedResponse {
        name: Some("1.3.6.1.4.1.1466.20036".to_owned()),
        ..extended(LdapResultCode::Unavailable)
    };
    assert!(cause(say(bytes_of(0, LdapOp::ExtendedResponse(response))).await).contains("hung up"));
    let referral = LdapOp::SearchResultDone(result(LdapResultCode::Referral));
    let refused = say(bytes_of(1, referral)).await.unwrap_err();
    assert!(matches!(refused, DirectoryError::Refused(Refusal { result: 10, .. })), "{refused}");
}

/// Good answers, to this request and to others.
fn good() -> Vec<Vec<u8>> {
    let ops = [
        LdapOp::SearchResultDone(result(LdapResultCode::Success)),
        LdapOp::SearchResultDone(result(LdapResultCode::Busy)),
        LdapOp::AddResponse(result(LdapResultCode::Success)),
        entry(vec![b"one value".to_vec(), Vec::new(), vec![0xff]]),
    ];
    let ids = [1, 1, 1, 0, 2, -1, i32::MAX];
    ids.iter().flat_map(|&id| ops.iter().map(move |op| bytes_of(id, op.clone()))).collect()
}

/// What a controller says: good answers, some of them spoilt, and whatever.
fn said(chance: &mut Chance, good: &[Vec<u8>]) -> Vec<u8> {
    let mut said = Vec::new();
    for _ in 0..=chance.below(2) {
        let one = chance.one_of(good).clone();
        said.extend(match chance.below(4) {
            0 => one,
            1 => chance.bytes(40),
            _ => chance.spoilt(&one),
        });
    }
    said
}

#[test]
fn whatever_a_controller_says_a_search_ends_with_the_connection() {
    let good = good();
    for_each_input("search", |chance| fuzzing::search(&said(chance, &good)));
}
