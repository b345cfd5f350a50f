//! What puts a person's account right, in the words of the tools of whoever runs the directory.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::AccountFlags;

use super::Subject;
use crate::permissions::{Remedy, powershell_quoted, quoted};

impl Subject<'_> {
    /// Either Samba's tool or Windows' PowerShell; both with the account named.
    fn by_tool(&self, samba: &str, windows: &str) -> Remedy {
        let (login, dn) = (&self.account.sam_account_name, self.account.dn.to_string());
        Remedy::command(if self.observed.asker.is_samba {
            samba.replace("LOGIN", &quoted(login))
        } else {
            windows.replace("DN", &powershell_quoted(&dn))
        })
    }

    /// Switches the account on. Never done by Passback itself (SPEC D-7).
    pub(super) fn enable(&self) -> Remedy {
        let samba = format!("samba-tool user enable LOGIN {}", self.observed.samba_target());
        self.by_tool(&samba, "Enable-ADAccount -Identity DN")
            .and("if the person should be able to sign in again")
    }

    /// Unlocks the account without another password.
    pub(super) fn unlock(&self) -> Remedy {
        let samba = format!("samba-tool user unlock LOGIN {}", self.observed.samba_target());
        self.by_tool(&samba, "Unlock-ADAccount -Identity DN")
            .and("to sign in with the present password; it ends by itself as the policy says")
    }

    /// Takes the account's end away.
    pub(super) fn no_end(&self) -> Remedy {
        let samba =
            format!("samba-tool user setexpiry LOGIN --noexpiry {}", self.observed.samba_target());
        self.by_tool(&samba, "Clear-ADAccountExpiration -Identity DN")
            .and("if the person should be able to sign in again")
    }

    /// Lets the account sign in with a password.
    pub(super) fn no_smart_card(&self) -> Remedy {
        let flags = self.account.flags.0;
        let without = flags & !AccountFlags::SMART_CARD_REQUIRED.0;
        if !self.observed.asker.is_samba {
            return self
                .by_tool("", "Set-ADUser -Identity DN -SmartcardLogonRequired $false")
                .and("if the person should sign in with a password, too");
        }
        // samba-tool takes the flag away only together with setting a password. The flags that were seen
        // are named, so that nothing is written over others: an account may be disabled by then.
        let dn = STANDARD.encode(self.account.dn.to_string());
        let lines = [
            format!("dn:: {dn}"),
            "changetype: modify".to_owned(),
            "delete: userAccountControl".to_owned(),
            format!("userAccountControl: {flags}"),
            "-".to_owned(),
            "add: userAccountControl".to_owned(),
            format!("userAccountControl: {without}"),
            "-".to_owned(),
        ];
        let lines = lines.map(|line| quoted(&line)).join(" ");
        Remedy::command(format!(
            "printf '%s\\n' {lines} | ldbmodify {}",
            self.observed.samba_target()
        ))
        .and("if the person should sign in with a password, too")
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
