//! Reading a directory for a judgement.

use std::collections::HashSet;

use directory::security::SecurityDescriptor;
use directory::{
    Directory as _, DirectoryError, DistinguishedName, LdapDirectory, Sid, Surveyed, UNITS_MAX,
    protected_by,
};
use futures_util::future::join_all;

use super::{Names, Observed, Sampled, Seen, marked_by};
use crate::settings::DirectorySettings;

/// Where a domain keeps its fine-grained policies (MS-ADTS 6.1.1.4.11.1).
const PASSWORD_SETTINGS: &str = "Password Settings Container";

/// How many people are read at a time.
const AT_ONCE: usize = 8;

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Extent {
    /// So many people, at most, below each unit of the configuration, spread over the units below it;
    /// and as many of those with an `adminCount`.
    pub(crate) people: u32,
    /// Units and containers below those of the configuration are looked at, too.
    pub(crate) below: bool,
}

/// Reads a directory at its PDC emulator.
///
/// # Errors
/// Where the way ends. What is not there or hidden is no error.
pub(crate) async fn observe(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    extent: Extent,
) -> Result<Observed, DirectoryError> {
    let asker = directory.asker().await?;
    let base = DistinguishedName::of_domain(&settings.domain)
        .map_err(|error| DirectoryError::Configuration(error.to_string()))?;
    let mut observed = Observed {
        name: settings.name.as_str().to_owned(),
        domain: settings.domain.clone(),
        asker,
        without_policy_control: settings.allow_without_policy_control,
        head: seen(directory, base.clone()).await?,
        units: Vec::new(),
        below: Vec::new(),
        below_cut: Vec::new(),
        idle_groups: Vec::new(),
        settings: seen(directory, base.child("CN", "System").child("CN", PASSWORD_SETTINGS))
            .await?,
        deleted: seen(directory, base.child("CN", "Deleted Objects")).await?,
        people: Vec::new(),
        names: Names::default(),
    };
    for unit in &settings.ous {
        let unit = seen(directory, unit.clone()).await?;
        if extent.below && unit.object.is_some() {
            read_below(directory, &unit.dn, extent, &mut observed).await?;
        }
        observed.units.push(unit);
    }
    name_everybody(directory, &mut observed).await?;
    Ok(observed)
}

async fn seen(directory: &LdapDirectory, dn: DistinguishedName) -> Result<Seen, DirectoryError> {
    let object = directory.surveyed(&dn).await?;
    Ok(Seen { dn, object })
}

async fn read_below(
    directory: &LdapDirectory,
    unit: &DistinguishedName,
    extent: Extent,
    observed: &mut Observed,
) -> Result<(), DirectoryError> {
    let below = directory.units_below(unit).await?;
    if u32::try_from(below.len()).is_ok_and(|count| count >= UNITS_MAX) {
        observed.below_cut.push(unit.clone());
    }
    let mut places = vec![unit.clone()];
    places.extend(below.iter().map(|one| one.dn.clone()));
    let mut known: HashSet<_> = observed.below.iter().map(|place| place.dn.clone()).collect();
    for one in below {
        if known.insert(one.dn.clone()) {
            observed.below.push(Seen { dn: one.dn.clone(), object: Some(one) });
        }
    }
    if extent.people == 0 {
        return Ok(());
    }
    // Spread: from each of some units a few, rather than the first that an answer happens to hold.
    let wanted = usize::try_from(extent.people).unwrap_or(usize::MAX);
    let step = places.len().div_ceil(wanted).max(1);
    let asked = places.iter().step_by(step);
    let each = extent.people.div_ceil(u32::try_from(asked.len()).unwrap_or(u32::MAX).max(1));
    let mut found = directory.marked_people(unit, extent.people).await?;
    for place in asked {
        found.extend(directory.people_in(place, each).await?);
    }
    let mut known: HashSet<_> = observed.people.iter().map(|one| one.object.dn.clone()).collect();
    found.retain(|object| known.insert(object.dn.clone()));
    let is_samba = observed.asker.is_samba;
    while !found.is_empty() {
        let rest = found.split_off(found.len().min(AT_ONCE));
        let some = std::mem::replace(&mut found, rest).into_iter();
        let read = join_all(some.map(|object| sampled(directory, object, is_samba))).await;
        for person in read {
            observed.people.push(person?);
        }
    }
    Ok(())
}

/// A person, with what protects the account: a group does so whether it has an `adminCount` or not (yet).
///
/// # Errors
/// Where the way ends. That something is hidden is no error.
pub(crate) async fn sampled(
    directory: &LdapDirectory,
    object: Surveyed,
    is_samba: bool,
) -> Result<Sampled, DirectoryError> {
    let mut sampled = Sampled::of(object);
    let Some(guid) = sampled.object.guid else { return Ok(sampled) };
    match directory.account(guid).await {
        Ok(Some(account)) => {
            sampled.protection = protected_by(&account);
            sampled.marked_by = marked_by(directory, &account, is_samba).await?;
        }
        Ok(None) => {}
        Err(DirectoryError::Unreadable { attribute }) => sampled.hidden = Some(attribute),
        Err(error) => return Err(error),
    }
    Ok(sampled)
}

/// Every place between the root of the domain and an object: what a right comes by.
///
/// # Errors
/// Where the way ends.
pub(crate) async fn add_chain(
    directory: &LdapDirectory,
    dn: &DistinguishedName,
    observed: &mut Observed,
) -> Result<(), DirectoryError> {
    let above = std::iter::successors(dn.parent(), DistinguishedName::parent);
    for place in above.take_while(|place| place.is_below(&observed.head.dn)) {
        if !observed.places().any(|known| known.dn == place) {
            observed.below.push(seen(directory, place).await?);
        }
    }
    Ok(())
}

/// The trustees that a descriptor's entries are about.
fn trustees(descriptor: &SecurityDescriptor) -> impl Iterator<Item = &Sid> {
    let entries = descriptor.dacl.iter().flat_map(|dacl| &dacl.entries);
    entries.filter_map(|entry| entry.access()).map(|access| &access.trustee)
}

/// Looks up the names of those whom these descriptors' entries are about, of all of `who`.
///
/// # Errors
/// Where the way ends.
pub(crate) async fn names_in(
    directory: &LdapDirectory,
    descriptors: impl Iterator<Item = &SecurityDescriptor>,
    who: &[Sid],
    names: &mut Names,
) -> Result<(), DirectoryError> {
    let mut wanted: Vec<Sid> = Vec::new();
    for sid in descriptors.flat_map(trustees) {
        if who.contains(sid) && !names.knows(sid) && !wanted.contains(sid) {
            wanted.push(sid.clone());
        }
    }
    for sid in wanted {
        name_of(directory, &sid, names).await?;
    }
    Ok(())
}

/// Looks up one name, unless it is known.
///
/// # Errors
/// Where the way ends.
pub(crate) async fn name_of(
    directory: &LdapDirectory,
    sid: &Sid,
    names: &mut Names,
) -> Result<(), DirectoryError> {
    if !names.knows(sid)
        && let Some(name) = directory.account_name_of(sid).await?
    {
        names.note(sid.clone(), name);
    }
    Ok(())
}

async fn name_everybody(
    directory: &LdapDirectory,
    observed: &mut Observed,
) -> Result<(), DirectoryError> {
    let mut names = Names::default();
    name_of(directory, &observed.asker.own, &mut names).await?;
    let people = observed.people.iter().filter_map(|person| person.object.descriptor.as_ref());
    let descriptors = observed.places().filter_map(Seen::descriptor).chain(people);
    names_in(directory, descriptors, &observed.asker.groups, &mut names).await?;
    observed.names = names;
    Ok(())
}
