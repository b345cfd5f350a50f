//! A provisioned and filled domain, made once for each address; a lab starts with a copy.

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::authority::Authority;
use crate::contents::{self, Contents};
use crate::lock::Lock;
use crate::rootfs::RECIPE;
use crate::space::{self, Watch};
use crate::{LabError, places};

const POPULATE: &str = include_str!("../assets/populate.py");
const SMB_CONF: &str = include_str!("../assets/smb.conf");

/// What a domain takes, with room to grow while tests run.
const SIZE_MB: u64 = 100;

/// What `populate.py` says it made.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct Made {
    pub(crate) people: Vec<MadePerson>,
}

/// What AD gave a person.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct MadePerson {
    pub(crate) login: String,
    pub(crate) dn: String,
    pub(crate) object_guid: String,
}

/// Puts a fresh domain for `address` into `domain`, which must not exist, and the authority's
/// files next to it.
pub(crate) fn copy_to(
    domain: &Path,
    rootfs: &Path,
    address: Ipv4Addr,
    watch: Watch<'_>,
) -> Result<Made, LabError> {
    let cache = places::cache()?;
    // Also while copying: a newer checkout may want to replace the template.
    let _building = Lock::wait(&cache.join("build.lock"), watch)?;
    let template = ready(&cache, rootfs, address, watch)?;
    places::require_space(domain.parent().unwrap_or(domain), SIZE_MB)?;
    let logs = places::logs()?;
    let mut copy = space::script("exec cp --archive --sparse=always --reflink=auto \"$1\" \"$2\"");
    copy.arg(&template).arg(domain);
    space::run_step(copy, "copying the domain", &logs.join("copy.log"), "", watch)?;
    let made = domain.join("made.json");
    let text = fs::read(&made).map_err(LabError::io("reading", &made))?;
    serde_json::from_slice(&text).map_err(|_| LabError::Unreadable(template))
}

fn ready(
    cache: &Path,
    rootfs: &Path,
    address: Ipv4Addr,
    watch: Watch<'_>,
) -> Result<PathBuf, LabError> {
    let wanted = serde_json::to_string(&Contents::new())
        .map_err(|_| LabError::Unreadable(cache.to_owned()))?;
    let of_address = format!("domain-{address}-");
    let recipe = fingerprint(&[SMB_CONF, POPULATE, &wanted, contents::ADMINISTRATOR_PASSWORD]);
    let template = cache.join(format!("{of_address}{RECIPE}-{recipe:016x}"));
    if template.exists() {
        return Ok(template);
    }
    remove_older(cache, &of_address)?;
    places::require_space(cache, SIZE_MB)?;
    let part = cache.join(format!("{of_address}part"));
    match build(&part, rootfs, address, &wanted, watch) {
        Ok(()) => {
            fs::rename(&part, &template).map_err(LabError::io("renaming", &part))?;
            Ok(template)
        }
        Err(error) => {
            // The first error is the one worth telling.
            let _ = places::remove(&part);
            Err(error)
        }
    }
}

fn remove_older(cache: &Path, of_address: &str) -> Result<(), LabError> {
    for entry in fs::read_dir(cache).map_err(LabError::io("listing", cache))?.flatten() {
        if entry.file_name().to_string_lossy().starts_with(of_address) {
            places::remove(&entry.path())?;
        }
    }
    Ok(())
}

fn build(
    part: &Path,
    rootfs: &Path,
    address: Ipv4Addr,
    wanted: &str,
    watch: Watch<'_>,
) -> Result<(), LabError> {
    let logs = places::logs()?;
    watch.say(&format!("making the domain {} at {address} (once, 10 s)", contents::DOMAIN));
    places::private_directory(part)?;
    let name = contents::CONTROLLER;
    let short = name.split('.').next().unwrap_or(name);
    let hosts = format!("127.0.0.1 localhost\n{address} {name} {short}\n");
    write(&part.join("hosts"), &hosts)?;
    write(&part.join("resolv.conf"), &format!("nameserver {address}\n"))?;

    let mut provision = enter(rootfs, part);
    provision.args(provision_arguments(address, short));
    let log = logs.join("provision.log");
    space::run_step(provision, "provisioning the domain", &log, "", watch)?;

    for directory in ["log", "run"] {
        places::private_directory(&part.join(directory))?;
    }
    certify(part, address)?;
    write(&part.join("etc/smb.conf"), &configuration(address))?;
    write(&part.join("wanted.json"), wanted)?;
    write(&part.join("populate.py"), POPULATE)?;
    let mut populate = enter(rootfs, part);
    populate.args(["python3", "/domain/populate.py", "/domain/etc/smb.conf"]);
    populate.args(["/domain/wanted.json", "/domain/made.json"]);
    let log = logs.join("populate.log");
    space::run_step(populate, "filling the domain", &log, "", watch)
}

/// A command that runs inside the root filesystem with `domain` at /domain; the caller adds the
/// program and its arguments.
pub(crate) fn enter(rootfs: &Path, domain: &Path) -> Command {
    let mut command = space::script(include_str!("../assets/enter.sh"));
    command.arg(rootfs).arg(domain);
    command
}

fn provision_arguments(address: Ipv4Addr, short: &str) -> Vec<String> {
    [
        "samba-tool domain provision --quiet --targetdir=/domain --server-role=dc",
        "--dns-backend=SAMBA_INTERNAL",
    ]
    .iter()
    .flat_map(|text| text.split(' ').map(str::to_owned))
    .chain([
        format!("--realm={}", contents::REALM),
        format!("--domain={}", contents::WORKGROUP),
        format!("--adminpass={}", contents::ADMINISTRATOR_PASSWORD),
        format!("--host-name={short}"),
        format!("--host-ip={address}"),
        format!("--option=interfaces={address}/8"),
        "--option=bind interfaces only=yes".to_owned(),
    ])
    .collect()
}

fn configuration(address: Ipv4Addr) -> String {
    SMB_CONF
        .replace("{REALM}", contents::REALM)
        .replace("{WORKGROUP}", contents::WORKGROUP)
        .replace("{DOMAIN}", contents::DOMAIN)
        .replace("{ADDRESS}", &address.to_string())
}

/// Samba's own certificate names nothing that a client could check, so it gets another.
fn certify(part: &Path, address: Ipv4Addr) -> Result<(), LabError> {
    let directory = part.join("private/tls");
    places::remove(&directory)?;
    places::private_directory(&directory)?;
    let authority = Authority::create()?;
    authority.write_to(&directory)?;
    let address = address.to_string();
    authority
        .server(&[contents::CONTROLLER, contents::DOMAIN, &address])?
        .write_to(&directory, "dc")?;
    Ok(())
}

/// FNV-1a: tells recipes apart, protects nothing.
fn fingerprint(parts: &[&str]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.bytes().chain([0]))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::io("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_configuration_has_nothing_left_to_fill_in() {
        let text = configuration(Ipv4Addr::new(127, 0, 0, 5));
        assert!(text.contains("interfaces = 127.0.0.5/8"), "{text}");
        assert!(!text.contains(['{', '}']), "{text}");
    }

    #[test]
    fn another_recipe_has_another_fingerprint() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_eq!(fingerprint(&["ab", "c"]), fingerprint(&["ab", "c"]));
    }
}
