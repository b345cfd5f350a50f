//! The account as it stands when its entry is looked at.

use directory::{Account, BoundAs, Standing, Witness};
use protocol::Outcome;

use super::judge::since_the_set;
use super::{Conclusion, Why};
use crate::directories::Connected;
use crate::journal::Before;
use crate::writeback::{Asked, expired_when_set};

/// An account at this moment.
pub(super) struct Now {
    pub(super) account: Account,
    pub(super) witness: Witness,
    /// The service account.
    pub(super) own: Option<BoundAs>,
}

/// The account as it stands now; none if it is gone.
pub(super) async fn as_it_stands(
    connected: &Connected,
    before: &Before,
) -> Result<Option<Now>, Why> {
    let standing = connected.directory.standing(before.place.guid).await?;
    let Some(Standing { bound_as: own, witness, account, .. }) = standing else { return Ok(None) };
    Ok(account.await?.map(|account| Now { account, witness, own }))
}

/// A password that has to be changed at once: where the service account lacks the right Unexpire Password
/// (SPEC D-12). That somebody asked for a change since is another write, and told as nothing.
pub(super) async fn expired_at_once(connected: &Connected, before: &Before) -> Conclusion {
    let Some(witness) = since_the_set(connected, before).await? else {
        return Ok((Outcome::UserGone, true));
    };
    if !expired_when_set(&witness, before.version, Asked::Later) {
        return Ok((Outcome::SettledChanged, false));
    }
    let account = connected.directory.account(before.place.guid).await?;
    let outcome = match account.is_some_and(|account| account.is_never_asked_to_change()) {
        true => Outcome::SettledChanged,
        false => Outcome::SetButExpired,
    };
    Ok((outcome, false))
}
