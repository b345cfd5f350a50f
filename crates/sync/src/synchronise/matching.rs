//! Recognising one person in several directories by an attribute (SPEC D-11).
//!
//! Somebody who is recognised wrongly could be given another person's password: whatever is not
//! unique matches nobody. A value is unique if no directory has it twice, if it leads to one
//! metaverse object, and if that one has no account in the object's own directory. Who is not
//! matched is a person of their own, as if nothing were configured; so it does not matter which of
//! the objects came first.
//!
//! Links that are there stay, whatever happens to the values, as with the hard match. So people who
//! were known before they had the same value stay apart, and are reported.

use sqlx::SqliteConnection;

use super::SynchronisationReport;
use crate::connector::{folded, values};
use crate::row::row;
use crate::{Attributes, SyncError};

/// The longest value that is compared, in bytes; `mail` has at most 256 characters.
const VALUE_MAX: usize = 1_024;
/// So many people who stay apart are named in the log; all of them are counted.
const NAMED_MAX: i64 = 20;
/// What to do about them.
const OPERATOR: &str = "Accounts with the same value of `match_people_by` are not joined where one directory has it twice, or where they were known as different people before. Correct the value; to have an account matched anew, take it out of the synchronised OUs for one synchronisation, which deletes its cloud user.";

/// The value of an attribute in the form in which it is compared. None: no value, or several, of
/// which none is *the* one.
pub(super) fn value(attributes: &Attributes, name: &str) -> Option<String> {
    let mut present = values(attributes, name).iter().map(|value| value.trim());
    let one = present.by_ref().find(|value| !value.is_empty())?;
    let alone = !present.any(|value| !value.is_empty());
    (alone && one.len() <= VALUE_MAX).then(|| folded(one))
}

/// The metaverse object of the only other person with this value.
pub(super) async fn find(
    tx: &mut SqliteConnection,
    object: i64,
    connector: &str,
    value: &str,
) -> Result<Option<i64>, SyncError> {
    let twice = "SELECT EXISTS (SELECT 1 FROM connector_object
        WHERE match_value = $1 GROUP BY connector HAVING count(*) > 1)";
    let (twice,): (bool,) = sqlx::query_as(twice).bind(value).fetch_one(&mut *tx).await?;
    if twice {
        return Ok(None);
    }
    let people = "SELECT DISTINCT l.metaverse_id
        FROM connector_object o JOIN link l ON l.object_id = o.id WHERE o.match_value = $1";
    let people: Vec<(i64,)> = sqlx::query_as(people).bind(value).fetch_all(&mut *tx).await?;
    let [(metaverse_id,)] = people[..] else { return Ok(None) };
    // Also one that is to be linked by the hard match and has not had its turn.
    let taken = "SELECT EXISTS (SELECT 1 FROM connector_object o
        WHERE o.connector = $1 AND o.id <> $2 AND (
            o.source_anchor = (SELECT source_anchor FROM metaverse WHERE id = $3)
            OR o.id IN (SELECT object_id FROM link WHERE metaverse_id = $3)))";
    let (taken,): (bool,) =
        sqlx::query_as(taken).bind(connector).bind(object).bind(metaverse_id).fetch_one(tx).await?;
    Ok((!taken).then_some(metaverse_id))
}

row! {
    struct Apart {
        people: String,
        accounts: String,
    }
}

/// Counts the values that stand for several people in several directories, and names some.
pub(super) async fn report_apart(
    tx: &mut SqliteConnection,
    report: &mut SynchronisationReport,
) -> Result<(), SyncError> {
    let count = "SELECT count(*) FROM (
            SELECT 1 FROM connector_object o JOIN link l ON l.object_id = o.id
            WHERE o.match_value IS NOT NULL GROUP BY o.match_value
            HAVING count(DISTINCT l.metaverse_id) > 1 AND count(DISTINCT o.connector) > 1)";
    let (count,): (i64,) = sqlx::query_as(count).fetch_one(&mut *tx).await?;
    report.apart = count.unsigned_abs();
    if report.apart == 0 {
        return Ok(());
    }
    let some = "SELECT group_concat(DISTINCT m.source_anchor) AS people,
            group_concat(o.connector || ' ' || o.dn, '; ') AS accounts
        FROM connector_object o JOIN link l ON l.object_id = o.id
        JOIN metaverse m ON m.id = l.metaverse_id
        WHERE o.match_value IS NOT NULL GROUP BY o.match_value
        HAVING count(DISTINCT m.id) > 1 AND count(DISTINCT o.connector) > 1
        ORDER BY min(o.id) LIMIT $1";
    let some: Vec<Apart> = sqlx::query_as(some).bind(NAMED_MAX).fetch_all(tx).await?;
    for Apart { people, accounts } in &some {
        tracing::error!(people, accounts, "sync.match.not_unique");
    }
    tracing::error!(values = report.apart, operator = OPERATOR, "sync.match.people_apart");
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_one_value_of_an_attribute_is_compared() {
        let long = "x".repeat(VALUE_MAX + 1);
        for (found, expected) in [
            (vec!["Jan@Corp.Example"], Some("jan@corp.example")),
            (vec![" ÉLAN@corp.example\t"], Some("élan@corp.example")),
            (vec!["", "jan@corp.example", " "], Some("jan@corp.example")),
            (vec![], None),
            (vec![""], None),
            (vec!["  "], None),
            (vec!["a@x", "b@x"], None),
            (vec!["a@x", "A@x"], None),
            (vec![long.as_str()], None),
        ] {
            let found = found.into_iter().map(str::to_owned).collect();
            let attributes = Attributes::from([("mail".to_owned(), found)]);
            assert_eq!(value(&attributes, "Mail").as_deref(), expected, "{attributes:?}");
        }
        assert_eq!(value(&Attributes::new(), "mail"), None);
    }
}
