//! Signing in: names, passwords, and everything that keeps somebody out (SPEC D-10).

use directory::{AccountFlags, ObjectGuid, filetime};
use protocol::Timestamp;

use crate::answer::{Refused, SubCode};
use crate::groups::PROTECTED_USERS;
use crate::modify::Token;
use crate::object::Object;
use crate::replica::Replica;

/// The accounts of machines and of trusts.
const MACHINES: [AccountFlags; 3] =
    [AccountFlags::INTERDOMAIN_TRUST, AccountFlags::WORKSTATION_TRUST, AccountFlags::SERVER_TRUST];
/// Besides them, whose password never expires.
const NEVER_EXPIRE: [AccountFlags; 2] =
    [AccountFlags::PASSWORD_NEVER_EXPIRES, AccountFlags::SMART_CARD_REQUIRED];

impl Replica {
    /// A simple bind. Wrong passwords count, and lock the account out; of several reasons to refuse it
    /// the one is told that Samba was seen to tell.
    pub(crate) fn bind(
        &mut self,
        name: &str,
        password: &str,
        now: Timestamp,
    ) -> Result<Token, Refused> {
        let refused = |why| Err(Refused::bind(self.flavour, why));
        let Some(account) = self.account_named(name) else {
            return refused(SubCode::UnknownAccount);
        };
        let guid = account.guid;
        if self.is_in_protected_users(account) {
            return refused(SubCode::Restricted);
        }
        if self.is_locked(account, now) {
            return refused(SubCode::LockedOut);
        }
        if !account.secret.is(password) {
            self.count_wrong(guid, now);
            return Err(Refused::bind(self.flavour, SubCode::WrongPassword));
        }
        if let Some(why) = self.kept_out(account, now) {
            return refused(why);
        }
        let token = self.token(account);
        self.forgive(guid, now);
        Ok(token)
    }

    /// What keeps somebody out who knows the password.
    fn kept_out(&self, account: &Object, now: Timestamp) -> Option<SubCode> {
        let end = filetime::expiry(account.number("accountExpires"));
        if flags(account).contains(AccountFlags::DISABLED) {
            return Some(SubCode::Disabled);
        }
        if end.is_some_and(|end| end <= now) {
            return Some(SubCode::AccountExpired);
        }
        if expires(flags(account)) {
            if account.number("pwdLastSet") == 0 {
                return Some(SubCode::MustChange);
            }
            if self.is_too_old(account, now) {
                return Some(SubCode::PasswordExpired);
            }
        }
        // A simple bind does not say which machine it comes from: the controller lets none of a list in,
        // be the client's address or name on it or not (as tried).
        if !account.values.all("userWorkstations").iter().all(Vec::is_empty) {
            return Some(SubCode::NotFromHere);
        }
        (!is_allowed_at(account, now)).then_some(SubCode::NotNow)
    }

    /// Whether it is one of those whom no controller takes a simple bind from, whatever else there is.
    fn is_in_protected_users(&self, account: &Object) -> bool {
        let group = self.sid_of(PROTECTED_USERS);
        group.is_ok_and(|group| self.token_groups(account).contains(&group))
    }

    /// Whether too many wrong passwords keep the account out at present. No machine is ever kept
    /// out (MS-ADTS 3.1.1.4.5.17).
    pub(crate) fn is_locked(&self, account: &Object, now: Timestamp) -> bool {
        let since = account.number("lockoutTime");
        let duration = self.policy_of(account).lockout_duration;
        let holds = duration.is_zero() || filetime::moment(since).after(duration) > now;
        since != 0 && holds && !is_machine(flags(account))
    }

    fn is_too_old(&self, account: &Object, now: Timestamp) -> bool {
        let age = now.since(filetime::moment(account.number("pwdLastSet")));
        self.policy_of(account).maximum_age.is_some_and(|limit| age >= limit)
    }

    /// The flags that depend on the time: ADS_UF_LOCKOUT and ADS_UF_PASSWORD_EXPIRED (MS-ADTS
    /// 3.1.1.4.5.17), with the account's policy, whoever asks.
    pub(crate) fn computed_flags(&self, account: &Object, now: Timestamp) -> u32 {
        let must_change = account.number("pwdLastSet") == 0;
        let expired = expires(flags(account)) && (must_change || self.is_too_old(account, now));
        let flag = |is_set: bool, bit: u32| if is_set { bit } else { 0 };
        flag(self.is_locked(account, now), 0x10) | flag(expired, 0x80_0000)
    }

    /// Counts a wrong password; those of long ago are forgotten.
    pub(crate) fn count_wrong(&mut self, guid: ObjectGuid, now: Timestamp) {
        let Some(account) = self.object(guid) else { return };
        let policy = self.policy_of(account);
        let last = filetime::moment(account.number("badPasswordTime"));
        let fresh = last.after(policy.lockout_window) > now;
        let count = if fresh { account.number("badPwdCount") + 1 } else { 1 };
        let threshold = i64::from(policy.lockout_threshold);
        let locks = threshold > 0 && count >= threshold && !is_machine(flags(account));
        let written: &[&str] = if locks { &["lockoutTime"] } else { &[] };
        let steps = filetime::from_moment(now).to_string();
        // It is there: it was read above.
        let _ = self.write(guid, written, now, |account| {
            account.values.put("badPwdCount", count.to_string());
            account.values.put("badPasswordTime", steps.clone());
            if locks {
                account.values.put("lockoutTime", steps);
            }
        });
    }

    /// A sign-in that worked makes earlier wrong ones forgotten, and a lockout that has run out.
    fn forgive(&mut self, guid: ObjectGuid, now: Timestamp) {
        let steps = filetime::from_moment(now).to_string();
        let _ = self.write(guid, &[], now, |account| {
            account.values.put("badPwdCount", "0");
            account.values.put("lastLogon", steps);
            // Whose was never written keeps it so.
            if account.number("lockoutTime") != 0 {
                account.values.put("lockoutTime", "0");
            }
        });
    }

    /// The account that a name stands for: a DN, `login@domain`, a `userPrincipalName`,
    /// `DOMAIN\login` (MS-ADTS 5.1.1.1.1).
    fn account_named(&self, name: &str) -> Option<&Object> {
        let found = match name.split_once('\\') {
            Some((workgroup, login)) if workgroup.eq_ignore_ascii_case(&self.workgroup) => {
                self.login(login)
            }
            _ => self.by_principal(name).or_else(|| self.named(&name.parse().ok()?)),
        };
        found.filter(|object| object.is_account())
    }

    fn by_principal(&self, name: &str) -> Option<&Object> {
        let principal = self.objects().find(|object| {
            let principal = object.values.text("userPrincipalName");
            principal.is_some_and(|principal| principal.eq_ignore_ascii_case(name))
        });
        principal.or_else(|| {
            let (login, domain) = name.rsplit_once('@')?;
            let ours = [self.domain.as_str(), self.workgroup.as_str()];
            let is_ours = ours.iter().any(|one| one.eq_ignore_ascii_case(domain));
            if is_ours { self.login(login) } else { None }
        })
    }
}

/// `userAccountControl` of an account.
pub(crate) fn flags(account: &Object) -> AccountFlags {
    let stored = i32::try_from(account.number("userAccountControl")).unwrap_or_default();
    AccountFlags(stored.cast_unsigned())
}

/// Whether an account's password expires, so that another one may be asked for (MS-ADTS 3.1.1.4.5.33,
/// MS-SAMR 3.1.5.14.4).
fn expires(set: AccountFlags) -> bool {
    !is_machine(set) && !NEVER_EXPIRE.iter().any(|flag| set.contains(*flag))
}

fn is_machine(set: AccountFlags) -> bool {
    MACHINES.iter().any(|flag| set.contains(*flag))
}

/// Whether `logonHours`, a bit for each hour of a week in UTC from Sunday's first one on, has that of this
/// moment. Who has none may sign in at any time.
fn is_allowed_at(account: &Object, now: Timestamp) -> bool {
    // 1970 began on a Thursday.
    let hour = (now.as_seconds().div_euclid(3_600) + 4 * 24).rem_euclid(7 * 24);
    let hours = account.values.all("logonHours").first();
    let byte = usize::try_from(hour / 8).ok().and_then(|at| hours?.get(at));
    byte.is_none_or(|byte| byte >> (hour % 8) & 1 != 0)
}
