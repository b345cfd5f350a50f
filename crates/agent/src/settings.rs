//! The configuration of the agent: the table of keys, and the typed values read by it. The cloud
//! can neither set nor loosen any of them (SPEC A-5).

mod relay;

use std::net::{IpAddr, SocketAddr};
use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::time::Duration;

use ::relay::{Proxy, Reconnect};
use directory::{DistinguishedName, Encryption, Sid};
use settings::{Default, Key, Kind, Section, Settings, SettingsError};
use sync::ConnectorName;
use url::Url;

use crate::guard::breaker::BreakerSettings;

pub use self::relay::RelaySettings;

/// What stands above the example.
pub(crate) const TITLE: &str = "Configuration of passback-agent. Paths are relative to this file. Keys that are commented out show their default.";

/// Every key of the file.
#[rustfmt::skip]
pub(crate) const KEYS: &[Key] = &[
    Key::new("agent", "state_dir", Kind::Path, Default::Value("\"/var/lib/passback-agent\""),
        "Where the agent keeps its identity, keys, journal and synchronisation state; made with mode 0700."),
    Key::new("agent", "vault_key", Kind::Path, Default::Value("\"/var/lib/passback-agent/vault.key\""),
        "32 random bytes that encrypt the secrets in the state directory (SPEC A-7). Made by `passback-agent enrol` if it is not there. May be a systemd credential."),
    Key::new("agent", "name", Kind::Text, Default::Value("\"agent\""),
        "The agent's name, as administrators see it."),
    Key::new("cloud", "url", Kind::Text, Default::Required("\"https://reset.example.org\""),
        "The cloud service."),
    Key::new("cloud", "ca", Kind::Path, Default::Optional("\"cloud-ca.pem\""),
        "Trust this CA (PEM) for the cloud service instead of the public ones."),
    Key::new("cloud", "timeout_seconds", Kind::Seconds(1), Default::Value("20"),
        "How long one request to the cloud service may take."),
    Key::new("cloud", "token_seconds", Kind::Seconds(60), Default::Value("3600"),
        "How long a token that the agent signs for itself holds."),
    Key::new("proxy", "url", Kind::Text, Default::Optional("\"http://proxy.example.org:3128\""),
        "Reach the cloud service through this HTTP proxy, by CONNECT (SPEC A-6). Directories are never asked through it. Without it the connection is direct: no environment variable is read."),
    Key::new("proxy", "user", Kind::Text, Default::Optional("\"svc-passback\""),
        "The name for the proxy, where it asks for one (the Basic scheme)."),
    Key::new("proxy", "password_file", Kind::Path, Default::Optional("\"proxy.password\""),
        "File with the password for the proxy; one line. May be a systemd credential. The proxy is told it unencrypted: use no account that may do anything else."),
    Key::new("directory[]", "name", Kind::Text, Default::Required("\"corp\""),
        "The connector's name, here and in reports. It must not change later."),
    Key::new("directory[]", "domain", Kind::Text, Default::Required("\"corp.example.org\""),
        "The DNS name of the domain."),
    Key::new("directory[]", "ca", Kind::Path, Default::Required("\"corp-ca.pem\""),
        "The CA (PEM) that signed the controllers' certificates. Verification cannot be switched off (SPEC D-1)."),
    Key::new("directory[]", "bind_name", Kind::Text, Default::Required("\"svc-passback@corp.example.org\""),
        "The service account. `passback-agent` needs the rights of SPEC D-12 for it, not an administrator."),
    Key::new("directory[]", "bind_password_file", Kind::Path, Default::Required("\"corp.password\""),
        "File with the service account's password; one line. May be a systemd credential."),
    Key::new("directory[]", "dns", Kind::Text, Default::Optional("\"10.0.0.1:53\""),
        "Ask this resolver for the domain's controllers instead of the system's."),
    Key::new("directory[]", "ldaps_port", Kind::Number(1), Default::Value("636"),
        "The controllers' LDAPS port."),
    Key::new("directory[]", "encryption", Kind::Text, Default::Value("\"ldaps\""),
        "How a connection becomes secret: `ldaps` (TLS from the first byte) or `starttls`. The certificate is verified in both."),
    Key::new("directory[]", "ldap_port", Kind::Number(1), Default::Value("389"),
        "The controllers' LDAP port, for `starttls`."),
    Key::new("directory[]", "controllers", Kind::Texts, Default::Value("[]"),
        "DNS names of the controllers at which people are read, the most preferred one first. Without any, at the PDC emulator. Passwords are set at the PDC emulator all the same (SPEC W-8). A controller whose name is not below the domain's is taken for one only if it is named here: DNS alone does not decide who is sent the service account's password."),
    Key::new("directory[]", "only_preferred", Kind::Flag, Default::Value("false"),
        "Read people at none but `controllers`. Otherwise another one of the domain is asked where none of them can be reached."),
    Key::new("directory[]", "ous", Kind::Texts, Default::Required("[\"OU=People,DC=corp,DC=example,DC=org\"]"),
        "The OUs in scope. Nobody outside of them is synchronised or reset."),
    Key::new("directory[]", "address_attributes", Kind::Texts, Default::Value("[\"otherMailbox\"]"),
        "Attributes that hold the addresses to which codes go, the first choice first (SPEC G-3). `mail` is the mailbox behind the lost password: leave it out."),
    Key::new("directory[]", "protected_groups", Kind::Texts, Default::Value("[]"),
        "SIDs of further security groups whose members, nested ones too, are never reset (SPEC D-6). The service accounts of other agents belong into one. A SID that no group has, or a distribution group, protects nobody: the agent says so when it starts, and so does `permissions check`. A group that the service account may not see protects, and cannot be told from a SID that no group has."),
    Key::new("directory[]", "connect_timeout_seconds", Kind::Seconds(1), Default::Value("5"),
        "How long connecting to a controller may take."),
    Key::new("directory[]", "operation_timeout_seconds", Kind::Seconds(1), Default::Value("10"),
        "How long reading from a controller may take."),
    Key::new("directory[]", "set_time_limit_seconds", Kind::Seconds(1), Default::Value("20"),
        "How long a controller may take to set a password; then it is in doubt, and is settled by looking. Never below what the controllers need under load."),
    Key::new("directory[]", "allow_without_policy_control", Kind::Flag, Default::Value("false"),
        "Set passwords also at a controller that offers no policy-hints control. History is then NOT enforced (SPEC D-2)."),
    Key::new("directory[]", "administrator_reset_without_history_and_age", Kind::Flag, Default::Value("false"),
        "Reset passwords by an administrator or the helpdesk without history and least age: a password that the person had before is taken, however new the present one is, and audit says so of each such reset (SPEC O-3). Length, complexity and password filters are kept, and nobody's own reset changes. The cloud service says which reset is an administrator's."),
    Key::new("breaker", "resets_per_hour", Kind::Number(1), Default::Value("60"),
        "So many passwords may be reset within an hour by this agent, however few people are in scope. One more opens its breaker: it resets nothing until `passback-agent breaker release` (SPEC A-5). Each agent counts its own: for one limit over all of them, divide it (docs/breaker.md)."),
    Key::new("breaker", "percent_of_people", Kind::Number(0), Default::Value("1"),
        "Where this share of the people in scope, of a hundred, is more than `resets_per_hour`, so many may be reset within an hour by this agent."),
    Key::new("breaker", "alarm_percent", Kind::Number(1), Default::Value("80"),
        "At this share of that limit, of a hundred, the alarm is raised (34040)."),
    Key::new("sync", "interval_seconds", Kind::Seconds(1), Default::Value("1800"),
        "How often people are synchronised (SPEC Y-1: every 30 minutes)."),
    Key::new("sync", "page", Kind::Number(1), Default::Value("500"),
        "Entries per page when people are read."),
    Key::new("sync", "deletion_threshold", Kind::Number(1), Default::Value("500"),
        "An export that would delete more people stops before the first (SPEC Y-4)."),
    Key::new("sync", "match_people_by", Kind::Text, Default::Optional("\"mail\""),
        "Recognise a person who has accounts in several directories by this attribute (SPEC D-11): the accounts with the same value become one person, and passwords are set in the one that is enabled. Without it everybody is in one directory only. Case does not count. Nobody is joined by an empty value, by several, or by one that two accounts of a directory have; that is reported. Links that were made stay. Whoever may write the attribute in one directory can join accounts there to people of the others."),
    Key::new("heartbeat", "interval_seconds", Kind::Seconds(1), Default::Value("300"),
        "How often the agent tells the cloud service how it is (SPEC A-4: every 5 minutes)."),
    Key::new("heartbeat", "probe_seconds", Kind::Seconds(1), Default::Value("30"),
        "How often the way to the directory is tried. A change is told at once."),
    Key::new("relay", "transport", Kind::Text, Default::Value("\"auto\""),
        "How requests come here: `websocket`; `long_polling`, for networks that let no WebSocket through (HTTPS requests that the service parks until there is something); or `auto`, which is the first, and for an hour the second after three handshakes of WebSockets in a row have failed."),
    Key::new("relay", "url", Kind::Text, Default::Optional("\"sb://contoso.servicebus.windows.net/\""),
        "Listen at this relay instead of the cloud service: Azure Relay, or `passback relay` elsewhere. sb:, https: or wss:, a host, and a path below which the agent's entity stands, if it does not stand at the top: t/TENANT/a/AGENT. The same as `relay.url` of the cloud service, which can send the agent nowhere else. Such a relay knows shared keys only: whoever runs it can listen in the agent's place, and what keeps passwords from them is the sealing alone (SPEC W-5). Only WebSockets then, unless `transport` says otherwise. See docs/relay.md."),
    Key::new("relay", "listen_rule", Kind::Text, Default::Optional("\"listen-rule\""),
        "The name of the shared key with the right Listen, where there is `url`."),
    Key::new("relay", "listen_key_file", Kind::Path, Default::Optional("\"relay-listen.key\""),
        "File with that key; one line. It is read for each token, so that a replaced key is used with the next one. May be a systemd credential. The cloud service never has it."),
    Key::new("relay", "ca", Kind::Path, Default::Optional("\"relay-ca.pem\""),
        "Trust this CA (PEM) for the relay at `url` instead of the public ones."),
    Key::new("relay", "reconnect_early_millis", Kind::Millis(1), Default::Value("10000"),
        "A lost channel is dialled again after a random time up to this, during the first ten minutes."),
    Key::new("relay", "reconnect_late_millis", Kind::Millis(1), Default::Value("30000"),
        "The same after ten minutes."),
    Key::new("relay", "reconnect_refused_millis", Kind::Millis(1), Default::Value("30000"),
        "The least time after the relay refused the agent's token."),
    Key::new("relay", "stagger_seconds", Kind::Seconds(1), Default::Value("120"),
        "Where the cloud service has several nodes, the agent keeps a channel to each of two of them; the second one is so much younger than the first, so that no limit on a connection's age ends both at once. Longer than a lost channel takes to be noticed and to come back."),
    Key::new("relay", "drain_seconds", Kind::Seconds(1), Default::Value("30"),
        "How long SIGTERM waits for what is in flight."),
    Key::new("journal", "retention_seconds", Kind::Seconds(3600), Default::Value("2592000"),
        "How long finished entries are kept. Far longer than a message can live (SPEC W-11: 5 minutes) and clocks can differ."),
    Key::new("audit", "retention_days", Kind::Days(30), Default::Value("400"),
        "How long entries of the audit trail are kept: a year, and a month to look at it. Never shorter than the cloud service knows the operations that they belong to (30 days)."),
];

/// One directory of the configuration.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of the same name, described in KEYS")]
pub struct DirectorySettings {
    pub name: ConnectorName,
    pub domain: String,
    pub ca: PathBuf,
    pub bind_name: String,
    pub bind_password_file: PathBuf,
    pub dns: Option<SocketAddr>,
    pub ldaps_port: u16,
    pub encryption: Encryption,
    pub ldap_port: u16,
    pub controllers: Vec<String>,
    pub only_preferred: bool,
    pub ous: Vec<DistinguishedName>,
    pub address_attributes: Vec<String>,
    pub protected_groups: Vec<Sid>,
    pub connect_timeout: Duration,
    pub operation_timeout: Duration,
    pub set_time_limit: Duration,
    pub allow_without_policy_control: bool,
    pub administrator_reset_without_history_and_age: bool,
    /// No key: the attributes that `address_attributes` and `match_people_by` of `[sync]` name,
    /// which are to be read of people.
    pub people_attributes: Vec<String>,
}

/// The HTTP proxy between the agent and the cloud service.
#[derive(Debug, Clone)]
pub struct ProxySettings {
    /// Where it is.
    pub proxy: Proxy,
    /// The name for it, and the file with the password.
    pub credentials: Option<(String, PathBuf)>,
}

/// How requests come to the agent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RelayTransport {
    /// Over a WebSocket, and by requests that are parked where that is blocked.
    Auto,
    /// Over a WebSocket.
    WebSocket,
    /// By requests that are parked.
    LongPolling,
}

impl FromStr for RelayTransport {
    type Err = ();

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "auto" => Ok(Self::Auto),
            "websocket" => Ok(Self::WebSocket),
            "long_polling" => Ok(Self::LongPolling),
            _ => Err(()),
        }
    }
}

/// The configuration of the agent.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "each field is the key of the same name, described in KEYS")]
pub struct AgentSettings {
    pub state_dir: PathBuf,
    pub vault_key: PathBuf,
    pub name: String,
    pub cloud_url: Url,
    pub cloud_ca: Option<PathBuf>,
    pub cloud_timeout: Duration,
    pub token_lifetime: Duration,
    pub proxy: Option<ProxySettings>,
    pub directories: Vec<DirectorySettings>,
    pub breaker: BreakerSettings,
    pub sync_interval: Duration,
    pub sync_page: u32,
    pub deletion_threshold: u64,
    pub match_people_by: Option<String>,
    pub heartbeat_interval: Duration,
    pub probe_interval: Duration,
    pub relay: Option<RelaySettings>,
    pub relay_transport: RelayTransport,
    pub reconnect: Reconnect,
    pub stagger: Duration,
    pub drain: Duration,
    pub journal_retention: Duration,
    pub audit_retention: Duration,
}

impl AgentSettings {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// [`SettingsError`]: the first problem, with the key and what is expected.
    pub fn load(path: &Path) -> Result<Self, SettingsError> {
        Self::read(&Settings::load(path, KEYS)?)
    }

    fn read(settings: &Settings) -> Result<Self, SettingsError> {
        let agent = settings.section("agent")?;
        let cloud = settings.section("cloud")?;
        let sync = settings.section("sync")?;
        let heartbeat = settings.section("heartbeat")?;
        let relay = settings.section("relay")?;
        let match_people_by = match_people_by(sync)?;
        let directory = |section| directory(section, match_people_by.as_deref());
        let directories =
            settings.all("directory")?.iter().map(directory).collect::<Result<Vec<_>, _>>()?;
        let mut names: Vec<&str> = directories.iter().map(|one| one.name.as_str()).collect();
        names.sort_unstable();
        if names.windows(2).any(|pair| pair[0] == pair[1]) {
            return Err(settings.content("two directories have the same `name`".to_owned()));
        }
        Ok(Self {
            state_dir: agent.path("state_dir")?,
            vault_key: agent.path("vault_key")?,
            name: agent.text("name")?,
            cloud_url: cloud_url(cloud)?,
            cloud_ca: cloud.optional_path("ca"),
            cloud_timeout: cloud.duration("timeout_seconds")?,
            token_lifetime: cloud.duration("token_seconds")?,
            proxy: proxy(settings.section("proxy")?)?,
            directories,
            breaker: breaker(settings.section("breaker")?)?,
            sync_interval: sync.duration("interval_seconds")?,
            sync_page: sync.small("page")?,
            deletion_threshold: sync.number("deletion_threshold")?,
            match_people_by,
            heartbeat_interval: heartbeat.duration("interval_seconds")?,
            probe_interval: heartbeat.duration("probe_seconds")?,
            relay: relay::read(relay)?,
            relay_transport: relay
                .parsed("transport", "\"auto\", \"websocket\" or \"long_polling\"")?,
            reconnect: Reconnect {
                early: relay.duration("reconnect_early_millis")?,
                late: relay.duration("reconnect_late_millis")?,
                refused: relay.duration("reconnect_refused_millis")?,
                ..Reconnect::default()
            },
            stagger: relay.duration("stagger_seconds")?,
            drain: relay.duration("drain_seconds")?,
            journal_retention: settings.section("journal")?.duration("retention_seconds")?,
            audit_retention: settings.section("audit")?.duration("retention_days")?,
        })
    }

    /// The origin of the cloud service: the audience of the agent's tokens.
    pub fn cloud_origin(&self) -> String {
        self.cloud_url.origin().ascii_serialization()
    }
}

fn cloud_url(cloud: &Section) -> Result<Url, SettingsError> {
    let wrong = || cloud.wrong("url", "must be an https: address without a path");
    let url: Url = cloud.text("url")?.parse().map_err(|_| wrong())?;
    if url.scheme() == "https" && url.has_host() && url.path() == "/" {
        Ok(url)
    } else {
        Err(wrong())
    }
}

fn proxy(section: &Section) -> Result<Option<ProxySettings>, SettingsError> {
    let (user, file) = (section.optional_text("user"), section.optional_path("password_file"));
    let credentials = match (user, file) {
        (Some(user), Some(file)) => Some((user, file)),
        (None, None) => None,
        (Some(_), None) => return Err(section.wrong("user", "needs `password_file`")),
        (None, Some(_)) => return Err(section.wrong("password_file", "needs `user`")),
    };
    let Some(url) = section.optional_text("url") else {
        return match credentials {
            Some(_) => Err(section.wrong("user", "needs `url`")),
            None => Ok(None),
        };
    };
    let proxy = url.parse().ok().and_then(|url| Proxy::at(&url).ok());
    let wrong = "must be of the form http://host:port, without a name or a password in it";
    let proxy = proxy.ok_or_else(|| section.wrong("url", wrong))?;
    Ok(Some(ProxySettings { proxy, credentials }))
}

fn breaker(section: &Section) -> Result<BreakerSettings, SettingsError> {
    let share = |name: &str| match section.number(name)? {
        share @ 0..=100 => Ok(share),
        _ => Err(section.wrong(name, "must be at most 100")),
    };
    Ok(BreakerSettings {
        resets_per_hour: section.number("resets_per_hour")?,
        percent_of_people: share("percent_of_people")?,
        alarm_percent: share("alarm_percent")?,
    })
}

fn match_people_by(section: &Section) -> Result<Option<String>, SettingsError> {
    let name = section.optional_text("match_people_by");
    match name {
        Some(name) if !is_attribute(&name) => {
            Err(section.wrong("match_people_by", "must be the name of an attribute"))
        }
        name => Ok(name),
    }
}

/// A short name as RFC 4512 section 1.4 writes it (keystring), of the length that AD allows
/// (lDAPDisplayName, at most 256 characters).
fn is_attribute(name: &str) -> bool {
    name.len() <= 256
        && name.starts_with(|first: char| first.is_ascii_alphabetic())
        && name.chars().all(|one| one.is_ascii_alphanumeric() || one == '-')
}

/// A DNS name (RFC 1123 section 2.1), which is what a certificate names: no address, no port.
fn is_host(name: &str) -> bool {
    let label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.chars().all(|one| one.is_ascii_alphanumeric() || one == '-')
            && !label.starts_with('-')
            && !label.ends_with('-')
    };
    name.len() <= 253 && name.split('.').all(label) && name.parse::<IpAddr>().is_err()
}

fn encryption(section: &Section) -> Result<Encryption, SettingsError> {
    match section.text("encryption")?.as_str() {
        "ldaps" => Ok(Encryption::Ldaps),
        "starttls" => Ok(Encryption::StartTls),
        _ => Err(section.wrong("encryption", "must be \"ldaps\" or \"starttls\"")),
    }
}

fn only_preferred(section: &Section, controllers: &[String]) -> Result<bool, SettingsError> {
    match section.flag("only_preferred")? {
        true if controllers.is_empty() => {
            Err(section.wrong("only_preferred", "needs `controllers`: nobody would be read"))
        }
        only => Ok(only),
    }
}

fn directory(
    section: &Section,
    match_people_by: Option<&str>,
) -> Result<DirectorySettings, SettingsError> {
    let parsed =
        |name: &str, text: &str, what: &str| section.wrong(name, &format!("{text} {what}"));
    let ous: Vec<DistinguishedName> = section
        .texts("ous")?
        .iter()
        .map(|text| text.parse().map_err(|_| parsed("ous", text, "is not a distinguished name")))
        .collect::<Result<_, _>>()?;
    if ous.is_empty() {
        return Err(section.wrong("ous", "must name at least one OU"));
    }
    let dns = section
        .optional_text("dns")
        .map(|text| text.parse().map_err(|_| parsed("dns", &text, "is not an address and a port")));
    let address_attributes = section.texts("address_attributes")?;
    if let Some(odd) = address_attributes.iter().find(|name| !is_attribute(name)) {
        return Err(parsed("address_attributes", odd, "is not the name of an attribute"));
    }
    let controllers = section.texts("controllers")?;
    if let Some(odd) = controllers.iter().find(|name| !is_host(name)) {
        return Err(parsed("controllers", odd, "is not the DNS name of a controller"));
    }
    let matched = match_people_by.map(str::to_owned);
    let people_attributes = address_attributes.iter().cloned().chain(matched).collect();
    Ok(DirectorySettings {
        people_attributes,
        name: section.parsed("name", "a connector's name, and not `cloud`")?,
        domain: section.text("domain")?,
        ca: section.path("ca")?,
        bind_name: section.text("bind_name")?,
        bind_password_file: section.path("bind_password_file")?,
        dns: dns.transpose()?,
        ldaps_port: section.small("ldaps_port")?,
        encryption: encryption(section)?,
        ldap_port: section.small("ldap_port")?,
        only_preferred: only_preferred(section, &controllers)?,
        controllers,
        ous,
        address_attributes,
        protected_groups: section
            .texts("protected_groups")?
            .iter()
            .map(|text| text.parse().map_err(|_| parsed("protected_groups", text, "is not a SID")))
            .collect::<Result<_, _>>()?,
        connect_timeout: section.duration("connect_timeout_seconds")?,
        operation_timeout: section.duration("operation_timeout_seconds")?,
        set_time_limit: section.duration("set_time_limit_seconds")?,
        allow_without_policy_control: section.flag("allow_without_policy_control")?,
        administrator_reset_without_history_and_age: section
            .flag("administrator_reset_without_history_and_age")?,
    })
}

#[cfg(test)]
mod tests;
