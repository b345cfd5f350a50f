//! Who holds the PDC role, by the word of DNS and of the controllers (SPEC D-5): a role that has moved is
//! named as such, and not as a controller that is down.

use std::time::Duration;

use directory::{DirectoryError, LdapDirectory};
use futures_util::StreamExt as _;
use futures_util::stream::FuturesUnordered;
use protocol::{Clock, timeout};

use super::Line;
use crate::permissions::{Remedy, quoted};
use crate::settings::DirectorySettings;

/// How many controllers are asked who holds the role.
const ASKED_MAX: usize = 8;
/// How many times the limit of connecting they may take together.
const ASKING_TIMES: u32 = 4;

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

/// Asks DNS and the controllers, where only the preferred ones may be asked those; whoever does not answer
/// in time has no word.
pub(super) async fn ask(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    clock: &dyn Clock,
) -> Role {
    let mut hosts: Vec<String> = Vec::new();
    let named = match settings.only_preferred {
        true => Vec::new(),
        false => directory.controllers().await.unwrap_or_default(),
    };
    for host in settings.controllers.iter().chain(&named) {
        if !names(&hosts, host) {
            hosts.push(host.clone());
        }
    }
    hosts.truncate(ASKED_MAX);
    let one = async |host: &str| said(directory, host).await;
    Role {
        domain: settings.domain.clone(),
        in_dns: directory.pdc_in_dns().await.unwrap_or_default(),
        words: words(&hosts, one, settings.connect_timeout, clock).await,
    }
}

/// What comes of asking a controller.
enum Said {
    /// It lets the service account in, and may say who holds the role.
    LetIn(Option<Word>),
    /// It refuses the password, or the account.
    Refused,
    /// It cannot be asked.
    Nothing,
}

async fn said(directory: &LdapDirectory, host: &str) -> Said {
    match directory.at(host).await {
        Ok(controller) => Said::LetIn(controller.pdc().await.ok().map(|holder| Word {
            by: controller.host().to_owned(),
            is_samba: controller.is_samba(),
            holder,
        })),
        Err(DirectoryError::BindRefused { .. }) => Said::Refused,
        Err(_) => Said::Nothing,
    }
}

/// What they say until the time is over, in the order in which they are asked: one after the other, each for
/// this long, until one lets the service account in, and then all others at once. Where one refuses its
/// password nobody else is asked: it would be the same everywhere, and each of them counts it towards
/// locking the account out.
async fn words(
    hosts: &[String],
    ask: impl AsyncFn(&str) -> Said,
    each: Duration,
    clock: &dyn Clock,
) -> Vec<Word> {
    let mut heard: Vec<(usize, Word)> = Vec::new();
    let asking = async {
        let mut asked = hosts.iter().enumerate();
        for (place, host) in asked.by_ref() {
            match timeout(clock, each, ask(host)).await {
                Ok(Said::LetIn(word)) => {
                    heard.extend(word.map(|word| (place, word)));
                    break;
                }
                Ok(Said::Refused) => return,
                Ok(Said::Nothing) | Err(_) => {}
            }
        }
        let others = asked.map(async |(place, host)| (place, ask(host).await));
        let mut others: FuturesUnordered<_> = others.collect();
        while let Some((place, said)) = others.next().await {
            if let Said::LetIn(Some(word)) = said {
                heard.push((place, word));
            }
        }
    };
    // Whoever is late keeps nobody else from being heard.
    let _ = timeout(clock, each.saturating_mul(ASKING_TIMES), asking).await;
    heard.sort_by_key(|(place, _)| *place);
    heard.into_iter().map(|(_, word)| word).collect()
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
            return Remedy::commands(commands);
        }
        if !names(&self.in_dns, holder) {
            commands.push(format!("nltest /server:{holder} /dsregdns"));
        }
        commands.extend(self.others(holder).into_iter().map(|host| {
            format!("dnscmd {holder} /RecordDelete {zone} _ldap._tcp.pdc SRV 0 100 389 {host}. /f")
        }));
        Remedy::commands(commands).and(
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
    use std::pin::pin;
    use std::sync::Arc;
    use std::task::Poll;

    use clock::SystemClock;
    use directory::DirectoryConfig;
    use directory_fake::{Population, Served};
    use futures_util::poll;
    use lab::{Authority, Credentials};
    use protocol::{ManualClock, Timestamp};

    use super::*;
    use crate::guard::tests::settings;

    /// A domain of four controllers, of which the first one is the PDC emulator.
    struct Four {
        population: Population,
        served: Served,
    }

    const NAMES: [&str; 4] = ["dc1", "dc2", "dc3", "dc4"];

    impl Four {
        async fn new() -> Self {
            let randomness = Arc::new(seal::SystemRandomness::default());
            let population = Population::corp(Arc::new(SystemClock), randomness).unwrap();
            for name in &NAMES[1..] {
                population.domain.add_controller(name).unwrap();
            }
            let authority = Authority::create().unwrap();
            let served = Served::start(&population.domain, &authority).await.unwrap();
            Self { population, served }
        }

        fn host(&self, name: &str) -> String {
            format!("{name}.{}", self.population.domain.domain())
        }

        /// By whose word the role is where, for an agent with that password that prefers the second
        /// controller; and how many wrong passwords were tried by then.
        async fn heard(&self, password: &str, only_preferred: bool) -> (Vec<String>, i64) {
            let login = self.population.service.login.clone();
            let who = Credentials { login, password: password.to_owned() };
            let controllers = vec![self.host("dc2")];
            let settings = DirectorySettings {
                domain: self.population.domain.domain(),
                controllers: controllers.clone(),
                only_preferred,
                ..settings()
            };
            let config = self.served.config(&who).unwrap();
            let config = DirectoryConfig { controllers, only_preferred, ..config };
            let directory = LdapDirectory::new(config, Arc::new(SystemClock)).unwrap();
            let words = ask(&settings, &directory, &SystemClock).await.words;
            let tried = self.population.domain.wrong_passwords(&who.login);
            (words.into_iter().map(|word| word.by).collect(), tried)
        }
    }

    #[tokio::test]
    async fn everybody_is_asked_who_may_be() {
        let four = Four::new().await;
        let password = four.population.service.password.clone();
        let (mut words, wrong) = four.heard(&password, false).await;
        assert_eq!((words[0].as_str(), wrong), (four.host("dc2").as_str(), 0));
        words.sort();
        assert_eq!(words, NAMES.map(|name| four.host(name)));
        // Those that were left out on purpose are not sent the password, whoever is down.
        assert_eq!(four.heard(&password, true).await, (vec![four.host("dc2")], 0));
        four.population.domain.up("dc2", false).unwrap();
        assert_eq!(four.heard(&password, true).await, (Vec::new(), 0));
        let (words, _) = four.heard(&password, false).await;
        assert_eq!(words.len(), 3, "{words:?}");
    }

    #[tokio::test]
    async fn a_wrong_password_is_sent_to_one_controller_and_to_none_that_was_left_out() {
        let four = Four::new().await;
        for down in ["dc1", "dc2"] {
            four.population.domain.up(down, false).unwrap();
        }
        assert_eq!(four.heard("Stale-Password-2023", true).await, (Vec::new(), 0));
        assert_eq!(four.heard("Stale-Password-2023", false).await, (Vec::new(), 1));
    }

    /// Who is heard of four, of whom these take the connection and are silent, once the time is over.
    async fn heard_beside(silent: &[&str]) -> Vec<String> {
        let clock = ManualClock::at(Timestamp::from_millis(0));
        let ask = async |host: &str| match silent.contains(&host) {
            true => std::future::pending().await,
            false => Said::LetIn(Some(Word {
                by: host.to_owned(),
                is_samba: false,
                holder: NAMES[3].to_owned(),
            })),
        };
        let hosts = NAMES.map(str::to_owned);
        let mut words = pin!(words(&hosts, ask, Duration::from_secs(5), &clock));
        let words = loop {
            match poll!(&mut words) {
                Poll::Ready(words) => break words,
                Poll::Pending => clock.advance(Duration::from_secs(1)),
            }
        };
        words.into_iter().map(|word| word.by).collect()
    }

    #[tokio::test]
    async fn a_controller_that_is_silent_keeps_nobody_else_from_being_heard() {
        let [first, second, third, last] = NAMES;
        assert_eq!(heard_beside(&[]).await, NAMES);
        assert_eq!(heard_beside(&[third]).await, [first, second, last]);
        assert_eq!(heard_beside(&[first]).await, [second, third, last]);
        assert_eq!(heard_beside(&[first, second, third]).await, [last]);
        assert_eq!(heard_beside(&NAMES).await, [""; 0]);
    }

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
