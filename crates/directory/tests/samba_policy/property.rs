//! 500 passwords under each of six policies, and every letter that has a case.

use std::sync::Arc;

use clock::SystemClock;
use lab::{Forest, NewPerson, Person};

use crate::drawn::{Dice, POLICIES, Rules};
use crate::lived::{FIRST, Subject, Tally, live};
use crate::world::{agent, guid};
use crate::{Settings, fast_lab, letters};

const SEED: u64 = 0x5eed_2026;
/// So many accounts share the passwords of a policy, side by side …
const ACCOUNTS: usize = 4;
/// … and each of them tries so many.
const TRIES: usize = 125;

/// 3,000 sets by 24 accounts, four at a time, and some 300 for the letters: 32 s on two cores, the
/// start of the controller included. On a plain controller it would be 150 s of one core.
#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn what_the_checker_rejects_samba_rejects_and_what_samba_rejects_is_named() {
    let lab = fast_lab();
    let forest = Arc::new(lab.forest().clone());
    let mut all = Tally::new();
    for (place, rules) in POLICIES.iter().enumerate() {
        let tally = five_hundred(&forest, place).await;
        let name = rules.name;
        assert!(tally["taken"] > 10, "seed {SEED:#x}, {name}: {tally:?}");
        // Of Samba everything is known.
        assert!(!tally.contains_key("left open"), "seed {SEED:#x}, {name}: {tally:?}");
        for (what, count) in tally {
            *all.entry(what).or_default() += count;
        }
    }
    for rule in ["age", "length", "complexity", "history", "taken"] {
        assert!(all[rule] > 100, "seed {SEED:#x}: {all:?}");
    }
    letters::are_of_the_kind_that_samba_counts_them_as(&forest).await;
}

async fn five_hundred(forest: &Arc<Forest>, place: usize) -> Tally {
    let lives: Vec<_> = (0..ACCOUNTS)
        .map(|account| {
            let dice = Dice::new(SEED + (place * ACCOUNTS + account) as u64);
            tokio::spawn(one_life(Arc::clone(forest), place, dice))
        })
        .collect();
    let mut tally = Tally::new();
    for life in lives {
        for (what, count) in life.await.unwrap() {
            *tally.entry(what).or_default() += count;
        }
    }
    tally
}

async fn one_life(forest: Arc<Forest>, place: usize, mut dice: Dice) -> Tally {
    let rules = POLICIES[place];
    let person = somebody_under(&forest, (place > 0).then_some(&rules));
    let directory = agent(&forest);
    let grow_old = || forest.replace(&person.dn, "pwdLastSet", "0").unwrap();
    let subject = Subject {
        directory: &directory,
        guid: guid(&person),
        clock: &SystemClock,
        grow_old: &grow_old,
        tells: true,
    };
    live(&subject, &rules, &mut dice, TRIES).await
}

/// A fresh account under a fine-grained policy, or under the domain's.
pub fn somebody_under(forest: &Forest, rules: Option<&Rules>) -> Person {
    let new = NewPerson { password: FIRST.to_owned(), ..NewPerson::default() };
    let person = forest.add_person(&new).unwrap();
    forest.replace(&person.dn, "displayName", "Jan de Vries").unwrap();
    if let Some(rules) = rules {
        let settings = Settings {
            minimum_length: rules.minimum_length,
            complexity: rules.complexity,
            history_length: rules.history_length,
            minimum_age: rules.minimum_age,
            ..Settings::LAX
        };
        settings.add(forest, &person.login, &[&person.dn]);
    }
    person
}
