//! Security descriptors as `nTSecurityDescriptor` holds them (MS-DTYP 2.4.6).

use directory::{ObjectGuid, Sid};

use crate::object::Object;
use crate::state::State;

/// The extended rights and attributes of SPEC D-12, and the class that they are inherited by, by
/// their GUIDs in the schema.
mod guids {
    pub(super) const RESET_PASSWORD: &str = "00299570-246d-11d0-a768-00aa006e0529";
    pub(super) const CHANGE_PASSWORD: &str = "ab721a53-1e2f-11d0-9819-00aa0040529b";
    pub(super) const LOCKOUT_TIME: &str = "28630ebf-41d5-11d1-a9c1-0000f80367c1";
    pub(super) const PWD_LAST_SET: &str = "bf967a0a-0de6-11d0-a285-00aa003049e2";
}

/// ADS_RIGHT_DS_CONTROL_ACCESS and ADS_RIGHT_DS_WRITE_PROP (MS-ADTS 5.1.3.2).
const CONTROL_ACCESS: u32 = 0x100;
const WRITE_PROPERTY: u32 = 0x20;
/// Every right that there is on an object.
const FULL_CONTROL: u32 = 0x000f_01ff;
/// Reading.
const READ: u32 = 0x0002_0094;

/// Kinds and flags of entries (MS-DTYP 2.4.4.1), and the control bits of a descriptor.
const ALLOWED: u8 = 0x00;
const ALLOWED_OBJECT: u8 = 0x05;
const DENIED_OBJECT: u8 = 0x06;
const INHERITED: u8 = 0x10;
const OBJECT_TYPE_PRESENT: u32 = 0x1;
const DACL_PRESENT: u16 = 0x0004;
const DACL_PROTECTED: u16 = 0x1000;
const SELF_RELATIVE: u16 = 0x8000;
/// ACL_REVISION_DS: the list has object entries.
const ACL_REVISION: u8 = 4;
/// DACL_SECURITY_INFORMATION and the others of the SD-flags control.
const OWNER: u32 = 0x1;
const GROUP: u32 = 0x2;
const DACL: u32 = 0x4;

impl State {
    /// An object's descriptor: the parts that the SD-flags control asks for. There is no SACL.
    pub(crate) fn descriptor(&self, object: &Object, parts: u32) -> Option<Vec<u8>> {
        let administrators = Sid::nt(&[32, 544]).ok()?;
        let dacl = self.dacl(object)?;
        let mut control = SELF_RELATIVE;
        if parts & DACL != 0 {
            control |= DACL_PRESENT | if object.inherits { 0 } else { DACL_PROTECTED };
        }
        let mut head = vec![1, 0];
        head.extend(control.to_le_bytes());
        let mut body = Vec::new();
        let mut place = |asked: bool, part: &[u8]| {
            // The parts follow the head of 20 bytes.
            let offset = if asked { 20 + u32::try_from(body.len()).unwrap_or(0) } else { 0 };
            body.extend_from_slice(if asked { part } else { &[] });
            offset
        };
        let owner = place(parts & OWNER != 0, &administrators.to_value());
        let group = place(parts & GROUP != 0, &administrators.to_value());
        let dacl = place(parts & DACL != 0, &dacl);
        for offset in [owner, group, 0, dacl] {
            head.extend(offset.to_le_bytes());
        }
        head.extend(body);
        Some(head)
    }

    fn dacl(&self, object: &Object) -> Option<Vec<u8>> {
        // Everyone, and the account itself.
        let (everyone, own) = ("S-1-1-0".parse().ok()?, Sid::nt(&[10]).ok()?);
        let administrators = Sid::nt(&[32, 544]).ok()?;
        let authenticated = Sid::nt(&[11]).ok()?;
        let mut entries = Vec::new();
        if object.is_account() {
            // Denials stand in front (MS-DTYP 2.4.5); a new account's descriptor allows both.
            let kind = if object.cannot_change { DENIED_OBJECT } else { ALLOWED_OBJECT };
            for who in [&everyone, &own] {
                entries.push(entry(kind, 0, CONTROL_ACCESS, Some(guids::CHANGE_PASSWORD), who)?);
            }
        }
        entries.push(entry(ALLOWED, 0, FULL_CONTROL, None, &administrators)?);
        entries.push(entry(ALLOWED, 0, READ, None, &authenticated)?);
        for one in self.inherited(object) {
            let rights = [
                (one.rights.reset_password, CONTROL_ACCESS, guids::RESET_PASSWORD),
                (one.rights.change_password, CONTROL_ACCESS, guids::CHANGE_PASSWORD),
                (one.rights.write_lockout_time, WRITE_PROPERTY, guids::LOCKOUT_TIME),
                (one.rights.write_pwd_last_set, WRITE_PROPERTY, guids::PWD_LAST_SET),
            ];
            for (_, mask, kind) in rights.into_iter().filter(|(given, ..)| *given) {
                entries.push(entry(ALLOWED_OBJECT, INHERITED, mask, Some(kind), &one.trustee)?);
            }
        }
        let count = u16::try_from(entries.len()).ok()?;
        let entries = entries.concat();
        let mut acl = vec![ACL_REVISION, 0];
        acl.extend(u16::try_from(8 + entries.len()).ok()?.to_le_bytes());
        acl.extend(count.to_le_bytes());
        acl.extend([0, 0]);
        acl.extend(entries);
        Some(acl)
    }
}

/// One entry of a list.
fn entry(kind: u8, flags: u8, mask: u32, object: Option<&str>, who: &Sid) -> Option<Vec<u8>> {
    let mut body = mask.to_le_bytes().to_vec();
    if let Some(guid) = object {
        body.extend(OBJECT_TYPE_PRESENT.to_le_bytes());
        body.extend(guid.parse::<ObjectGuid>().ok()?.to_bytes());
    }
    body.extend(who.to_value());
    let mut entry = vec![kind, flags];
    entry.extend(u16::try_from(4 + body.len()).ok()?.to_le_bytes());
    entry.extend(body);
    Some(entry)
}
