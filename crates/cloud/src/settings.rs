//! The configuration of the cloud service: the table of keys, and the typed values read by it.

mod elsewhere;
mod nodes;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use protocol::limits::LIFETIME_MAX;
use settings::{Default, Key, Kind, Section, Settings, SettingsError};
use url::Url;

pub(crate) use elsewhere::RelayElsewhere;

/// What stands above the example.
pub(crate) const TITLE: &str = "Configuration of passback, the cloud service. Paths are relative to this file. Keys that are commented out show their default.";

/// Every key of the file.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    Key::new("server", "listen", Kind::Text, Default::Value("\"0.0.0.0:443\""),
        "Address and port for pages, agents and relay."),
    Key::new("server", "public_url", Kind::Text, Default::Required("\"https://reset.example.org\""),
        "The address under which browsers and agents reach the service. Links carry it; the Host header is never used."),
    Key::new("server", "certificate", Kind::Path, Default::Required("\"server.pem\""),
        "Certificate chain, PEM."),
    Key::new("server", "key", Kind::Path, Default::Required("\"server.key\""),
        "Private key of the certificate, PEM."),
    Key::new("server", "drain_seconds", Kind::Seconds(1), Default::Value("30"),
        "How long SIGTERM waits for what is in flight."),
    Key::new("server", "connections", Kind::Number(16), Default::Value("16384"),
        "How many connections may be open that are not agents' channels; others wait until one ends. Each may take 100 KiB, and an open file."),
    Key::new("server", "connections_per_address", Kind::Number(4), Default::Value("4096"),
        "How many of these one address may have, or one /64 of IPv6; more are refused at once. Browsers have six each, and an office, or a proxy in front that stands for everybody, has one address: give those that need it more."),
    Key::new("store", "database", Kind::Path, Default::Required("\"passback.db\""),
        "The SQLite file. It is made if it is not there."),
    Key::new("store", "master_key", Kind::Path, Default::Required("\"master.key\""),
        "32 random bytes that encrypt secrets in the database (SPEC K-5). Made by `passback tenant create` if it is not there; keep it apart from backups of the database. May be a systemd credential."),
    Key::new("pages", "time_zone", Kind::Text, Default::Value("\"UTC\""),
        "The time zone in which pages and mails name a time, for example Europe/Amsterdam."),
    Key::new("pages", "helpdesk", Kind::Text, Default::Optional("\"https://helpdesk.example.org\""),
        "Where people find help: an https: or mailto: address. Shown on every page."),
    Key::new("mail", "host", Kind::Text, Default::Required("\"smtp.example.org\""),
        "The mail server."),
    Key::new("mail", "port", Kind::Number(1), Default::Value("587"),
        "Its port."),
    Key::new("mail", "tls", Kind::Text, Default::Value("\"starttls\""),
        "starttls, tls, or none; none only for a server on this machine."),
    Key::new("mail", "ca", Kind::Path, Default::Optional("\"mail-ca.pem\""),
        "Trust this CA (PEM) for the mail server besides the public ones."),
    Key::new("mail", "user", Kind::Text, Default::Optional("\"passback\""),
        "User name at the mail server."),
    Key::new("mail", "password_file", Kind::Path, Default::Optional("\"mail.password\""),
        "File with the password at the mail server."),
    Key::new("mail", "from", Kind::Text, Default::Required("\"Passback <noreply@example.org>\""),
        "Sender of all mails."),
    Key::new("mail", "timeout_seconds", Kind::Seconds(1), Default::Value("20"),
        "How long one try to hand over a mail may take."),
    Key::new("mail", "tries", Kind::Number(1), Default::Value("4"),
        "How often handing over a mail is tried, with growing pauses, before the operator is told."),
    Key::new("flow", "lifetime_seconds", Kind::Seconds(1), Default::Value("900"),
        "How long a visit to the reset pages lives (SPEC G-6: 15 minutes)."),
    Key::new("flow", "wait_for_answer_seconds", Kind::Seconds(1), Default::Value("20"),
        "How long a submitted page waits for the agent's answer before it shows a page that follows the operation."),
    Key::new("code", "lifetime_seconds", Kind::Seconds(1), Default::Value("300"),
        "How long a code counts (SPEC G-5: 5 minutes)."),
    Key::new("code", "tries", Kind::Number(1), Default::Value("5"),
        "How often a code may be entered (THREATS: exactly five comparisons)."),
    Key::new("code", "sends", Kind::Number(1), Default::Value("3"),
        "How many codes one visit may ask for, the first included."),
    Key::new("throttle", "window_seconds", Kind::Seconds(1), Default::Value("900"),
        "The window in which starts are counted (SPEC G-6)."),
    Key::new("throttle", "starts_per_address", Kind::Number(1), Default::Value("60"),
        "Names that may be entered from one network address (IPv6: one /64)."),
    Key::new("throttle", "starts_per_name", Kind::Number(1), Default::Value("10"),
        "Times that one name may be entered, whether anybody has it or not. The directory's account is never locked."),
    Key::new("throttle", "starts_per_tenant", Kind::Number(1), Default::Value("3000"),
        "Names that may be entered on one tenant's pages."),
    Key::new("throttle", "long_window_seconds", Kind::Seconds(1), Default::Value("86400"),
        "The window in which the following two are counted."),
    Key::new("throttle", "tries_per_name", Kind::Number(1), Default::Value("100"),
        "Codes that may be entered for one name, over all visits, whether anybody has it or not (THREATS: 100 per account)."),
    Key::new("throttle", "mails_per_name", Kind::Number(1), Default::Value("30"),
        "Codes that are sent for one name, over all visits."),
    Key::new("message", "lifetime_seconds", Kind::Seconds(1), Default::Value("180"),
        "How long a sealed password waits for the agent; at most 180: an agent whose clock is 120 seconds behind then takes it until it is 5 minutes old, and never later (SPEC W-11)."),
    Key::new("agents", "heartbeat_fresh_seconds", Kind::Seconds(1), Default::Value("660"),
        "How old an agent's last heartbeat may be before the agent counts as down (SPEC A-4: one every 5 minutes)."),
    Key::new("agents", "token_leeway_seconds", Kind::Seconds(0), Default::Value("120"),
        "How far an agent's clock may be off when its tokens are checked (SPEC W-11)."),
    Key::new("agents", "enrol_code_seconds", Kind::Seconds(1), Default::Value("86400"),
        "How long an enrolment code counts."),
    Key::new("agents", "others_look_seconds", Kind::Seconds(1), Default::Value("600"),
        "So long after its message has expired, an operation in doubt whose agent does not come back is looked at by another agent of the organisation, which writes nothing (SPEC PR-2)."),
    Key::new("agents", "settle_pause_millis", Kind::Millis(100), Default::Value("3000"),
        "How long to wait before asking an agent again how an operation in doubt ended."),
    Key::new("relay", "response_seconds", Kind::Seconds(1), Default::Value("60"),
        "How long an agent may take to answer (relay protocol: 60 s, then 504)."),
    Key::new("relay", "ping_seconds", Kind::Seconds(1), Default::Value("20"),
        "Pause between two pings of a channel; it is cut after two that were not answered."),
    Key::new("relay", "grace_seconds", Kind::Seconds(0), Default::Value("60"),
        "How long a channel lives on after its token has expired, for the renewal to arrive."),
    Key::new("relay", "nodes", Kind::Texts, Default::Value("[]"),
        "The addresses of the service's nodes, where it has several: [\"wss://node-1.reset.example.org\", …], at most 8, at the host of `server.public_url` or below it, with a certificate for that name. Each agent then listens at two of them; without them at `public_url`. See docs/relay.md."),
    Key::new("relay", "url", Kind::Text, Default::Optional("\"sb://contoso.servicebus.windows.net/\""),
        "Send through this relay instead of the one inside: Azure Relay, or `passback relay` elsewhere. sb:, https: or wss:, a host, and a path below which the agents' entities stand, if they do not stand at the top: t/TENANT/a/AGENT. Agents must be given the same `relay.url`. Such a relay knows shared keys only: whoever runs it can listen in an agent's place, and what keeps passwords from them is the sealing alone (SPEC W-5). See docs/relay.md."),
    Key::new("relay", "send_rule", Kind::Text, Default::Optional("\"send-rule\""),
        "The name of the shared key with the right Send, where there is `url`."),
    Key::new("relay", "send_key_file", Kind::Path, Default::Optional("\"relay-send.key\""),
        "File with that key; one line. It is read for each request, so that a replaced key is used at once. May be a systemd credential."),
    Key::new("relay", "ca", Kind::Path, Default::Optional("\"relay-ca.pem\""),
        "Trust this CA (PEM) for the relay at `url` instead of the public ones."),
    Key::new("relay", "connect_seconds", Kind::Seconds(1), Default::Value("10"),
        "How long connecting to the relay at `url` may take (relay protocol: 10 s)."),
    Key::new("audit", "retention_days", Kind::Days(30), Default::Value("400"),
        "How long entries of the audit trail are kept: a year, and a month to look at it. Never shorter than the operations that they belong to (30 days)."),
];

/// The mail server's settings.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Host name.
    pub host: String,
    /// Port.
    pub port: u16,
    /// How the connection is protected.
    pub tls: MailTls,
    /// A CA to trust besides the public ones.
    pub ca: Option<PathBuf>,
    /// User name and the file with the password.
    pub login: Option<(String, PathBuf)>,
    /// The sender.
    pub from: String,
    /// How long one try may take.
    pub timeout: Duration,
    /// How often it is tried.
    pub tries: u64,
}

/// How the connection to the mail server is protected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailTls {
    /// STARTTLS, refused where it is not offered.
    StartTls,
    /// TLS from the first byte.
    Tls,
    /// None; only to this machine.
    None,
}

/// The throttles of SPEC G-6.
#[derive(Debug, Clone, Copy)]
pub struct Throttles {
    /// The window of all of them.
    pub window: Duration,
    /// Starts from one network address.
    pub starts_per_address: u64,
    /// Starts for one name.
    pub starts_per_name: u64,
    /// Starts on one tenant's pages.
    pub starts_per_tenant: u64,
    /// The window of the following two.
    pub long_window: Duration,
    /// Codes entered for one name.
    pub tries_per_name: u64,
    /// Codes sent for one name.
    pub mails_per_name: u64,
}

/// The configuration of the cloud service.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of the same name, described in KEYS")]
pub struct CloudSettings {
    pub listen: SocketAddr,
    pub public_url: Url,
    pub certificate: PathBuf,
    pub key: PathBuf,
    pub drain: Duration,
    pub connections: usize,
    pub connections_per_address: usize,
    pub database: PathBuf,
    pub master_key: PathBuf,
    pub time_zone: String,
    pub helpdesk: Option<String>,
    pub mail: Mail,
    pub flow_lifetime: Duration,
    pub wait_for_answer: Duration,
    pub code_lifetime: Duration,
    pub code_tries: u32,
    pub code_sends: u32,
    pub throttles: Throttles,
    pub message_lifetime: Duration,
    pub heartbeat_fresh: Duration,
    pub token_leeway: Duration,
    pub enrol_code_lifetime: Duration,
    pub settle_pause: Duration,
    pub others_look: Duration,
    pub relay_response: Duration,
    pub relay_ping: Duration,
    pub relay_grace: Duration,
    pub relay_elsewhere: Option<RelayElsewhere>,
    pub relay_nodes: Vec<String>,
    pub audit_retention: Duration,
}

impl CloudSettings {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`SettingsError`]: the first problem, with the key and what is expected.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::read(&Settings::load(path, KEYS)?)
    }

    fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let server = settings.section("server")?;
        let store = settings.section("store")?;
        let pages = settings.section("pages")?;
        let flow = settings.section("flow")?;
        let code = settings.section("code")?;
        let throttle = settings.section("throttle")?;
        let agents = settings.section("agents")?;
        let relay = settings.section("relay")?;
        Ok(Self {
            listen: server.parsed("listen", "an address and a port")?,
            public_url: public_url(server)?,
            certificate: server.path("certificate")?,
            key: server.path("key")?,
            drain: server.duration("drain_seconds")?,
            connections: server.small("connections")?,
            connections_per_address: server.small("connections_per_address")?,
            database: store.path("database")?,
            master_key: store.path("master_key")?,
            time_zone: time_zone(pages)?,
            helpdesk: helpdesk(pages)?,
            mail: mail(settings.section("mail")?)?,
            flow_lifetime: flow.duration("lifetime_seconds")?,
            wait_for_answer: flow.duration("wait_for_answer_seconds")?,
            code_lifetime: code.duration("lifetime_seconds")?,
            code_tries: code.small("tries")?,
            code_sends: code.small("sends")?,
            throttles: Throttles {
                window: throttle.duration("window_seconds")?,
                starts_per_address: throttle.number("starts_per_address")?,
                starts_per_name: throttle.number("starts_per_name")?,
                starts_per_tenant: throttle.number("starts_per_tenant")?,
                long_window: throttle.duration("long_window_seconds")?,
                tries_per_name: throttle.number("tries_per_name")?,
                mails_per_name: throttle.number("mails_per_name")?,
            },
            message_lifetime: message_lifetime(settings.section("message")?)?,
            heartbeat_fresh: agents.duration("heartbeat_fresh_seconds")?,
            token_leeway: agents.duration("token_leeway_seconds")?,
            enrol_code_lifetime: agents.duration("enrol_code_seconds")?,
            settle_pause: agents.duration("settle_pause_millis")?,
            others_look: agents.duration("others_look_seconds")?,
            relay_response: relay.duration("response_seconds")?,
            relay_ping: relay.duration("ping_seconds")?,
            relay_grace: relay.duration("grace_seconds")?,
            relay_elsewhere: elsewhere::read(relay)?,
            relay_nodes: nodes::read(relay, &public_url(server)?)?,
            audit_retention: settings.section("audit")?.duration("retention_days")?,
        })
    }

    /// The origin of [`CloudSettings::public_url`], as browsers write it.
    pub fn origin(&self) -> String {
        self.public_url.origin().ascii_serialization()
    }

    /// The relay's address for agents: that of the relay elsewhere, or the public one with the scheme
    /// `wss`.
    pub fn relay_url(&self) -> String {
        match &self.relay_elsewhere {
            Some(elsewhere) => elsewhere.address.listen_url(),
            None => self.origin().replacen("https://", "wss://", 1),
        }
    }
}

fn public_url(server: &Section) -> Result<Url, SettingsError> {
    let wrong = || server.wrong("public_url", "must be an https: address without a path");
    let url: Url = server.text("public_url")?.parse().map_err(|_| wrong())?;
    let bare = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
    if url.scheme() == "https" && url.has_host() && bare { Ok(url) } else { Err(wrong()) }
}

fn time_zone(pages: &Section) -> Result<String, SettingsError> {
    let name = pages.text("time_zone")?;
    match jiff::tz::TimeZone::get(&name) {
        Ok(_) => Ok(name),
        Err(_) => Err(pages.wrong("time_zone", "is not a time zone that this system knows")),
    }
}

fn helpdesk(pages: &Section) -> Result<Option<String>, SettingsError> {
    let Some(text) = pages.optional_text("helpdesk") else { return Ok(None) };
    let scheme = Url::parse(&text).map(|url| url.scheme().to_owned());
    match scheme.as_deref() {
        Ok("https" | "mailto") => Ok(Some(text)),
        _ => Err(pages.wrong("helpdesk", "must be an https: or mailto: address")),
    }
}

fn message_lifetime(message: &Section) -> Result<Duration, SettingsError> {
    let lifetime = message.duration("lifetime_seconds")?;
    if lifetime > LIFETIME_MAX {
        return Err(message.wrong("lifetime_seconds", "must be at most 180"));
    }
    Ok(lifetime)
}

fn mail(mail: &Section) -> Result<Mail, SettingsError> {
    let host = mail.text("host")?;
    let tls = match mail.text("tls")?.as_str() {
        "starttls" => MailTls::StartTls,
        "tls" => MailTls::Tls,
        "none" if ["localhost", "127.0.0.1", "::1"].contains(&host.as_str()) => MailTls::None,
        "none" => return Err(mail.wrong("tls", "may be none only for a server on this machine")),
        _ => return Err(mail.wrong("tls", "must be starttls, tls or none")),
    };
    let login = match (mail.optional_text("user"), mail.optional_path("password_file")) {
        (Some(user), Some(file)) => Some((user, file)),
        (None, None) => None,
        _ => return Err(mail.wrong("user", "and `mail.password_file` go together")),
    };
    let from = mail.text("from")?;
    if from.parse::<lettre::message::Mailbox>().is_err() {
        return Err(mail.wrong("from", "must be a mail address"));
    }
    Ok(Mail {
        host,
        port: mail.small("port")?,
        tls,
        ca: mail.optional_path("ca"),
        login,
        from,
        timeout: mail.duration("timeout_seconds")?,
        tries: mail.number("tries")?,
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use protocol::limits::LIFETIME_DEFAULT;

    use super::*;

    pub(crate) fn read(changes: &[(&str, &str)]) -> Result<CloudSettings, String> {
        let mut text = settings::example(TITLE, KEYS);
        for (from, to) in changes {
            assert!(text.contains(from), "{from}");
            text = text.replace(from, to);
        }
        let settings = Settings::parse(Path::new("/etc/passback/passback.toml"), &text, KEYS);
        settings.and_then(|one| CloudSettings::read(&one)).map_err(|error| error.to_string())
    }

    #[test]
    fn the_example_that_is_checked_in_is_the_generated_one() {
        let file = include_str!("../../../docs/passback.example.toml");
        assert_eq!(file, settings::example(TITLE, KEYS), "run `passback config example`");
    }

    #[test]
    fn the_example_is_a_configuration_with_the_limits_of_the_specification() {
        let read = read(&[]).unwrap();
        assert_eq!(read.message_lifetime, LIFETIME_DEFAULT);
        assert_eq!(read.origin(), "https://reset.example.org");
        assert_eq!(read.relay_url(), "wss://reset.example.org");
        assert_eq!(read.database, Path::new("/etc/passback/passback.db"));
    }

    #[test]
    fn what_would_be_unsafe_or_cannot_be_is_refused_by_name() {
        for (from, to, problem) in [
            ("#lifetime_seconds = 180", "lifetime_seconds = 181", "must be at most 180"),
            ("#tls = \"starttls\"", "tls = \"none\"", "only for a server on this machine"),
            ("https://reset.example.org", "http://reset.example.org", "must be an https: address"),
            ("#time_zone = \"UTC\"", "time_zone = \"Mars\"", "is not a time zone"),
            ("#helpdesk = \"https:", "helpdesk = \"javascript:", "https: or mailto:"),
        ] {
            let error = read(&[(from, to)]).unwrap_err();
            assert!(error.contains(problem), "{error}");
        }
    }
}
