//! One controller's copy of the directory: how objects are found and written there, and what is
//! taken in from others.

use std::collections::{BTreeMap, HashMap, HashSet};

use directory::security::SecurityDescriptor;
use directory::{DistinguishedName, InvocationId, ObjectGuid, Sid};
use protocol::Timestamp;

use crate::descriptor;
use crate::error::FakeError;
use crate::metadata::{self, Write};
use crate::object::{Class, Object};
use crate::password::Secret;
use crate::rules::Flavour;
use crate::values::Values;

/// A copy. What names the domain is the same in all of them.
#[derive(Debug, Clone)]
pub(crate) struct Replica {
    pub(crate) domain: String,
    pub(crate) head: DistinguishedName,
    /// The name before the backslash.
    pub(crate) workgroup: String,
    pub(crate) domain_sid: Sid,
    pub(crate) flavour: Flavour,
    /// What no password may hold by the password filter that is installed on Windows' controllers.
    pub(crate) filtered: Vec<String>,
    /// Which copy it is: whatever is written here is written by it.
    pub(crate) invocation: InvocationId,
    pub(crate) usn: u64,
    objects: BTreeMap<u64, Object>,
    next_row: u64,
    by_guid: HashMap<ObjectGuid, u64>,
    by_dn: HashMap<DistinguishedName, u64>,
    /// What was deleted, for ever: nothing brings it back.
    removed: HashSet<ObjectGuid>,
    /// What was written and the others have still to be told of, and when.
    fresh: Vec<(ObjectGuid, Timestamp)>,
}

/// What became of something that came from another controller.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Arrival {
    /// It is taken in.
    Taken,
    /// It was known, or something newer is.
    Known,
    /// It has no place yet: its unit is not here, or something else has its name.
    Early,
}

/// A name as Windows compares it, as far as Latin-1 has letters with accents. Seen of Samba 4.24: it tells
/// them apart.
fn without_accents(dn: &DistinguishedName) -> String {
    let plain = |letter| match letter {
        'à'..='å' => 'a',
        'ç' => 'c',
        'è'..='ë' => 'e',
        'ì'..='ï' => 'i',
        'ñ' => 'n',
        'ò'..='ö' => 'o',
        'ù'..='ü' => 'u',
        'ý' | 'ÿ' => 'y',
        other => other,
    };
    dn.to_string().to_lowercase().chars().map(plain).collect()
}

impl Replica {
    /// A copy without objects. Takes the domain's DNS name, of which the first label becomes the
    /// workgroup; an error if no DN can be made of it.
    pub(crate) fn new(
        domain: &str,
        domain_sid: Sid,
        flavour: Flavour,
        invocation: InvocationId,
    ) -> Result<Self, FakeError> {
        let head = DistinguishedName::of_domain(domain)?;
        let workgroup = domain.split('.').next().unwrap_or(domain).to_uppercase();
        Ok(Self {
            domain: domain.trim_end_matches('.').to_owned(),
            head,
            workgroup,
            domain_sid,
            flavour,
            filtered: Vec::new(),
            invocation,
            usn: 1_000,
            objects: BTreeMap::new(),
            next_row: 0,
            by_guid: HashMap::new(),
            by_dn: HashMap::new(),
            removed: HashSet::new(),
            fresh: Vec::new(),
        })
    }

    /// The copy of another controller that has just got everything.
    pub(crate) fn copied(&self, invocation: InvocationId) -> Self {
        let mut copy = Self { invocation, fresh: Vec::new(), ..self.clone() };
        copy.objects.values_mut().for_each(|object| object.values.forget(metadata::LOCAL));
        copy
    }

    /// All objects, in the order in which they were made or came here.
    pub(crate) fn objects(&self) -> impl Iterator<Item = &Object> {
        self.objects.values()
    }

    /// The object with this `objectGUID`, under whichever name it has by now.
    pub(crate) fn object(&self, guid: ObjectGuid) -> Option<&Object> {
        self.objects.get(self.by_guid.get(&guid)?)
    }

    /// The object that has this distinguished name now; at Windows, whatever accents it is written with.
    pub(crate) fn named(&self, dn: &DistinguishedName) -> Option<&Object> {
        let exact = self.by_dn.get(dn).and_then(|row| self.objects.get(row));
        exact.or_else(|| {
            let wanted = (self.flavour == Flavour::Windows).then(|| without_accents(dn))?;
            self.objects().find(|object| without_accents(&object.dn) == wanted)
        })
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
    pub(crate) fn insert(&mut self, new: NewObject, at: Timestamp) -> Result<(), FakeError> {
        if self.by_dn.contains_key(&new.dn) {
            return Err(FakeError::Exists(new.dn.to_string()));
        }
        if !self.has_place_for(&new.dn) {
            return Err(FakeError::Missing(format!("the unit of {}", new.dn)));
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
            security: descriptor::of_new(new.class)?,
            created: at,
            changed: at,
            usn_created: self.usn,
            usn_changed: self.usn,
            writes: BTreeMap::new(),
        };
        let names: Vec<String> = object.values.iter().map(|(name, _)| name.to_owned()).collect();
        let stamp = Stamp { at, originator: self.invocation, usn: self.usn };
        names.iter().for_each(|name| note(&mut object, name, stamp));
        note(&mut object, "objectClass", stamp);
        self.fresh.push((object.guid, at));
        self.keep(object);
        Ok(())
    }

    /// Changes an object; `written` names the attributes that this is a write of, besides those
    /// whose values it changes.
    pub(crate) fn write(
        &mut self,
        guid: ObjectGuid,
        written: &[&str],
        at: Timestamp,
        change: impl FnOnce(&mut Object),
    ) -> Result<(), FakeError> {
        let missing = || FakeError::Missing(guid.to_string());
        let row = self.by_guid.get(&guid).ok_or_else(missing)?;
        let object = self.objects.get_mut(row).ok_or_else(missing)?;
        let before = object.values.clone();
        change(object);
        let mut names: Vec<String> = written.iter().map(|name| name.to_ascii_lowercase()).collect();
        for name in object.values.changed_since(&before) {
            if !names.contains(&name) && !metadata::is_local(&name) {
                names.push(name);
            }
        }
        if names.is_empty() {
            return Ok(());
        }
        self.usn += 1;
        object.changed = at;
        object.usn_changed = self.usn;
        let stamp = Stamp { at, originator: self.invocation, usn: self.usn };
        names.iter().for_each(|name| note(object, name, stamp));
        self.fresh.push((guid, at));
        Ok(())
    }

    /// Changes an object's own rights, where it is here, without a trace: no write that the others
    /// would have to be told of.
    pub(crate) fn give(&mut self, guid: ObjectGuid, change: impl FnOnce(&mut SecurityDescriptor)) {
        let row = self.by_guid.get(&guid);
        if let Some(object) = row.and_then(|row| self.objects.get_mut(row)) {
            change(&mut object.security);
        }
    }

    /// Takes an object away, with everything below it and all links to it.
    pub(crate) fn remove(&mut self, guid: ObjectGuid, at: Timestamp) -> Result<(), FakeError> {
        let dn = self.object(guid).map(|object| object.dn.clone());
        let dn = dn.ok_or_else(|| FakeError::Missing(guid.to_string()))?;
        let gone = |object: &&Object| object.dn.is_at_or_below(&dn);
        let gone: Vec<_> = self.objects().filter(gone).map(|object| object.guid).collect();
        self.usn += 1;
        self.removed.extend(&gone);
        self.fresh.extend(gone.into_iter().map(|guid| (guid, at)));
        let removed = &self.removed;
        self.objects.retain(|_, object| !removed.contains(&object.guid));
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
        at: Timestamp,
    ) -> Result<(), FakeError> {
        if self.by_dn.contains_key(to) {
            return Err(FakeError::Exists(to.to_string()));
        }
        let from = self.object(guid).map(|object| object.dn.clone());
        let from = from.ok_or_else(|| FakeError::Missing(guid.to_string()))?;
        if self.objects().any(|object| object.dn.is_below(&from)) {
            return Err(FakeError::Exists(format!("an object below {from}")));
        }
        self.now_named(&from, to);
        let name = to.name().unwrap_or_default().to_owned();
        self.write(guid, &["cn"], at, |object| {
            object.dn = to.clone();
            object.values.put("cn", name);
        })
    }

    /// What was written since the last time that this was asked, and when.
    pub(crate) fn take_fresh(&mut self) -> Vec<(ObjectGuid, Timestamp)> {
        std::mem::take(&mut self.fresh)
    }

    /// Takes in an object as another controller has it: attribute by attribute, each if it was
    /// written later there.
    pub(crate) fn take_in(&mut self, theirs: &Object, at: Timestamp) -> Arrival {
        let Some(&row) = self.by_guid.get(&theirs.guid) else {
            return self.take_in_new(theirs, at);
        };
        let Some(ours) = self.objects.get(&row) else { return Arrival::Known };
        let later = |name: &&String| theirs.writes[*name].is_later_than(ours.writes.get(*name));
        let later: Vec<String> = theirs.writes.keys().filter(later).cloned().collect();
        if later.is_empty() {
            return Arrival::Known;
        }
        let (from, to) = (ours.dn.clone(), &theirs.dn);
        let renamed = from != *to && later.iter().any(|name| name == "cn");
        if renamed && (self.by_dn.contains_key(to) || !self.has_place_for(to)) {
            return Arrival::Early;
        }
        if renamed {
            self.now_named(&from, to);
        }
        self.usn += 1;
        if let Some(ours) = self.objects.get_mut(&row) {
            later.iter().for_each(|name| ours.adopt(theirs, name, self.usn));
            (ours.changed, ours.usn_changed) = (at, self.usn);
        }
        self.fresh.push((theirs.guid, at));
        Arrival::Taken
    }

    /// Takes in that an object was deleted at another controller.
    pub(crate) fn take_away(&mut self, guid: ObjectGuid, at: Timestamp) -> Arrival {
        if self.removed.contains(&guid) {
            return Arrival::Known;
        }
        if self.remove(guid, at).is_err() {
            // It never came here, and shall not come later.
            self.removed.insert(guid);
            self.fresh.push((guid, at));
        }
        Arrival::Taken
    }

    fn take_in_new(&mut self, theirs: &Object, at: Timestamp) -> Arrival {
        if self.removed.contains(&theirs.guid) {
            return Arrival::Known;
        }
        if self.by_dn.contains_key(&theirs.dn) || !self.has_place_for(&theirs.dn) {
            return Arrival::Early;
        }
        self.usn += 1;
        let mut object = theirs.clone();
        object.values.forget(metadata::LOCAL);
        (object.changed, object.usn_created, object.usn_changed) = (at, self.usn, self.usn);
        object.writes.values_mut().for_each(|write| write.local_usn = self.usn);
        self.fresh.push((object.guid, at));
        self.keep(object);
        Arrival::Taken
    }

    fn has_place_for(&self, dn: &DistinguishedName) -> bool {
        *dn == self.head || dn.parent().is_some_and(|parent| self.by_dn.contains_key(&parent))
    }

    fn keep(&mut self, object: Object) {
        self.next_row += 1;
        self.by_guid.insert(object.guid, self.next_row);
        self.by_dn.insert(object.dn.clone(), self.next_row);
        self.objects.insert(self.next_row, object);
    }

    fn now_named(&mut self, from: &DistinguishedName, to: &DistinguishedName) {
        let row = self.by_dn.remove(from);
        self.by_dn.extend(row.map(|row| (to.clone(), row)));
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

/// Who writes, when, and as which change of its copy.
#[derive(Clone, Copy)]
struct Stamp {
    at: Timestamp,
    originator: InvocationId,
    usn: u64,
}

fn note(object: &mut Object, attribute: &str, Stamp { at, originator, usn }: Stamp) {
    if metadata::is_local(attribute) {
        return;
    }
    let attribute = attribute.to_ascii_lowercase();
    let version = object.writes.get(&attribute).map_or(0, |write| write.version) + 1;
    object.writes.insert(attribute, Write { version, at, originator, usn, local_usn: usn });
}
