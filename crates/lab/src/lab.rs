//! Starts and stops a lab.

use std::fs;
use std::net::{IpAddr, Ipv4Addr, SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::address::{self, Claim};
use crate::contents::{self, Contents, Kind};
use crate::ldap::Bound;
use crate::space::{Space, Watch};
use crate::template::{self, Made};
use crate::{Credentials, Forest, LabError, Person, places, rootfs};

/// The name of the forest's description inside a lab's directory.
const FOREST: &str = "forest.json";
/// How many beats of a wait Samba gets to answer: 30 seconds.
const PATIENCE: u32 = 600;

/// A running lab; it ends when this value is dropped.
///
/// It also ends, with all its processes and mounts, when the thread that started it ends or the
/// process is killed (see the `space` module): start it from the main thread, or from one that
/// waits for the lab's end.
#[derive(Debug)]
pub struct Lab {
    forest: Forest,
    // Dropped in this order: the domain is removed and the address is free when nobody is left
    // who writes and listens there.
    controller: Space,
    claim: Claim,
}

impl Lab {
    /// Starts a domain controller on an address that no other lab has, with a fresh copy of the
    /// domain, and waits until it answers over LDAPS. Builds whatever is missing first.
    ///
    /// # Errors
    ///
    /// See [`LabError`]; nothing is left running.
    pub fn start(watch: Watch<'_>) -> Result<Self, LabError> {
        let rootfs = rootfs::ready(watch)?;
        let claim = Claim::first_free(&places::run()?)?;
        let domain = claim.directory.join("domain");
        let made = template::copy_to(&domain, &rootfs, claim.address, watch)?;
        for file in ["ca.pem", "ca.key"] {
            let (from, to) = (domain.join("private/tls").join(file), claim.directory.join(file));
            fs::copy(&from, &to).map_err(LabError::io("copying", &from))?;
        }
        let log = places::logs()?.join(format!("samba-{}.log", claim.address));
        let forest = describe(&claim.directory, claim.address, &made, &log);

        watch.say(&format!("starting the domain controller at {}", claim.address));
        let controller = Space::start(samba(&rootfs, &domain, &log)?)?;
        let mut lab = Self { forest, controller, claim };
        lab.await_answers(watch)?;
        lab.make_young()?;
        lab.forest.save(&lab.claim.directory.join(FOREST))?;
        Ok(lab)
    }

    /// What tests and the demo need to know.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// Whether the domain controller still runs.
    pub fn is_running(&mut self) -> bool {
        self.controller.running()
    }

    /// Ends all processes, removes the domain, and frees the address.
    pub fn stop(self) {}

    fn await_answers(&mut self, watch: Watch<'_>) -> Result<(), LabError> {
        let fault = |what| LabError::Controller { what, log: self.forest.log.clone() };
        let ldaps = SocketAddr::new(self.forest.address, self.forest.ldaps_port);
        let listens = |place| TcpStream::connect_timeout(&place, Duration::from_secs(1)).is_ok();
        for _ in 0..PATIENCE {
            if !self.controller.running() {
                return Err(fault("stopped while it started"));
            }
            let Credentials { login, password } = &self.forest.administrator;
            if listens(ldaps)
                && listens(self.forest.dns_address)
                && self.forest.bind(login, password)? == Bound::Accepted
            {
                return Ok(());
            }
            watch.beat()?;
        }
        Err(fault("did not answer within 30 seconds"))
    }

    /// The domain was made some time ago; a password that is to be too young must be set now.
    /// Zero first: only then does -1 mean "now" (MS-ADTS 3.1.1.3.1.5).
    fn make_young(&self) -> Result<(), LabError> {
        for person in self.forest.people.iter().filter(|person| person.kind == Kind::Pso) {
            for value in ["0", "-1"] {
                self.forest.replace(&person.dn, "pwdLastSet", value)?;
            }
        }
        Ok(())
    }
}

/// The process that runs the lab with this forest; none if it has ended.
///
/// # Errors
///
/// If the claim cannot be looked at.
pub fn process_of(forest: &Forest) -> Result<Option<u32>, LabError> {
    match forest.address {
        IpAddr::V4(address) => address::holder(Path::new(places::RUN), address),
        IpAddr::V6(_) => Ok(None),
    }
}

fn samba(rootfs: &Path, domain: &Path, log: &PathBuf) -> Result<std::process::Command, LabError> {
    let output = fs::File::create(log).map_err(LabError::io("making the log", log))?;
    let errors = output.try_clone().map_err(LabError::io("making the log", log))?;
    let mut command = template::enter(rootfs, domain);
    command
        .args(["samba", "--interactive", "--configfile=/domain/etc/smb.conf"])
        .arg("--debug-stdout")
        .stdout(output)
        .stderr(errors);
    Ok(command)
}

fn describe(directory: &Path, address: Ipv4Addr, made: &Made, log: &Path) -> Forest {
    let credentials = |login: &str, password: &str| Credentials {
        login: login.to_owned(),
        password: password.to_owned(),
    };
    let people = Contents::new().people.into_iter().filter_map(|entry| {
        let made = made.people.iter().find(|made| made.login == entry.login)?;
        Some(Person {
            login: entry.login,
            password: entry.password,
            mail: entry.mail.unwrap_or_default(),
            private_mail: entry.private_mail.unwrap_or_default(),
            dn: made.dn.clone(),
            object_guid: made.object_guid.clone(),
            display_name: entry.display_name,
            kind: entry.kind,
        })
    });
    Forest {
        realm: contents::REALM.to_owned(),
        base_dn: contents::BASE_DN.to_owned(),
        domain: contents::DOMAIN.to_owned(),
        controller: contents::CONTROLLER.to_owned(),
        address: IpAddr::V4(address),
        ldaps_port: 636,
        dns_address: SocketAddr::new(IpAddr::V4(address), 53),
        ca_file: directory.join("ca.pem"),
        administrator: credentials("Administrator", contents::ADMINISTRATOR_PASSWORD),
        service: credentials(contents::SERVICE_LOGIN, contents::SERVICE_PASSWORD),
        people: people.collect(),
        log: log.to_owned(),
    }
}
