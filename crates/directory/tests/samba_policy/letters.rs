//! Every character of the first plane, and some of the others, is of the kind that the checker
//! takes it for: as many as fit into one password beside two other kinds that these are not, and
//! Samba must miss a third kind.

use std::sync::Arc;

use directory::{Directory as _, SetError};
use lab::Forest;
use protocol::policy::kinds::{Kind, Kinds, counted};
use protocol::policy::{AccountNames, Judge, Rule};

use crate::Settings;
use crate::drawn::{Dice, anything};
use crate::world::{LATER, agent, guid, password, somebody};

/// The most UTF-16 code units of a password (SPEC K-1), less the two of the other kind.
const UNITS: usize = 254;

pub async fn are_of_the_kind_that_samba_counts_them_as(forest: &Arc<Forest>) {
    let mut dice = Dice::new(1);
    let first_plane = ('\u{80}'..='\u{ffff}').chain('\u{1}'..='\u{1f}');
    let others = (0..10_000).map(|_| anything(&mut dice)).filter(|c| !c.is_ascii());
    let characters: Vec<char> = first_plane.chain(others).collect();
    let mut refused = Vec::new();
    for (kind, beside) in [
        (Some(Kind::Upper), "A1"),
        (Some(Kind::Lower), "a1"),
        (Some(Kind::Other), "密1"),
        // Of no kind: whichever two stand beside them, there is no third.
        (None, "Aa"),
    ] {
        let possible = kind.map_or(Kinds::NONE, Kinds::of);
        let of_kind: Vec<char> = characters
            .iter()
            .copied()
            .filter(|c| counted(*c, Judge::Samba).possible == possible)
            .collect();
        assert!(of_kind.len() > 30, "{kind:?}");
        refused.extend(passwords(&of_kind, beside));
    }
    // Not all are of no kind: the same characters beside two others make a third.
    let taken: Vec<String> =
        ["éÉéÉ1", "ωΩωΩ1", "жЖжЖ1", "密aA", "😀aA", "€aA", "ßaA", "ⅧⅷⅧ1", "ⓐⒶ1"]
            .map(str::to_owned)
            .to_vec();
    let quarter = refused.len().div_ceil(4);
    let parts: Vec<Vec<String>> = refused.chunks(quarter).map(<[_]>::to_vec).collect();
    let tries: Vec<_> = parts
        .into_iter()
        .map(|part| tokio::spawn(try_each(Arc::clone(forest), part, false)))
        .chain([tokio::spawn(try_each(Arc::clone(forest), taken, true))])
        .collect();
    for one in tries {
        one.await.unwrap();
    }
}

fn passwords(characters: &[char], beside: &str) -> Vec<String> {
    let mut all = vec![beside.to_owned()];
    for character in characters {
        let last = all.last_mut().unwrap();
        if last.encode_utf16().count() + character.len_utf16() > UNITS {
            all.push(format!("{beside}{character}"));
        } else {
            last.push(*character);
        }
    }
    all
}

async fn try_each(forest: Arc<Forest>, passwords: Vec<String>, taken: bool) {
    let person = somebody(&forest);
    let complex = Settings { complexity: true, ..Settings::LAX };
    complex.add(&forest, &person.login, &[&person.dn]);
    let directory = agent(&forest);
    let policy = directory.account(guid(&person)).await.unwrap().unwrap();
    let policy = directory.effective_policy(&policy).await.unwrap().rules.unwrap();
    for text in passwords {
        let new = password(&text);
        let broken = policy.broken_rules(&new, &AccountNames::default());
        let expected = if taken { vec![] } else { vec![Rule::TooFewKinds] };
        assert_eq!(broken, expected, "{text}");
        match directory.set_password(guid(&person), &new, LATER).await {
            Ok(()) => assert!(taken, "{text}"),
            Err(SetError::Refused(refusal)) => {
                assert!(!taken && refusal.diagnostic.contains("complexity"), "{text}: {refusal}");
            }
            Err(error) => panic!("{text}: {error}"),
        }
    }
}
