//! Makes a new domain with one controller and fills it, without starting anything.

use std::fs;
use std::net::Ipv4Addr;
use std::path::Path;

use crate::contents::Contents;
use crate::options::Plan;
use crate::space::{self, Watch};
use crate::{LabError, controller, names, places, settle};

const POPULATE: &str = include_str!("../assets/populate.py");

/// The address that a new domain is made with. Nothing listens there meanwhile: a copy moves.
pub(crate) const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// What of this module decides what a template is.
pub(crate) fn recipe() -> &'static str {
    POPULATE
}

/// Makes the domain in a directory, which must not exist; `made.json` there says what became of
/// the people.
pub(crate) fn build(
    domain: &Path,
    rootfs: &Path,
    plan: Plan,
    watch: Watch<'_>,
) -> Result<(), LabError> {
    let logs = places::logs()?;
    let names = plan.which.names();
    watch.say(&format!("making the domain {} (once, about 10 s)", names.domain));
    places::private_directory(domain)?;
    settle::write_hosts(domain, names, &[ADDRESS], ADDRESS)?;

    let mut provision = controller::enter(rootfs, domain);
    provision
        .args(["samba-tool", "domain", "provision", "--quiet", "--targetdir=/domain"])
        .args(["--server-role=dc", "--dns-backend=SAMBA_INTERNAL"])
        .arg(format!("--realm={}", names.realm))
        .arg(format!("--domain={}", names.workgroup))
        .arg(format!("--adminpass={}", names.administrator_password))
        .arg(format!("--host-name={}", names::short(0)))
        .arg(format!("--host-ip={ADDRESS}"))
        .arg(format!("--option=interfaces={ADDRESS}/8"))
        .arg("--option=bind interfaces only=yes");
    let log = logs.join("provision.log");
    space::run_step(provision, "provisioning the domain", &log, domain, "", watch)?;

    write(&domain.join("etc/smb.conf"), &settle::configuration(names, 0, ADDRESS))?;
    let wanted = domain.join("wanted.json");
    let text = serde_json::to_string(&Contents::of(plan.which))
        .map_err(|_| LabError::Unreadable(wanted.clone()))?;
    write(&wanted, &text)?;
    write(&domain.join("populate.py"), POPULATE)?;
    let mut populate = controller::enter(rootfs, domain);
    populate.args(["python3", "/domain/populate.py", "/domain/etc/smb.conf"]);
    populate.args(["/domain/wanted.json", "/domain/made.json"]);
    let log = logs.join("populate.log");
    space::run_step(populate, "filling the domain", &log, domain, "", watch)
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::io("writing", path))
}
