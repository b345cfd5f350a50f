//! Who holds the PDC role, by the word of DNS and of the controllers (SPEC D-5): a role that has moved is
//! named as such, and not as a controller that is down.

use directory::{DirectoryError, LdapDirectory};
use futures_util::future::join_all;

use super::Line;
use crate::permissions::{Remedy, quoted};
use crate::settings::DirectorySettings;

/// How many controllers are asked who holds the role.
const ASKED_MAX: usize = 8;

/// What DNS and the controllers say.
#[derive(Debug, Clone, Default)]
pub(super) struct Role {
    /// The domain's DNS name.
    pub(super) domain: String,
    /// Whom DNS names.
    pub(super) in_dns: Vec<String>,
    /// What each controller that answers says.
    pub(super) words: Vec<Word>,
}

/// What one controller says.
#[derive(Debug, Clone)]
pub(super) struct Word {
    /// The controller.
    pub(super) by: String,
    /// It is Samba.
    pub(super) is_samba: bool,
    /// Who holds the role.
    pub(super) holder: String,
}

/// Asks DNS and the controllers; whoever does not answer has no word.
pub(super) async fn ask(settings: &DirectorySettings, directory: &LdapDirectory) -> Role {
    let mut hosts = directory.controllers().await.unwrap_or_default();
    for host in &settings.controllers {
        if !names(&hosts, host) {
            hosts.push(host.clone());
        }
    }
    hosts.truncate(ASKED_MAX);
    let words = join_all(hosts.iter().map(|host| word(directory, host))).await;
    Role {
        domain: settings.domain.clone(),
        in_dns: directory.pdc_in_dns().await.unwrap_or_default(),
        words: words.into_iter().flatten().collect(),
    }
}

async fn word(directory: &LdapDirectory, host: &str) -> Option<Word> {
    let controller = directory.at(host).await.ok()?;
    let holder = controller.pdc().await.ok()?;
    Some(Word { by: controller.host().to_owned(), is_samba: controller.is_samba(), holder })
}

fn names(hosts: &[String], host: &str) -> bool {
    hosts.iter().any(|other| other.eq_ignore_ascii_case(host))
}

impl Role {
    /// What is to be told where the PDC emulator cannot be asked, `error` being why; none where the
    /// role is where DNS says, or nobody knows where it is.
    pub(super) fn moved(&self, error: &DirectoryError) -> Option<Line> {
        let own = self.words.iter().find(|word| word.by.eq_ignore_ascii_case(&word.holder));
        let word = own.or_else(|| self.words.first())?;
        let holder = &word.holder;
        if names(&self.in_dns, holder) {
            return None;
        }
        if own.is_some() {
            let text = match self.in_dns.is_empty() {
                true => self.said_of(holder),
                false => format!("{}, which cannot be asked", self.said_of(holder)),
            };
            return Some(Line::stopping(text).with(self.registered(holder, word.is_samba)));
        }
        let text = format!("{}, and {holder} cannot be asked: {error}", self.said_of(holder));
        Some(Line::stopping(text).with(back_or_given(holder, word)))
    }

    /// What is to be told where the PDC emulator was found all the same; none where DNS names it, and
    /// nobody else.
    pub(super) fn in_dns_only(&self, holder: &str, is_samba: bool) -> Option<Line> {
        let others = self.others(holder);
        let remedy = || self.registered(holder, is_samba);
        match (names(&self.in_dns, holder), others.is_empty()) {
            (_, true) => None,
            (false, false) => {
                // By the word of whoever DNS names, or of another controller where that one is gone.
                let text = format!(
                    "{}; the role is followed as long as a controller answers that knows the holder",
                    self.said_of(holder)
                );
                Some(Line::bad(text).with(remedy()))
            }
            (true, false) => {
                let text = format!(
                    "DNS ({}) names {} as the PDC emulator besides {holder}, which holds the role",
                    self.record(),
                    others.join(" and ")
                );
                Some(Line::bad(text).with(remedy()))
            }
        }
    }

    fn record(&self) -> String {
        format!("_ldap._tcp.pdc._msdcs.{}", self.domain)
    }

    fn others(&self, holder: &str) -> Vec<&str> {
        let others = self.in_dns.iter().filter(|host| !host.eq_ignore_ascii_case(holder));
        others.map(String::as_str).collect()
    }

    fn said_of(&self, holder: &str) -> String {
        let record = self.record();
        match &self.in_dns[..] {
            [] => format!("DNS names no PDC emulator ({record}), and {holder} holds the role"),
            hosts => format!(
                "the PDC role has moved to {holder}, and DNS ({record}) still names {}",
                hosts.join(" and ")
            ),
        }
    }

    /// Makes DNS name the holder, and nobody else.
    fn registered(&self, holder: &str, is_samba: bool) -> Remedy {
        let zone = format!("_msdcs.{}", self.domain);
        let (server, zone) = (quoted(holder), quoted(&zone));
        let mut commands = Vec::new();
        if is_samba {
            let one = |verb: &str, host: &str| {
                let target = quoted(&format!("{host} 389 0 100"));
                format!(
                    "samba-tool dns {verb} {server} {zone} _ldap._tcp.pdc SRV {target} -U Administrator"
                )
            };
            if !names(&self.in_dns, holder) {
                commands.push(one("add", holder));
            }
            commands.extend(self.others(holder).into_iter().map(|host| one("delete", host)));
            return Remedy { commands, note: None };
        }
        if !names(&self.in_dns, holder) {
            commands.push(format!("nltest /server:{holder} /dsregdns"));
        }
        commands.extend(self.others(holder).into_iter().map(|host| {
            format!("dnscmd {holder} /RecordDelete {zone} _ldap._tcp.pdc SRV 0 100 389 {host}. /f")
        }));
        Remedy { commands, note: None }.and(
            "each controller's Netlogon registers and removes its records by itself, where it may write to the zone; in a child domain the record stands in the zone of the domain",
        )
    }
}

/// Brings a holder back that cannot be asked, or gives the role to a controller that answers.
fn back_or_given(holder: &str, word: &Word) -> Remedy {
    let by = &word.by;
    let give = match word.is_samba {
        true => format!("`samba-tool fsmo seize --role=pdc` on {by}"),
        false => format!(
            "`Move-ADDirectoryServerOperationMasterRole -Identity {by} -OperationMasterRole PDCEmulator -Force`"
        ),
    };
    Remedy::note(format!(
        "start {holder}, or open the way to it; if it is gone for good, give the role to {by} ({give})"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    const PDC: [&str; 3] = ["dc1.corp.example", "dc2.corp.example", "dc3.corp.example"];

    fn role(in_dns: &[&str], words: &[(&str, &str)]) -> Role {
        let word = |(by, holder): &(&str, &str)| Word {
            by: (*by).to_owned(),
            is_samba: false,
            holder: (*holder).to_owned(),
        };
        Role {
            domain: "corp.example".to_owned(),
            in_dns: in_dns.iter().map(|host| (*host).to_owned()).collect(),
            words: words.iter().map(word).collect(),
        }
    }

    fn down() -> DirectoryError {
        DirectoryError::PdcUnreachable { cause: "connecting: no".to_owned() }
    }

    #[test]
    fn a_role_is_called_moved_only_where_a_controller_says_so() {
        let [first, second, third] = PDC;
        assert!(role(&[first], &[]).moved(&down()).is_none(), "nobody answers");
        assert!(role(&[first], &[(second, first)]).moved(&down()).is_none(), "it is down");
        let stale = role(&[first], &[(third, first), (second, second)]).moved(&down()).unwrap();
        assert!(stale.stops && stale.text.contains("moved to dc2.corp.example, and DNS"));
        let away = role(&[first], &[(first, second)]).moved(&down()).unwrap();
        assert!(away.text.contains("dc2.corp.example cannot be asked: the PDC"), "{}", away.text);
        assert!(away.remedy.commands.is_empty(), "DNS is not what stops it");
    }

    #[test]
    fn dns_is_made_to_name_the_holder_and_nobody_else() {
        let [first, second, _] = PDC;
        assert!(role(&[second], &[]).in_dns_only("DC2.corp.example", false).is_none());
        let both = role(&[first, second], &[]).in_dns_only(second, true).unwrap();
        assert!(!both.stops);
        let [delete] = &both.remedy.commands[..] else { panic!("{:?}", both.remedy) };
        assert!(delete.contains("dns delete") && delete.contains("'dc1.corp.example 389 0 100'"));
        let none = role(&[], &[(second, second)]).moved(&down()).unwrap();
        assert!(none.text.starts_with("DNS names no PDC emulator"), "{}", none.text);
        let [register] = &none.remedy.commands[..] else { panic!("{:?}", none.remedy) };
        assert_eq!(register, "nltest /server:dc2.corp.example /dsregdns");
    }
}
