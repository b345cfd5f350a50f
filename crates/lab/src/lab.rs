//! Starts and stops a lab.

use std::fs;
use std::net::{IpAddr, SocketAddr};
use std::path::Path;

use crate::address::{self, Claim};
use crate::authority::Authority;
use crate::contents::{ADMINISTRATOR, Contents, Kind, SERVICE_LOGIN};
use crate::controller::{Keeper, PATIENCE, Recipe};
use crate::fast;
use crate::ldap::line;
use crate::options::Plan;
use crate::space::Watch;
use crate::template::{self, About};
use crate::{
    Controller, Credentials, Forest, LabError, LabOptions, Person, places, rootfs, settle,
};

/// The name of the forest's description inside a lab's directory.
const FOREST: &str = "forest.json";

/// A running lab; it ends when this value is dropped, and when the process is killed.
#[derive(Debug)]
pub struct Lab {
    forest: Forest,
    // Dropped in this order: the domains are removed and the addresses are free when nobody is
    // left who writes and listens there.
    keepers: Vec<Keeper>,
    _claims: Vec<Claim>,
}

impl Lab {
    /// Starts one forest with one controller: [`Lab::start_with`] the default options.
    ///
    /// # Errors
    ///
    /// See [`LabError`]; nothing is left running.
    pub fn start(watch: Watch<'_>) -> Result<Self, LabError> {
        Self::start_with(&LabOptions::default(), watch)
    }

    /// Starts domain controllers, each on an address that no other lab has, with fresh copies of
    /// their domains, and waits until all answer over LDAPS. Builds whatever is missing first.
    ///
    /// # Errors
    ///
    /// See [`LabError`]; nothing is left running.
    pub fn start_with(options: &LabOptions, watch: Watch<'_>) -> Result<Self, LabError> {
        let rootfs = rootfs::ready(options.edition(), watch)?;
        let preload = if options.fast { Some(fast::library()?) } else { None };
        let run = places::run()?;
        // In this order, so that a failure ends programs before it frees what they use.
        let (mut claims, mut keepers, mut forests) = (Vec::new(), Vec::new(), Vec::new());
        for plan in options.plans() {
            let first = claims.len();
            for _ in 0..plan.controllers {
                claims.push(Claim::first_free(&run)?);
            }
            let own = claims.get(first..).unwrap_or_default();
            let (forest, recipes) = lay_out(plan, own, &rootfs, preload.as_deref(), watch)?;
            for (recipe, controller) in recipes.into_iter().zip(&forest.controllers) {
                watch.say(&format!("starting {} at {}", controller.name, controller.address));
                keepers.push(Keeper::start(recipe)?);
            }
            forests.push(forest);
        }
        // They start side by side; only now is each waited for.
        for forest in &forests {
            for index in 0..forest.controllers.len() {
                await_answers(&forest.at(index), &keepers, watch)?;
            }
            make_young(forest)?;
        }
        let mut forest = forests.remove(0);
        forest.other_forests = forests;
        if let Some(claim) = claims.first() {
            forest.save(&claim.directory.join(FOREST))?;
        }
        Ok(Self { forest, keepers, _claims: claims })
    }

    /// What tests and the demo need to know: the first forest, which names the others.
    pub fn forest(&self) -> &Forest {
        &self.forest
    }

    /// Whether every domain controller still runs, or is down because it was told to be.
    pub fn is_running(&mut self) -> bool {
        self.keepers.iter().all(Keeper::is_well)
    }

    /// Ends all programs, removes the domains, and frees the addresses.
    pub fn stop(self) {}
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

/// Builds what a lab with these options is made of, so that it starts within seconds from now
/// on. A root filesystem takes about a minute and needs the mirror of the host's own packages;
/// everybody else on the machine who needs it waits.
///
/// # Errors
///
/// See [`LabError`]; nothing half-built is ever used.
pub fn prepare(options: &LabOptions, watch: Watch<'_>) -> Result<(), LabError> {
    rootfs::ready(options.edition(), watch)?;
    if options.fast {
        fast::library()?;
    }
    // A domain is made at addresses, and those a running lab has.
    if template::missing(&options.plans())? {
        Lab::start_with(options, watch).map(Lab::stop)
    } else {
        Ok(())
    }
}

/// Puts everything where a forest's controllers find it.
fn lay_out(
    plan: Plan,
    claims: &[Claim],
    rootfs: &Path,
    preload: Option<&Path>,
    watch: Watch<'_>,
) -> Result<(Forest, Vec<Recipe>), LabError> {
    let domains: Vec<_> = claims.iter().map(|claim| claim.directory.join("domain")).collect();
    let addresses: Vec<_> = claims.iter().map(|claim| claim.address).collect();
    let about = template::copy_to(&domains, &addresses, plan, rootfs, watch)?;
    let authority = Authority::create()?;
    let ca = claims.first().map(|claim| claim.directory.clone()).unwrap_or_default();
    authority.write_to(&ca)?;
    let forest = describe(plan, &ca, claims, &about)?;
    let mut recipes = Vec::new();
    for ((index, domain), controller) in domains.into_iter().enumerate().zip(&forest.controllers) {
        if let Some(&address) = addresses.get(index) {
            settle::certify(&domain, &authority, plan.which.names(), index, address)?;
        }
        let log = controller.log.clone();
        match fs::remove_file(&log) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LabError::io("removing", &log)(error));
            }
            _ => {}
        }
        let preloaded = preload.map(|library| fast::put_into(&domain, library)).transpose()?;
        let (rootfs, switch) = (rootfs.to_owned(), controller.switch.clone());
        recipes.push(Recipe { rootfs, domain, log, preloaded, switch });
    }
    Ok((forest, recipes))
}

fn await_answers(forest: &Forest, keepers: &[Keeper], watch: Watch<'_>) -> Result<(), LabError> {
    let fault = |what| LabError::Controller { what, log: forest.log.clone() };
    for _ in 0..PATIENCE {
        if !keepers.iter().all(Keeper::is_well) {
            return Err(fault("stopped while it started"));
        }
        if forest.answers()? {
            return Ok(());
        }
        watch.beat()?;
    }
    Err(fault("did not answer within a minute"))
}

/// The domain was made some time ago; a password that is to be too young must be set now.
/// Zero first: only then does -1 mean "now" (MS-ADTS 3.1.1.3.1.5).
fn make_young(forest: &Forest) -> Result<(), LabError> {
    let mut ldif = String::new();
    for person in forest.people.iter().filter(|person| person.kind == Kind::Pso) {
        for value in ["0", "-1"] {
            ldif.push_str(&line("dn", person.dn.as_bytes()));
            ldif.push_str("changetype: modify\nreplace: pwdLastSet\npwdLastSet: ");
            ldif.push_str(value);
            ldif.push_str("\n-\n\n");
        }
    }
    if ldif.is_empty() { Ok(()) } else { forest.modify(&ldif) }
}

fn describe(plan: Plan, ca: &Path, claims: &[Claim], about: &About) -> Result<Forest, LabError> {
    let names = plan.which.names();
    let logs = places::logs()?;
    let controllers: Vec<_> = claims
        .iter()
        .enumerate()
        .map(|(index, claim)| Controller {
            name: names.controller(index),
            address: IpAddr::V4(claim.address),
            ldaps_port: 636,
            dns_address: SocketAddr::new(IpAddr::V4(claim.address), 53),
            log: logs.join(format!("samba-{}.log", claim.address)),
            switch: claim.directory.join("down"),
        })
        .collect();
    let first = controllers
        .first()
        .cloned()
        .ok_or_else(|| LabError::NoController { domain: names.domain.to_owned(), index: 0 })?;
    let credentials = |login: &str, password: &str| Credentials {
        login: login.to_owned(),
        password: password.to_owned(),
    };
    Ok(Forest {
        realm: names.realm.to_owned(),
        base_dn: names.base_dn.to_owned(),
        domain: names.domain.to_owned(),
        controller: first.name,
        address: first.address,
        ldaps_port: first.ldaps_port,
        dns_address: first.dns_address,
        ca_file: ca.join("ca.pem"),
        administrator: credentials(ADMINISTRATOR, names.administrator_password),
        service: credentials(SERVICE_LOGIN, names.service_password),
        people: people(plan, about),
        log: first.log,
        controllers,
        other_forests: Vec::new(),
    })
}

fn people(plan: Plan, about: &About) -> Vec<Person> {
    let people = Contents::of(plan.which).people.into_iter().filter_map(|entry| {
        let made = about.people.iter().find(|made| made.login == entry.login)?;
        Some(Person {
            login: entry.login,
            password: entry.password,
            mail: entry.mail.unwrap_or_default(),
            private_mail: entry.private_mail.unwrap_or_default(),
            dn: made.dn.clone(),
            object_guid: made.object_guid.clone(),
            display_name: entry.display_name,
            disabled: entry.disabled,
            kind: entry.kind,
        })
    });
    people.collect()
}
