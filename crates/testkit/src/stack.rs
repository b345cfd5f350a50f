//! Cloud service, agent and mail server as processes of their own, on all forests of a lab, or on
//! embedded ones ([`crate::Embedded`]).
//!
//! ```text
//! STACK/                mode 0700, gone when the stack is dropped
//!   ca.pem server.*     an authority of its own, and a certificate of cloud service and mail server
//!   cloud/              passback.toml, its database and master key
//!   agent/              agent.toml, FOREST.password, state/
//!   mail/Maildir/new    every mail, one file each
//!   *.log
//! ```

mod describe;
mod layout;
mod mail;
mod programs;

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use lab::Forest;
use serde_json::Value;

use crate::directory::StackDirectory;
use crate::program::{self, Program};
use crate::ready::Tenant;
use crate::{Outbox, StackError, Visitor, wait};

use layout::Layout;
pub use layout::{Options, binaries};
pub use mail::MailServer;

/// How long a process gets until it answers.
const START: Duration = Duration::from_secs(30);

/// A stack; it ends when this value is dropped.
///
/// Its processes are killed, too, when the thread that started them ends.
#[derive(Debug)]
pub struct Stack {
    forest: Forest,
    // Dropped before the directory: nobody is left who writes there.
    programs: Vec<Program>,
    tenant: Tenant,
    layout: Layout,
}

impl Stack {
    /// Starts everything and synchronises the people who are in the directory now.
    ///
    /// # Errors
    ///
    /// See [`StackError`]; nothing is left running.
    pub fn start(forest: &Forest, options: Options) -> Result<Self, StackError> {
        let mut stack = Self::lay_out(forest, options)?;
        stack.start_mail(None)?;
        stack.start_cloud(None)?;
        stack.enrol_agent()?;
        stack.synchronise()?;
        stack.start_agent(None)?;
        Ok(stack)
    }

    /// The first stage of [`Stack::start`]: directory, certificates, configurations. The others
    /// follow in the order in which they stand there.
    ///
    /// # Errors
    ///
    /// Binaries that are not built, a lab that is gone.
    pub fn lay_out(forest: &Forest, options: Options) -> Result<Self, StackError> {
        let layout = Layout::make(forest, options, StackDirectory::make)?;
        let tenant = Tenant { id: String::new(), name: String::new() };
        Ok(Self { forest: forest.clone(), programs: Vec::new(), tenant, layout })
    }

    /// The mail server.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub fn start_mail(&mut self, stop: Option<&AtomicBool>) -> Result<(), StackError> {
        let port = self.layout.mail_port();
        let mail = self.layout.mail()?;
        self.run(mail, "the mail server did not answer", stop, || layout::answers(port))
    }

    /// The cloud service, with one organisation.
    ///
    /// # Errors
    ///
    /// If it does not answer.
    pub fn start_cloud(&mut self, stop: Option<&AtomicBool>) -> Result<(), StackError> {
        let (slug, name) = (self.layout.options.slug.clone(), self.layout.options.name.clone());
        let answer = self.passback(&["tenant", "create", &slug, "--name", &name, "--json"])?;
        self.tenant = Tenant { id: text(&answer, "/id")?, name: text(&answer, "/name")? };
        let port = self.layout.cloud_port();
        self.run(self.layout.cloud(), "the cloud service did not answer", stop, || {
            layout::answers(port)
        })
    }

    /// The agent's identity, and writeback switched on (onboarding).
    ///
    /// # Errors
    ///
    /// If a command is refused.
    pub fn enrol_agent(&mut self) -> Result<(), StackError> {
        let slug = self.layout.options.slug.clone();
        let answer = self.passback(&["agent", "enrol-code", "--tenant", &slug, "--json"])?;
        let code = text(&answer, "/code")?;
        self.agent(&["enrol", "--code", &code, "--name", "agent-1"])?;
        self.agent(&["writeback", "enable"]).map(drop)
    }

    /// One cycle of the synchronisation engine: whoever is in the directory now can be reset.
    ///
    /// # Errors
    ///
    /// If the command is refused.
    pub fn synchronise(&self) -> Result<(), StackError> {
        self.agent(&["sync"]).map(drop)
    }

    /// The agent; returns when the start page asks for a name.
    ///
    /// # Errors
    ///
    /// If the page still says that nobody is there.
    pub fn start_agent(&mut self, stop: Option<&AtomicBool>) -> Result<(), StackError> {
        self.run(self.layout.agent(), "the agent did not start", stop, || true)?;
        self.await_step("start", stop)
    }

    /// Waits until the start page is at that step: `start`, or `unavailable`.
    ///
    /// # Errors
    ///
    /// [`StackError::Late`].
    pub fn await_step(&self, step: &str, stop: Option<&AtomicBool>) -> Result<(), StackError> {
        let mut visitor = self.visitor()?;
        let what = format!("the start page did not come to `{step}`");
        let log = self.layout.agent().log;
        wait::until(&what, START, &log, stop, || {
            // A cloud service that has not come back is looked at again.
            Ok(visitor.open().ok().filter(|page| page.step == step).map(drop))
        })
    }

    /// A browser of its own, with the stack's authority in its store.
    ///
    /// # Errors
    ///
    /// If the authority's certificate cannot be read.
    pub fn visitor(&self) -> Result<Visitor, StackError> {
        Visitor::new(&self.layout.cloud_url(), &self.layout.ca_file(), &self.start_path())
    }

    /// The mails.
    pub fn outbox(&self) -> Outbox {
        Outbox::at(self.layout.outbox_dir())
    }

    /// The forest that it runs on; it names the others.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// Everything that this stack wrote.
    pub fn directory(&self) -> &Path {
        self.layout.directory()
    }

    /// The origin of the cloud service.
    pub fn cloud_url(&self) -> String {
        self.layout.cloud_url()
    }

    /// Where the cloud service listens.
    pub fn cloud_address(&self) -> SocketAddr {
        SocketAddr::from((Ipv4Addr::LOCALHOST, self.layout.cloud_port()))
    }

    /// The certificate that vouches for cloud service and mail server.
    pub fn ca_file(&self) -> PathBuf {
        self.layout.ca_file()
    }

    /// The path of the start page.
    pub fn start_path(&self) -> String {
        format!("/t/{}/reset", self.layout.options.slug)
    }

    /// What is typed on the start page for an account of one of the forests.
    pub fn login(&self, person: &lab::Person) -> String {
        let forests = self.forest.whole_lab();
        // Everybody stands below the head of their domain, and no domain is below another's.
        let mut owners = forests.filter(|forest| person.dn.ends_with(&forest.base_dn));
        let owner = owners.next().unwrap_or(&self.forest);
        format!("{}@{}", person.login, owner.domain)
    }

    /// Runs `passback` with arguments; what it printed.
    ///
    /// # Errors
    ///
    /// If it is refused.
    pub fn passback(&self, arguments: &[&str]) -> Result<String, StackError> {
        program::run(&self.layout.cloud_command(arguments), &layout::environment())
    }

    /// Runs `passback-agent` with arguments; what it printed.
    ///
    /// # Errors
    ///
    /// If it is refused.
    pub fn agent(&self, arguments: &[&str]) -> Result<String, StackError> {
        program::run(&self.layout.agent_command(arguments), &layout::environment())
    }

    /// The cloudAnchor of an account that was synchronised.
    ///
    /// # Errors
    ///
    /// If it was not.
    pub fn cloud_anchor(&self, person: &lab::Person) -> Result<String, StackError> {
        let shown = self.agent(&["sync", "show", &self.login(person), "--json"])?;
        text(&shown, "/cloud/0/cloud_anchor")
    }

    /// Writes down that a person of the lab has another password now.
    pub fn note_password(&mut self, login: &str, password: &str) {
        let Forest { people, other_forests, .. } = &mut self.forest;
        let others = other_forests.iter_mut().flat_map(|forest| &mut forest.people);
        for person in people.iter_mut().chain(others).filter(|person| person.login == login) {
            password.clone_into(&mut person.password);
        }
    }
}

fn text(json: &str, pointer: &str) -> Result<String, StackError> {
    let value: Value = serde_json::from_str(json).unwrap_or_default();
    let found = value.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    found.ok_or_else(|| StackError::NotUnderstood(format!("{pointer} is not in the answer {json}")))
}
