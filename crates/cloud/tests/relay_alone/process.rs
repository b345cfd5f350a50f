//! The configuration and the end of the process.

use std::fs;
use std::net::TcpListener;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use futures_util::{SinkExt as _, StreamExt as _};
use protocol::Timestamp;
use relay::token::sas;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, ServerName};
use serde_json::{Value, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_tungstenite::WebSocketStream;
use tokio_tungstenite::tungstenite::client::IntoClientRequest as _;
use tokio_tungstenite::tungstenite::{Error, Message};

use crate::program::{Folder, HOST, LISTEN_KEY, PATH, Program, SEND_KEY, passback, refused};

/// A token that holds for an hour.
pub(crate) fn token(rule: &str, key: &str) -> String {
    #[allow(clippy::disallowed_methods, reason = "the process that judges it has the same clock")]
    let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).unwrap();
    let until = Timestamp::from_millis(0).after(now + Duration::from_secs(3_600));
    sas::mint(&format!("http://{HOST}/{PATH}"), rule, key, until)
}

/// A connection that somebody trusts.
pub(crate) async fn connection(folder: &Folder, relay: &Program) -> TlsStream<TcpStream> {
    let tcp = TcpStream::connect(relay.address).await.unwrap();
    trusted(folder, tcp).await.unwrap()
}

/// The same over one that is there; an error if the other side ends it.
pub(crate) async fn trusted(
    folder: &Folder,
    tcp: TcpStream,
) -> std::io::Result<TlsStream<TcpStream>> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(folder.file("ca.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let trust = rustls::ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    let name = ServerName::try_from(HOST).unwrap();
    TlsConnector::from(Arc::new(trust)).connect(name, tcp).await
}

type Channel = WebSocketStream<TlsStream<TcpStream>>;

/// A control channel; the status if it is refused.
async fn listen(folder: &Folder, relay: &Program, token: &str) -> Result<Channel, u16> {
    let url = format!("wss://{}/$hc/{PATH}?sb-hc-action=listen", relay.address);
    let mut request = url.into_client_request().unwrap();
    request.headers_mut().insert("ServiceBusAuthorization", token.parse().unwrap());
    match tokio_tungstenite::client_async(request, connection(folder, relay).await).await {
        Ok((channel, _)) => Ok(channel),
        Err(Error::Http(response)) => Err(response.status().as_u16()),
        Err(other) => panic!("{other}"),
    }
}

/// What a sender gets, as text.
async fn send(folder: &Folder, relay: &Program, token: &str) -> String {
    let mut stream = connection(folder, relay).await;
    let request = format!(
        "POST /{PATH} HTTP/1.1\r\nHost: {}\r\nServiceBusAuthorization: {token}\r\n\
         Content-Length: 4\r\nConnection: close\r\n\r\nbody",
        relay.address
    );
    stream.write_all(request.as_bytes()).await.unwrap();
    let mut answer = Vec::new();
    // An end without TLS's farewell is an end all the same.
    let _ = stream.read_to_end(&mut answer).await;
    String::from_utf8(answer).unwrap()
}

async fn next_request(channel: &mut Channel) -> Value {
    loop {
        if let Message::Text(text) = channel.next().await.unwrap().unwrap() {
            return serde_json::from_str(&text).unwrap();
        }
    }
}

#[tokio::test]
async fn it_serves_listeners_and_senders_with_the_keys_of_its_configuration() {
    let folder = Folder::new();
    let relay = Program::start(&folder.config(""));
    let (listener, sender) = (token("listen-rule", LISTEN_KEY), token("send-rule", SEND_KEY));
    assert_eq!(listen(&folder, &relay, &sender).await.err(), Some(403));
    assert_eq!(listen(&folder, &relay, &token("listen-rule", SEND_KEY)).await.err(), Some(401));
    let mut channel = listen(&folder, &relay, &listener).await.unwrap();
    let answer = async {
        let asked = next_request(&mut channel).await["request"].clone();
        let head = json!({"response": {"requestId": asked["id"], "statusCode": 200,
            "statusDescription": "Here you are", "body": true}});
        channel.send(Message::text(head.to_string())).await.unwrap();
        channel.send(Message::binary("answer")).await.unwrap();
        asked
    };
    let (got, asked) = tokio::join!(send(&folder, &relay, &sender), answer);
    assert!(got.starts_with("HTTP/1.1 200 Here you are\r\n"), "{got}");
    assert!(got.ends_with("\r\n\r\nanswer") && got.to_lowercase().contains("\r\nvia: 1.1 "));
    assert_eq!(asked["requestTarget"], format!("/{PATH}"));
    assert_eq!(asked["remoteEndpoint"]["address"], HOST);
}

/// A configuration with these keys above all sections.
pub(crate) fn with_top(folder: &Folder, keys: &str) -> PathBuf {
    let config = folder.config("");
    let text = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{keys}\n{text}")).unwrap();
    config
}

#[tokio::test]
async fn whoever_comes_when_all_connections_are_taken_waits_and_channels_take_none() {
    let folder = Folder::new();
    let relay = Program::start(&with_top(&folder, "connections = 16"));
    let mut channel = listen(&folder, &relay, &token("listen-rule", LISTEN_KEY)).await.unwrap();
    let mut idle = Vec::new();
    for _ in 0..16 {
        idle.push(connection(&folder, &relay).await);
    }
    relay.await_logged("http.connections_full").await;
    let answer = async {
        let asked = next_request(&mut channel).await["request"].clone();
        let head = json!({"response": {"requestId": asked["id"], "statusCode": 204}});
        channel.send(Message::text(head.to_string())).await.unwrap();
    };
    let good = token("send-rule", SEND_KEY);
    let mut sent = Box::pin(send(&folder, &relay, &good));
    let early = tokio::time::timeout(Duration::from_millis(200), &mut sent).await;
    assert!(early.is_err(), "{early:?}");
    idle.pop();
    let (got, ()) = tokio::join!(sent, answer);
    assert!(got.starts_with("HTTP/1.1 204"), "{got}");
}

#[tokio::test]
async fn a_token_is_good_at_its_own_names_only_where_they_are_listed() {
    let folder = Folder::new();
    let (listener, sender) = (token("listen-rule", LISTEN_KEY), token("send-rule", SEND_KEY));
    for (names, status) in [("relay.example.org", 403), ("127.0.0.1", 404)] {
        let relay = Program::start(&with_top(&folder, &format!("names = [\"{names}\"]")));
        let got = send(&folder, &relay, &sender).await;
        assert!(got.starts_with(&format!("HTTP/1.1 {status}")), "{names}: {got}");
        let listens = listen(&folder, &relay, &listener).await.err();
        assert_eq!(listens, (status == 403).then_some(403), "{names}");
    }
}

#[tokio::test]
async fn at_sigterm_it_refuses_what_is_new_ends_what_is_in_flight_and_leaves_with_0() {
    let folder = Folder::new();
    let config = folder.config("drain_seconds = 20\nrefused_listen_millis = 0");
    let mut relay = Program::start(&config);
    let (listener, sender) = (token("listen-rule", LISTEN_KEY), token("send-rule", SEND_KEY));
    let mut channel = listen(&folder, &relay, &listener).await.unwrap();
    let drain = async {
        let asked = next_request(&mut channel).await["request"].clone();
        relay.terminate();
        relay.await_logged("relay.draining").await;
        // It is said right before it is so.
        while listen(&folder, &relay, &listener).await.err() != Some(503) {}
        let busy = send(&folder, &relay, &sender).await;
        assert!(busy.starts_with("HTTP/1.1 503"), "{busy}");
        assert!(busy.to_lowercase().contains("relay-error: busy; delivered=no"), "{busy}");
        let head = json!({"response": {"requestId": asked["id"], "statusCode": 204}});
        channel.send(Message::text(head.to_string())).await.unwrap();
        loop {
            match channel.next().await {
                Some(Ok(Message::Close(frame))) => break u16::from(frame.unwrap().code),
                Some(Ok(_)) => {}
                ended => panic!("{ended:?}"),
            }
        }
    };
    let (answer, code) = tokio::join!(send(&folder, &relay, &sender), drain);
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    assert_eq!(code, 1001);
    drop(channel);
    assert_eq!(relay.ended().code(), Some(0));
    let log = relay.log();
    for event in ["relay.started", "relay.draining", "relay.stopped"] {
        assert!(log.contains(event), "{log}");
    }
    for secret in [LISTEN_KEY, SEND_KEY, "SharedAccessSignature", "sig="] {
        assert!(!log.contains(secret), "{log}");
    }
    assert!(log.contains("relay.key_is_short") && log.contains("send-rule"), "{log}");
}

#[test]
fn what_is_wrong_in_its_configuration_is_said_by_name_with_exit_code_4() {
    let folder = Folder::new();
    let good = fs::read_to_string(folder.config("")).unwrap();
    let config = folder.file("wrong.toml");
    for (from, to, said) in [
        ("listen = \"127.0.0.1:0\"", "listen = \"here\"", "`listen` must be"),
        ("certificate = \"relay.pem\"", "", "`certificate` is missing"),
        ("\"relay.pem\"", "\"nowhere.pem\"", "`certificate`"),
        ("\"relay.key\"", "\"relay.pem\"", "`key`"),
        ("[limits]", "[limits]\nresponse_seconds = 0", "`limits.response_seconds` must be"),
        ("[limits]", "[limits]\npatience = 1", "no key `limits.patience`"),
        ("[limits]", "[limit]", "no section or key `limit`"),
        ("path = \"tenants/t2\"", "path = \"/tenants/t2\"", "`entity.path`"),
        ("path = \"tenants/t2\"", "", "`entity.path` is missing"),
        ("[\"Send\"]", "[\"Shout\"]", "`rule.rights`"),
        ("key = \"an old key\"", "key = \"\"", "`rule.key` must not be empty"),
    ] {
        assert!(good.contains(from), "{from}");
        fs::write(&config, good.replacen(from, to, 1)).unwrap();
        let output = refused(&config);
        let text = String::from_utf8(output.stderr).unwrap();
        assert_eq!(output.status.code(), Some(4), "{text}");
        assert!(text.lines().last().unwrap_or_default().contains(said), "{said}: {text}");
        assert!(!text.contains(LISTEN_KEY), "{text}");
    }
    assert_eq!(refused(&folder.file("missing.toml")).status.code(), Some(4));
}

#[test]
fn a_wrong_command_line_is_2_and_a_port_that_is_taken_3() {
    assert_eq!(passback(&["relay", "--nonsense"]).output().unwrap().status.code(), Some(2));
    let taken = TcpListener::bind((HOST, 0)).unwrap();
    let folder = Folder::new();
    let config = folder.config("");
    let port = format!("{HOST}:{}", taken.local_addr().unwrap().port());
    let text = fs::read_to_string(&config).unwrap().replace("127.0.0.1:0", &port);
    fs::write(&config, text).unwrap();
    let output = refused(&config);
    let text = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(3), "{text}");
    assert!(text.contains(&port) && text.contains("`listen`"), "{text}");
}

#[test]
fn its_example_is_printed_and_its_configuration_checked() {
    let output = passback(&["config", "example", "--relay"]).output().unwrap();
    let checked_in = include_str!("../../../../docs/passback-relay.example.toml");
    assert_eq!(String::from_utf8(output.stdout).unwrap(), checked_in);
    let folder = Folder::new();
    let config = folder.file("example.toml");
    // All that the example needs is a certificate beside it.
    fs::write(&config, checked_in).unwrap();
    let check = ["config", "check", "--relay", "--config", config.to_str().unwrap()];
    assert_eq!(passback(&check).output().unwrap().status.code(), Some(0));
    fs::remove_file(folder.file("relay.key")).unwrap();
    assert_eq!(passback(&check).output().unwrap().status.code(), Some(4));
}
