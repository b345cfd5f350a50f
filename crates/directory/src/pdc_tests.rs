//! Connections to controllers in memory, on manual time: nothing takes any but what waits for it, and that
//! takes exactly as long as it says. Nobody can connect anew. Other tests use them too.

use std::net::Ipv4Addr;
use std::pin::pin;
use std::sync::atomic::{AtomicUsize, Ordering};

use futures_util::{SinkExt as _, StreamExt as _};
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode, LdapSearchResultEntry,
};
use protocol::{ClearPassword, ManualClock};
use tokio::io::DuplexStream;
use tokio::net::UdpSocket;
use tokio_util::codec::Framed;

use super::*;
use crate::connection::Connection;
use crate::directory::{Directory as _, Terms, Write};
use crate::root::RootDse;
use crate::{BindRefusal, InvocationId, LdapDirectory, ObjectGuid, SetError};

/// How many turns everybody else has before time goes on: far more than any of this takes.
const TURNS: usize = 500;

/// Does this while time goes on whenever everybody waits for it; how long it took.
pub(crate) async fn in_time<T>(
    clock: &ManualClock,
    work: impl Future<Output = T>,
) -> (T, Duration) {
    let (mut work, began) = (pin!(work), clock.running());
    loop {
        let turns = async {
            for _ in 0..TURNS {
                tokio::task::yield_now().await;
            }
        };
        tokio::select! {
            biased;
            done = &mut work => return (done, clock.running() - began),
            () = turns => clock.advance(clock.until_next().expect("somebody waits for the time")),
        }
    }
}

/// What a controller does about a question.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Does {
    /// It answers after so long.
    Answers(Duration),
    /// It answers nothing.
    Silent,
    /// The connection ends after so long.
    Ends(Duration),
}

pub(crate) const AT_ONCE: Does = Does::Answers(Duration::ZERO);

/// A connection to a controller, and how often something was asked over it besides who holds the role.
pub(crate) struct Line {
    pub(crate) session: Arc<Session>,
    asked: Arc<AtomicUsize>,
}

impl Line {
    /// To the copy with this number: what it does about questions, and about the one who holds the PDC
    /// role, which is this controller.
    pub(crate) fn to(copy: u8, clock: &ManualClock, [questions, role]: [Does; 2]) -> Self {
        let (near, far) = tokio::io::duplex(1 << 20);
        let asked = Arc::new(AtomicUsize::new(0));
        tokio::spawn(serve(far, clock.clone(), [questions, role], Arc::clone(&asked)));
        let session = Session {
            connection: Connection::over(near),
            host: "dc1.corp.example".to_owned(),
            address: (Ipv4Addr::LOCALHOST, 636).into(),
            root: RootDse {
                settings: SETTINGS.parse().unwrap(),
                domain_head: HEAD.parse().unwrap(),
                host: "dc1.corp.example".to_owned(),
                controls: Vec::new(),
                bound_as: None,
                highest_usn: None,
                is_samba: false,
            },
            invocation_id: InvocationId(ObjectGuid::from_bytes([copy; 16])),
        };
        Self { session: Arc::new(session), asked }
    }

    pub(crate) fn asked(&self) -> usize {
        self.asked.load(Ordering::SeqCst)
    }
}

const HEAD: &str = "DC=corp,DC=example";
const SETTINGS: &str =
    "CN=NTDS Settings,CN=DC1,CN=Servers,CN=Site,CN=Sites,CN=Configuration,DC=corp,DC=example";

async fn serve(
    far: DuplexStream,
    clock: ManualClock,
    [questions, role]: [Does; 2],
    asked: Arc<AtomicUsize>,
) {
    let mut messages = Framed::new(far, LdapCodec::default());
    while let Some(Ok(message)) = messages.next().await {
        // A question that is given up is no question.
        let LdapOp::SearchRequest(search) = message.op else { continue };
        let is_about_role = search.attrs.iter().any(|name| name == "fSMORoleOwner");
        asked.fetch_add(usize::from(!is_about_role), Ordering::SeqCst);
        match if is_about_role { role } else { questions } {
            Does::Silent => continue,
            Does::Answers(after) => clock.sleep(after).await,
            Does::Ends(after) => {
                clock.sleep(after).await;
                return;
            }
        }
        let vals = vec![SETTINGS.as_bytes().to_vec()];
        let attributes = vec![LdapPartialAttribute { atype: "fSMORoleOwner".to_owned(), vals }];
        let entry = LdapSearchResultEntry { dn: HEAD.to_owned(), attributes };
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
}

/// Whoever has these connections, and can make no others: a bind was refused a moment ago.
pub(crate) async fn holding(clock: &ManualClock, lines: &[&Line]) -> Arc<Pdc> {
    let pdc = connecting(clock, lines, |_| {});
    pdc.failure().note(pdc.now(), Err(&refused()));
    pdc
}

/// Whoever has these connections, and makes others as it is configured.
fn connecting(
    clock: &ManualClock,
    lines: &[&Line],
    configure: impl FnOnce(&mut DirectoryConfig),
) -> Arc<Pdc> {
    let authority = lab::Authority::create().unwrap();
    let password = ClearPassword::from_text("Service-Password-1").unwrap();
    let ca = authority.pem().as_bytes().to_vec();
    let mut config = DirectoryConfig::new("corp.example", ca, "svc", password).unwrap();
    configure(&mut config);
    let pdc = Pdc::new(config, Arc::new(clock.clone())).unwrap();
    for (number, line) in lines.iter().enumerate() {
        let session = Arc::clone(&line.session);
        if number == 0 { pdc.pool().restart(session) } else { pdc.pool().join(session) }
    }
    pdc.confirm();
    Arc::new(pdc)
}

pub(crate) fn refused() -> DirectoryError {
    let refusal = BindRefusal::WrongPassword;
    let (controller, name, diagnostic) = ("dc1".into(), "svc".into(), String::new());
    DirectoryError::BindRefused { controller, name, refusal, diagnostic }
}

#[tokio::test]
async fn where_connecting_fails_whoever_is_being_asked_for_the_role_is_waited_for() {
    let clock = ManualClock::default();
    let silent = Line::to(1, &clock, [Does::Silent, AT_ONCE]);
    let slow = Line::to(1, &clock, [AT_ONCE, Does::Answers(Duration::from_secs(3))]);
    let pdc = holding(&clock, &[&silent, &slow]).await;
    pdc.forget(&silent.session);
    let (session, waited) = in_time(&clock, pdc.session(ROLE_CHECK)).await;
    assert!(Arc::ptr_eq(&session.unwrap(), &slow.session));
    assert_eq!(waited, Duration::from_secs(3));
    // And it is kept for the next one.
    let (session, waited) = in_time(&clock, pdc.session(ROLE_CHECK)).await;
    assert!(Arc::ptr_eq(&session.unwrap(), &slow.session));
    assert_eq!(waited, Duration::ZERO);
}

#[tokio::test]
async fn where_nobody_who_is_asked_for_the_role_answers_the_failure_to_connect_is_told() {
    let clock = ManualClock::default();
    let silent = Line::to(1, &clock, [Does::Silent, AT_ONCE]);
    let ends = [2, 4].map(|after| Does::Ends(Duration::from_secs(after)));
    let [one, other] = ends.map(|role| Line::to(1, &clock, [AT_ONCE, role]));
    let pdc = holding(&clock, &[&silent, &one, &other]).await;
    pdc.forget(&silent.session);
    let (session, waited) = in_time(&clock, pdc.session(ROLE_CHECK)).await;
    assert_eq!(session.err(), Some(refused()));
    // The last of them.
    assert_eq!(waited, Duration::from_secs(4));
}

#[tokio::test]
async fn who_has_answered_is_there_for_whoever_connects_also_where_somebody_else_looked_first() {
    let clock = ManualClock::default();
    let silent = Line::to(1, &clock, [Does::Silent, AT_ONCE]);
    let slow = Line::to(1, &clock, [AT_ONCE, Does::Answers(Duration::from_secs(3))]);
    let pdc = holding(&clock, &[&silent, &slow]).await;
    pdc.forget(&silent.session);
    let waiting = pdc.session(ROLE_CHECK);
    let mut waiting = pin!(waiting);
    assert!(futures_util::poll!(&mut waiting).is_pending());
    let answered = async {
        while !pdc.pool().has(&slow.session) {
            tokio::task::yield_now().await;
            pdc.pool().take_back();
        }
    };
    in_time(&clock, answered).await;
    assert!(Arc::ptr_eq(&waiting.await.unwrap(), &slow.session));
}

/// That a set is in doubt is told when its time is over, and not when somebody else's attempt to connect is.
#[tokio::test]
async fn a_set_without_an_answer_is_told_of_in_its_time_while_somebody_else_connects() {
    // The resolver never answers, and is waited for far longer than this test takes.
    let resolver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let clock = ManualClock::default();
    let silent = Line::to(1, &clock, [Does::Silent, AT_ONCE]);
    let pdc = connecting(&clock, &[&silent], |config| {
        config.dns = Some(resolver.local_addr().unwrap());
        config.connect_timeout = Duration::from_secs(3_600);
        config.set_time_limit = Duration::from_secs(1);
    });
    // What is opened beside those that are there has nothing to do with it.
    assert!(pdc.pool().wants_another());
    let directory = LdapDirectory(Arc::clone(&pdc));
    let setting = tokio::spawn(async move {
        let password = ClearPassword::from_text("New-Password-9").unwrap();
        let anybody = ObjectGuid::from_bytes([7; 16]);
        directory.write(anybody, Write::Change { old: &password, new: &password }, Terms::ANY).await
    });
    while silent.session.connection.under_way() == 0 {
        tokio::task::yield_now().await;
    }
    // Somebody else has met a silence over the same connection, and connects anew.
    pdc.forget(&silent.session);
    let other = tokio::spawn(async move { pdc.session(ROLE_CHECK).await });
    resolver.recv_from(&mut [0; 512]).await.unwrap();
    let told = tokio::time::timeout(Duration::from_secs(60), setting).await;
    let told = told.expect("it is told while the other one waits").unwrap();
    assert!(matches!(told, Err(SetError::Unknown { .. })), "{told:?}");
    assert!(!other.is_finished());
}

#[tokio::test]
async fn those_who_find_no_connection_at_the_same_time_wait_for_one_attempt() {
    let resolver = UdpSocket::bind("127.0.0.1:0").await.unwrap();
    let clock = ManualClock::default();
    let pdc = connecting(&clock, &[], |config| {
        config.dns = Some(resolver.local_addr().unwrap());
        config.connect_timeout = Duration::from_millis(100);
    });
    let [one, other] = [(); 2].map(|()| pdc.session(ROLE_CHECK));
    let (one, other) = tokio::join!(one, other);
    let cause = one.unwrap_err();
    assert!(matches!(cause, DirectoryError::PdcUnreachable { .. }), "{cause}");
    assert_eq!((other.err(), pdc.failure().attempt), (Some(cause), 1));
}
