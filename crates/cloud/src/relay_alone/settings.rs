//! The configuration of a relay that stands alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use relay::token::Right;
use relay::token::sas::Rule;
use relay::{Entity, Limits};
use rustls::ServerConfig;
use settings::{Default, Key, Kind, Section, Settings, SettingsError};

use crate::app::StartError;
use crate::tls;

/// What stands above the example.
pub(crate) const TITLE: &str = "Configuration of passback relay, the relay by itself. It speaks the public protocol of Azure Relay Hybrid Connections. Paths are relative to this file. Keys that are commented out show their default.";

/// Every key of the file.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    Key::new("", "listen", Kind::Text, Default::Value("\"127.0.0.1:9443\""),
        "Address and port for listeners and senders."),
    Key::new("", "certificate", Kind::Path, Default::Required("\"relay.pem\""),
        "Certificate chain, PEM."),
    Key::new("", "key", Kind::Path, Default::Required("\"relay.key\""),
        "Private key of the certificate, PEM."),
    Key::new("", "connections", Kind::Number(16), Default::Value("16384"),
        "How many connections may be open that are not WebSockets with a token; others wait until one ends. Each may take 100 KiB, and an open file."),
    Key::new("", "connections_per_address", Kind::Number(4), Default::Value("4096"),
        "How many of these one address may have, or one /64 of IPv6; more are refused at once. A balancer in front has one address for everybody: give it more."),
    Key::new("", "names", Kind::Texts, Default::Value("[]"),
        "The host names of this relay: [\"relay.example.org\", \"127.0.0.1\"], without ports. Tokens are for a host; without this list, for whichever the request says: give it where another relay has one of the keys."),
    Key::new("limits", "response_seconds", Kind::Seconds(1), Default::Value("60"),
        "How long a listener may take to answer (relay protocol: 60 s, then 504)."),
    Key::new("limits", "rendezvous_seconds", Kind::Seconds(1), Default::Value("30"),
        "How long the address of a rendezvous works; once only (relay protocol: 30 s)."),
    Key::new("limits", "grace_seconds", Kind::Seconds(0), Default::Value("60"),
        "How long a control channel lives on after its token has expired, for the renewal to arrive (relay protocol: 60 to 120 s)."),
    Key::new("limits", "ping_seconds", Kind::Seconds(1), Default::Value("20"),
        "Pause between two pings of a WebSocket; it is given up after two that were not answered, and 5 s."),
    Key::new("limits", "handshake_seconds", Kind::Seconds(1), Default::Value("10"),
        "How long checking a token may take (relay protocol: 10 s)."),
    Key::new("limits", "slow_listener_seconds", Kind::Seconds(1), Default::Value("5"),
        "How long a listener may take nothing of what is written to it (relay protocol: 5 s)."),
    Key::new("limits", "refused_listen_millis", Kind::Millis(0), Default::Value("1000"),
        "How long a refused listener waits for its refusal, and a sender for that of its token: some try 255 times a second."),
    Key::new("limits", "refused_waiting", Kind::Number(0), Default::Value("1024"),
        "How many listeners may wait for that, and how many senders; above it a listener is refused at once, and a sender gets 503."),
    Key::new("limits", "listeners_per_entity", Kind::Number(1), Default::Value("25"),
        "How many listeners one entity may have (relay protocol: 25)."),
    Key::new("limits", "queue_requests", Kind::Number(1), Default::Value("256"),
        "How many requests may wait to be written to one listener (relay protocol: 256, then 503)."),
    Key::new("limits", "queue_bytes", Kind::Number(1), Default::Value("1048576"),
        "How many bytes of requests may wait to be written to one listener (relay protocol: 1 MiB, then 503)."),
    Key::new("limits", "requests_per_entity", Kind::Number(1), Default::Value("512"),
        "How many requests of senders may be under way at one entity, until their answers are taken; then 503."),
    Key::new("limits", "requests", Kind::Number(1), Default::Value("4096"),
        "The same of all entities together."),
    Key::new("limits", "turns_per_entity", Kind::Number(1), Default::Value("16"),
        "How many requests of one entity may be at work before the next has to wait for its turn, so that a flood at one entity does not hold up the others."),
    Key::new("limits", "turn_millis", Kind::Millis(0), Default::Value("50"),
        "How long a request waits for its turn at most; where a listener is slow, it goes on without."),
    Key::new("limits", "bytes_per_entity", Kind::Number(2097152), Default::Value("33554432"),
        "How many bytes of requests that senders are still sending or listeners have not fetched, and of answers by a rendezvous, may be held of one entity; then 503."),
    Key::new("limits", "bytes", Kind::Number(2097152), Default::Value("268435456"),
        "The same of all entities together."),
    Key::new("limits", "sockets_per_entity", Kind::Number(1), Default::Value("64"),
        "How many WebSockets senders may have to one entity; then 503. Each may hold 1 MiB in both directions."),
    Key::new("limits", "sockets", Kind::Number(1), Default::Value("512"),
        "The same of all entities together."),
    Key::new("limits", "drain_seconds", Kind::Seconds(1), Default::Value("30"),
        "How long SIGTERM waits for what is in flight (relay protocol: 30 s)."),
    Key::new("entity[]", "path", Kind::Text, Default::Required("\"tenants/t1/writeback\""),
        "Where to listen and to send to: letters, digits, dots, hyphens and underscores between single slashes. Upper and lower case are the same."),
    Key::new("rule[]", "name", Kind::Text, Default::Required("\"listen-rule\""),
        "The name of a shared key, as tokens carry it. Every rule holds for every entity."),
    Key::new("rule[]", "key", Kind::Text, Default::Required("\"replace-this-by-32-random-bytes-in-base64\""),
        "The shared key. Its text is the secret, as it stands here; one of fewer than 16 characters can be guessed, and the log warns."),
    Key::new("rule[]", "secondary_key", Kind::Text, Default::Optional("\"the-key-that-is-being-rolled-over-in-base64\""),
        "A second key that is accepted too, while keys are being rolled over."),
    Key::new("rule[]", "rights", Kind::Texts, Default::Required("[\"Listen\"]"),
        "What the key allows: Listen, Send, or Manage for both."),
];

/// How many characters a key has at least that the log does not warn of: 96 bits, in base64.
const KEY_STRONG: usize = 16;

/// The configuration of a relay that stands alone.
#[derive(Debug)]
pub(crate) struct RelaySettings {
    pub(crate) listen: SocketAddr,
    pub(crate) certificate: PathBuf,
    pub(crate) key: PathBuf,
    pub(crate) connections: usize,
    /// How many of one address.
    pub(crate) of_one: usize,
    pub(crate) names: Vec<String>,
    pub(crate) limits: Limits,
    pub(crate) entities: Vec<Entity>,
    pub(crate) rules: Vec<Rule>,
}

impl RelaySettings {
    /// Reads the file at `path`; the first problem, with the key and what is expected.
    pub(crate) fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::read(&Settings::load(path, KEYS)?)
    }

    /// Certificate and key, made ready to serve with.
    pub(crate) fn tls(&self) -> Result<Arc<ServerConfig>, StartError> {
        tls::config("", &self.certificate, &self.key)
    }

    fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let server = settings.section("")?;
        let entities = settings.all("entity")?.iter().map(entity).collect::<Result<_, _>>()?;
        let rules = settings.all("rule")?.iter().map(rule).collect::<Result<_, _>>()?;
        Ok(Self {
            listen: server.parsed("listen", "an address and a port")?,
            certificate: server.path("certificate")?,
            key: server.path("key")?,
            connections: server.small("connections")?,
            of_one: server.small("connections_per_address")?,
            names: names(server)?,
            limits: limits(settings.section("limits")?)?,
            entities,
            rules,
        })
    }
}

fn names(server: &Section) -> Result<Vec<String>, SettingsError> {
    let names = server.texts("names")?;
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b".-".contains(&byte);
    let is_name = |name: &String| match name.strip_prefix('[').and_then(|n| n.strip_suffix(']')) {
        Some(address) => address.parse::<std::net::Ipv6Addr>().is_ok(),
        None => !name.is_empty() && name.bytes().all(plain),
    };
    if !names.iter().all(is_name) {
        return Err(server.wrong("names", "may hold host names and addresses, without ports"));
    }
    Ok(names)
}

fn limits(limits: &Section) -> Result<Limits, SettingsError> {
    let ping = limits.duration("ping_seconds")?;
    Ok(Limits {
        response: limits.duration("response_seconds")?,
        rendezvous: limits.duration("rendezvous_seconds")?,
        grace: limits.duration("grace_seconds")?,
        ping,
        silence: ping * 2 + std::time::Duration::from_secs(5),
        handshake: limits.duration("handshake_seconds")?,
        slow_listener: limits.duration("slow_listener_seconds")?,
        refused_listen: limits.duration("refused_listen_millis")?,
        refused_waiting: limits.small("refused_waiting")?,
        listeners_per_entity: limits.small("listeners_per_entity")?,
        queue_requests: limits.small("queue_requests")?,
        queue_bytes: limits.small("queue_bytes")?,
        requests_per_entity: limits.small("requests_per_entity")?,
        requests: limits.small("requests")?,
        turns_per_entity: limits.small("turns_per_entity")?,
        turn: limits.duration("turn_millis")?,
        bytes_per_entity: limits.small("bytes_per_entity")?,
        bytes: limits.small("bytes")?,
        sockets_per_entity: limits.small("sockets_per_entity")?,
        sockets: limits.small("sockets")?,
        drain: limits.duration("drain_seconds")?,
        ..Limits::default()
    })
}

fn entity(section: &Section) -> Result<Entity, SettingsError> {
    let wrong = |_| section.wrong("path", "is not a path that an entity can have");
    Entity::parse(&section.text("path")?).map_err(wrong)
}

fn rule(section: &Section) -> Result<Rule, SettingsError> {
    let name = section.text("name")?;
    let key = |key: &str, text: String| {
        if text.is_empty() {
            return Err(section.wrong(key, "must not be empty: it is the secret"));
        }
        if text.chars().count() < KEY_STRONG {
            tracing::warn!(event = "relay.key_is_short", rule = name, key);
        }
        Ok(text.into())
    };
    let right = |name: &String| match name.as_str() {
        "Listen" => Ok(Right::Listen),
        "Send" => Ok(Right::Send),
        "Manage" => Ok(Right::Manage),
        _ => Err(section.wrong("rights", "may hold Listen, Send and Manage, and nothing else")),
    };
    let secondary = section.optional_text("secondary_key");
    Ok(Rule::new(
        name.clone(),
        key("key", section.text("key")?)?,
        secondary.map(|text| key("secondary_key", text)).transpose()?,
        section.texts("rights")?.iter().map(right).collect::<Result<_, _>>()?,
    ))
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    fn read(changes: &[(&str, &str)]) -> Result<RelaySettings, String> {
        let mut text = settings::example(TITLE, KEYS);
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let settings = Settings::parse(Path::new("/etc/passback/relay.toml"), &text, KEYS);
        settings.and_then(|one| RelaySettings::read(&one)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_that_is_checked_in_is_the_generated_one() {
        let file = include_str!("../../../../docs/passback-relay.example.toml");
        assert_eq!(file, settings::example(TITLE, KEYS), "run `passback config example --relay`");
    }

    #[test]
    fn the_example_is_a_configuration_with_the_limits_of_the_protocol() {
        let read = read(&[]).unwrap();
        assert_eq!(format!("{:?}", read.limits), format!("{:?}", Limits::default()));
        assert_eq!(read.limits.silence, Duration::from_secs(45));
        assert_eq!(read.entities, [Entity::parse("tenants/t1/writeback").unwrap()]);
        assert_eq!(read.certificate, Path::new("/etc/passback/relay.pem"));
        assert!(!format!("{read:?}").contains("replace-this"), "keys are not for logs");
    }

    #[test]
    fn what_cannot_be_is_refused_by_name() {
        for (from, to, problem) in [
            ("tenants/t1", "/tenants", "`entity.path` is not a path"),
            ("replace-this-by-32-random-bytes-in-base64", "", "`rule.key` must not be empty"),
            ("[\"Listen\"]", "[\"Read\"]", "`rule.rights` may hold"),
            ("#ping_seconds = 20", "ping_seconds = 0", "`limits.ping_seconds` must"),
            ("#ping_seconds", "pong_seconds", "there is no key `limits.pong_seconds`"),
            ("#listen = \"127.0.0.1:9443\"", "listen = \"here\"", "`listen` must be an address"),
            ("certificate = ", "#certificate = ", "`certificate` is missing"),
            ("#names = []", "names = [\"relay:9443\"]", "`names` may hold host names"),
            ("#names = []", "names = [\"[relay]\"]", "`names` may hold host names"),
            ("#connections = 16384", "connections = 1", "`connections` must"),
            (
                "#connections_per_address = 4096",
                "connections_per_address = 3",
                "`connections_per_address` must",
            ),
        ] {
            let error = read(&[(from, to)]).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
