//! Joins a second controller to a domain, the way an administrator does: the first one runs.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use crate::authority::Authority;
use crate::contents::ADMINISTRATOR;
use crate::names::Which;
use crate::space::{self, Watch};
use crate::{LabError, controller, names, places, settle};

const REGISTER: &str = include_str!("../assets/register.py");
const CONVERGE: &str = include_str!("../assets/converge.sh");

/// What of this module decides what a template is.
pub(crate) fn recipe() -> [&'static str; 2] {
    [REGISTER, CONVERGE]
}

/// Makes the second directory of `domains` from the first, which holds a domain that is at home
/// at the first of `addresses`. Both controllers have stopped when it returns, and agree.
pub(crate) fn build(
    domains: &[PathBuf],
    addresses: &[Ipv4Addr],
    rootfs: &Path,
    which: Which,
    watch: Watch<'_>,
) -> Result<(), LabError> {
    let ([first, second], [at_first, at_second]) = (domains, addresses) else { return Ok(()) };
    let names = which.names();
    let (dc1, dc2) = (names.controller(0), names.controller(1));
    let authority = Authority::create()?;
    watch.say(&format!("joining {dc2} to its domain (once, about 20 s)"));

    settle::certify(first, &authority, names, 0, *at_first)?;
    let log = places::logs()?.join("join-first.log");
    let mut running = vec![controller::start(rootfs, first, &log, None)?];
    controller::await_ports(&mut running, *at_first, &log, watch)?;

    places::private_directory(second)?;
    // The second one asks the first until it can answer itself.
    settle::write_hosts(second, names, addresses, *at_first)?;
    let credentials = [
        format!("--username={ADMINISTRATOR}"),
        format!("--password={}", names.administrator_password),
    ];
    let mut join = controller::enter(rootfs, second);
    join.args(["samba-tool", "domain", "join", names.domain, "DC", "--targetdir=/domain"])
        .args(&credentials)
        .args(["--dns-backend=SAMBA_INTERNAL", "--option=bind interfaces only=yes"])
        .arg(format!("--realm={}", names.realm))
        .arg(format!("--server={dc1}"))
        .arg(format!("--option=netbios name={}", names::short(1).to_uppercase()))
        .arg(format!("--option=interfaces={at_second}/8"));
    step(join, "joining the second controller", "join.log", second, watch)?;

    settle::settle(second, names, 1, &[], addresses)?;
    settle::certify(second, &authority, names, 1, *at_second)?;
    let script = second.join("register.py");
    fs::write(&script, REGISTER).map_err(LabError::io("writing", &script))?;
    let mut register = controller::enter(rootfs, second);
    register
        .args(["python3", "/domain/register.py", "/domain/etc/smb.conf", &dc1, &dc2])
        .arg(at_second.to_string())
        .args([ADMINISTRATOR, names.administrator_password]);
    step(register, "registering the second controller", "register.log", second, watch)?;

    let log = places::logs()?.join("join-second.log");
    running.push(controller::start(rootfs, second, &log, None)?);
    controller::await_ports(&mut running, *at_second, &log, watch)?;
    let mut converge = controller::enter(rootfs, second);
    converge
        .args(["sh", "-c", CONVERGE, "lab", &dc1, &dc2, names.base_dn])
        .args([ADMINISTRATOR, names.administrator_password]);
    step(converge, "replicating between the controllers", "converge.log", second, watch)
}

fn step(
    command: std::process::Command,
    what: &'static str,
    log: &str,
    domain: &Path,
    watch: Watch<'_>,
) -> Result<(), LabError> {
    space::run_step(command, what, &places::logs()?.join(log), domain, "", watch)
}
