//! Groups of the configuration that may protect nobody: a SID that no group has, or that of a group that counts
//! for mail alone. Without a word about it, those whom they are to keep from being reset would be reset.
//!
//! A group that the service account may not see protects all the same, because the controller computes an
//! account's groups whoever asks. From here it looks as one that is not there.

use std::collections::HashSet;
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
    /// Who has it, if the directory says so.
    pub(crate) holder: Result<Holder, DirectoryError>,
}

/// Looks each group of the configuration up. One that cannot be read is in no other one's way.
///
/// # Errors
/// If the directory does not answer: nothing is known of any of them then.
pub(crate) async fn idle(
    settings: &DirectorySettings,
    directory: &dyn Directory,
) -> Result<Vec<Idle>, DirectoryError> {
    let mut idle = Vec::new();
    for sid in &settings.protected_groups {
        match directory.holder(sid).await {
            Ok(Holder::SecurityGroup(_)) => {}
            holder @ (Ok(_)
            | Err(DirectoryError::Unreadable { .. } | DirectoryError::Refused(_))) => {
                idle.push(Idle { sid: sid.clone(), holder });
            }
            Err(error) => return Err(error),
        }
    }
    Ok(idle)
}

impl Idle {
    /// Whether it is certain that it protects nobody.
    pub(crate) const fn is_certain(&self) -> bool {
        matches!(self.holder, Ok(Holder::DistributionGroup(_) | Holder::NoGroup(_)))
    }

    /// Whether somebody has to look at it: not at what cannot be looked up here in any case.
    pub(crate) const fn is_finding(&self) -> bool {
        !matches!(self.holder, Ok(Holder::OfAnotherDomain))
    }

    /// What is wrong, in one line.
    pub(crate) fn text(&self) -> String {
        let sid = &self.sid;
        match &self.holder {
            Ok(Holder::Nobody) => format!(
                "{sid} of `protected_groups` cannot be found: no group of the domain has it, and then it protects nobody; or the service account may not see the group, which protects its members all the same"
            ),
            Ok(Holder::DistributionGroup(dn)) => format!(
                "{sid} of `protected_groups` protects nobody: {dn} is a distribution group, which is among nobody's groups when an account is looked at"
            ),
            Ok(Holder::NoGroup(dn)) => {
                format!("{sid} of `protected_groups` protects nobody: {dn} is no group")
            }
            Ok(Holder::OfAnotherDomain) => format!(
                "{sid} of `protected_groups` is of another domain: it protects those of this one only if it is a universal security group of the same forest, which cannot be looked up here"
            ),
            Ok(Holder::SecurityGroup(dn)) => format!("{sid} of `protected_groups` is {dn}"),
            Err(error) => format!(
                "{sid} of `protected_groups` cannot be looked up, so that it is not known whether it protects anybody: {error}"
            ),
        }
    }

    /// What puts it right.
    pub(crate) const fn fix(&self) -> &'static str {
        match &self.holder {
            Ok(Holder::DistributionGroup(_)) => {
                "make it a security group (Active Directory Users and Computers, the group's tab General, Group type), or name the SID of a security group"
            }
            Ok(Holder::Nobody) => {
                "as an administrator, see which group has it (`Get-ADObject -Filter \"objectSid -eq 'SID'\"`, or `samba-tool group show NAME --attributes=objectSid`). If there is one, leave it there, and let the service account read the group; if there is none, put the objectSid of the group that was meant in its place"
            }
            Err(_) => {
                "let the service account read the group's objectClass and groupType, or, where the controller did not answer, look again; it stays in `protected_groups`"
            }
            Ok(_) => {
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

/// Tells the operator of such groups, of each once, and of those that a directory does not say at first when it
/// does.
pub(crate) async fn tell(directories: Directories, clock: &dyn Clock, stop: &CancellationToken) {
    let all = directories.all().iter().map(|connected| told(connected, clock));
    tokio::select! {
        _ = join_all(all) => {}
        () = stop.cancelled() => {}
    }
}

async fn told(connected: &Connected, clock: &dyn Clock) -> Vec<Idle> {
    let Connected { settings, directory } = connected;
    let (mut said, mut unknown) = (HashSet::new(), HashSet::new());
    loop {
        let found = idle(settings, directory.as_ref()).await;
        let found = found.inspect_err(|error| {
            tracing::debug!(connector = settings.name.as_str(), cause = %error, "guard.groups_not_looked_up");
        });
        let mut all_known = found.is_ok();
        let found = found.unwrap_or_default();
        for one in &found {
            all_known &= one.holder.is_ok();
            let told = if one.holder.is_ok() { &mut said } else { &mut unknown };
            if told.insert(one.sid.clone()) {
                one.say(settings.name.as_str());
            }
        }
        if all_known {
            return found;
        }
        clock.sleep(AGAIN).await;
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
            sid("S-1-5-2"),
        ];
        let settings = DirectorySettings { protected_groups, ..settings() };
        let found = idle(&settings, &*directory).await.unwrap();
        let told: Vec<_> =
            found.iter().map(|one| (one.sid.clone(), one.is_certain(), one.is_finding())).collect();
        let expected = [
            (mail, true, true),
            (somebody, true, true),
            (nobody, false, true),
            (foreign, false, false),
            (sid("S-1-5-2"), false, true),
        ];
        assert_eq!(told, expected);
        for (one, word) in found.iter().zip([
            "distribution",
            "no group",
            "cannot be found",
            "another domain",
            "cannot be found",
        ]) {
            assert!(one.text().contains(word), "{}", one.text());
            assert!(one.text().contains(&one.sid.to_string()) && !one.fix().is_empty());
        }
    }

    /// As where an OU of such groups is hidden from everybody: the controller knows whose groups they are.
    #[test]
    fn nobody_is_told_that_a_group_protects_nobody_or_to_take_it_out_which_may_only_be_hidden() {
        let unreadable = DirectoryError::Unreadable { attribute: "groupType" };
        for holder in [Ok(Holder::Nobody), Err(unreadable)] {
            let one = Idle { sid: sid("S-1-5-21-1-2-3-1106"), holder };
            assert!(!one.is_certain() && one.is_finding(), "{one:?}");
            let told = format!("{} {}", one.text(), one.fix());
            assert!(!told.contains("take the SID out"), "{told}");
            assert!(!told.contains("` protects nobody"), "{told}");
        }
    }

    #[tokio::test]
    async fn a_group_of_which_the_directory_says_nothing_is_in_no_other_one_s_way() {
        let (population, directory) = populated(&ManualClock::at(NOW));
        let domain = &population.domain;
        let hidden = domain.add_group("hidden", "CN=Users", &[]).unwrap();
        let mail = domain.add_group("by-mail", "CN=Users", &[]).unwrap();
        domain.put(domain.guid_of("by-mail").unwrap(), "groupType", "2").unwrap();
        // What is there is no number: to whoever reads it, it might as well be hidden.
        domain.put(domain.guid_of("hidden").unwrap(), "groupType", "none").unwrap();
        let protected_groups = vec![hidden.clone(), mail.clone()];
        let settings = DirectorySettings { protected_groups, ..settings() };
        let found = idle(&settings, &*directory).await.unwrap();
        let unreadable = Err(DirectoryError::Unreadable { attribute: "groupType" });
        let [one, other] = &found[..] else { panic!("{found:?}") };
        assert_eq!((&one.sid, &one.holder), (&hidden, &unreadable));
        assert!(!one.is_certain() && one.is_finding() && one.text().contains("groupType"));
        assert!(other.sid == mail && other.is_certain());
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
