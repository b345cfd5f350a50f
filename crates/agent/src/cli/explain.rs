//! `passback-agent explain USER`: whether a person's password can be reset, and what stands in the way.

use clap::Args;
use command::{Failure, print};
use directory::DirectoryError;

use super::permissions::{chosen, client, of_directory};
use crate::explain::{Found, find, hidden, subject};
use crate::settings::AgentSettings;
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
    let user = &asked.user;
    let several = |names: &[&str]| {
        let names = names.join(", ");
        Failure::refused(format!(
            "several accounts are called {user} ({names}): name one by its distinguished name, or a directory with --directory"
        ))
    };
    let mut found = Vec::new();
    for settings in chosen(settings, asked.directory.as_deref())? {
        let name = settings.name.as_str();
        let directory = client(settings, surroundings)?;
        match find(&directory, user).await.map_err(|error| of_directory(name, &error))? {
            Found::Nobody => {}
            Found::One(guid) => found.push((settings, directory, guid)),
            Found::Several => return Err(several(&[name])),
        }
    }
    let nobody = || Failure::refused(format!("no account is called {user}"));
    if found.len() > 1 {
        let names: Vec<&str> = found.iter().map(|(one, ..)| one.name.as_str()).collect();
        return Err(several(&names));
    }
    let (settings, directory, guid) = found.pop().ok_or_else(nobody)?;
    let failed = |error: DirectoryError| of_directory(settings.name.as_str(), &error);
    let explanation = match subject(settings, &directory, guid, surroundings.clock.now()).await {
        Ok(subject) => subject.map(|subject| subject.explain()),
        Err(DirectoryError::Unreadable { attribute }) => {
            hidden(settings, &directory, guid, attribute).await.map_err(failed)?
        }
        Err(error) => return Err(failed(error)),
    };
    let explanation = explanation.ok_or_else(nobody)?;
    if asked.json {
        print(&format!("{}\n", explanation.json()))?;
    } else {
        print(&explanation.text())?;
    }
    match explanation.is_good() {
        true => Ok(()),
        false => Err(Failure::refused(format!("{user} cannot be reset"))),
    }
}
