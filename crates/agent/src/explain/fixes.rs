//! What puts a person's account right, in the words of the tools of whoever runs the directory.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use command::trail::rfc3339;
use directory::AccountFlags;

use super::Subject;
use crate::permissions::{Remedy, powershell_quoted, quoted};

impl Subject<'_> {
    /// By Windows' PowerShell, with the account named.
    fn by_powershell(&self, command: &str) -> Remedy {
        let dn = powershell_quoted(&self.account.dn.to_string());
        Remedy::command(command.replace("DN", &dn))
    }

    /// Writes something to the account, where Samba's tool has no word for that alone.
    fn by_ldif(&self, lines: &[String]) -> Remedy {
        let name = format!("dn:: {}", STANDARD.encode(self.account.dn.to_string()));
        let all = [&[name, "changetype: modify".to_owned()], lines].concat();
        let all = all.iter().map(|line| quoted(line)).collect::<Vec<_>>().join(" ");
        let target = self.observed.samba_target();
        Remedy::command(format!("printf '%s\\n' {all} | ldbmodify {target}"))
    }

    /// Takes one flag away, and leaves all others. Those that were seen are named, so that nothing is
    /// written over others: an account may be disabled by then.
    fn without(&self, flag: AccountFlags) -> Remedy {
        let flags = self.account.flags.0;
        self.by_ldif(&[
            "delete: userAccountControl".to_owned(),
            format!("userAccountControl: {flags}"),
            "-".to_owned(),
            "add: userAccountControl".to_owned(),
            format!("userAccountControl: {}", flags & !flag.0),
            "-".to_owned(),
        ])
    }

    /// Switches the account on. Never done by Passback itself (SPEC D-7).
    pub(super) fn enable(&self) -> Remedy {
        let remedy = match self.observed.asker.is_samba {
            // `samba-tool user enable` takes PASSWD_NOTREQD away as well.
            true => self.without(AccountFlags::DISABLED),
            false => self.by_powershell("Enable-ADAccount -Identity DN"),
        };
        remedy.and("if the person should be able to sign in again")
    }

    /// Unlocks the account without another password.
    pub(super) fn unlock(&self) -> Remedy {
        let remedy = match self.observed.asker.is_samba {
            true => {
                let login = quoted(&self.account.sam_account_name);
                let target = self.observed.samba_target();
                Remedy::command(format!("samba-tool user unlock {login} {target}"))
            }
            false => self.by_powershell("Unlock-ADAccount -Identity DN"),
        };
        let end = self.end_of_lockout();
        remedy.and(format!("to sign in with the present password; {end}"))
    }

    /// When a lockout is over that nobody ends, by the rules of the person's policy.
    fn end_of_lockout(&self) -> String {
        let rules = self.policy.rules.as_ref();
        match rules.and_then(|rules| rules.lockout_duration_seconds) {
            None => "whether it ends by itself is not known: how long a lockout lasts is hidden from the service account".to_owned(),
            Some(0) => "it does not end by itself: it lasts until somebody unlocks the account".to_owned(),
            Some(seconds) => {
                let after = format!("{seconds} s after it began");
                let end = self.account.lockout_time.map(|at| at.after(Duration::from_secs(seconds)));
                let on = end.map_or_else(String::new, |end| format!(", on {}", rfc3339(end)));
                format!("it ends by itself {after}{on}")
            }
        }
    }

    /// Takes the account's end away.
    pub(super) fn no_end(&self) -> Remedy {
        let remedy = match self.observed.asker.is_samba {
            // `samba-tool user setexpiry --noexpiry` has the password never expire as well.
            true => self.by_ldif(&[
                "replace: accountExpires".to_owned(),
                "accountExpires: 0".to_owned(),
                "-".to_owned(),
            ]),
            false => self.by_powershell("Clear-ADAccountExpiration -Identity DN"),
        };
        remedy.and("if the person should be able to sign in again")
    }

    /// Lets the account sign in with a password.
    pub(super) fn no_smart_card(&self) -> Remedy {
        let remedy = match self.observed.asker.is_samba {
            // samba-tool takes the flag away only together with setting a password.
            true => self.without(AccountFlags::SMART_CARD_REQUIRED),
            false => self.by_powershell("Set-ADUser -Identity DN -SmartcardLogonRequired $false"),
        };
        remedy.and("if the person should sign in with a password, too")
    }

    /// Takes an `adminCount` away that is left over.
    pub(super) fn no_admin_count(&self) -> Remedy {
        let command = format!(
            "passback-agent permissions grant --directory {} --inherit {}",
            quoted(self.settings.name.as_str()),
            quoted(&self.account.dn.to_string())
        );
        Remedy::command(command)
            .and("takes adminCount away, and turns inheritance on where it is off")
    }
}
