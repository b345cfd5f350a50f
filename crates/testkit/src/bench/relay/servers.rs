//! The relay and the NATS server, each a process of its own with a certificate of the same authority.

use std::fs;
use std::net::{Ipv4Addr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clock::SystemClock;
use protocol::Clock as _;
use relay::token::sas;

use super::figures::resident;
use crate::StackError;
use crate::bench::in_process::unusable;
use crate::directory::StackDirectory;
use crate::program::{Plan, Program};

/// What both servers are reached by.
pub(super) const HOST: &str = "127.0.0.1";
/// What Debian installs.
const NATS: &str = "/usr/sbin/nats-server";
const LISTEN_KEY: &str = "YmVuY2ggb2YgdGhlIHJlbGF5OiBsaXN0ZW4ga2V5";
const SEND_KEY: &str = "YmVuY2ggb2YgdGhlIHJlbGF5OiBzZW5kIGtleSAx";
/// Longer than a bench runs.
const TOKEN: Duration = Duration::from_secs(6 * 60 * 60);
const START: Duration = Duration::from_secs(30);
/// Becomes a program that may have as many files and sockets open as the system lets it.
const WITH_FILES: &str = "ulimit -Sn \"$(ulimit -Hn)\" && exec \"$@\"";

/// A folder with the authority, the configurations and the logs.
pub(super) struct Place {
    folder: StackDirectory,
}

impl Place {
    pub(super) fn make() -> Result<Self, StackError> {
        let folder = StackDirectory::make(false)?;
        let place = Self { folder };
        let authority = lab::Authority::create()?;
        let server = authority.server(&[HOST])?;
        place.write("ca.pem", authority.pem())?;
        place.write("server.pem", &server.certificate)?;
        place.write("server.key", &server.key)?;
        Ok(place)
    }

    pub(super) fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    fn write(&self, name: &str, text: &str) -> Result<(), StackError> {
        let file = self.file(name);
        fs::write(&file, text).map_err(StackError::io("writing", &file))
    }

    /// Starts the relay with an entity for each of so many agents; it takes connections when this
    /// returns.
    pub(super) fn relay(&self, agents: usize) -> Result<Server, StackError> {
        let (port, passback) = (free_port()?, crate::stack::binaries()?.0);
        let mut config = format!(
            "listen = \"{HOST}:{port}\"\ncertificate = \"server.pem\"\nkey = \"server.key\"\n\n"
        );
        for (name, key, right) in
            [("listen-rule", LISTEN_KEY, "Listen"), ("send-rule", SEND_KEY, "Send")]
        {
            config.push_str(&format!(
                "[[rule]]\nname = \"{name}\"\nkey = \"{key}\"\nrights = [\"{right}\"]\n\n"
            ));
        }
        for agent in 0..agents {
            config.push_str(&format!("[[entity]]\npath = \"{}\"\n\n", entity(agent)));
        }
        self.write("relay.toml", &config)?;
        let file = self.file("relay.toml").display().to_string();
        let argv = [&passback.display().to_string(), "relay", "--config", &file].map(str::to_owned);
        self.server("relay", port, &argv)
    }

    /// Starts the NATS server with TLS.
    pub(super) fn nats(&self) -> Result<Server, StackError> {
        let port = free_port()?;
        let [certificate, key] = ["server.pem", "server.key"].map(|name| self.file(name));
        let config = format!(
            "listen: \"{HOST}:{port}\"\ntls {{\n  cert_file: \"{}\"\n  key_file: \"{}\"\n  \
             timeout: 10\n}}\n",
            certificate.display(),
            key.display()
        );
        self.write("nats.conf", &config)?;
        let file = self.file("nats.conf").display().to_string();
        self.server("nats-server", port, &[NATS.to_owned(), "--config".to_owned(), file])
    }

    fn server(&self, name: &'static str, port: u16, argv: &[String]) -> Result<Server, StackError> {
        let mut server = Server { program: self.program(name, argv)?, port };
        server.await_ready()?;
        Ok(server)
    }

    /// Starts a process whose output is in `NAME.log`.
    pub(super) fn program(
        &self,
        name: &'static str,
        argv: &[String],
    ) -> Result<Program, StackError> {
        let limits = ["sh", "-c", WITH_FILES, "sh"].map(str::to_owned);
        let env = [("PATH", "/usr/sbin:/usr/bin:/sbin:/bin"), ("RUST_LOG", "warn")];
        Program::start(Plan {
            name,
            argv: limits.into_iter().chain(argv.iter().cloned()).collect(),
            env: env.map(|(name, value)| (name.to_owned(), value.to_owned())).into(),
            config: None,
            state_dir: self.folder.path().to_owned(),
            log: self.file(&format!("{name}.log")),
        })
    }
}

/// A server that takes connections.
pub(super) struct Server {
    pub(super) program: Program,
    pub(super) port: u16,
}

impl Server {
    pub(super) fn await_ready(&mut self) -> Result<(), StackError> {
        let place = (Ipv4Addr::LOCALHOST, self.port);
        let what = "no server listened";
        self.program.await_ready(what, START, None, || TcpStream::connect(place).is_ok())
    }

    /// Its resident memory in bytes.
    pub(super) fn resident(&self) -> Result<u64, StackError> {
        let file = PathBuf::from(format!("/proc/{}/status", self.program.pid()));
        let status = fs::read_to_string(&file).map_err(StackError::io("reading", &file))?;
        let nothing = || StackError::NotUnderstood(format!("{} has no VmRSS", file.display()));
        resident(&status).ok_or_else(nothing)
    }
}

/// Before minutes have passed.
pub(in crate::bench) fn look_for() -> Result<(), StackError> {
    if Path::new(NATS).exists() { Ok(()) } else { Err(StackError::Missing("nats-server")) }
}

/// Where an agent listens.
pub(super) fn entity(agent: usize) -> String {
    format!("agents/a{agent}")
}

/// The right to listen, or else to send, at every agent's entity.
pub(super) fn token(listen: bool) -> (String, protocol::Timestamp) {
    let until = SystemClock.now().after(TOKEN);
    let (rule, key) = if listen { ("listen-rule", LISTEN_KEY) } else { ("send-rule", SEND_KEY) };
    (sas::mint(&format!("http://{HOST}/agents"), rule, key, until), until)
}

fn free_port() -> Result<u16, StackError> {
    let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).and_then(|socket| socket.local_addr());
    free.map(|address| address.port()).map_err(|error| unusable(&error))
}
