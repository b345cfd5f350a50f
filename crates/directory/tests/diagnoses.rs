//! What an operator is told when a controller cannot be used: for each cause its name, and what to do.
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
use std::time::Duration;

use clock::SystemClock;
use directory::{BindRefusal, Directory as _, DirectoryConfig, DirectoryError, LdapDirectory};
use futures_util::{SinkExt as _, StreamExt as _};
use lab::Authority;
use ldap3_proto::LdapCodec;
use ldap3_proto::proto::{
    LdapBindResponse, LdapMsg, LdapOp, LdapPartialAttribute, LdapResult, LdapResultCode,
    LdapSearchResultEntry,
};
use protocol::Outcome;
use rcgen::{
    BasicConstraints, CertificateParams, CustomExtension, ExtendedKeyUsagePurpose, IsCa, Issuer,
    KeyPair, date_time_ymd,
};
use rustls::pki_types::CertificateDer;
use staged::{Stage, acceptor, acceptor_of, host, respond, result, stage, stage_of};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpSocket, TcpStream};
use tokio_rustls::TlsAcceptor;
use tokio_util::codec::Framed;

async fn error(config: DirectoryConfig) -> DirectoryError {
    let config = DirectoryConfig { connect_timeout: Duration::from_secs(2), ..config };
    let directory = LdapDirectory::new(config, Arc::new(SystemClock)).unwrap();
    directory.probe().await.unwrap_err()
}

/// A controller that sends these bytes to whoever says something, whatever it is, and hangs up.
async fn saying(bytes: &'static [u8]) -> Stage {
    let talk = move |mut stream: TcpStream, _| async move {
        let _ = stream.read(&mut [0; 4_096]).await;
        let _ = stream.write_all(bytes).await;
        let _ = stream.shutdown().await;
        // What the client still sends must not turn the end into a reset.
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    stage_of(&Authority::create().unwrap(), talk).await
}

#[tokio::test]
async fn what_answers_the_handshake_is_named() {
    // Alert protocol_version; a ServerHello of TLS 1.0; a notice of LDAP; a greeting of SMTP; nothing.
    const ALERT: &[u8] = &[21, 3, 1, 0, 2, 2, 70];
    const HELLO: &[u8] = &{
        let mut hello = [0; 47];
        (hello[0], hello[1], hello[2], hello[4]) = (22, 3, 1, 42);
        (hello[5], hello[8], hello[9], hello[10]) = (2, 38, 3, 1);
        hello[45] = 0x2f;
        hello
    };
    let cases: [(&[u8], &str, &str); 5] = [
        (ALERT, "no TLS version above 1.1", "Enable TLS 1.2"),
        (HELLO, "no TLS version above 1.1", "Enable TLS 1.2"),
        (b"0\x0c\x02\x01\x00x\x07\n\x01\x34\x04\x00\x04\x00", "does not speak TLS", "StartTLS"),
        (b"220 mail.test ESMTP\r\n", "does not speak TLS", "636"),
        (b"", "instead of beginning TLS", "cipher suite of ECDHE and AES-GCM"),
    ];
    for (bytes, cause, fix) in cases {
        let error = error(saying(bytes).await.config).await;
        let text = error.to_string();
        assert!(text.contains(cause) && text.contains(fix), "{bytes:x?}: {text}");
        assert!(text.contains(&host(1)), "{text}");
        let outcome = if bytes.is_empty() {
            Outcome::PdcUnreachable
        } else {
            Outcome::DirectoryConfiguration
        };
        assert_eq!(error.outcome(), outcome, "{text}");
    }
}

/// A certificate of an own authority for `dc1`, that holds between two years; and that authority.
fn dated(from: i32, until: i32) -> (String, TlsAcceptor) {
    made(|params| {
        params.not_before = date_time_ymd(from, 1, 1);
        params.not_after = date_time_ymd(until, 1, 1);
    })
}

/// A certificate of an own authority for `dc1` with something else in it; and that authority.
fn made(change: impl FnOnce(&mut CertificateParams)) -> (String, TlsAcceptor) {
    let (ca_pem, certificate, key) = issued(change);
    (ca_pem, acceptor_of(certificate, &key))
}

/// The same that says that it is signed by ECDSA with SHA-224 (1.2.840.10045.4.3.1), which nobody takes.
fn signed_by_another() -> (String, TlsAcceptor) {
    // Here it is SHA-256, in the certificate and around it (RFC 5758 section 3.2).
    const SHA_256: &[u8] = &[0x2a, 0x86, 0x48, 0xce, 0x3d, 4, 3, 2];
    let (ca_pem, certificate, key) = issued(|_| {});
    let mut bytes = certificate.to_vec();
    let mut changed = 0;
    for at in 0..bytes.len() - SHA_256.len() {
        if bytes[at..].starts_with(SHA_256) {
            bytes[at + SHA_256.len() - 1] = 1;
            changed += 1;
        }
    }
    assert_eq!(changed, 2);
    (ca_pem, acceptor_of(bytes.into(), &key))
}

fn issued(
    change: impl FnOnce(&mut CertificateParams),
) -> (String, CertificateDer<'static>, String) {
    let key = KeyPair::generate().unwrap();
    let mut own = CertificateParams::default();
    own.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca_pem = own.self_signed(&key).unwrap().pem();
    let issuer = Issuer::new(own, key);
    let mut params = CertificateParams::new(vec![host(1)]).unwrap();
    change(&mut params);
    let key = KeyPair::generate().unwrap();
    let certificate = params.signed_by(&key, &issuer).unwrap().der().clone();
    (ca_pem, certificate, key.serialize_pem())
}

/// The error of a controller with that certificate.
async fn refused(ca_pem: &str, tls: TlsAcceptor) -> DirectoryError {
    let talk = move |stream, _| {
        let tls = tls.clone();
        async move {
            assert!(tls.accept(stream).await.is_err(), "the client goes on");
        }
    };
    let stage = stage_of(&Authority::create().unwrap(), talk).await;
    error(DirectoryConfig { ca_pem: ca_pem.as_bytes().to_vec(), ..stage.config }).await
}

#[tokio::test]
async fn what_is_wrong_with_a_certificate_is_named() {
    let authority = Authority::create().unwrap();
    let stranger = Authority::create().unwrap();
    let (old, expired) = dated(2001, 2002);
    let (new, early) = dated(2098, 2099);
    let (purpose, for_clients) = made(|params| {
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ClientAuth];
    });
    let (critical, with_extension) = made(|params| {
        let mut extension =
            CustomExtension::from_oid_content(&[1, 3, 6, 1, 4, 1, 99_999], vec![5, 0]);
        extension.set_criticality(true);
        params.custom_extensions = vec![extension];
    });
    let (an_authority, authoritys) =
        made(|params| params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained));
    let (another, signed) = signed_by_another();
    let cases = [
        (
            purpose.as_str(),
            for_clients,
            "but for client authentication",
            "Issue one for server auth",
        ),
        (&critical, with_extension, "a critical extension", "extensions are not critical"),
        (&an_authority, authoritys, "an authority's own", "for the controller by that"),
        (&another, signed, "signed with 1.2.840.10045.4.3.1", "sign with SHA-256 or better"),
        (authority.pem(), acceptor(&authority, &host(2)), "another name: dc2.", "subjectAltName"),
        (stranger.pem(), acceptor(&authority, &host(1)), "but by Passback lab", "CA file"),
        (&old, expired, "expired", "Renew it"),
        (&new, early, "not valid yet", "clock"),
    ];
    for (ca_pem, tls, cause, fix) in cases {
        let error = refused(ca_pem, tls).await;
        let DirectoryError::Certificate { controller, cause: said } = &error else {
            panic!("{cause}: {error}")
        };
        assert_eq!(controller, &host(1));
        assert!(said.contains(cause) && said.contains(fix), "{cause}: {error}");
        assert!(!said.contains(['{', '[']), "{error}");
    }
}

#[tokio::test]
async fn a_closed_port_is_told_from_one_behind_a_firewall() {
    let stage = stage(1, str::to_owned).await;
    let free = std::net::TcpListener::bind((staged::address(1), 0)).unwrap();
    let port = free.local_addr().unwrap().port();
    drop(free);
    let closed = error(DirectoryConfig { ldaps_port: port, ..stage.config.clone() }).await;
    let text = closed.to_string();
    assert!(text.contains("connection refused") && text.contains("correct the port"), "{text}");

    // A queue that is full drops what comes, as a firewall does.
    let socket = TcpSocket::new_v4().unwrap();
    socket.bind((staged::address(1), 0).into()).unwrap();
    let full = socket.listen(1).unwrap();
    let place = full.local_addr().unwrap();
    let mut fillers = Vec::new();
    let fill = async {
        loop {
            fillers.push(TcpStream::connect(place).await.unwrap());
        }
    };
    assert!(tokio::time::timeout(Duration::from_millis(500), fill).await.is_err());
    let silent = error(DirectoryConfig { ldaps_port: place.port(), ..stage.config }).await;
    let text = silent.to_string();
    assert!(text.contains("connecting to") && text.contains("no answer in time"), "{text}");
    assert!(text.contains("firewalls"), "{text}");
    for error in [closed, silent] {
        assert!(matches!(error, DirectoryError::PdcUnreachable { .. }), "{error}");
    }
}

#[tokio::test]
async fn one_that_accepts_and_says_nothing_is_given_up_in_time() {
    let talk = |mut stream: TcpStream, _| async move {
        let _ = stream.read_to_end(&mut Vec::new()).await;
    };
    let stage = stage_of(&Authority::create().unwrap(), talk).await;
    let text = error(stage.config).await.to_string();
    assert!(text.contains("TLS with") && text.contains("no answer in time"), "{text}");
}

/// What is inside of TLS: bytes, or a server that answers each bind with `bind` and each search with
/// an entry without what a controller's rootDSE has.
async fn inside(bytes: &'static [u8], bind: LdapResult) -> Stage {
    let authority = Authority::create().unwrap();
    let tls = acceptor(&authority, &host(1));
    let talk = move |stream: TcpStream, state: Arc<std::sync::Mutex<staged::State>>| {
        let (tls, bind) = (tls.clone(), bind.clone());
        async move {
            let mut stream = tls.accept(stream).await.unwrap();
            if !bytes.is_empty() {
                let _ = stream.read(&mut [0; 4_096]).await;
                let _ = stream.write_all(bytes).await;
                let _ = stream.shutdown().await;
                return;
            }
            let mut messages = Framed::new(stream, LdapCodec::default());
            while let Some(Ok(LdapMsg { msgid, op, .. })) = messages.next().await {
                for op in other_server(op, &bind, &state) {
                    let _ = messages.send(LdapMsg::new(msgid, op)).await;
                }
            }
        }
    };
    stage_of(&authority, talk).await
}

fn other_server(
    op: LdapOp,
    bind: &LdapResult,
    state: &std::sync::Mutex<staged::State>,
) -> Vec<LdapOp> {
    match op {
        LdapOp::BindRequest(_) => {
            state.lock().unwrap().binds += 1;
            vec![LdapOp::BindResponse(LdapBindResponse { res: bind.clone(), saslcreds: None })]
        }
        LdapOp::SearchRequest(search) => {
            let vals = vec![b"dc=elsewhere".to_vec()];
            let attributes =
                vec![LdapPartialAttribute { atype: "namingContexts".to_owned(), vals }];
            let entry = LdapSearchResultEntry { dn: search.base, attributes };
            let done = LdapOp::SearchResultDone(result(LdapResultCode::Success));
            vec![LdapOp::SearchResultEntry(entry), done]
        }
        _ => Vec::new(),
    }
}

#[tokio::test]
async fn what_is_no_domain_controller_is_named() {
    let yes = || result(LdapResultCode::Success);
    let no = || result(LdapResultCode::InvalidCredentials);
    let syntax = || result(LdapResultCode::InvalidDNSyntax);
    // The third one is an ExtendedResponse that says success.
    let cases: [(&[u8], LdapResult, &str); 6] = [
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", yes(), "does not speak LDAP"),
        (b"0\x84\x7f\xff\xff\xff", yes(), "does not speak LDAP"),
        (b"0\x0c\x02\x01\x01x\x07\n\x01\x00\x04\x00\x04\x00", yes(), "another kind"),
        (b"", yes(), "no domain controller"),
        (b"", no(), "no domain controller"),
        (b"", syntax(), "no domain controller"),
    ];
    for (bytes, bind, cause) in cases {
        let error = error(inside(bytes, bind).await.config).await;
        let DirectoryError::Unfit { controller, cause: said } = &error else {
            panic!("{cause}: {error}")
        };
        assert!(controller.starts_with(&host(1)), "{error}");
        assert!(said.contains(cause) && said.contains("name and port"), "{error}");
        assert_eq!(error.outcome(), Outcome::DirectoryConfiguration);
    }
}

#[tokio::test]
async fn wrong_credentials_are_named_by_their_sub_code_and_tried_once() {
    for (code, refusal, named) in [
        ("775", BindRefusal::LockedOut, "locked out (775)"),
        ("569", BindRefusal::NotOverTheNetwork, "over the network (569)"),
        ("52f", BindRefusal::Restricted, "Protected Users or an authentication policy (52f)"),
    ] {
        let text = format!(
            "80090308: LdapErr: DSID-0C090447, comment: AcceptSecurityContext error, data {code}, v4"
        );
        let bind = LdapResult { message: text, ..result(LdapResultCode::InvalidCredentials) };
        let stage = inside(b"", bind).await;
        let state = Arc::clone(&stage.state);
        let error = error(stage.config).await;
        let DirectoryError::BindRefused { refusal: found, .. } = &error else { panic!("{error}") };
        assert_eq!(*found, refusal, "{error}");
        assert!(error.to_string().contains(named), "{error}");
        assert_eq!(state.lock().unwrap().binds, 1);
    }
}

/// A controller that says this to some of what it is asked, and what it should to everything else.
async fn unlike(says: impl Fn(&LdapOp) -> Option<LdapOp> + Clone + Send + 'static) -> Stage {
    let authority = Authority::create().unwrap();
    let tls = acceptor(&authority, &host(1));
    let talk = move |stream, state: Arc<std::sync::Mutex<staged::State>>| {
        let (tls, says) = (tls.clone(), says.clone());
        async move {
            let stream = tls.accept(stream).await.unwrap();
            let mut messages = Framed::new(stream, LdapCodec::default());
            while let Some(Ok(LdapMsg { msgid, op, ctrl })) = messages.next().await {
                let answers = match says(&op) {
                    Some(other) => vec![other],
                    None => respond(op, ctrl, &host(1), &mut state.lock().unwrap()),
                };
                for op in answers {
                    let _ = messages.send(LdapMsg::new(msgid, op)).await;
                }
            }
        }
    };
    stage_of(&authority, talk).await
}

/// What a bind is answered with.
fn bound(res: LdapResult) -> impl Fn(&LdapOp) -> Option<LdapOp> + Clone + Send + 'static {
    move |op| {
        let answer = LdapBindResponse { res: res.clone(), saslcreds: None };
        matches!(op, LdapOp::BindRequest(_)).then_some(LdapOp::BindResponse(answer))
    }
}

/// What whoever asks about the objects with this in their names is answered with.
fn searched(
    base: &'static str,
    code: LdapResultCode,
) -> impl Fn(&LdapOp) -> Option<LdapOp> + Clone + Send + 'static {
    move |op| match op {
        LdapOp::SearchRequest(search) if search.base.contains(base) => {
            Some(LdapOp::SearchResultDone(result(code.clone())))
        }
        _ => None,
    }
}

/// Whoever has a code that is in no list can look it up.
#[tokio::test]
async fn what_a_controller_said_to_a_bind_is_told_where_nothing_else_says_why() {
    for (said, told) in [("data 7d2, v4\n\0", "\"data 7d2, v4\""), ("", "says none")] {
        let message = said.to_owned();
        let bind = LdapResult { message, ..result(LdapResultCode::InvalidCredentials) };
        let error = error(unlike(bound(bind)).await.config).await;
        let DirectoryError::BindRefused { refusal, .. } = &error else { panic!("{error}") };
        assert_eq!(*refusal, BindRefusal::Other);
        assert!(error.to_string().contains(told), "{error}");
    }
}

/// A controller that does not work is no account that may not be written to, has gone or is restricted.
#[tokio::test]
async fn what_a_controller_refuses_before_anybody_is_asked_about_is_told_of_the_controller() {
    use LdapResultCode as Code;
    let code = "0000054F: SvcErr: DSID-0";
    let bind =
        |code: Code, message: &str| LdapResult { message: message.to_owned(), ..result(code) };
    let (unfit, away) = (Outcome::DirectoryConfiguration, Outcome::PdcUnreachable);
    for (answer, outcome, fix) in [
        (bind(Code::UnwillingToPerform, ""), unfit, "log of the directory service"),
        (bind(Code::UnwillingToPerform, code), unfit, "log of the directory service"),
        (bind(Code::InsufficentAccessRights, ""), unfit, "log of the directory service"),
        (bind(Code::NoSuchObject, ""), unfit, "log of the directory service"),
        (bind(Code::ConstraintViolation, ""), unfit, "log of the directory service"),
        (bind(Code::Busy, ""), away, "controller's load"),
        (bind(Code::Unavailable, ""), away, "controller's load"),
        (bind(Code::OperationsError, "000020AC: SvcErr: DSID-0"), away, "controller's load"),
        (bind(Code::InappropriateAuthentication, ""), Outcome::ServiceAccountRefused, ""),
    ] {
        let said = error(unlike(bound(answer.clone())).await.config).await;
        let text = said.to_string();
        assert_eq!(said.outcome(), outcome, "{text}");
        assert!(text.contains(&host(1)) && text.contains(&answer.message), "{text}");
        assert!(said.and_its_fix().1.unwrap_or_default().contains(fix), "{text}");
    }
    let invocation_id = Err(DirectoryError::Unreadable { attribute: "invocationId" });
    for (base, code, expected) in [
        ("CN=NTDS Settings,", Code::NoSuchObject, invocation_id.clone()),
        ("CN=NTDS Settings,", Code::Referral, invocation_id),
        ("CN=NTDS Settings,", Code::InsufficentAccessRights, Ok(unfit)),
        ("CN=NTDS Settings,", Code::Busy, Ok(away)),
        ("", Code::UnwillingToPerform, Ok(unfit)),
        ("", Code::Unavailable, Ok(away)),
    ] {
        let said = error(unlike(searched(base, code)).await.config).await;
        match expected {
            Err(expected) => assert_eq!(said, expected),
            Ok(outcome) => assert_eq!(said.outcome(), outcome, "{said}"),
        }
    }
}
