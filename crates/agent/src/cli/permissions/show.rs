//! `passback-agent permissions show`: which account serves which directory, and who owns its units.

use command::{Failure, print};
use directory::security::Target;
use directory::{Asker, DirectoryError, DistinguishedName, LdapDirectory};
use serde_json::json;

use super::{chosen, client, of_directory};
use crate::permissions::{Names, Owned, name_of};
use crate::settings::{AgentSettings, DirectorySettings};
use crate::surroundings::Surroundings;

/// Tells it of every directory, of one that is not reached as well.
pub(super) async fn carry_out(
    json: bool,
    settings: &AgentSettings,
    surroundings: &Surroundings,
) -> Result<(), Failure> {
    let (mut values, mut unreachable) = (Vec::new(), None);
    for one in chosen(settings, None)? {
        let name = one.name.as_str();
        let looked = match client(one, surroundings) {
            Ok(directory) => {
                served(one, &directory).await.map_err(|error| of_directory(name, &error))
            }
            Err(failure) => Err(failure),
        };
        let served = looked.as_ref().ok();
        let owners = served.map_or(&[][..], |served| &served.owners);
        let owner = |index: usize| owners.get(index)?.as_ref().ok()?.as_ref();
        let not_read = |index: usize| owners.get(index)?.as_ref().err().map(ToString::to_string);
        if json {
            let owned = one.ous.iter().enumerate().map(|(index, ou)| {
                let owner = owner(index).zip(served);
                let owner = owner.map(|(owner, served)| owner.json(&served.names));
                json!({ "unit": ou.to_string(), "owner": owner, "error": not_read(index) })
            });
            values.push(json!({
                "directory": name, "domain": one.domain, "account": one.bind_name,
                "account_sid": served.map(|served| served.asker.own.to_string()),
                "controller": served.map(|served| &served.asker.controller),
                "units": one.ous.iter().map(ToString::to_string).collect::<Vec<_>>(),
                "owners": owned.collect::<Vec<_>>(),
            }));
        } else {
            let at = served.map_or_else(
                || "not reached".to_owned(),
                |served| format!("{}, at {}", served.asker.own, served.asker.controller),
            );
            let account = &one.bind_name;
            print(&format!("{name} ({}): {account} ({at})\n", one.domain))?;
            for (index, ou) in one.ous.iter().enumerate() {
                let owner = owner(index).zip(served);
                let owner = owner.map(|(owner, served)| owner.text(account, &served.names));
                let owner = owner.or_else(|| Some(format!("owner unknown: {}", not_read(index)?)));
                let owner = owner.map_or_else(String::new, |owner| format!(" ({owner})"));
                print(&format!("  {ou}{owner}\n"))?;
            }
        }
        let of_a_unit = owners.iter().find_map(|owner| owner.as_ref().err());
        let of_a_unit = of_a_unit.map(|error| of_directory(name, error));
        unreachable = unreachable.or(of_a_unit).or(looked.err());
    }
    if json {
        print(&format!("{}\n", json!({ "version": 1, "directories": values })))?;
    }
    unreachable.map_or(Ok(()), Err)
}

/// Who serves a directory, and who owns each of its units, as far as that may be read.
struct Served {
    asker: Asker,
    owners: Vec<Result<Option<Owned>, DirectoryError>>,
    names: Names,
}

async fn served(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
) -> Result<Served, DirectoryError> {
    let asker = directory.asker().await?;
    let (mut owners, mut names) = (Vec::new(), Names::default());
    for ou in &settings.ous {
        owners.push(owned(ou, directory, &asker, &mut names).await);
    }
    Ok(Served { asker, owners, names })
}

/// Who owns a unit; none where that is hidden.
async fn owned(
    ou: &DistinguishedName,
    directory: &LdapDirectory,
    asker: &Asker,
    names: &mut Names,
) -> Result<Option<Owned>, DirectoryError> {
    let unit = directory.surveyed(ou).await?;
    let descriptor = unit.as_ref().and_then(|unit| unit.descriptor.as_ref());
    let owned = descriptor.and_then(|one| Owned::of(one, &asker.requester(), &Target::default()));
    if let Some(owned) = &owned {
        name_of(directory, &owned.owner, names).await?;
    }
    Ok(owned)
}
