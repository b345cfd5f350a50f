//! `passback-agent explain USER`: whether a person's password can be reset, and what stands in the way.

use clap::Args;
use command::{Failure, print};
use directory::{Account, DirectoryError, LdapDirectory};
use protocol::Clock;

use super::permissions::{chosen, client, who_must_act};
use crate::directories::is_named;
use crate::explain::{Explanation, Found, Subject, fault, find, hidden, subject};
use crate::settings::{AgentSettings, DirectorySettings};
use crate::surroundings::Surroundings;

#[derive(Args)]
pub(super) struct Explain {
    /// The login, the user principal name, the distinguished name or the GUID.
    user: String,
    /// Look in this directory alone, by its name in the configuration.
    #[arg(long)]
    directory: Option<String>,
    /// Answer in JSON.
    #[arg(long)]
    json: bool,
}

/// Carries out the command. The agent may be running; nothing is changed.
pub(super) async fn explain(
    asked: &Explain,
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), Failure> {
    let (user, clock) = (&asked.user, surroundings.clock.as_ref());
    let several = |names: &[&str]| {
        let names = names.join(", ");
        Failure::refused(format!(
            "several accounts are called {user} ({names}): name one by its distinguished name, or a directory with --directory"
        ))
    };
    let (mut found, mut faulty) = (Vec::new(), None);
    for settings in chosen(settings, asked.directory.as_deref())? {
        let name = settings.name.as_str();
        let directory = client(settings, surroundings)?;
        match find(settings, &directory, user).await {
            Ok(Found::Nobody) => {}
            Ok(Found::One(guid)) => found.push((settings, directory, guid)),
            Ok(Found::Several) => return Err(several(&[name])),
            // Whoever is found elsewhere can be told about all the same.
            Err(error) => faulty = faulty.or(Some((settings, directory, error))),
        }
    }
    if let (true, Some((settings, directory, error))) = (found.is_empty(), &faulty) {
        return asked.tell_fault(settings, directory, clock, error).await;
    }
    let nobody = || Failure::refused(format!("no account is called {user}"));
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|(one, ..)| one.name.as_str()).collect();
        return Err(several(&names));
    }
    let (here, directory, guid) = found.pop().ok_or_else(nobody)?;
    let explained = match subject(here, &directory, guid, clock.now()).await {
        Ok(subject) => Ok(subject.map(|subject| {
            let signs_in_to = signs_in_to(settings, here, &subject.account);
            Subject { signs_in_to, ..subject }.explain()
        })),
        Err(DirectoryError::Unreadable { attribute }) => {
            hidden(here, &directory, guid, attribute).await
        }
        Err(error) => Err(error),
    };
    let explanation = match explained {
        Ok(explanation) => explanation.ok_or_else(nobody)?,
        Err(error) => return asked.tell_fault(here, &directory, clock, &error).await,
    };
    asked.tell(&explanation)?;
    match explanation.is_good() {
        true => Ok(()),
        false => Err(Failure::refused(format!("{user} cannot be reset"))),
    }
}

impl Explain {
    fn tell(&self, explanation: &Explanation) -> Result<(), Failure> {
        match self.json {
            true => print(&format!("{}\n", explanation.json())),
            false => print(&explanation.text()),
        }
    }

    /// Tells what is wrong on the way to a directory in the form of every explanation, and fails by it.
    async fn tell_fault(
        &self,
        settings: &DirectorySettings,
        directory: &LdapDirectory,
        clock: &dyn Clock,
        error: &DirectoryError,
    ) -> Result<(), Failure> {
        let (name, user) = (settings.name.as_str(), &self.user);
        let line = fault(settings, directory, clock, error).await;
        self.tell(&Explanation::of_fault(name, user, line))?;
        Err(who_must_act(error, format!("the directory {name} cannot be asked about {user}")))
    }
}

/// To which other directories the agent signs in with an account of this one, by the names in the
/// configuration.
fn signs_in_to(
    settings: &AgentSettings,
    here: &DirectorySettings,
    account: &Account,
) -> Vec<String> {
    let others = settings.directories.iter().filter(|one| one.name != here.name);
    let same = others.filter(|one| is_named(account, &here.domain, &one.bind_name));
    same.map(|one| one.name.as_str().to_owned()).collect()
}
