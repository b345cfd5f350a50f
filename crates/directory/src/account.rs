//! An account as the agent must know it before it touches its password (SPEC D-6, D-7).

mod hidden;

pub use hidden::Hidden;
use hidden::Reader;

use std::time::Duration;

use protocol::{PasswordPolicy, Timestamp};
use tracing::{debug, error};

use crate::attributes::Entry;
use crate::security::{self, Requester, SecurityDescriptor};
use crate::{Attributes, DirectoryError, DistinguishedName, ObjectGuid, Sid, filetime};

/// The attributes that [`Account`] is read from, but for its groups.
pub(crate) const STORED: &[&str] = &[
    "objectGUID",
    "objectSid",
    "objectClass",
    "sAMAccountName",
    "userPrincipalName",
    "displayName",
    "userAccountControl",
    "adminCount",
    "lockoutTime",
    LOCKED_NOW,
    "pwdLastSet",
    "accountExpires",
    security::ATTRIBUTE,
];
/// The flags of an account that follow from the time (MS-ADTS 3.1.1.4.5.17): worked out by the controller,
/// with the policy that counts, whether who asks may read that one or not.
const LOCKED_NOW: &str = "msDS-User-Account-Control-Computed";
/// ADS_UF_LOCKOUT among them (MS-ADTS 2.2.16).
const LOCKOUT: u32 = 0x10;
/// The groups of an [`Account`]. Computed by the controller and only returned when asked for by name,
/// on a search of the object itself.
pub(crate) const GROUPS: &str = "tokenGroups";

/// A user account of the directory, as it was at one moment.
#[derive(Debug, Clone)]
pub struct Account {
    /// What names it for ever.
    pub guid: ObjectGuid,
    /// Where it stood when it was read.
    pub dn: DistinguishedName,
    /// `objectSid`.
    pub sid: Sid,
    /// `sAMAccountName`.
    pub sam_account_name: String,
    /// `userPrincipalName`.
    pub user_principal_name: Option<String>,
    /// `displayName`.
    pub display_name: Option<String>,
    /// `userAccountControl`.
    pub flags: AccountFlags,
    /// `adminCount` is 1 (or more): it is, or once was, in a protected group. False where it is absent
    /// and the DACL is hidden, which would say whether it could be seen.
    pub admin_count: bool,
    /// When it was locked out; the lock may have run out since. None if it is not locked.
    pub lockout_time: Option<Timestamp>,
    /// Whether it is locked out, as the controller works it out; none where it does not say.
    pub locked_now: Option<bool>,
    /// When the password was last set.
    pub pwd_last_set: PwdLastSet,
    /// The same in AD's own steps of 100 ns since 1601, which its minimum age is counted in; 0 is
    /// never, or hidden.
    pub pwd_last_set_steps: i64,
    /// When the account ends, if it does.
    pub account_expires: Option<Timestamp>,
    /// `objectClass`, most general first, as the directory returns it.
    pub object_classes: Vec<String>,
    /// The groups that it is a member of: nested ones and the primary group included
    /// (`tokenGroups`, MS-ADTS 3.1.1.4.5.19). Never empty.
    pub group_sids: Vec<Sid>,
    /// *User cannot change password* (SPEC D-7): read out of the account's DACL, where it stands.
    /// False where the DACL is hidden from the service account. By default every account that can
    /// sign in may read it; a domain that took this away would otherwise reset nobody any more, and
    /// AD itself enforces the setting on a change only, never on a reset.
    pub cannot_change_password: bool,
    /// The service account lacks Change Password on it (SPEC D-12), by the account's DACL. False where that
    /// is hidden from it.
    pub service_may_not_change: bool,
    /// What the service account may not read of it.
    pub hidden: Hidden,
}

/// `pwdLastSet`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PwdLastSet {
    /// 0: never set, or to be changed at the next sign-in.
    Never,
    /// When.
    At(Timestamp),
    /// Absent: every account is made with a value (MS-SAMR 3.1.1.8.1), which is hidden from the service
    /// account.
    Hidden,
}

impl PwdLastSet {
    /// Reads the attribute's value, in steps of 100 ns since 1601 (FILETIME, MS-DTYP 2.3.3); none
    /// if it is absent.
    pub(crate) fn of(steps: Option<i64>) -> Self {
        match steps {
            None => Self::Hidden,
            Some(0) => Self::Never,
            Some(steps) => Self::At(filetime::moment(steps)),
        }
    }
}

/// The bits of `userAccountControl` (MS-ADTS 2.2.16).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AccountFlags(pub u32);

impl AccountFlags {
    /// ADS_UF_ACCOUNTDISABLE.
    pub const DISABLED: Self = Self(0x2);
    /// ADS_UF_PASSWD_NOTREQD.
    pub const PASSWORD_NOT_REQUIRED: Self = Self(0x20);
    /// ADS_UF_NORMAL_ACCOUNT.
    pub const NORMAL: Self = Self(0x200);
    /// ADS_UF_INTERDOMAIN_TRUST_ACCOUNT.
    pub const INTERDOMAIN_TRUST: Self = Self(0x800);
    /// ADS_UF_WORKSTATION_TRUST_ACCOUNT.
    pub const WORKSTATION_TRUST: Self = Self(0x1000);
    /// ADS_UF_SERVER_TRUST_ACCOUNT.
    pub const SERVER_TRUST: Self = Self(0x2000);
    /// ADS_UF_DONT_EXPIRE_PASSWD.
    pub const PASSWORD_NEVER_EXPIRES: Self = Self(0x1_0000);
    /// ADS_UF_SMARTCARD_REQUIRED.
    pub const SMART_CARD_REQUIRED: Self = Self(0x4_0000);

    /// Whether all bits of `other` are set.
    pub const fn contains(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

impl Account {
    /// Whether it is switched off.
    pub const fn is_disabled(&self) -> bool {
        self.flags.contains(AccountFlags::DISABLED)
    }

    /// Whether its end date has passed.
    pub fn is_expired(&self, now: Timestamp) -> bool {
        self.account_expires.is_some_and(|end| end <= now)
    }

    /// Whether it signs in with a smart card only.
    pub const fn requires_smart_card(&self) -> bool {
        self.flags.contains(AccountFlags::SMART_CARD_REQUIRED)
    }

    /// Whether it is locked out: as the controller says, and where it does not, by the rules of its
    /// policy. None where neither is known: it was locked, and that may have run out.
    pub fn is_locked(&self, rules: Option<&PasswordPolicy>, now: Timestamp) -> Option<bool> {
        if self.locked_now.is_some() {
            return self.locked_now;
        }
        let Some(locked_at) = self.lockout_time else {
            return (!self.hidden.lockout_time).then_some(false);
        };
        let duration = rules.and_then(|rules| rules.lockout_duration_seconds);
        duration.map(|seconds| seconds == 0 || locked_at.after(Duration::from_secs(seconds)) > now)
    }

    /// Whether nobody has locked it out since it was last unlocked, for certain.
    pub const fn is_unlocked(&self) -> bool {
        self.lockout_time.is_none() && !self.hidden.lockout_time
    }

    /// Whether its password never expires, so that it cannot be made to change at next sign-in.
    pub const fn password_never_expires(&self) -> bool {
        self.flags.contains(AccountFlags::PASSWORD_NEVER_EXPIRES)
    }

    /// Whether nobody ever asks it for another password at a sign-in, whatever `pwdLastSet` is
    /// (MS-SAMR 3.1.5.14.4; machines and trusts are not asked either).
    pub const fn is_never_asked_to_change(&self) -> bool {
        self.password_never_expires() || self.requires_smart_card()
    }

    /// Whether it is no person's: a computer, a managed service account (both of class `computer`)
    /// or a trust (SPEC D-6).
    pub fn is_computer_or_trust(&self) -> bool {
        let machine = AccountFlags::INTERDOMAIN_TRUST.0
            | AccountFlags::WORKSTATION_TRUST.0
            | AccountFlags::SERVER_TRUST.0;
        self.flags.0 & machine != 0
            || !self.flags.contains(AccountFlags::NORMAL)
            || self.object_classes.iter().any(|class| class.eq_ignore_ascii_case("computer"))
    }

    /// How long ago the password was last set.
    pub fn password_age(&self, now: Timestamp) -> Option<Duration> {
        match self.pwd_last_set {
            PwdLastSet::Never | PwdLastSet::Hidden => None,
            PwdLastSet::At(moment) => Some(now.since(moment)),
        }
    }
}

impl TryFrom<Entry> for Account {
    type Error = DirectoryError;

    /// Whatever protection is decided by must be readable: an account whose groups or flags are
    /// hidden from the service account is an error, never an account without groups or flags. An
    /// `adminCount`, which most accounts lack, is hidden by the word of the DACL ([`Account::read`]).
    fn try_from(entry: Entry) -> Result<Self, DirectoryError> {
        Self::read(entry, None)
    }
}

impl Account {
    /// The same for whoever asks: what is absent and may not be read is hidden.
    ///
    /// # Errors
    /// Those of its `TryFrom`.
    pub fn read(entry: Entry, who: Option<&Requester>) -> Result<Self, DirectoryError> {
        let Entry { dn, attributes } = entry;
        let sid = attributes.sids("objectSid")?.pop();
        let group_sids = attributes.sids(GROUPS)?;
        let lockout_time = attributes.parsed::<i64>("lockoutTime")?.filter(|steps| *steps != 0);
        let locked_now = attributes.parsed::<i32>(LOCKED_NOW)?;
        let account_expires = attributes.parsed::<i64>("accountExpires")?;
        let sid = sid.ok_or(DirectoryError::Unreadable { attribute: "objectSid" })?;
        let descriptor = descriptor(&dn, &attributes)?;
        let reader =
            Reader { sid: &sid, attributes: &attributes, descriptor: descriptor.as_ref(), who };
        if group_sids.is_empty() {
            return Err(reader.without_groups());
        }
        let hidden = reader.hidden()?;
        let person = Requester::person(group_sids.iter().chain([&sid]).cloned());
        // Of nobody in particular, the controller is not known.
        let person = person.at(who.is_some_and(|who| !who.heeds_owner_rights()));
        let fixed = |held| security::cannot_change_password(held, &person);
        Ok(Self {
            guid: attributes.guid()?,
            cannot_change_password: descriptor.as_ref().is_some_and(fixed),
            service_may_not_change: reader.may_not_change(),
            hidden,
            sid,
            sam_account_name: attributes.required("sAMAccountName")?,
            user_principal_name: attributes.text("userPrincipalName").map(str::to_owned),
            display_name: attributes.text("displayName").map(str::to_owned),
            // Stored as a signed number; the bits are what counts.
            flags: AccountFlags(attributes.required::<i32>("userAccountControl")?.cast_unsigned()),
            admin_count: attributes.parsed::<i32>("adminCount")?.is_some_and(|count| count != 0),
            lockout_time: lockout_time.map(filetime::moment),
            locked_now: locked_now.map(|flags| flags.cast_unsigned() & LOCKOUT != 0),
            pwd_last_set: PwdLastSet::of(attributes.parsed("pwdLastSet")?),
            pwd_last_set_steps: attributes.parsed("pwdLastSet")?.unwrap_or_default(),
            account_expires: account_expires.and_then(filetime::expiry),
            object_classes: attributes.texts("objectClass").map(str::to_owned).collect(),
            group_sids,
            dn,
        })
    }
}

/// What a hidden descriptor means stands at [`Account::cannot_change_password`] and [`Hidden`]; one
/// that is there and cannot be read is an error, never the absence of a setting.
fn descriptor(
    dn: &DistinguishedName,
    attributes: &Attributes,
) -> Result<Option<SecurityDescriptor>, DirectoryError> {
    let Some(value) = attributes.value(security::ATTRIBUTE) else {
        debug!(%dn, "directory.account.descriptor_hidden");
        return Ok(None);
    };
    let descriptor = SecurityDescriptor::from_value(value).map_err(|cause| {
        error!(%dn, %cause, "directory.account.descriptor_unreadable");
        DirectoryError::Unreadable { attribute: security::ATTRIBUTE }
    })?;
    Ok(Some(descriptor))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    /// Jan, a plain account that may do nothing special.
    pub(crate) fn attributes() -> Attributes {
        let mut attributes = Attributes::default();
        let sid = |text: &str| text.parse::<Sid>().unwrap().to_value();
        attributes.insert("objectGUID", [7; 16]);
        attributes.insert("objectSid", sid("S-1-5-21-1-2-3-1104"));
        attributes.insert("sAMAccountName", "jdevries");
        attributes.insert("displayName", "Jan de Vries");
        attributes.insert("userAccountControl", "512");
        attributes.insert("pwdLastSet", "133500000000000000");
        attributes.insert("accountExpires", "9223372036854775807");
        attributes.insert("objectClass", "top");
        attributes.insert("objectClass", "user");
        attributes.insert("tokenGroups", sid("S-1-5-21-1-2-3-513"));
        attributes
    }

    /// The same with other values for some attributes; an empty one removes it.
    pub(crate) fn account_with(changes: &[(&str, &str)]) -> Result<Account, DirectoryError> {
        let mut changed = Attributes::default();
        for (name, values) in attributes().iter() {
            if changes.iter().all(|(other, _)| !other.eq_ignore_ascii_case(name)) {
                values.iter().for_each(|value| changed.insert(name, value.clone()));
            }
        }
        for (name, value) in changes.iter().filter(|(_, value)| !value.is_empty()) {
            changed.insert(name, *value);
        }
        let dn = "CN=Jan de Vries,OU=People,DC=corp,DC=example".parse().unwrap();
        Account::try_from(Entry { dn, attributes: changed })
    }

    #[test]
    fn a_plain_account_is_read() {
        let jan = account_with(&[]).unwrap();
        assert_eq!(jan.sam_account_name, "jdevries");
        assert!(!jan.is_disabled() && !jan.requires_smart_card() && !jan.is_computer_or_trust());
        assert!(!jan.is_expired(Timestamp::from_millis(i64::MAX)));
        assert_eq!((jan.admin_count, jan.lockout_time), (false, None));
        assert_eq!(jan.pwd_last_set, PwdLastSet::At(Timestamp::from_millis(1_705_526_400_000)));
    }

    #[test]
    fn hidden_groups_or_flags_are_an_error_and_not_their_absence() {
        for hidden in ["tokenGroups", "userAccountControl", "objectSid", "sAMAccountName"] {
            let read = account_with(&[(hidden, "")]);
            assert_eq!(read.err(), Some(DirectoryError::Unreadable { attribute: hidden }));
        }
    }

    #[test]
    fn who_cannot_change_the_password_is_read_out_of_the_descriptor() {
        let with = |descriptor: &[u8]| {
            let mut attributes = attributes();
            attributes.insert(security::ATTRIBUTE, descriptor);
            let dn = "CN=Jan de Vries,OU=People,DC=corp,DC=example".parse().unwrap();
            Account::try_from(Entry { dn, attributes }).map(|jan| jan.cannot_change_password)
        };
        // A DACL that grants nothing, none at all, and one that leads out of the descriptor.
        let empty =
            [&[1, 0, 4, 0x80][..], &[0; 12], &[20, 0, 0, 0, 2, 0, 8, 0, 0, 0, 0, 0]].concat();
        assert_eq!(with(&empty), Ok(true));
        assert_eq!(with(&[&[1, 0, 0, 0x80][..], &[0; 16]].concat()), Ok(false));
        let unreadable = DirectoryError::Unreadable { attribute: security::ATTRIBUTE };
        assert_eq!(with(&empty[..24]), Err(unreadable));
        assert!(!account_with(&[]).unwrap().cannot_change_password, "hidden");
    }

    #[test]
    fn flags_say_what_the_account_may_do() {
        let with = |flags: &str| account_with(&[("userAccountControl", flags)]).unwrap();
        assert!(with("514").is_disabled());
        assert!(with("262656").requires_smart_card());
        assert!(with("66048").password_never_expires());
        assert!(with("66048").is_never_asked_to_change());
        assert!(with("262656").is_never_asked_to_change());
        assert!(!with("512").is_never_asked_to_change());
        assert!(with("4096").is_computer_or_trust());
        assert!(with("532480").is_computer_or_trust());
        assert!(with("2080").is_computer_or_trust());
        // A signed number as controllers write it.
        assert!(!with("-2147483136").is_disabled());
    }

    #[test]
    fn whether_a_lock_still_holds_is_the_controllers_word_or_the_rules_or_not_known() {
        // Asked half an hour after it was locked.
        let since = ("lockoutTime", "134402544000000000");
        let now = Timestamp::from_millis(1_795_782_600_000);
        let computed = |flags| account_with(&[since, (LOCKED_NOW, flags)]).unwrap();
        assert_eq!(computed("16").is_locked(None, now), Some(true));
        // Whoever reads no rules knows that it has run out; other flags say nothing of it.
        assert_eq!(computed("0").is_locked(None, now), Some(false));
        assert_eq!(computed("8388608").is_locked(None, now), Some(false));
        let alone = account_with(&[since]).unwrap();
        let of = |seconds| PasswordPolicy {
            lockout_duration_seconds: seconds,
            ..PasswordPolicy::default()
        };
        for (seconds, locked) in [
            (Some(0), Some(true)),
            (Some(1_801), Some(true)),
            (Some(1_800), Some(false)),
            (None, None),
        ] {
            assert_eq!(alone.is_locked(Some(&of(seconds)), now), locked, "{seconds:?}");
        }
        assert_eq!(alone.is_locked(None, now), None);
        assert_eq!(account_with(&[]).unwrap().is_locked(None, now), Some(false));
    }

    #[test]
    fn a_managed_service_account_is_a_computer() {
        assert!(account_with(&[("objectClass", "computer")]).unwrap().is_computer_or_trust());
    }

    #[test]
    fn a_password_to_be_changed_was_never_set_and_when_may_be_hidden() {
        for (steps, read) in [("0", PwdLastSet::Never), ("", PwdLastSet::Hidden)] {
            let jan = account_with(&[("pwdLastSet", steps)]).unwrap();
            assert_eq!(jan.pwd_last_set, read);
            assert_eq!(jan.password_age(Timestamp::from_millis(0)), None);
        }
    }

    #[test]
    fn an_account_expires_at_its_end_date() {
        let jan = account_with(&[("accountExpires", "116444736000000000")]).unwrap();
        assert!(jan.is_expired(Timestamp::from_millis(0)));
        assert!(!jan.is_expired(Timestamp::from_millis(-1)));
    }
}
