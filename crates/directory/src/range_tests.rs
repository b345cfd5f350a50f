use std::net::Ipv4Addr;

use futures_util::{SinkExt as _, StreamExt as _};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchResultEntry,
};
use tokio_util::codec::Framed;

use super::*;
use crate::ObjectGuid;
use crate::connection::Connection;
use crate::root::RootDse;
use crate::witness::InvocationId;

const LIMIT: Duration = Duration::from_secs(5);

/// How a controller hands out `count` values, `step` at a time, asked from `from` on.
type Hand = fn(from: usize) -> Option<(String, Vec<Vec<u8>>)>;

/// A session with a controller that answers every search so; how often it was asked.
fn session(hand: Hand) -> Session {
    let (near, far) = tokio::io::duplex(1 << 20);
    tokio::spawn(async move {
        let mut messages = Framed::new(far, LdapCodec::default());
        while let Some(Ok(message)) = messages.next().await {
            let LdapOp::SearchRequest(search) = message.op else { return };
            let from = search.attrs[0]
                .split_once(";range=")
                .map_or(0, |(_, range)| range.strip_suffix("-*").unwrap().parse().unwrap());
            let (atype, vals) = hand(from).unwrap_or_else(|| ("cn".to_owned(), Vec::new()));
            let attributes = vec![LdapPartialAttribute { atype, vals }];
            let entry = LdapSearchResultEntry { dn: search.base, attributes };
            let done = LdapResult {
                code: LdapResultCode::Success,
                matcheddn: String::new(),
                message: String::new(),
                referral: Vec::new(),
            };
            for op in [LdapOp::SearchResultEntry(entry), LdapOp::SearchResultDone(done)] {
                if messages.send(LdapMsg::new(message.msgid, op)).await.is_err() {
                    return;
                }
            }
        }
    });
    Session {
        connection: Connection::over(near),
        host: "dc1.corp.example".to_owned(),
        address: (Ipv4Addr::LOCALHOST, 636).into(),
        root: RootDse {
            settings: "CN=NTDS Settings,DC=x".parse().unwrap(),
            domain_head: "DC=x".parse().unwrap(),
            host: "dc1.corp.example".to_owned(),
            controls: Vec::new(),
            bound_as: None,
            highest_usn: None,
            is_samba: false,
        },
        invocation_id: InvocationId(ObjectGuid::from_bytes([1; 16])),
    }
}

fn numbers(from: usize, to: usize) -> Vec<Vec<u8>> {
    (from..=to).map(|number| format!("CN={number}").into_bytes()).collect()
}

async fn members(hand: Hand) -> Result<Vec<Vec<u8>>, DirectoryError> {
    let found = session(hand).object("CN=g,DC=x".to_owned(), &["member"], LIMIT).await?;
    let attributes = found.unwrap().attributes;
    assert!(!is_in_parts(&attributes));
    Ok(attributes.values("member").to_vec())
}

#[test]
fn parts_are_told_from_whole_attributes() {
    let part = |from, to| Some(Part { attribute: "member".to_owned(), from, to });
    assert_eq!(Part::of("member;range=0-1499"), part(0, Some(1_499)));
    assert_eq!(Part::of("member;range=3000-*"), part(3_000, None));
    for whole in ["member", "member;binary", "member;range=", "member;range=a-b", "x;range=1-99e9"]
    {
        assert_eq!(Part::of(whole), None, "{whole}");
    }
}

#[tokio::test]
async fn all_parts_are_put_together_in_their_order() {
    let found = members(|from| {
        let to = from + 1_499;
        match from {
            3_000 => Some(("Member;Range=3000-*".to_owned(), numbers(3_000, 3_006))),
            _ => Some((format!("member;range={from}-{to}"), numbers(from, to))),
        }
    });
    assert_eq!(found.await.unwrap(), numbers(0, 3_006));
}

#[tokio::test]
async fn a_whole_attribute_and_one_whose_rest_went_away_are_left_as_they_are() {
    let whole = members(|_| Some(("member".to_owned(), numbers(0, 4)))).await;
    assert_eq!(whole.unwrap(), numbers(0, 4));
    let fewer = members(|from| match from {
        0 => Some(("member;range=0-9".to_owned(), numbers(0, 9))),
        _ => None,
    });
    assert_eq!(fewer.await.unwrap(), numbers(0, 9));
}

#[tokio::test]
async fn parts_that_do_not_follow_each_other_are_an_error() {
    let wrong: [Hand; 4] = [
        // The same one again and again.
        |_| Some(("member;range=0-9".to_owned(), numbers(0, 9))),
        // A hole.
        |from| Some((format!("member;range={}-{}", from * 2, from * 2 + 9), numbers(0, 9))),
        // Backwards.
        |from| Some((format!("member;range={}-0", from.max(5)), numbers(0, 9))),
        // Nothing, and so on for ever.
        |from| Some((format!("member;range={from}-{}", from + 9), Vec::new())),
    ];
    for hand in wrong {
        let error = members(hand).await.unwrap_err();
        let DirectoryError::Lost { cause } = &error else { panic!("{error}") };
        assert!(cause.contains("member"), "{error}");
    }
}

#[tokio::test]
async fn parts_without_end_are_not_kept_beyond_measure() {
    let endless: Hand = |from| {
        let to = from + 1;
        Some((format!("member;range={from}-{to}"), vec![vec![7; 12 << 10], vec![7; 12 << 10]]))
    };
    let error = match session(endless).object("CN=g".to_owned(), &["member"], LIMIT * 12).await {
        Err(error) => error,
        Ok(_) => panic!("it ended"),
    };
    assert!(
        matches!(&error, DirectoryError::TooMuch { attribute, .. } if attribute == "member"),
        "{error}"
    );
}
