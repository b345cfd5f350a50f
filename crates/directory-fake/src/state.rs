//! Everything in the domain, and how objects are found and written.

use std::collections::{BTreeMap, HashMap};

use directory::{DistinguishedName, InvocationId, ObjectGuid, Sid};
use protocol::Timestamp;

use crate::access::Delegation;
use crate::controller::Controller;
use crate::error::FakeError;
use crate::faults::Faults;
use crate::journal::Set;
use crate::metadata::{self, Write};
use crate::object::{Class, Object};
use crate::password::Secret;
use crate::rules::Flavour;
use crate::values::Values;

/// The domain. All controllers see the same objects: replication takes no time here.
#[derive(Debug)]
pub(crate) struct State {
    pub(crate) domain: String,
    pub(crate) head: DistinguishedName,
    /// The name before the backslash.
    pub(crate) workgroup: String,
    pub(crate) domain_sid: Sid,
    pub(crate) flavour: Flavour,
    pub(crate) controllers: Vec<Controller>,
    /// Which controller holds the PDC role, and which one DNS names.
    pub(crate) owner: usize,
    pub(crate) in_dns: usize,
    pub(crate) delegations: Vec<Delegation>,
    /// Who may read fine-grained policies besides administrators.
    pub(crate) settings_readers: Vec<Sid>,
    pub(crate) journal: Vec<Set>,
    pub(crate) faults: Faults,
    pub(crate) next_rid: u32,
    pub(crate) usn: u64,
    objects: BTreeMap<u64, Object>,
    next_row: u64,
    by_guid: HashMap<ObjectGuid, u64>,
    by_dn: HashMap<DistinguishedName, u64>,
}

/// Where and when something is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) at: Timestamp,
    pub(crate) invocation: InvocationId,
}

impl State {
    /// A domain without objects or controllers. Takes its DNS name, of which the first label
    /// becomes the workgroup; an error if no DN can be made of it.
    pub(crate) fn new(domain: &str, domain_sid: Sid, flavour: Flavour) -> Result<Self, FakeError> {
        let head = DistinguishedName::of_domain(domain)?;
        let workgroup = domain.split('.').next().unwrap_or(domain).to_uppercase();
        Ok(Self {
            domain: domain.trim_end_matches('.').to_owned(),
            head,
            workgroup,
            domain_sid,
            flavour,
            controllers: Vec::new(),
            owner: 0,
            in_dns: 0,
            delegations: Vec::new(),
            settings_readers: Vec::new(),
            journal: Vec::new(),
            faults: Faults::default(),
            // MS-SAMR 3.1.1.9.2.1: accounts that are not built in start here.
            next_rid: 1_103,
            usn: 1_000,
            objects: BTreeMap::new(),
            next_row: 0,
            by_guid: HashMap::new(),
            by_dn: HashMap::new(),
        })
    }

    /// All objects, in the order in which they were made.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// The object with this `objectGUID`, under whichever name it has by now.
    pub(crate) fn object(&self, guid: ObjectGuid) -> Option<&Object> {
        self.objects.get(self.by_guid.get(&guid)?)
    }

    /// The object that has this distinguished name now.
    pub(crate) fn named(&self, dn: &DistinguishedName) -> Option<&Object> {
        self.objects.get(self.by_dn.get(dn)?)
    }

    /// The account or group with this `sAMAccountName`.
    pub(crate) fn login(&self, login: &str) -> Option<&Object> {
        self.objects().find(|object| {
            let name = object.values.text("sAMAccountName");
            name.is_some_and(|name| name.eq_ignore_ascii_case(login))
        })
    }

    /// The account or group with this `objectSid`.
    pub(crate) fn with_sid(&self, sid: &Sid) -> Option<&Object> {
        self.objects().find(|object| object.sid.as_ref() == Some(sid))
    }

    /// The SID of an account or group of this domain.
    pub(crate) fn sid_of(&self, rid: u32) -> Result<Sid, FakeError> {
        // The domain's own SID is S-1-5-21-a-b-c.
        let domain = self.domain_sid.to_string();
        Ok(format!("{domain}-{rid}").parse()?)
    }

    /// Puts an object in. Its attributes count as written once, here and now.
    pub(crate) fn insert(&mut self, new: NewObject, moment: Moment) -> Result<(), FakeError> {
        if self.by_dn.contains_key(&new.dn) {
            return Err(FakeError::Exists(new.dn.to_string()));
        }
        if new.dn != self.head {
            let parent = new.dn.parent().filter(|parent| self.by_dn.contains_key(parent));
            parent.ok_or_else(|| FakeError::Missing(format!("the unit of {}", new.dn)))?;
        }
        self.usn += 1;
        let mut object = Object {
            guid: new.guid,
            dn: new.dn,
            class: new.class,
            sid: new.sid,
            values: new.values,
            links: Vec::new(),
            secret: Secret::default(),
            inherits: true,
            cannot_change: false,
            created: moment.at,
            changed: moment.at,
            usn_created: self.usn,
            usn_changed: self.usn,
            writes: BTreeMap::new(),
        };
        let names: Vec<String> = object.values.iter().map(|(name, _)| name.to_owned()).collect();
        for name in names.iter().map(String::as_str).chain(["objectClass"]) {
            note(&mut object, name, self.usn, moment);
        }
        self.next_row += 1;
        self.by_guid.insert(object.guid, self.next_row);
        self.by_dn.insert(object.dn.clone(), self.next_row);
        self.objects.insert(self.next_row, object);
        Ok(())
    }

    /// Changes an object; `written` names the attributes that this is a write of.
    pub(crate) fn write(
        &mut self,
        guid: ObjectGuid,
        written: &[&str],
        moment: Moment,
        change: impl FnOnce(&mut Object),
    ) -> Result<(), FakeError> {
        let missing = || FakeError::Missing(guid.to_string());
        let row = self.by_guid.get(&guid).ok_or_else(missing)?;
        let object = self.objects.get_mut(row).ok_or_else(missing)?;
        change(object);
        if !written.is_empty() {
            self.usn += 1;
            object.changed = moment.at;
            object.usn_changed = self.usn;
        }
        for name in written {
            note(object, name, self.usn, moment);
        }
        Ok(())
    }

    /// Takes an object away, with everything below it and all links to it.
    pub(crate) fn remove(&mut self, guid: ObjectGuid) -> Result<(), FakeError> {
        let dn = self.object(guid).map(|object| object.dn.clone());
        let dn = dn.ok_or_else(|| FakeError::Missing(guid.to_string()))?;
        self.objects.retain(|_, object| !object.dn.is_at_or_below(&dn));
        let left = &self.objects;
        self.by_guid.retain(|_, row| left.contains_key(row));
        self.by_dn.retain(|_, row| left.contains_key(row));
        let by_guid = &self.by_guid;
        for object in self.objects.values_mut() {
            object.links.retain(|link| by_guid.contains_key(link));
        }
        Ok(())
    }

    /// Gives an object another name, or another place; what is below it goes along.
    pub(crate) fn rename(
        &mut self,
        guid: ObjectGuid,
        to: &DistinguishedName,
        moment: Moment,
    ) -> Result<(), FakeError> {
        if self.by_dn.contains_key(to) {
            return Err(FakeError::Exists(to.to_string()));
        }
        let from = self.object(guid).map(|object| object.dn.clone());
        let from = from.ok_or_else(|| FakeError::Missing(guid.to_string()))?;
        if self.objects().any(|object| object.dn.is_below(&from)) {
            return Err(FakeError::Exists(format!("an object below {from}")));
        }
        let row = self.by_dn.remove(&from);
        self.by_dn.extend(row.map(|row| (to.clone(), row)));
        let name = to.name().unwrap_or_default().to_owned();
        self.write(guid, &["cn"], moment, |object| {
            object.dn = to.clone();
            object.values.put("cn", name);
        })
    }
}

/// An object to be put in.
pub(crate) struct NewObject {
    pub(crate) guid: ObjectGuid,
    pub(crate) dn: DistinguishedName,
    pub(crate) class: Class,
    pub(crate) sid: Option<Sid>,
    pub(crate) values: Values,
}

fn note(object: &mut Object, attribute: &str, usn: u64, moment: Moment) {
    let Some(number) = metadata::number_of(attribute) else { return };
    let before = object.writes.get(&number).map_or(0, |write| write.version);
    let (at, originator) = (moment.at, moment.invocation);
    object.writes.insert(number, Write { version: before + 1, at, originator, usn });
}
