//! An object as a search returns it: what it holds, what is computed, what the caller may see.

use std::cell::OnceCell;

use directory::security::rights::Permission;
use directory::security::{Wanted, mask};
use directory::{DistinguishedName, Sid};
use protocol::Timestamp;

use crate::access::Access;
use crate::filter::Subject;
use crate::metadata;
use crate::modify::Token;
use crate::object::{Class, Object};
use crate::replica::Replica;
use crate::schema;

/// Who may read this is said by a right of its own.
const DESCRIPTOR: &str = "ntsecuritydescriptor";
/// What is computed and only returned where it is asked for by name (MS-ADTS 3.1.1.4.5).
const ON_REQUEST: &[&str] = &[
    "tokengroups",
    "msds-resultantpso",
    "replpropertymetadata",
    DESCRIPTOR,
    "allowedattributeseffective",
    COMPUTED_FLAGS,
];
/// What of an account's flags depends on the time (MS-ADTS 3.1.1.4.5.17).
const COMPUTED_FLAGS: &str = "msds-user-account-control-computed";
/// What every object has, whoever looks for it: of these a filter may ask whether they are there.
const ALWAYS_THERE: [&str; 4] = ["objectclass", "objectguid", "distinguishedname", "name"];
/// What every object has besides what it holds.
const OF_ALL: &[&str] = &[
    "objectClass",
    "objectCategory",
    "objectGUID",
    "objectSid",
    "distinguishedName",
    "name",
    "whenCreated",
    "whenChanged",
    "uSNCreated",
    "uSNChanged",
    "member",
    "memberOf",
    "msDS-PSOAppliesTo",
];

/// An object, seen by somebody.
pub(crate) struct Seen<'a> {
    pub(crate) replica: &'a Replica,
    pub(crate) object: &'a Object,
    pub(crate) token: &'a Token,
    /// The parts of a descriptor that were asked for; without the control, all, which is more than
    /// most may see.
    pub(crate) sd_parts: Option<u32>,
    pub(crate) now: Timestamp,
    /// What its descriptor allows whoever asks, once that was looked at.
    pub(crate) access: OnceCell<Access<'a>>,
}

/// Attributes by name, each with its values.
pub(crate) type Row = Vec<(String, Vec<Vec<u8>>)>;

impl Seen<'_> {
    /// The attributes that were asked for; nothing or `*` is all but the computed ones.
    pub(crate) fn row(&self, asked: &[String]) -> Row {
        let mut names: Vec<&str> = Vec::new();
        if asked.is_empty() || asked.iter().any(|name| name == "*") {
            names.extend(OF_ALL);
            names.extend(self.object.values.iter().map(|(name, _)| name));
        }
        names.extend(asked.iter().map(String::as_str));
        let mut row: Row = Vec::new();
        for name in names {
            let values = self.read(name);
            let new = row.iter().all(|(other, _)| !other.eq_ignore_ascii_case(name));
            if new && !values.is_empty() {
                row.push((name.to_owned(), values));
            }
        }
        row
    }

    /// Whether whoever asks may read an attribute, by its name in lower case. What a descriptor takes is
    /// looked at where it is read. An attribute that no schema has is in no property set.
    fn may_read(&self, name: &str) -> bool {
        let wanted = match schema::property(name) {
            Some(property) => Wanted::Read(property),
            None if name == DESCRIPTOR => return true,
            None => Wanted::Whole(mask::READ_PROPERTY),
        };
        self.access().allows(wanted)
    }

    fn access(&self) -> &Access<'_> {
        self.access.get_or_init(|| self.replica.access(self.token, self.object))
    }

    fn read(&self, name: &str) -> Vec<Vec<u8>> {
        let lower = name.to_ascii_lowercase();
        let values = match self.computed(&lower) {
            Some(values) => values,
            None => self.object.values.all(&lower).to_vec(),
        };
        if values.is_empty() || self.may_read(&lower) { values } else { Vec::new() }
    }

    /// None: it is not computed.
    fn computed(&self, name: &str) -> Option<Vec<Vec<u8>>> {
        let object = self.object;
        let text = |value: String| vec![value.into_bytes()];
        Some(match name {
            "objectclass" => {
                object.class.names().iter().map(|name| name.as_bytes().to_vec()).collect()
            }
            "objectcategory" => text(format!(
                "CN={},CN=Schema,CN=Configuration,{}",
                object.class.category(),
                self.replica.head
            )),
            "objectguid" => vec![object.guid.to_bytes().to_vec()],
            "objectsid" => object.sid.iter().map(Sid::to_value).collect(),
            "distinguishedname" => text(object.dn.to_string()),
            "name" => text(object.dn.name().unwrap_or_default().to_owned()),
            "whencreated" => text(generalized_time(object.created)),
            "whenchanged" => text(generalized_time(object.changed)),
            "usncreated" => text(object.usn_created.to_string()),
            "usnchanged" => text(object.usn_changed.to_string()),
            "memberof" => names(self.replica.direct_groups(object.guid).map(|group| &group.dn)),
            "member" if object.class == Class::Group => names(&self.replica.link_names(object)),
            "msds-psoappliesto" if object.class == Class::PasswordSettings => {
                names(&self.replica.link_names(object))
            }
            "tokengroups" if object.is_account() => {
                self.replica.token_groups(object).iter().map(Sid::to_value).collect()
            }
            "msds-resultantpso" => {
                names(self.replica.resultant_settings(object).map(|settings| &settings.dn))
            }
            "replpropertymetadata" => vec![metadata::encode(&object.writes)],
            DESCRIPTOR => self.descriptor(),
            COMPUTED_FLAGS if object.is_account() => {
                text(self.replica.computed_flags(object, self.now).to_string())
            }
            "allowedattributeseffective" => self.writable(),
            _ => return None,
        })
    }

    /// Reading the SACL takes a privilege that only administrators have; without the SD-flags control
    /// it is asked for, too, and nothing is returned to anybody else. The rest takes READ_CONTROL.
    fn descriptor(&self) -> Vec<Vec<u8>> {
        const SACL: u32 = 0x8;
        let parts = self.sd_parts.unwrap_or(0xf);
        if parts & SACL != 0 && !self.token.is_administrator() {
            return Vec::new();
        }
        if !self.access().allows(Wanted::Whole(mask::READ_CONTROL)) {
            return Vec::new();
        }
        self.replica.descriptor(self.object, parts).into_iter().collect()
    }

    fn writable(&self) -> Vec<Vec<u8>> {
        let writable = [Permission::WriteLockoutTime, Permission::WritePwdLastSet];
        let writable = writable.into_iter().filter(|permission| self.access().has(*permission));
        writable.map(|permission| permission.name().as_bytes().to_vec()).collect()
    }
}

impl Subject for Seen<'_> {
    fn values(&self, attribute: &str) -> Vec<Vec<u8>> {
        // What is computed on request cannot be searched for.
        if ON_REQUEST.contains(&attribute.to_ascii_lowercase().as_str()) {
            return Vec::new();
        }
        self.read(attribute)
    }

    fn is_there(&self, attribute: &str) -> bool {
        let always = ALWAYS_THERE.iter().any(|name| name.eq_ignore_ascii_case(attribute));
        always || !self.values(attribute).is_empty()
    }

    fn groups(&self) -> Vec<String> {
        let sids = self.replica.token_groups(self.object);
        let groups = sids.iter().filter_map(|sid| self.replica.with_sid(sid));
        groups.map(|group| group.dn.to_string()).collect()
    }
}

fn names<'a>(dns: impl IntoIterator<Item = &'a DistinguishedName>) -> Vec<Vec<u8>> {
    dns.into_iter().map(|dn| dn.to_string().into_bytes()).collect()
}

/// RFC 4517 section 3.3.13, as AD writes it: whole seconds, `.0Z`.
pub(crate) fn generalized_time(moment: Timestamp) -> String {
    let seconds = moment.as_seconds();
    let (days, rest) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
    let (year, month, day) = civil(days);
    let (hour, minute, second) = (rest / 3_600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}{hour:02}{minute:02}{second:02}.0Z")
}

/// The date of a day since 1970-01-01 in the Gregorian calendar. Counted from 1 March of year 0, so
/// that the leap day is a year's last.
fn civil(days: i64) -> (i64, i64, i64) {
    let days = days + 719_468;
    let (era, day_of_era) = (days.div_euclid(146_097), days.rem_euclid(146_097));
    let year_of_era =
        (day_of_era - day_of_era / 1_460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    (era * 400 + year_of_era + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_written_as_ad_writes_them() {
        for (seconds, text) in [
            (0, "19700101000000.0Z"),
            (951_782_399, "20000228235959.0Z"),
            (951_782_400, "20000229000000.0Z"),
            (1_709_251_199, "20240229235959.0Z"),
            (1_709_251_200, "20240301000000.0Z"),
            (1_795_381_238, "20261122210038.0Z"),
        ] {
            assert_eq!(generalized_time(Timestamp::from_millis(seconds * 1_000)), text);
        }
    }
}
