//! Provisioned and filled domains, made once; a lab starts with copies.
//!
//! A template is a directory with one directory for each controller (`dc1`, `dc2`) and
//! `about.json`. It is of no address: a copy is made at home where the lab is (`settle`).

use std::fs;
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use serde::{Deserialize, Serialize};

use crate::contents::Contents;
use crate::lock::Lock;
use crate::options::Plan;
use crate::rootfs::RECIPE;
use crate::settle::{self, Record};
use crate::space::{self, Watch};
use crate::{LabError, join, names, places, provision};

/// What a domain's controller takes, with room to grow while tests run.
const SIZE_MB: u64 = 100;
/// So many templates are kept, with those of other versions of the lab: about 45 MB each.
const KEPT: usize = 8;

const PREFIX: &str = "domain-";
const PART: &str = ".part";
const ABOUT: &str = "about.json";
/// Its time of change says when the template was used last.
const USED: &str = "used";

/// What is known about a template.
#[derive(Debug, Serialize, Deserialize)]
pub(crate) struct About {
    pub(crate) people: Vec<MadePerson>,
    /// For each controller, where its databases hold addresses.
    records: Vec<Vec<Record>>,
}

/// What `populate.py` says it made.
#[derive(Debug, Deserialize)]
struct Made {
    people: Vec<MadePerson>,
}

/// What AD gave a person.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct MadePerson {
    pub(crate) login: String,
    pub(crate) dn: String,
    pub(crate) object_guid: String,
}

/// Puts fresh copies of a forest's controllers into `domains`, at home at `addresses`. No
/// directory of these may exist.
pub(crate) fn copy_to(
    domains: &[PathBuf],
    addresses: &[Ipv4Addr],
    plan: Plan,
    rootfs: &Path,
    watch: Watch<'_>,
) -> Result<About, LabError> {
    let cache = places::cache()?;
    // Also while copying: another lab may want to remove the template.
    let _building = Lock::wait(&cache.join("build.lock"), watch)?;
    let template = ready(&cache, rootfs, plan, addresses, watch)?;
    let about = about(&template)?;
    for (index, domain) in domains.iter().enumerate() {
        places::require_space(domain.parent().unwrap_or(domain), SIZE_MB)?;
        copy(&template.join(names::short(index)), domain, watch)?;
        let records = about.records.get(index).map(Vec::as_slice).unwrap_or_default();
        settle::settle(domain, plan.which.names(), index, records, addresses)?;
    }
    Ok(about)
}

/// Whether one of these forests has no template yet.
pub(crate) fn missing(plans: &[Plan]) -> Result<bool, LabError> {
    let cache = places::cache()?;
    for plan in plans {
        if !cache.join(file_name(*plan)?).join(ABOUT).exists() {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The template, made if it is missing.
fn ready(
    cache: &Path,
    rootfs: &Path,
    plan: Plan,
    addresses: &[Ipv4Addr],
    watch: Watch<'_>,
) -> Result<PathBuf, LabError> {
    let template = cache.join(file_name(plan)?);
    if !template.join(ABOUT).exists() {
        let part = cache.join(format!("{PREFIX}{}{PART}", plan.name()));
        make_room(cache)?;
        if let Err(error) = build(&part, cache, rootfs, plan, addresses, watch) {
            // The first error is the one worth telling.
            let _ = places::remove(&part);
            return Err(error);
        }
        places::remove(&template)?;
        fs::rename(&part, &template).map_err(LabError::io("renaming", &part))?;
    }
    let used = template.join(USED);
    fs::write(&used, "").map_err(LabError::io("writing", &used))?;
    Ok(template)
}

fn build(
    part: &Path,
    cache: &Path,
    rootfs: &Path,
    plan: Plan,
    addresses: &[Ipv4Addr],
    watch: Watch<'_>,
) -> Result<(), LabError> {
    let about = if plan.controllers == 1 {
        let domain = part.join(names::short(0));
        provision::build(&domain, rootfs, plan, watch)?;
        let file = domain.join("made.json");
        let Made { people } = serde_json::from_slice(&read(&file)?)
            .map_err(|_| LabError::Unreadable(file.clone()))?;
        About { people, records: vec![settle::records(&domain, &[provision::ADDRESS])?] }
    } else {
        let alone = plan.with_one_controller();
        let first = ready(cache, rootfs, alone, addresses, watch)?;
        let About { people, records } = about(&first)?;
        places::private_directory(part)?;
        let domains: Vec<_> =
            (0..plan.controllers).map(|index| part.join(names::short(index))).collect();
        if let (Some(copied), Some(records)) = (domains.first(), records.first()) {
            copy(&first.join(names::short(0)), copied, watch)?;
            settle::settle(copied, plan.which.names(), 0, records, addresses)?;
        }
        join::build(&domains, addresses, rootfs, plan.which, watch)?;
        let records: Result<_, _> =
            domains.iter().map(|domain| settle::records(domain, addresses)).collect();
        About { people, records: records? }
    };
    let file = part.join(ABOUT);
    let text = serde_json::to_vec(&about).map_err(|_| LabError::Unreadable(file.clone()))?;
    fs::write(&file, text).map_err(LabError::io("writing", &file))
}

/// A template changes its name when anything changes that it is made from.
fn file_name(plan: Plan) -> Result<String, LabError> {
    let contents = Contents::of(plan.which);
    let wanted = serde_json::to_string(&contents)
        .map_err(|_| LabError::Unreadable(PathBuf::from("contents")))?;
    let mut parts = vec![settle::recipe(), provision::recipe(), wanted.as_str()];
    let names = plan.which.names();
    parts.extend([names.domain, names.workgroup, names.administrator_password]);
    if plan.controllers > 1 {
        parts.extend(join::recipe());
    }
    Ok(format!("{PREFIX}{}-{RECIPE}-{:016x}", plan.name(), fingerprint(&parts)))
}

fn about(template: &Path) -> Result<About, LabError> {
    let text = read(&template.join(ABOUT))?;
    serde_json::from_slice(&text).map_err(|_| LabError::Unreadable(template.to_owned()))
}

fn read(file: &Path) -> Result<Vec<u8>, LabError> {
    fs::read(file).map_err(LabError::io("reading", file))
}

fn copy(from: &Path, to: &Path, watch: Watch<'_>) -> Result<(), LabError> {
    let mut copy = space::script("exec cp --archive --sparse=always --reflink=auto \"$1\" \"$2\"");
    copy.arg(from).arg(to);
    space::run_step(copy, "copying the domain", &places::logs()?.join("copy.log"), to, "", watch)
}

/// Removes what killed builds left, and the templates that were not used for longest: with the
/// one that is to be made, [`KEPT`] remain.
fn make_room(cache: &Path) -> Result<(), LabError> {
    let mut kept = Vec::new();
    for entry in fs::read_dir(cache).map_err(LabError::io("listing", cache))?.flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if !name.starts_with(PREFIX) {
            continue;
        }
        if name.ends_with("part") {
            places::remove(&entry.path())?;
        } else {
            let used = fs::metadata(entry.path().join(USED)).and_then(|file| file.modified());
            // Without such a file it is of an older version of the lab.
            kept.push((used.unwrap_or(SystemTime::UNIX_EPOCH), entry.path()));
        }
    }
    kept.sort();
    let too_many = (kept.len() + 1).saturating_sub(KEPT);
    for (_, template) in kept.into_iter().take(too_many) {
        places::remove(&template)?;
    }
    places::require_space(cache, SIZE_MB)
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::LabOptions;

    #[test]
    fn another_recipe_has_another_fingerprint() {
        assert_ne!(fingerprint(&["ab", "c"]), fingerprint(&["a", "bc"]));
        assert_eq!(fingerprint(&["ab", "c"]), fingerprint(&["ab", "c"]));
    }

    #[test]
    fn every_forest_that_can_be_wanted_has_a_template_of_its_own() {
        let mut names = std::collections::HashSet::new();
        for old_samba in [false, true] {
            for controllers in [1, 2] {
                let options = LabOptions { forests: 2, controllers, old_samba, fast: false };
                names.extend(options.plans().into_iter().map(|plan| file_name(plan).unwrap()));
            }
        }
        assert_eq!(names.len(), 6, "{names:?}");
    }

    #[test]
    fn the_longest_unused_and_what_killed_builds_left_make_room() {
        let cache = std::env::temp_dir().join(format!("lab-room-{}", std::process::id()));
        for index in 0..KEPT + 2 {
            let template = cache.join(format!("{PREFIX}{index}"));
            fs::create_dir_all(&template).unwrap();
            if index > 0 {
                let file = fs::File::create(template.join(USED)).unwrap();
                let seconds = 1_000_000 + u64::try_from(index).unwrap();
                let time = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(seconds);
                file.set_modified(time).unwrap();
            }
        }
        for other in ["domain-x.part", "rootfs-1"] {
            fs::create_dir(cache.join(other)).unwrap();
        }
        let made = make_room(&cache);
        let mut left: Vec<_> = fs::read_dir(&cache)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        left.sort();
        fs::remove_dir_all(&cache).unwrap();
        made.unwrap();
        let mut expected: Vec<_> = (3..KEPT + 2).map(|index| format!("{PREFIX}{index}")).collect();
        expected.push("rootfs-1".to_owned());
        assert_eq!(left, expected);
    }
}
