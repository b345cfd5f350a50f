//! What an administrator does with a domain's controllers: stops, starts and updates them, and moves
//! the role of PDC emulator.

use std::fs;
use std::sync::atomic::AtomicBool;
use std::thread;

use crate::controller::{self, PATIENCE};
use crate::ldap::{Bound, replacement};
use crate::options::Edition;
use crate::rootfs;
use crate::space::{BEAT, Watch};
use crate::{Controller, Credentials, Forest, LabError};

/// What a record of a zone starts with (MS-DNSP 2.3.2.2): type 33 is SRV; version 5, rank 240
/// ("of this zone"), no flags, serial number 1; 900 seconds to live, in network order; a reserved
/// field and no time stamp.
const SRV_HEAD: [u8; 22] =
    [33, 0, 5, 0xf0, 0, 0, 1, 0, 0, 0, 0, 0, 3, 0x84, 0, 0, 0, 0, 0, 0, 0, 0];
/// Priority 0, weight 100, port 389, in network order (RFC 2782).
const SRV_PLACE: [u8; 6] = [0, 0, 0, 100, 1, 0x85];

impl Forest {
    /// Stops a controller as a power cut does, and returns when nobody listens any more. Works on
    /// every running lab, also of another process.
    ///
    /// # Errors
    ///
    /// If there is no such controller, or it does not stop.
    pub fn stop_controller(&self, index: usize) -> Result<(), LabError> {
        let controller = self.controller(index)?;
        let switch = &controller.switch;
        fs::write(switch, "").map_err(LabError::io("writing", switch))?;
        let ldaps = (controller.address, controller.ldaps_port).into();
        let dns = controller.dns_address;
        wait(controller, "did not stop within a minute", || {
            Ok(!controller::listens(ldaps) && !controller::listens(dns))
        })
    }

    /// Starts a controller that was stopped, with what it had on its disk, and returns when it
    /// answers.
    ///
    /// # Errors
    ///
    /// If there is no such controller, or it does not answer.
    pub fn start_controller(&self, index: usize) -> Result<(), LabError> {
        let controller = self.controller(index)?;
        let switch = &controller.switch;
        match fs::remove_file(switch) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(LabError::io("removing", switch)(error));
            }
            _ => {}
        }
        let there = self.at(index);
        wait(controller, "did not answer within a minute", || there.answers())
    }

    /// Updates a controller's programs to the current Samba, with what it has on its disk, as an
    /// administrator does; returns when it answers. For a lab of old ones
    /// ([`crate::LabOptions::old_samba`]) of a test's own.
    ///
    /// # Errors
    ///
    /// If there is no such controller, or it does not answer.
    pub fn update_controller(&self, index: usize) -> Result<(), LabError> {
        let quiet = AtomicBool::new(false);
        let watch = Watch { progress: &|_| {}, stop: &quiet };
        let rootfs = rootfs::ready(Edition::Current, watch)?;
        self.stop_controller(index)?;
        let file = controller::update_file(&self.controller(index)?.switch);
        fs::write(&file, rootfs.as_os_str().as_encoded_bytes())
            .map_err(LabError::io("writing", &file))?;
        self.start_controller(index)
    }

    /// Which controller holds the role of PDC emulator, as one of them sees it.
    ///
    /// # Errors
    ///
    /// If that one does not answer.
    pub fn pdc_seen_by(&self, index: usize) -> Result<Option<usize>, LabError> {
        let found = self.at(index).search_with(
            &["-s", "base"],
            &self.base_dn,
            "(objectClass=*)",
            &["fSMORoleOwner"],
        )?;
        let owner = found.first().and_then(|head| head.text("fSMORoleOwner")).unwrap_or_default();
        // "CN=NTDS Settings,CN=DC1,CN=Servers,…"
        let name = owner.split(',').nth(1).and_then(|part| part.strip_prefix("CN="));
        Ok(self.controllers.iter().position(|controller| {
            let short = controller.name.split('.').next();
            short.zip(name).is_some_and(|(short, name)| short.eq_ignore_ascii_case(name))
        }))
    }

    /// Gives a controller the role of PDC emulator, which both must be up for, and returns when
    /// all know it and their DNS names the new holder.
    ///
    /// # Errors
    ///
    /// If there is no such controller, or the present holder does not let go.
    pub fn transfer_pdc(&self, index: usize) -> Result<(), LabError> {
        let controller = self.controller(index)?;
        // MS-ADTS 3.1.1.3.3.7: the root of the directory of the one that is to have the role.
        self.at(index).modify("dn:\nchangetype: modify\nreplace: becomePdc\nbecomePdc: 1\n-\n")?;
        for seen in 0..self.controllers.len() {
            wait(controller, "did not become PDC emulator within a minute", || {
                Ok(self.pdc_seen_by(seen)? == Some(index))
            })?;
        }
        // On Windows the new holder registers its name itself; Samba leaves that to a program
        // that a lab does not run. Everywhere at once, because tests ask any of them.
        let node = format!(
            "DC=_ldap._tcp.pdc,DC=_msdcs.{},CN=MicrosoftDNS,DC=ForestDnsZones,{}",
            self.domain, self.base_dn
        );
        let ldif = replacement(&node, "dnsRecord", &srv_record(&controller.name));
        (0..self.controllers.len()).try_for_each(|there| self.at(there).modify(&ldif))
    }

    /// Whether the (first) controller answers: DNS, and a sign-in over LDAPS.
    pub(crate) fn answers(&self) -> Result<bool, LabError> {
        let Credentials { login, password } = &self.administrator;
        Ok(controller::listens((self.address, self.ldaps_port).into())
            && controller::listens(self.dns_address)
            && self.bind(login, password)? == Bound::Accepted)
    }

    fn controller(&self, index: usize) -> Result<&Controller, LabError> {
        let none = || LabError::NoController { domain: self.domain.clone(), index };
        self.controllers.get(index).ok_or_else(none)
    }
}

fn wait(
    controller: &Controller,
    what: &'static str,
    done: impl Fn() -> Result<bool, LabError>,
) -> Result<(), LabError> {
    for _ in 0..PATIENCE {
        if done()? {
            return Ok(());
        }
        thread::sleep(BEAT);
    }
    Err(LabError::Controller { what, log: controller.log.clone() })
}

/// A dnsRecord that leads to port 389 of a host.
fn srv_record(host: &str) -> Vec<u8> {
    let mut labels = Vec::new();
    let mut count = 0_u8;
    for label in host.split('.') {
        labels.extend(u8::try_from(label.len()));
        labels.extend(label.bytes());
        count = count.saturating_add(1);
    }
    labels.push(0);
    // DNS_COUNT_NAME (MS-DNSP 2.2.2.2.2): the length of what follows the number of labels.
    let length = u8::try_from(labels.len()).unwrap_or(u8::MAX);
    let rest = [&SRV_PLACE[..], &[length, count], &labels].concat();
    let size = u16::try_from(rest.len()).unwrap_or(u16::MAX);
    [&size.to_le_bytes()[..], &SRV_HEAD, &rest].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_record_has_the_length_of_what_follows_its_head_and_every_label() {
        let record = srv_record("dc2.a.test");
        assert_eq!(record[..4], [20, 0, 33, 0]);
        assert_eq!(record.len(), 24 + 20);
        assert_eq!(record[24..30], [0, 0, 0, 100, 1, 0x85]);
        assert_eq!(record[30..], *b"\x0c\x03\x03dc2\x01a\x04test\x00");
    }
}
