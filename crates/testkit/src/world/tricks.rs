//! What a test lets a relay in other hands do, and what a bug on purpose makes of it.

use std::time::Duration;

use protocol::limits::{CLOCK_DIFFERENCE_MAX, LIFETIME_MAX};
use protocol::{Clock as _, CloudAnchor, Header};
use store::Store;

use super::bugs::Bug;
use super::dice::Seeded;
use super::forge::{self, Keys};
use super::hands::{Hands, Package, Rewrite, another};
use super::installation::{AGENTS, TENANT};
use super::timeline::Matter;
use super::{World, machine};

/// How long an agent that does not check expiry believes that nothing has passed.
const BELIEVES: Duration = Duration::from_secs(1);

impl World {
    /// From now on the relay keeps packages back, and carries everything else.
    pub fn keep_packages_back(&mut self) {
        self.timeline.goes_wrong(Matter::Trick, self.clock.now());
        self.network.put_into(Hands::KeepBack);
    }

    /// Lets the relay say to the agents what it kept back, however old that is.
    ///
    /// # Panics
    /// If nothing was kept back, or an agent has no channel.
    pub fn hand_over(&mut self) {
        self.hand_over_with(Box::new(|_, package| package.to_vec()));
    }

    /// The same, with later times written on everything, as if it was issued as long after that as clocks
    /// may differ: with the latest expiry that an agent would take.
    ///
    /// # Panics
    /// As for [`World::hand_over`].
    pub fn hand_over_prolonged(&mut self) {
        let prolong = |header: Header| {
            let issued_at = header.issued_at.after(CLOCK_DIFFERENCE_MAX);
            Header { issued_at, expires_at: issued_at.after(LIFETIME_MAX), ..header }
        };
        self.hand_over_with(self.relabels(prolong, Bug::ExpiryUnbound));
    }

    fn hand_over_with(&mut self, rewrite: Rewrite) {
        self.network.put_into(Hands::Own);
        let kept = self.network.take_kept();
        assert!(!kept.is_empty(), "nothing was kept back");
        for package in kept {
            if self.bug == Some(Bug::ExpiryOff) {
                // Nor does it remember what it said to be void.
                self.at_the_journal(&package.agent, "UPDATE about SET void_until = 0;");
                self.agents[&package.agent].clock.believe(Some(package.at));
                let agent = package.agent.clone();
                self.after(BELIEVES, move |world| world.agents[&agent].clock.believe(None));
            }
            let body = rewrite(&package.agent, &package.body).into();
            self.network.say_package(Package { body, ..package });
        }
    }

    /// From now on the relay writes the name of this person on every package.
    ///
    /// # Panics
    /// If nobody is called that.
    pub fn readdress_packages(&mut self, login: &str) {
        self.timeline.goes_wrong(Matter::Trick, self.clock.now());
        let person = self.anchor_of(login);
        let readdress = move |header| Header { cloud_anchor: person.clone(), ..header };
        let rewrite = self.relabels(readdress, Bug::PersonUnbound);
        self.network.put_into(Hands::Rewrite(rewrite));
    }

    /// Another header on a package: in clear, as anybody on the way can write it; with the bug such that
    /// it opens.
    fn relabels(&self, change: impl Fn(Header) -> Header + Send + 'static, bug: Bug) -> Rewrite {
        if self.bug != Some(bug) {
            return Box::new(move |_, package| forge::relabelled(package, &change));
        }
        let random = Seeded::new(self.dice("relabelled packages"));
        let keys = AGENTS.map(|name| (name, self.keys_of(name)));
        Box::new(move |agent, package| {
            let (_, keys) = keys.iter().find(|(name, _)| *name == agent).expect("its keys");
            keys.under_another_header(package, &change, &random)
        })
    }

    /// From now on the agent that is not asked answers first, with something that it made up. Nothing is
    /// disturbed by that: such an answer is no more than noise.
    pub fn let_others_answer(&mut self) {
        let counts = self.bug == Some(Bug::AnswerFromAnywhere);
        self.network.put_into(Hands::OthersAnswer { counts });
    }

    /// From now on another agent than the one that is asked answers every question how a request
    /// ended, and says that nothing was changed. With the bug it is believed: as if it were the one.
    ///
    /// # Panics
    /// Where such an answer is made, if it cannot be.
    pub fn let_another_settle(&mut self) {
        let began = self.clock.now();
        self.timeline.goes_wrong(Matter::Trick, began);
        AGENTS.iter().for_each(|name| self.timeline.goes_wrong(Matter::Road(name), began));
        let believed = self.bug == Some(Bug::SettledByAnother);
        let (random, now) = (Seeded::new(self.dice("settled by another")), self.clock.clone());
        let keys = AGENTS.map(|name| (name, self.keys_of(name)));
        self.network.put_into(Hands::Questions(Some(Box::new(move |asked, question| {
            let who = if believed { asked } else { another(asked) };
            let (_, keys) = keys.iter().find(|(name, _)| *name == who).expect("its keys");
            keys.unchanged(question, now.now(), &random)
        }))));
    }

    /// From now on the relay is in its own hands.
    pub fn give_the_relay_back(&mut self) {
        self.network.put_into(Hands::Own);
        let now = self.clock.now();
        AGENTS.iter().for_each(|name| self.timeline.is_right(Matter::Road(name), now));
    }

    /// From now on, with the bug, no agent hears a question how a request ended.
    pub fn let_nobody_be_asked(&mut self) {
        if self.bug == Some(Bug::NobodyAsked) {
            self.network.put_into(Hands::Questions(None));
        }
    }

    /// The moment at which the bug says the last package again by itself; without it nothing happens.
    ///
    /// # Panics
    /// If nothing was said yet, or the agent that it says it to has no channel.
    pub fn say_again(&mut self) {
        let mut package = self.network.packages().pop().expect("a package was said to an agent");
        match self.bug {
            Some(Bug::SaidAgain) => {}
            Some(Bug::SentToAnother) => {
                let other = another(&package.agent);
                let random = Seeded::new(self.dice("packages for another"));
                let (own, others) = (self.keys_of(&package.agent), self.keys_of(other));
                package.body = own.for_another(&others, &package.body, &random).into();
                other.clone_into(&mut package.agent);
            }
            _ => return,
        }
        self.network.say_package(package);
    }

    fn keys_of(&self, agent: &str) -> Keys {
        Keys::of(&self.folder.agent(agent))
    }

    fn anchor_of(&self, login: &str) -> CloudAnchor {
        let database = self.folder.cloud().database;
        machine::on_a_runtime(async {
            let store = Store::open(&database).await.expect("the store");
            let person = store.person_by_name(TENANT, login).await.expect("the people");
            store.close().await;
            person.expect("somebody of this name").id
        })
    }
}
