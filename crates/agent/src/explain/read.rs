//! Finding a person, and reading everything about the account.

use directory::security::rights::Feature;
use directory::{
    Account, Directory as _, DirectoryError, DistinguishedName, LdapDirectory, MemberOf,
    ObjectGuid, Protection, Sid, protected_by,
};
use protocol::Timestamp;

use super::{Explanation, Line, Section, Subject};
use crate::permissions::{
    Extent, READABLE, Remedy, Sampled, Seen, add_chain, judge, marked_by, name_of, names_in,
    observe,
};
use crate::settings::DirectorySettings;

/// Whom a name led to.
pub(crate) enum Found {
    /// Nobody of this directory.
    Nobody,
    /// One account.
    One(ObjectGuid),
    /// Several.
    Several,
}

/// Finds an account by GUID, by distinguished name, by `DOMAIN\login`, or by login or user principal
/// name. With a domain in front, nobody of another domain is found.
///
/// # Errors
/// Where the way ends.
pub(crate) async fn find(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    user: &str,
) -> Result<Found, DirectoryError> {
    if let Ok(guid) = user.parse::<ObjectGuid>() {
        let there = directory.surveyed_by_guid(guid).await?.is_some_and(|one| one.sid.is_some());
        return Ok(if there { Found::One(guid) } else { Found::Nobody });
    }
    if user.contains('=')
        && let Ok(dn) = user.parse::<DistinguishedName>()
    {
        let object = directory.surveyed(&dn).await?;
        let person = object.filter(|one| one.sid.is_some()).and_then(|one| one.guid);
        return Ok(person.map_or(Found::Nobody, Found::One));
    }
    let mut login = user;
    if let Some((domain, name)) = user.rsplit_once('\\') {
        let is = |other: &str| other.eq_ignore_ascii_case(domain);
        // Where the short name is hidden, nobody knows of another one.
        if !is(&settings.domain) && directory.netbios_name().await?.is_some_and(|own| !is(&own)) {
            return Ok(Found::Nobody);
        }
        login = name;
    }
    Ok(match directory.accounts_called(login).await?[..] {
        [] => Found::Nobody,
        [one] => Found::One(one),
        _ => Found::Several,
    })
}

/// Reads everything about an account; none if it is gone.
///
/// # Errors
/// Where the way ends.
pub(crate) async fn subject<'s>(
    settings: &'s DirectorySettings,
    directory: &LdapDirectory,
    guid: ObjectGuid,
    now: Timestamp,
) -> Result<Option<Subject<'s>>, DirectoryError> {
    let Some(account) = directory.account(guid).await? else { return Ok(None) };
    let policy = directory.effective_policy(&account).await?;
    // Hidden, it keeps the agent from a reset as well, which is told with the rest.
    let witness = match directory.witness(guid).await {
        Err(DirectoryError::Unreadable { .. }) => None,
        other => other?,
    };
    let Some(object) = directory.surveyed(&account.dn).await? else { return Ok(None) };
    let mut observed = observe(settings, directory, Extent { people: 0, below: false }).await?;
    add_chain(directory, &account.dn, &mut observed).await?;
    let protection = protected_by(&account);
    let marked_by = marked_by(directory, &account, observed.asker.is_samba).await?;
    let sampled = Sampled::of(object.clone());
    observed.people = vec![Sampled { protection, marked_by: marked_by.clone(), ..sampled }];
    let mut names = observed.names.clone();
    let owner = object.descriptor.as_ref().and_then(|one| one.owner.as_ref());
    for sid in account.group_sids.iter().chain(owner) {
        name_of(directory, sid, &mut names).await?;
    }
    let descriptors = observed.places().filter_map(Seen::descriptor).chain(&object.descriptor);
    let who = [&observed.asker.groups[..], &account.group_sids].concat();
    names_in(directory, descriptors, &who, &mut names).await?;
    observed.names = names;
    let set_at = match witness.as_ref().and_then(|witness| witness.originator) {
        Some(copy) => directory.controller_of(copy).await?,
        None => None,
    };
    let judgement = judge(&observed, &[Feature::Writeback]);
    let chains = chains(settings, directory, &account).await?;
    let pdc_in_dns = directory.pdc_in_dns().await.unwrap_or_default();
    Ok(Some(Subject {
        settings,
        account,
        object,
        judgement,
        observed,
        chains,
        marked_by,
        policy,
        witness,
        pdc_in_dns,
        signs_in_to: Vec::new(),
        set_at,
        now,
    }))
}

/// By way of which groups an account is in each group that protects it.
async fn chains(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    account: &Account,
) -> Result<Vec<(Sid, Vec<MemberOf>)>, DirectoryError> {
    let local = settings.protected_groups.iter().filter(|one| account.group_sids.contains(one));
    let mut groups: Vec<Sid> = local.cloned().collect();
    if let Some(Protection::Member(group)) = protected_by(account) {
        groups.push(group);
    }
    let mut chains = Vec::new();
    for group in groups {
        let chain = directory.chain_to(account, &group).await?;
        chains.push((group, chain));
    }
    Ok(chains)
}

/// What can be said of an account of which the service account may not see what protection is judged by:
/// nearly always that of one that inherits nothing.
///
/// # Errors
/// Where the way ends.
pub(crate) async fn hidden(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    guid: ObjectGuid,
    attribute: &str,
) -> Result<Option<Explanation>, DirectoryError> {
    let Some(object) = directory.surveyed_by_guid(guid).await? else { return Ok(None) };
    let mut observed = observe(settings, directory, Extent { people: 0, below: false }).await?;
    add_chain(directory, &object.dn, &mut observed).await?;
    let dn = object.dn.clone();
    observed.people = vec![Sampled::of(object)];
    let judgement = judge(&observed, &[Feature::Writeback]);
    let about = judgement.findings.iter().filter(|finding| dn.is_at_or_below(&finding.object));
    let nearest = about.max_by_key(|finding| finding.object.levels());
    let hidden = format!("{attribute} is hidden from the service account");
    let verdict = match nearest {
        Some(finding) => {
            let text = format!("cannot be reset: {}; {hidden}", finding.text(&observed));
            Line::stopping(text).with(finding.remedy(&observed))
        }
        None => Line::stopping(format!("cannot be reset: {hidden}")).with(Remedy::note(READABLE)),
    };
    let unjudged = "whether it is protected, and all else, cannot be judged: nothing is reset then";
    let lines = vec![Line::bad(unjudged).with(verdict.remedy.clone())];
    Ok(Some(Explanation {
        directory: observed.name.clone(),
        login: dn.name().unwrap_or_default().to_owned(),
        dn: Some(dn),
        verdict,
        sections: vec![Section { title: "Account", lines }],
    }))
}
