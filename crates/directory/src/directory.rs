//! What the agent asks of a directory, whoever answers: an Active Directory over LDAPS
//! ([`crate::LdapDirectory`]), or the fake one that tests and the demo without a lab run on.

use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use protocol::{ClearPassword, Timestamp};

use crate::people::PersonEntry;
use crate::policy::EffectivePolicy;
use crate::root::PolicyControl;
use crate::witness::Witness;
use crate::{Account, DirectoryError, DistinguishedName, ObjectGuid, SetError, Sid};

/// One domain, asked at its PDC emulator (SPEC W-8).
///
/// Every implementation passes the same contract suite; a difference to Active Directory is a bug
/// of the implementation.
pub trait Directory: Send + Sync {
    /// Goes the whole way once: the PDC emulator is found, bound, and says that it holds the role.
    ///
    /// # Errors
    /// Where the way ends.
    fn probe(&self) -> BoxFuture<'_, Result<Probe, DirectoryError>>;

    /// The account with this GUID; none if the directory has no such object.
    ///
    /// # Errors
    /// Besides failures on the way, [`DirectoryError::Unreadable`] if protection cannot be judged
    /// because groups or flags are hidden from the service account, or if it is no account.
    fn account(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Account>, DirectoryError>>;

    /// The rules of a fine-grained policy, or of the domain where there is none.
    ///
    /// # Errors
    /// If the domain's policy cannot be read. A fine-grained one that may not be read has no
    /// rules, which is no error (SPEC D-12).
    fn policy<'a>(
        &'a self,
        fine_grained: Option<&'a DistinguishedName>,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>>;

    /// The policy that decides about this account's next password.
    ///
    /// # Errors
    /// Those of [`Directory::policy`].
    fn effective_policy<'a>(
        &'a self,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>> {
        self.policy(account.resultant_pso.as_ref())
    }

    /// Everything that is to be known before a set, read at one time: the account, its policy, how
    /// its password stands, and who asks, at a controller that says at this moment that it holds the
    /// PDC role. None if there is no such object.
    ///
    /// # Errors
    /// Those of [`Directory::account`], [`Directory::policy`] and [`Directory::witness`].
    fn standing(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<Standing>, DirectoryError>> {
        Box::pin(async move {
            let probe = self.probe().await?;
            let Some(account) = self.account(guid).await? else { return Ok(None) };
            let policy = self.effective_policy(&account).await?;
            let Some(witness) = self.witness(guid).await? else { return Ok(None) };
            Ok(Some(Standing { bound_as: probe.bound_as, account, policy, witness }))
        })
    }

    /// How the account's password stands at the PDC emulator; none if there is no such object.
    ///
    /// # Errors
    /// If the metadata cannot be read.
    fn witness(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Witness>, DirectoryError>>;

    /// Sets the password and unlocks the account, under the policy that AD enforces on a user's own
    /// change (SPEC D-2, PR-3). From `not_after` on nothing is sent, however long connecting took
    /// (SPEC W-11).
    ///
    /// # Errors
    /// [`SetError::Unknown`] is the only one after which the password may be changed.
    fn set_password<'a>(
        &'a self,
        guid: ObjectGuid,
        password: &'a ClearPassword,
        not_after: Timestamp,
    ) -> BoxFuture<'a, Result<(), SetError>>;

    /// As [`Directory::set_password`], but only at the controller that gave this witness: a reading
    /// elsewhere would not settle the set.
    ///
    /// # Errors
    /// Those of [`Directory::set_password`], and [`SetError::ControllerMoved`].
    fn set_password_at<'a>(
        &'a self,
        noted: &'a Witness,
        guid: ObjectGuid,
        password: &'a ClearPassword,
        not_after: Timestamp,
    ) -> BoxFuture<'a, Result<(), SetError>>;

    /// Reads the people at and below each base, `page` at a time, and hands each one over as it
    /// comes; how many there were. Holds up no set.
    ///
    /// # Errors
    /// After some people were handed over, too: the run is to be repeated then.
    fn people<'a>(
        &'a self,
        bases: &'a [DistinguishedName],
        page: u32,
        each: &'a mut (dyn FnMut(PersonEntry) + Send),
    ) -> BoxFuture<'a, Result<u64, DirectoryError>>;
}

/// What is known of an account before its password is set.
#[derive(Debug, Clone)]
pub struct Standing {
    /// The service account, as in [`Probe::bound_as`].
    pub bound_as: Option<Sid>,
    /// The account.
    pub account: Account,
    /// The policy that decides about its next password.
    pub policy: EffectivePolicy,
    /// How its password stands.
    pub witness: Witness,
}

/// What a probe of the whole path saw (SPEC A-4).
#[derive(Debug, Clone)]
pub struct Probe {
    /// The DNS name of the PDC emulator.
    pub controller: String,
    /// The address at which it was reached.
    pub address: SocketAddr,
    /// The service account as the controller knows it: the agent's own account, which is never
    /// reset (SPEC D-6). None if the controller does not say.
    pub bound_as: Option<Sid>,
    /// The controls that the controller offers, by number.
    pub controls: Vec<String>,
    /// Which policy-hints control a set will carry; none means that sets are refused (SPEC D-2).
    pub policy_control: Option<PolicyControl>,
}
