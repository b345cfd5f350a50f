//! Makes a copy of a domain at home at the addresses that a lab has claimed.
//!
//! A domain knows its controllers' addresses in two files, in its configuration, and in a handful
//! of DNS records. Those lie in databases that only Samba writes; but an address is four bytes
//! with a head that nothing else has, and a record's length does not change, so they are put in
//! place: asking Samba for it takes as long as a whole start.

use std::fs::{self, OpenOptions};
use std::io::{Seek, SeekFrom, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::authority::Authority;
use crate::names::{self, Names};
use crate::{LabError, places};

const SMB_CONF: &str = include_str!("../assets/smb.conf");

/// The head of an A record in a zone (MS-DNSP 2.3.2.2): four bytes, type 1, version 5, rank 240
/// ("of this zone"), no flags.
const A_RECORD: [u8; 8] = [4, 0, 1, 0, 5, 0xf0, 0, 0];
/// Between head and address: serial number, time to live, a reserved field, and a time stamp.
const BETWEEN: usize = 16;

/// Where the address of a controller is in a database.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Record {
    /// The database, relative to the domain's directory.
    file: PathBuf,
    position: u64,
    /// Whose address it is.
    controller: usize,
}

/// Writes everything into `domain`, the directory of controller `index`, that depends on the
/// addresses of the domain's controllers.
pub(crate) fn settle(
    domain: &Path,
    names: &Names,
    index: usize,
    records: &[Record],
    addresses: &[Ipv4Addr],
) -> Result<(), LabError> {
    let Some(&own) = addresses.get(index) else { return Ok(()) };
    write_hosts(domain, names, addresses, own)?;
    for directory in ["log", "run", "cache"] {
        places::private_directory(&domain.join(directory))?;
    }
    write(&domain.join("etc/smb.conf"), &configuration(names, index, own))?;
    for record in records {
        if let Some(address) = addresses.get(record.controller) {
            record.write(domain, *address)?;
        }
    }
    Ok(())
}

/// The records with the addresses of the domain's controllers.
pub(crate) fn records(domain: &Path, addresses: &[Ipv4Addr]) -> Result<Vec<Record>, LabError> {
    let databases = Path::new("private/sam.ldb.d");
    let directory = domain.join(databases);
    let mut records = Vec::new();
    for entry in fs::read_dir(&directory).map_err(LabError::io("listing", &directory))?.flatten() {
        if !entry.file_name().to_string_lossy().contains("DNSZONES") {
            continue;
        }
        let bytes = fs::read(entry.path()).map_err(LabError::io("reading", &entry.path()))?;
        let file = databases.join(entry.file_name());
        records.extend(found(&bytes, addresses).into_iter().map(|(position, controller)| Record {
            file: file.clone(),
            position,
            controller,
        }));
    }
    Ok(records)
}

/// Writes the names of the domain's controllers, and the DNS server to ask.
pub(crate) fn write_hosts(
    domain: &Path,
    names: &Names,
    controllers: &[Ipv4Addr],
    dns: Ipv4Addr,
) -> Result<(), LabError> {
    let mut hosts = "127.0.0.1 localhost\n".to_owned();
    for (index, address) in controllers.iter().enumerate() {
        let short = names::short(index);
        hosts.push_str(&format!("{address} {} {short}\n", names.controller(index)));
    }
    write(&domain.join("hosts"), &hosts)?;
    write(&domain.join("resolv.conf"), &format!("nameserver {dns}\n"))
}

/// Gives a controller a certificate: Samba's own names nothing that a client could check.
pub(crate) fn certify(
    domain: &Path,
    authority: &Authority,
    names: &Names,
    index: usize,
    address: Ipv4Addr,
) -> Result<(), LabError> {
    let directory = domain.join("private/tls");
    places::remove(&directory)?;
    places::private_directory(&directory)?;
    authority.write_to(&directory)?;
    let address = address.to_string();
    let controller = names.controller(index);
    authority.server(&[&controller, names.domain, &address])?.write_to(&directory, "dc")?;
    Ok(())
}

/// Samba's configuration of a controller.
pub(crate) fn configuration(names: &Names, index: usize, address: Ipv4Addr) -> String {
    SMB_CONF
        .replace("{NETBIOS}", &names::short(index).to_uppercase())
        .replace("{REALM}", names.realm)
        .replace("{WORKGROUP}", names.workgroup)
        .replace("{DOMAIN}", names.domain)
        .replace("{ADDRESS}", &address.to_string())
}

/// What of this module decides what a template is.
pub(crate) fn recipe() -> &'static str {
    SMB_CONF
}

impl Record {
    /// In place: the copy has holes, which writing it anew would fill.
    fn write(&self, domain: &Path, address: Ipv4Addr) -> Result<(), LabError> {
        let database = domain.join(&self.file);
        let write = || -> std::io::Result<()> {
            let mut file = OpenOptions::new().write(true).open(&database)?;
            file.seek(SeekFrom::Start(self.position))?;
            file.write_all(&address.octets())
        };
        write().map_err(LabError::io("writing", &database))
    }
}

/// The positions of these addresses, and which of them is there.
fn found(bytes: &[u8], addresses: &[Ipv4Addr]) -> Vec<(u64, usize)> {
    let mut found = Vec::new();
    let mut start = 0;
    while let Some(step) = find(bytes.get(start..).unwrap_or_default()) {
        let position = start + step + A_RECORD.len() + BETWEEN;
        let four = bytes.get(position..position + 4).unwrap_or_default();
        let whose = addresses.iter().position(|address| address.octets() == *four);
        if let (Some(whose), Ok(position)) = (whose, u64::try_from(position)) {
            found.push((position, whose));
        }
        start += step + 1;
    }
    found
}

fn find(bytes: &[u8]) -> Option<usize> {
    // Almost every page of a database is empty: the first byte alone is found much faster.
    let mut start = 0;
    loop {
        let step = bytes.get(start..)?.iter().position(|byte| *byte == A_RECORD[0])?;
        start += step;
        if bytes.get(start..)?.starts_with(&A_RECORD) {
            return Some(start);
        }
        start += 1;
    }
}

fn write(path: &Path, text: &str) -> Result<(), LabError> {
    fs::write(path, text).map_err(LabError::io("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::names::Which;

    #[test]
    fn the_configuration_has_nothing_left_to_fill_in() {
        let text = configuration(Which::Fabriek.names(), 1, Ipv4Addr::new(127, 0, 0, 5));
        assert!(text.contains("interfaces = 127.0.0.5/8"), "{text}");
        assert!(text.contains("netbios name = DC2"), "{text}");
        assert!(!text.contains(['{', '}']), "{text}");
    }

    #[test]
    fn addresses_are_found_in_records_and_nowhere_else() {
        let at = |last| Ipv4Addr::new(127, 0, 0, last);
        let record = |last| {
            let mut record = A_RECORD.to_vec();
            record.extend([9; BETWEEN]);
            record.extend(at(last).octets());
            record
        };
        // Two records, the same four bytes without a head, and a head at the very end.
        let parts =
            [vec![4, 0, 4], record(2), at(2).octets().to_vec(), record(3), A_RECORD.to_vec()];
        let bytes = parts.concat();
        assert_eq!(found(&bytes, &[at(2), at(3)]), [(27, 0), (59, 1)]);
        assert_eq!(found(&bytes, &[at(4)]), []);
    }
}
