//! What stands where in a stack's directory, and how its processes are configured.

use std::collections::BTreeMap;
use std::fs::{self, DirBuilder};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::time::Duration;

use lab::{Authority, Forest};
use toml::{Table, Value};

use crate::StackError;
use crate::directory::StackDirectory;
use crate::port::Port;
use crate::program::Plan;
use crate::stack::mail::MailServer;

/// Paths that hold on every machine.
const PATH: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// What is special about a stack. `Options::default()` fits a test: nothing happens by itself
/// that could disturb it, and reconnecting takes a fraction of a second.
#[derive(Debug, Clone)]
pub struct Options {
    /// The organisation's name in addresses.
    pub slug: String,
    /// Its name for people.
    pub name: String,
    /// The port of the cloud service; any free one if that one is taken or none is given.
    pub port: Option<u16>,
    /// More keys of the cloud service's configuration, in TOML.
    pub cloud: String,
    /// More keys of the agent's configuration, in TOML; those of `[directory]` are for each one.
    pub agent: String,
    /// Who takes the mails.
    pub mail: MailServer,
    /// Leave the directory behind.
    pub keep: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            slug: "passback-test".to_owned(),
            name: "Passback Test".to_owned(),
            port: None,
            cloud: String::new(),
            agent: String::new(),
            mail: MailServer::Debians,
            keep: false,
        }
    }
}

/// The binaries of the same build: cloud service and agent.
///
/// # Errors
///
/// [`StackError::NotBuilt`].
pub fn binaries() -> Result<(PathBuf, PathBuf), StackError> {
    Ok((built("passback")?, built("passback-agent")?))
}

/// A binary of the same build.
pub(super) fn built(name: &str) -> Result<PathBuf, StackError> {
    let own = Path::new("/proc/self/exe");
    let own = fs::read_link(own).map_err(StackError::io("reading", own))?;
    let mut directory = own.parent().unwrap_or(Path::new("/"));
    // Tests are one level below the binaries.
    if directory.ends_with("deps") {
        directory = directory.parent().unwrap_or(directory);
    }
    let path = directory.join(name);
    if path.exists() { Ok(path) } else { Err(StackError::NotBuilt(path)) }
}

/// Whether something listens on a port of this machine.
pub(super) fn answers(port: u16) -> bool {
    let place = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
    TcpStream::connect_timeout(&place, Duration::from_secs(1)).is_ok()
}

/// The whole environment of our processes.
pub(super) fn environment() -> BTreeMap<String, String> {
    let pairs = [("PATH", PATH), ("LC_ALL", "C.UTF-8"), ("RUST_LOG", "info")];
    pairs.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
}

/// Everything about a stack that does not change while it runs.
#[derive(Debug)]
pub(super) struct Layout {
    pub(super) options: Options,
    pub(super) binaries: (PathBuf, PathBuf),
    cloud_port: Port,
    mail_port: Port,
    directory: StackDirectory,
}

impl Layout {
    pub(super) fn make(
        forest: &Forest,
        options: Options,
        directory: impl FnOnce(bool) -> Result<StackDirectory, StackError>,
    ) -> Result<Self, StackError> {
        options.mail.check()?;
        let binaries = binaries()?;
        let directory = directory(options.keep)?;
        let cloud_port = match options.port.and_then(Port::claim_this) {
            Some(wanted) => wanted,
            None => Port::claim()?,
        };
        let mail_port = Port::claim()?;
        let layout = Self { options, binaries, cloud_port, mail_port, directory };
        layout.write(forest)?;
        Ok(layout)
    }

    pub(super) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(super) const fn cloud_port(&self) -> u16 {
        self.cloud_port.number()
    }

    pub(super) const fn mail_port(&self) -> u16 {
        self.mail_port.number()
    }

    pub(super) fn cloud_url(&self) -> String {
        format!("https://127.0.0.1:{}", self.cloud_port())
    }

    pub(super) fn ca_file(&self) -> PathBuf {
        self.path("ca.pem")
    }

    pub(super) fn outbox_dir(&self) -> PathBuf {
        self.path("mail/Maildir/new")
    }

    pub(super) fn cloud_command(&self, arguments: &[&str]) -> Vec<String> {
        argv(&self.binaries.0, &self.path("cloud/passback.toml"), arguments)
    }

    pub(super) fn agent_command(&self, arguments: &[&str]) -> Vec<String> {
        argv(&self.binaries.1, &self.path("agent/agent.toml"), arguments)
    }

    pub(super) fn cloud(&self) -> Plan {
        Plan {
            name: "cloud",
            argv: self.cloud_command(&["serve"]),
            env: environment(),
            config: Some(self.path("cloud/passback.toml")),
            state_dir: self.path("cloud"),
            log: self.path("cloud.log"),
        }
    }

    pub(super) fn agent(&self) -> Plan {
        Plan {
            name: "agent",
            argv: self.agent_command(&["run"]),
            env: environment(),
            config: Some(self.path("agent/agent.toml")),
            state_dir: self.path("agent/state"),
            log: self.path("agent.log"),
        }
    }

    pub(super) fn mail(&self) -> Result<Plan, StackError> {
        let listen = format!("127.0.0.1:{}", self.mail_port());
        Ok(Plan {
            name: "mail",
            argv: self.options.mail.argv(&listen, self.directory())?,
            env: environment(),
            config: None,
            state_dir: self.path("mail"),
            log: self.path("mail.log"),
        })
    }

    /// The databases of cloud service and agent, wherever they keep them.
    pub(super) fn databases(&self) -> Result<Vec<PathBuf>, StackError> {
        let mut found = Vec::new();
        for directory in [self.path("cloud"), self.path("agent/state")] {
            let entries =
                fs::read_dir(&directory).map_err(StackError::io("reading", &directory))?;
            let files = entries.flatten().map(|entry| entry.path());
            found.extend(files.filter(|file| file.extension().is_some_and(|end| end == "db")));
        }
        found.sort();
        Ok(found)
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn write(&self, forest: &Forest) -> Result<(), StackError> {
        // Not the forest's: the agent trusts either only where it belongs.
        let authority = Authority::create()?;
        write(&self.ca_file(), authority.pem())?;
        let names = ["localhost", "127.0.0.1"];
        authority.server(&names)?.write_to(self.directory.path(), "server")?;
        for name in ["cloud", "agent", "agent/state", "mail"] {
            let path = self.path(name);
            DirBuilder::new()
                .mode(0o700)
                .create(&path)
                .map_err(StackError::io("making the directory", &path))?;
        }
        for forest in forest.whole_lab() {
            let path = self.path("agent").join(password_file(forest));
            write(&path, &forest.service.password)?;
        }
        let cloud = merged(&self.cloud_settings(), &self.options.cloud)?;
        write(&self.path("cloud/passback.toml"), &cloud)?;
        let agent = merged(&self.agent_settings(forest), &self.options.agent)?;
        write(&self.path("agent/agent.toml"), &agent)
    }

    fn cloud_settings(&self) -> String {
        let (port, url, mail_port) = (self.cloud_port(), self.cloud_url(), self.mail_port());
        format!(
            r#"
            [server]
            listen = "127.0.0.1:{port}"
            public_url = "{url}"
            certificate = "../server.pem"
            key = "../server.key"
            [store]
            database = "passback.db"
            master_key = "master.key"
            [mail]
            host = "localhost"
            port = {mail_port}
            ca = "../ca.pem"
            from = "Passback <noreply@passback.test>"
            [throttle]
            # All visitors come from one address.
            starts_per_address = 100000
            starts_per_name = 100
            starts_per_tenant = 100000
            [agents]
            heartbeat_fresh_seconds = 30
            settle_pause_millis = 300
            "#
        )
    }

    fn agent_settings(&self, forest: &Forest) -> String {
        let url = self.cloud_url();
        let directories: String = forest.whole_lab().map(directory_settings).collect();
        let match_people = match forest.other_forests.as_slice() {
            [] => "",
            _ => "match_people_by = \"mail\"",
        };
        format!(
            r#"
            [agent]
            state_dir = "state"
            vault_key = "state/vault.key"
            [cloud]
            url = "{url}"
            ca = "../ca.pem"
            {directories}
            [sync]
            interval_seconds = 1800
            {match_people}
            [heartbeat]
            interval_seconds = 2
            probe_seconds = 2
            [relay]
            reconnect_early_millis = 200
            reconnect_late_millis = 500
            reconnect_refused_millis = 300
            "#
        )
    }
}

fn directory_settings(forest: &Forest) -> String {
    let Forest { domain, base_dn, ca_file, dns_address, ldaps_port, .. } = forest;
    let (name, ca, service) = (connector(forest), ca_file.display(), &forest.service.login);
    let password_file = password_file(forest);
    format!(
        r#"
            [[directory]]
            name = "{name}"
            domain = "{domain}"
            ca = "{ca}"
            bind_name = "{service}@{domain}"
            bind_password_file = "{password_file}"
            dns = "{dns_address}"
            ldaps_port = {ldaps_port}
            ous = ["OU=People,{base_dn}", "OU=Tests,{base_dn}"]"#
    )
}

/// What the agent calls a forest: the first label of its domain.
fn connector(forest: &Forest) -> &str {
    forest.domain.split('.').next().unwrap_or_default()
}

fn password_file(forest: &Forest) -> String {
    format!("{}.password", connector(forest))
}

fn argv(program: &Path, config: &Path, arguments: &[&str]) -> Vec<String> {
    let config = config.display().to_string();
    let mut argv = vec![program.display().to_string(), "--config".to_owned(), config];
    argv.extend(arguments.iter().map(|argument| (*argument).to_owned()));
    argv
}

/// Adds keys to a configuration, section by section.
fn merged(settings: &str, more: &str) -> Result<String, StackError> {
    let read = |text: &str| {
        text.parse::<Table>().map_err(|error| StackError::NotUnderstood(error.to_string()))
    };
    let mut settings = read(settings)?;
    for (section, keys) in read(more)? {
        match (settings.get_mut(&section), keys) {
            (Some(Value::Table(known)), Value::Table(keys)) => known.extend(keys),
            // Every directory gets them.
            (Some(Value::Array(known)), Value::Table(keys)) => {
                known.iter_mut().filter_map(Value::as_table_mut).for_each(|known| {
                    known.extend(keys.clone());
                });
            }
            (_, keys) => {
                settings.insert(section, keys);
            }
        }
    }
    Ok(settings.to_string())
}

fn write(path: &Path, text: &str) -> Result<(), StackError> {
    use std::io::Write as _;
    let mut options = fs::OpenOptions::new();
    let file = options.write(true).create_new(true).mode(0o600).open(path);
    file.and_then(|mut file| file.write_all(text.as_bytes()))
        .map_err(StackError::io("writing", path))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::*;

    #[test]
    fn keys_are_added_to_the_sections_that_are_there() {
        let settings = "[mail]\nport = 25\nhost = 'a'\n[[directory]]\nname = 'corp'\n\
                        [[directory]]\nname = 'fabriek'\n";
        let more = "[mail]\nport = 26\n[flow]\nlifetime_seconds = 60\n[directory]\nous = ['x']\n";
        let merged: Table = merged(settings, more).unwrap().parse().unwrap();
        let expected = "[mail]\nport = 26\nhost = 'a'\n[[directory]]\nname = 'corp'\nous = ['x']\n\
                        [[directory]]\nname = 'fabriek'\nous = ['x']\n\
                        [flow]\nlifetime_seconds = 60\n";
        assert_eq!(merged, expected.parse().unwrap());
        assert!(super::merged(settings, "[mail").is_err());
    }

    #[test]
    fn a_port_answers_while_somebody_listens_on_it() {
        let port = Port::claim().unwrap();
        assert!(!answers(port.number()));
        let _listens = TcpListener::bind((Ipv4Addr::LOCALHOST, port.number())).unwrap();
        assert!(answers(port.number()));
    }
}
