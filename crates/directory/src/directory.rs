//! What the agent asks of a directory, whoever answers: an Active Directory over LDAPS
//! ([`crate::LdapDirectory`]), or the fake one that tests and the demo without a lab run on.

use std::net::SocketAddr;

use futures_util::future::BoxFuture;
use protocol::{ClearPassword, Timestamp};

use crate::people::{PeopleRead, PersonEntry};
use crate::policy::EffectivePolicy;
use crate::root::PolicyControl;
use crate::witness::Witness;
use crate::{
    Account, BoundAs, DirectoryError, DistinguishedName, Holder, InvocationId, ObjectGuid,
    SetError, Sid,
};

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

    /// The fine-grained policy that applies to an account (`msDS-ResultantPSO`); none if the domain's
    /// does, if the attribute may not be read ([`crate::Hidden`]), or if there is no such object.
    ///
    /// # Errors
    /// If it cannot be read.
    fn resultant_pso(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<DistinguishedName>, DirectoryError>>;

    /// The policy that decides about this account's next password; an unknown one where it may not be read
    /// which one that is. Controllers compute which one it
    /// is, which takes them as long as all the rest of an account: it is read where it is needed.
    ///
    /// # Errors
    /// Those of [`Directory::resultant_pso`] and [`Directory::policy`].
    fn effective_policy<'a>(
        &'a self,
        account: &'a Account,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>> {
        Box::pin(async move {
            let fine_grained = self.resultant_pso(account.guid).await?;
            if fine_grained.is_none() && account.hidden.resultant_pso {
                return Ok(EffectivePolicy::unknown());
            }
            self.policy(fine_grained.as_ref()).await
        })
    }

    /// Who has a SID in this domain: whether a group of the configuration protects anybody (SPEC D-6).
    ///
    /// # Errors
    /// Besides failures on the way, [`DirectoryError::Unreadable`] where it cannot be said what it is.
    fn holder<'a>(&'a self, sid: &'a Sid) -> BoxFuture<'a, Result<Holder, DirectoryError>>;

    /// What is always to be known before a set: how the account's password stands, who asks, and, a
    /// moment later, the account; at a controller that said within [`crate::ROLE_CHECK`] that it holds
    /// the PDC role. None if there is no such object.
    ///
    /// # Errors
    /// Those of [`Directory::witness`].
    fn standing(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<Standing<'_>>, DirectoryError>> {
        Box::pin(async move {
            let probe = self.probe().await?;
            let Some(witness) = self.witness(guid).await? else { return Ok(None) };
            let account = self.account(guid);
            let Probe { bound_as, policy_control, .. } = probe;
            Ok(Some(Standing { bound_as, witness, policy_control, account }))
        })
    }

    /// How the account's password stands at the PDC emulator; none if there is no such object.
    ///
    /// # Errors
    /// If the metadata cannot be read.
    fn witness(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Witness>, DirectoryError>>;

    /// The same at the controller with this DNS name, whichever role it has now: what was noted there
    /// is settled there.
    ///
    /// # Errors
    /// Those of [`Directory::witness`], and those of reaching that controller.
    fn witness_at<'a>(
        &'a self,
        controller: &'a str,
        guid: ObjectGuid,
    ) -> BoxFuture<'a, Result<Option<Witness>, DirectoryError>>;

    /// What time it is at the PDC emulator: the clock by which it dates what is written there.
    ///
    /// # Errors
    /// If it does not say.
    fn time(&self) -> BoxFuture<'_, Result<Timestamp, DirectoryError>>;

    /// When the PDC role was last given to anybody, by the word of whoever holds it: by the clock of the
    /// controller that wrote it down, to the second. Who has held it since then has made every set. None
    /// where that may not be read.
    ///
    /// # Errors
    /// Failures on the way.
    fn role_given(&self) -> BoxFuture<'_, Result<Option<Timestamp>, DirectoryError>>;

    /// Writes to an account. From `terms.not_after` on nothing is sent, however long connecting took
    /// (SPEC W-11).
    ///
    /// # Errors
    /// [`SetError::Unknown`] is the only one after which it may have been written.
    fn write<'a>(
        &'a self,
        guid: ObjectGuid,
        write: Write<'a>,
        terms: Terms<'a>,
    ) -> BoxFuture<'a, Result<(), SetError>>;

    /// What has become of a write to an account after which nobody knew whether it was made: the last one
    /// that this process sent, where its terms had a witness with this copy of the database and this version.
    /// Asks nobody.
    fn late(&self, _guid: ObjectGuid, _noted: (InvocationId, u32)) -> Late {
        Late::Over
    }

    /// Sets the password and unlocks the account, under the policy that AD enforces on a user's own
    /// change (SPEC D-2, PR-3).
    ///
    /// # Errors
    /// Those of [`Directory::write`].
    fn set_password<'a>(
        &'a self,
        guid: ObjectGuid,
        password: &'a ClearPassword,
        not_after: Timestamp,
    ) -> BoxFuture<'a, Result<(), SetError>> {
        self.write(guid, Write::Reset(password), Terms { not_after, noted: None })
    }

    /// Reads the people at and below each base, `page` at a time, and hands each one over as it
    /// comes; how many there were, and who could not be read. Holds up no set.
    ///
    /// # Errors
    /// After some people were handed over, too: the run is to be repeated then.
    fn people<'a>(
        &'a self,
        bases: &'a [DistinguishedName],
        page: u32,
        each: &'a mut (dyn FnMut(PersonEntry) + Send),
    ) -> BoxFuture<'a, Result<PeopleRead, DirectoryError>>;
}

/// What is written to an account. Has no `Debug`.
#[derive(Clone, Copy)]
pub enum Write<'a> {
    /// The password is replaced and the account unlocked, in one modify with the policy-hints control
    /// (SPEC D-2).
    Reset(&'a ClearPassword),
    /// The same without that control, wherever one is offered: history and least age are not asked for
    /// (SPEC O-3). Length, complexity and password filters are the directory's in every reset.
    ResetWithoutHints(&'a ClearPassword),
    /// The password is replaced by whoever knows the present one; AD itself compares it, and enforces
    /// its whole policy (SPEC D-3).
    ///
    /// A wrong one is a refusal with [`crate::AdCode::INVALID_PASSWORD`], and a controller may count
    /// it towards a lockout: whoever lets people try must stop them before the directory does.
    Change {
        /// The present one.
        old: &'a ClearPassword,
        /// The one that replaces it.
        new: &'a ClearPassword,
    },
    /// The account is unlocked, its password left alone (SPEC D-4). Unlocking what is not locked is no
    /// error.
    Unlock,
    /// The password must be changed at the next sign-in (SPEC D-4): a step of its own after a reset,
    /// because AD refuses both in one modify. It may be repeated.
    RequireChange,
}

impl Write<'_> {
    /// Whether the account has another password afterwards.
    pub const fn is_of_a_password(self) -> bool {
        match self {
            Self::Reset(_) | Self::ResetWithoutHints(_) | Self::Change { .. } => true,
            Self::Unlock | Self::RequireChange => false,
        }
    }
}

/// What is known of a write whose answer did not come in time.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Late {
    /// Nothing, and nothing will come: there was none, or its connection has ended.
    Over,
    /// The controller has neither answered nor hung up: it may still be made.
    Awaited,
    /// It has done neither for [`crate::LATE_AWAITED`], or too many others were awaited, and the connection
    /// was cut: it may still be made, and nobody will hear of it.
    GivenUp,
    /// What it was answered all the same, if it was one of a password.
    Answered(Result<(), SetError>),
}

/// Under which conditions something is written.
#[derive(Debug, Clone, Copy)]
pub struct Terms<'a> {
    /// From this moment on it is not sent any more.
    pub not_after: Timestamp,
    /// Only at the controller that gave this witness, because a reading elsewhere would not settle
    /// it; else it is not sent, which is [`SetError::ControllerMoved`].
    pub noted: Option<&'a Witness>,
}

impl Terms<'_> {
    /// At any time, wherever the PDC emulator is.
    pub const ANY: Self = Self { not_after: Timestamp::from_millis(i64::MAX), noted: None };
}

/// What is known of an account before its password is set.
pub struct Standing<'a> {
    /// The service account, as in [`Probe::bound_as`].
    pub bound_as: Option<BoundAs>,
    /// How its password stands.
    pub witness: Witness,
    /// By which control a reset obeys the policy there; none if it offers none (SPEC D-2).
    pub policy_control: Option<PolicyControl>,
    /// The account, as [`Directory::account`] gives it, not older than the witness. A controller
    /// computes its groups anew each time, which takes about as long as a note is written: what is
    /// noted before a set need not wait for them (decision 0015).
    pub account: BoxFuture<'a, Result<Option<Account>, DirectoryError>>,
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
    pub bound_as: Option<BoundAs>,
    /// The controls that the controller offers, by number.
    pub controls: Vec<String>,
    /// Which policy-hints control a set will carry; none means that sets are refused (SPEC D-2).
    pub policy_control: Option<PolicyControl>,
}
