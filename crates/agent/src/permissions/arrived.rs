//! What has arrived at the other controllers of what the PDC emulator has: "inheritance and replication
//! may take an hour or more" (SPEC D-12).

use std::collections::HashSet;

use directory::security::rights::{Feature, Permission};
use directory::{Asker, DirectoryError, DistinguishedName, LdapDirectory, Surveyed};
use futures_util::future::join_all;

use super::{Finding, Observed, Remedy, Sampled, judge, quoted};
use crate::settings::DirectorySettings;

/// Another controller, compared with the PDC emulator.
#[derive(Debug, Clone)]
pub(crate) struct Arrival {
    /// Its DNS name.
    pub(crate) controller: String,
    /// What it has.
    pub(crate) state: State,
}

/// What a controller has of what the PDC emulator has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum State {
    /// All of it.
    Complete,
    /// Not all of it.
    Behind {
        /// What is lacking there, and not at the PDC emulator.
        findings: Vec<Finding>,
        /// People and units that are not there.
        absent: Vec<DistinguishedName>,
    },
    /// Nobody knows: it could not be asked, and why.
    NotAsked(String),
}

/// Looks at each controller that DNS names or that people are read at (where none but those may be asked,
/// at those), for the same units and people as at the PDC emulator.
///
/// # Errors
/// Where DNS does not answer. A controller that does not is no error.
pub(crate) async fn arrivals(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    observed: &Observed,
    features: &[Feature],
) -> Result<Vec<Arrival>, DirectoryError> {
    let mut hosts = settings.controllers.clone();
    if !settings.only_preferred {
        hosts.extend(directory.controllers().await?);
    }
    let mut others: Vec<String> = Vec::new();
    for host in hosts {
        let known = |other: &String| other.eq_ignore_ascii_case(&host);
        if !known(&observed.asker.controller) && !others.iter().any(known) {
            others.push(host);
        }
    }
    let looked = others.into_iter().map(|host| async move {
        let there = match directory.at(&host).await {
            Ok(controller) => {
                let look = async |dn: &DistinguishedName| controller.surveyed(dn).await;
                match controller.asker().await {
                    Ok(asker) => seen_at(asker, look, observed).await,
                    Err(error) => Err(error),
                }
            }
            Err(error) => Err(error),
        };
        let state = match there {
            Ok((there, absent)) => compared(observed, &there, absent, features),
            Err(error) => State::NotAsked(error.to_string()),
        };
        Arrival { controller: host, state }
    });
    Ok(join_all(looked).await)
}

/// The same units and people as another controller has them, which takes the service account for this one;
/// and which of them it does not have. Of what is below the units, that is looked at which is above one of
/// the people: why somebody lacks a right is told by the nearest place above.
pub(super) async fn seen_at(
    asker: Asker,
    look: impl AsyncFn(&DistinguishedName) -> Result<Option<Surveyed>, DirectoryError>,
    observed: &Observed,
) -> Result<(Observed, Vec<DistinguishedName>), DirectoryError> {
    let mut there = Observed { asker, ..observed.clone() };
    let above: HashSet<DistinguishedName> = there.people.drain(..).flat_map(above).collect();
    there.below.retain(|place| above.contains(&place.dn));
    let mut absent = Vec::new();
    let own = [&mut there.head, &mut there.settings, &mut there.deleted];
    for place in own.into_iter().chain(&mut there.units).chain(&mut there.below) {
        let before = place.object.take();
        place.object = look(&place.dn).await?;
        if before.is_some() && place.object.is_none() {
            absent.push(place.dn.clone());
        }
    }
    for person in &observed.people {
        match look(&person.object.dn).await? {
            Some(object) => there.people.push(Sampled { object, ..person.clone() }),
            None => absent.push(person.object.dn.clone()),
        }
    }
    Ok((there, absent))
}

/// All places above a person.
fn above(person: Sampled) -> impl Iterator<Item = DistinguishedName> {
    std::iter::successors(person.object.dn.parent(), DistinguishedName::parent)
}

/// What another controller lacks that the PDC emulator does not lack itself.
pub(super) fn compared(
    observed: &Observed,
    there: &Observed,
    absent: Vec<DistinguishedName>,
    features: &[Feature],
) -> State {
    let here = judge(observed, features).findings;
    let known = |one: &Finding, permission: &Permission| {
        here.iter()
            .any(|other| other.object == one.object && other.permissions.contains(permission))
    };
    let mut findings = judge(there, features).findings;
    findings.retain_mut(|one| {
        // Less may be lacking there than here.
        let lacking = std::mem::take(&mut one.permissions);
        one.permissions = lacking.into_iter().filter(|right| !known(one, right)).collect();
        one.cause.is_about_rights() && !one.permissions.is_empty()
    });
    // What is not there is told as that.
    findings.retain(|one| !absent.contains(&one.object));
    match findings.is_empty() && absent.is_empty() {
        true => State::Complete,
        false => State::Behind { findings, absent },
    }
}

impl Arrival {
    /// Whether there is nothing more to wait for.
    pub(crate) fn is_complete(&self) -> bool {
        self.state == State::Complete
    }

    /// What is to be told, in one line.
    pub(crate) fn text(&self, observed: &Observed) -> String {
        let (controller, pdc) = (&self.controller, &observed.asker.controller);
        match &self.state {
            State::Complete => format!("{controller} has all that {pdc} has"),
            State::NotAsked(cause) => format!("{controller} could not be asked: {cause}"),
            State::Behind { findings, absent } => {
                let first = findings.first().map(|finding| finding.text(observed));
                let gone = |dn| format!("{} is not there", super::print::shown(dn));
                let first = first.or_else(|| absent.first().map(gone)).unwrap_or_default();
                let more = match findings.len() + absent.len() {
                    0 | 1 => String::new(),
                    many => format!(", and {} more", many - 1),
                };
                format!("{controller} has not caught up with {pdc}: {first}{more}")
            }
        }
    }

    /// What brings it there.
    pub(crate) fn remedy(&self, observed: &Observed) -> Remedy {
        let (from, to) = (&observed.asker.controller, &self.controller);
        if !matches!(self.state, State::Behind { .. }) {
            return Remedy::default();
        }
        let command = match observed.asker.is_samba {
            true => {
                let head = quoted(&observed.head.dn.to_string());
                let (to, from) = (quoted(to), quoted(from));
                format!("samba-tool drs replicate {to} {from} {head} -U Administrator")
            }
            false => format!("repadmin /replicate {to} {from} \"{}\"", observed.head.dn),
        };
        Remedy::command(command).and("it comes by itself, too, as often as the sites replicate")
    }
}
