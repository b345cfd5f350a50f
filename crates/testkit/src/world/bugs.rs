//! Bugs on purpose: what the invariants would have to notice if somebody made them. They exist here
//! only, made from outside with what a world has in its hands, so that no program that is released
//! has a switch for them. A test lets each of them be caught; an invariant that catches nothing
//! proves nothing.

use std::sync::Arc;

use agent::journal::Journal;
use directory::{
    Account, AccountFlags, Directory, DirectoryError, DistinguishedName, EffectivePolicy, Holder,
    ObjectGuid, PersonEntry, Probe, SetError, Sid, Terms, Witness, Write,
};
use futures_util::future::BoxFuture;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::installation::BEGINNING;
use super::{World, machine};

/// A bug that a world has from its beginning.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Bug {
    /// The agent keeps no journal over a restart.
    JournalOff,
    /// The agent's guard sees nothing that it would have to refuse.
    GuardOff,
    /// The statement that consumes a code lacks its guard: a consumed one can be consumed again.
    UnguardedUpdate,
    /// Nobody counts how often a code is tried.
    LimiterOff,
    /// The agent takes what has expired: to whoever checks, it is still the moment at which the package
    /// came to the relay.
    ExpiryOff,
    /// Nothing binds a package to the person that it is for.
    PersonUnbound,
    /// Nothing binds a package to its expiry.
    ExpiryUnbound,
    /// A relay takes an answer from whatever channel it comes.
    AnswerFromAnywhere,
    /// A relay says a package again by itself that it has said already.
    SaidAgain,
    /// A dispatcher gives a package that was carried out to the other agent, too.
    SentToAnother,
    /// The cloud service believes any agent's word about how a request ended.
    SettledByAnother,
    /// Nobody is asked how a request ended.
    NobodyAsked,
    /// Others are asked half an hour after a message has expired.
    OthersLookLate,
    /// To another agent that looks, no password was ever set since the world began.
    LookSeesNothing,
}

impl Bug {
    /// Every one of them.
    pub const ALL: [Self; 14] = [
        Self::JournalOff,
        Self::GuardOff,
        Self::UnguardedUpdate,
        Self::LimiterOff,
        Self::ExpiryOff,
        Self::PersonUnbound,
        Self::ExpiryUnbound,
        Self::AnswerFromAnywhere,
        Self::SaidAgain,
        Self::SentToAnother,
        Self::SettledByAnother,
        Self::NobodyAsked,
        Self::OthersLookLate,
        Self::LookSeesNothing,
    ];
}

impl World {
    /// Puts the bug into what is installed, before anything runs.
    pub(super) fn build_in(&mut self, bug: Bug) {
        self.bug = Some(bug);
        match bug {
            Bug::UnguardedUpdate => self.unguard_codes(),
            // When the agent or the service starts.
            Bug::JournalOff
            | Bug::GuardOff
            | Bug::LimiterOff
            | Bug::ExpiryOff
            | Bug::OthersLookLate
            | Bug::LookSeesNothing => {}
            // In what a relay does (`hands`).
            Bug::PersonUnbound
            | Bug::ExpiryUnbound
            | Bug::AnswerFromAnywhere
            | Bug::SaidAgain
            | Bug::SentToAnother
            | Bug::SettledByAnother
            | Bug::NobodyAsked => {}
        }
    }

    /// The settings of a cloud service with or without the bug, and with the world's nodes.
    pub(super) fn cloud_settings(&self) -> cloud::CloudSettings {
        let mut settings = self.folder.cloud();
        settings.relay_nodes.clone_from(&self.nodes);
        if self.bug == Some(Bug::LimiterOff) {
            settings.code_tries = u32::MAX;
            settings.throttles.tries_per_name = u64::from(u32::MAX);
        }
        if self.bug == Some(Bug::OthersLookLate) {
            settings.others_look *= 3;
        }
        settings
    }

    /// An agent's directory with or without the bug.
    pub(super) fn directory_of(&self, agent: &str) -> Arc<dyn Directory> {
        let directory = Arc::new(self.directory_for(agent));
        match self.bug {
            Some(Bug::GuardOff) => Arc::new(Mistaken { directory, about: Mistake::Standing }),
            Some(Bug::ExpiryOff) => Arc::new(Mistaken { directory, about: Mistake::Time }),
            Some(Bug::LookSeesNothing) => Arc::new(Mistaken { directory, about: Mistake::Witness }),
            _ => directory,
        }
    }

    /// Before an agent starts: with the bug, its last process has left no journal.
    pub(super) fn maybe_forget(&self, agent: &str) {
        if self.bug != Some(Bug::JournalOff) {
            return;
        }
        let state = self.folder.agent(agent).state_dir;
        for entry in std::fs::read_dir(&state).expect("the agent's state").flatten() {
            if entry.file_name().to_string_lossy().starts_with("journal.db") {
                std::fs::remove_file(entry.path()).expect("the journal");
            }
        }
        machine::on_a_runtime(async {
            Journal::create(&state, BEGINNING).await.expect("a journal").close().await;
        });
    }

    fn unguard_codes(&self) {
        let database = self.folder.cloud().database;
        machine::on_a_runtime(async {
            let options = SqliteConnectOptions::new().filename(database);
            let mut connection: SqliteConnection = options.connect().await.expect("the store");
            // Without the fact, too: the second one needs no luck to come in time.
            for trigger in [
                "CREATE TRIGGER seeded AFTER UPDATE OF consumed_at ON code
                 BEGIN UPDATE code SET consumed_at = NULL WHERE flow = NEW.flow; END",
                "CREATE TRIGGER seeded_fact AFTER INSERT ON fact
                 BEGIN DELETE FROM fact WHERE flow = NEW.flow; END",
            ] {
                sqlx::query(trigger).execute(&mut connection).await.expect("a trigger");
            }
            connection.close().await.expect("an end");
        });
    }
}

/// A directory that is mistaken about something.
struct Mistaken {
    directory: Arc<dyn Directory>,
    about: Mistake,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Mistake {
    /// Every account is shown as an ordinary one.
    Standing,
    /// A write is never too late.
    Time,
    /// Every password was written when the world began.
    Witness,
}

impl Directory for Mistaken {
    fn probe(&self) -> BoxFuture<'_, Result<Probe, DirectoryError>> {
        self.directory.probe()
    }

    fn account(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Account>, DirectoryError>> {
        if self.about != Mistake::Standing {
            return self.directory.account(guid);
        }
        Box::pin(async move {
            let Some(mut account) = self.directory.account(guid).await? else { return Ok(None) };
            let domain_users = |sid: &Sid| sid.domain_rid() == Some(513);
            account.group_sids.retain(domain_users);
            (account.admin_count, account.account_expires) = (false, None);
            account.cannot_change_password = false;
            account.flags = AccountFlags::NORMAL;
            Ok(Some(account))
        })
    }

    fn policy<'a>(
        &'a self,
        fine_grained: Option<&'a DistinguishedName>,
    ) -> BoxFuture<'a, Result<EffectivePolicy, DirectoryError>> {
        self.directory.policy(fine_grained)
    }

    fn holder<'a>(&'a self, sid: &'a Sid) -> BoxFuture<'a, Result<Holder, DirectoryError>> {
        self.directory.holder(sid)
    }

    fn resultant_pso(
        &self,
        guid: ObjectGuid,
    ) -> BoxFuture<'_, Result<Option<DistinguishedName>, DirectoryError>> {
        self.directory.resultant_pso(guid)
    }

    fn witness(&self, guid: ObjectGuid) -> BoxFuture<'_, Result<Option<Witness>, DirectoryError>> {
        Box::pin(async move {
            let seen = self.directory.witness(guid).await?;
            Ok(seen.map(|seen| match self.about {
                Mistake::Witness => Witness { written_at: Some(BEGINNING), ..seen },
                Mistake::Standing | Mistake::Time => seen,
            }))
        })
    }

    fn witness_at<'a>(
        &'a self,
        controller: &'a str,
        guid: ObjectGuid,
    ) -> BoxFuture<'a, Result<Option<Witness>, DirectoryError>> {
        self.directory.witness_at(controller, guid)
    }

    fn time(&self) -> BoxFuture<'_, Result<protocol::Timestamp, DirectoryError>> {
        self.directory.time()
    }

    fn role_given(&self) -> BoxFuture<'_, Result<Option<protocol::Timestamp>, DirectoryError>> {
        self.directory.role_given()
    }

    fn write<'a>(
        &'a self,
        guid: ObjectGuid,
        write: Write<'a>,
        terms: Terms<'a>,
    ) -> BoxFuture<'a, Result<(), SetError>> {
        let terms = match self.about {
            Mistake::Time => Terms { not_after: Terms::ANY.not_after, ..terms },
            Mistake::Standing | Mistake::Witness => terms,
        };
        self.directory.write(guid, write, terms)
    }

    fn people<'a>(
        &'a self,
        bases: &'a [DistinguishedName],
        page: u32,
        each: &'a mut (dyn FnMut(PersonEntry) + Send),
    ) -> BoxFuture<'a, Result<directory::PeopleRead, DirectoryError>> {
        self.directory.people(bases, page, each)
    }
}
