//! Groups of the configuration that protect nobody: a SID that nobody has, or that of a group that counts
//! for mail alone. Without a word about it, those whom they are to keep from being reset would be reset.

use std::time::Duration;

use directory::{Directory, DirectoryError, Holder, Sid};
use futures_util::future::join_all;
use protocol::Clock;
use tokio_util::sync::CancellationToken;

use crate::directories::{Connected, Directories};
use crate::settings::DirectorySettings;

/// How long after a directory did not answer it is asked again.
const AGAIN: Duration = Duration::from_secs(60);

/// A SID of `protected_groups` by which nobody is protected, or not for certain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Idle {
    /// The SID.
    pub(crate) sid: Sid,
    /// Who has it.
    pub(crate) holder: Holder,
}

/// Looks each group of the configuration up.
///
/// # Errors
/// If the directory does not say who has one.
pub(crate) async fn idle(
    settings: &DirectorySettings,
    directory: &dyn Directory,
) -> Result<Vec<Idle>, DirectoryError> {
    let mut idle = Vec::new();
    for sid in &settings.protected_groups {
        match directory.holder(sid).await? {
            Holder::SecurityGroup(_) => {}
            holder => idle.push(Idle { sid: sid.clone(), holder }),
        }
    }
    Ok(idle)
}

impl Idle {
    /// Whether it is certain that it protects nobody.
    pub(crate) fn is_certain(&self) -> bool {
        self.holder != Holder::OfAnotherDomain
    }

    /// What is wrong, in one line.
    pub(crate) fn text(&self) -> String {
        let sid = &self.sid;
        match &self.holder {
            Holder::Nobody => format!(
                "{sid} of `protected_groups` protects nobody: no group of the domain has it, or the service account may not see it"
            ),
            Holder::DistributionGroup(dn) => format!(
                "{sid} of `protected_groups` protects nobody: {dn} is a distribution group, which is among nobody's groups when an account is looked at"
            ),
            Holder::NoGroup(dn) => {
                format!("{sid} of `protected_groups` protects nobody: {dn} is no group")
            }
            Holder::OfAnotherDomain => format!(
                "{sid} of `protected_groups` is of another domain: it protects those of this one only if it is a universal security group of the same forest, which cannot be looked up here"
            ),
            Holder::SecurityGroup(dn) => format!("{sid} of `protected_groups` is {dn}"),
        }
    }

    /// What puts it right.
    pub(crate) fn fix(&self) -> &'static str {
        match &self.holder {
            Holder::DistributionGroup(_) => {
                "make it a security group (Active Directory Users and Computers, the group's tab General, Group type), or name the SID of a security group"
            }
            _ => {
                "put the objectSid of a security group of the domain there (`Get-ADGroup NAME`, or `samba-tool group show NAME --attributes=objectSid`), or take the SID out"
            }
        }
    }

    fn say(&self, connector: &str) {
        let (cause, group, operator) = (self.text(), &self.sid, self.fix());
        if self.is_certain() {
            tracing::error!(event = "guard.group_protects_nobody", connector, %group, cause, operator);
        } else {
            tracing::warn!(event = "guard.group_not_looked_up", connector, %group, cause, operator);
        }
    }
}

/// Tells the operator of such groups, of each directory once it answers.
pub(crate) async fn tell(directories: Directories, clock: &dyn Clock, stop: &CancellationToken) {
    let all = directories.all().iter().map(|connected| told(connected, clock));
    tokio::select! {
        _ = join_all(all) => {}
        () = stop.cancelled() => {}
    }
}

async fn told(connected: &Connected, clock: &dyn Clock) -> Vec<Idle> {
    let Connected { settings, directory } = connected;
    loop {
        match idle(settings, directory.as_ref()).await {
            Ok(found) => {
                found.iter().for_each(|one| one.say(settings.name.as_str()));
                return found;
            }
            Err(error) => {
                let connector = settings.name.as_str();
                tracing::debug!(event = "guard.groups_not_looked_up", connector, cause = %error);
                clock.sleep(AGAIN).await;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use directory::ObjectGuid;
    use directory_fake::{FakeDirectory, Population};
    use protocol::{ClearPassword, ManualClock, Operation, Outcome, Timestamp};

    use super::*;
    use crate::guard::tests::{settings, sid};

    const NOW: Timestamp = Timestamp::from_millis(1_800_000_000_000);

    fn populated(clock: &ManualClock) -> (Population, Arc<FakeDirectory>) {
        let randomness = Arc::new(seal::SystemRandomness::default());
        let population = Population::corp(Arc::new(clock.clone()), randomness).unwrap();
        let service = &population.service;
        let password = ClearPassword::from_text(&service.password).unwrap();
        let directory = FakeDirectory::new(&population.domain, &service.login, password);
        (population, Arc::new(directory))
    }

    /// Whether the guard keeps somebody from being reset by that group.
    async fn protects(directory: &FakeDirectory, guid: ObjectGuid, group: &Sid) -> bool {
        let account = directory.account(guid).await.unwrap().unwrap();
        let settings = DirectorySettings {
            protected_groups: vec![group.clone()],
            ous: vec![account.dn.clone()],
            ..settings()
        };
        let own = directory.probe().await.unwrap().bound_as;
        let refusal =
            crate::guard::refusal(Operation::Reset, &settings, &account, own.as_ref(), NOW);
        assert!(matches!(refusal, None | Some(Outcome::Protected)), "{refusal:?}");
        refusal.is_some()
    }

    #[tokio::test]
    async fn a_group_that_protects_nobody_is_told_and_one_that_protects_is_not() {
        let (population, directory) = populated(&ManualClock::at(NOW));
        let domain = &population.domain;
        let security = domain.add_group("board", "CN=Users", &[]).unwrap();
        let mail = domain.add_group("everybody-by-mail", "CN=Users", &[]).unwrap();
        domain.put(domain.guid_of("everybody-by-mail").unwrap(), "groupType", "2").unwrap();
        let person = population.person_of(lab::Kind::Ordinary).unwrap();
        for group in ["board", "everybody-by-mail"] {
            domain.join(person.guid, group).unwrap();
        }
        assert!(protects(&directory, person.guid, &security).await);
        assert!(!protects(&directory, person.guid, &mail).await);

        let somebody = domain.sid_of(&person.login).unwrap();
        let own = somebody.domain().unwrap();
        let (nobody, foreign) = (own.with_rid(99_999).unwrap(), sid("S-1-5-21-9-9-9-1106"));
        let users = sid("S-1-5-32-545");
        let protected_groups = vec![
            security.clone(),
            users,
            mail.clone(),
            somebody.clone(),
            nobody.clone(),
            foreign.clone(),
            sid("S-1-5-11"),
        ];
        let settings = DirectorySettings { protected_groups, ..settings() };
        let found = idle(&settings, &*directory).await.unwrap();
        let told: Vec<_> = found.iter().map(|one| (one.sid.clone(), one.is_certain())).collect();
        let expected = [
            (mail, true),
            (somebody, true),
            (nobody, true),
            (foreign, false),
            (sid("S-1-5-11"), true),
        ];
        assert_eq!(told, expected);
        for (one, word) in found.iter().zip([
            "distribution",
            "no group",
            "no group of",
            "another domain",
            "nobody",
        ]) {
            assert!(one.text().contains(word), "{}", one.text());
            assert!(one.text().contains(&one.sid.to_string()) && !one.fix().is_empty());
        }
    }

    #[tokio::test]
    async fn a_directory_that_does_not_answer_at_the_start_is_asked_again() {
        let clock = ManualClock::at(NOW);
        let (population, directory) = populated(&clock);
        population.domain.up("dc1", false).unwrap();
        let settings = DirectorySettings { protected_groups: vec![sid("S-1-5-11")], ..settings() };
        let connected = Connected { settings, directory };
        let later = async {
            while clock.until_next().is_none() {
                tokio::time::sleep(Duration::from_millis(2)).await;
            }
            population.domain.up("dc1", true).unwrap();
            clock.advance(AGAIN);
        };
        let (found, ()) = tokio::join!(told(&connected, &clock), later);
        assert_eq!(found.len(), 1);
    }
}
