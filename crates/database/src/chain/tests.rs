use super::*;
use crate::tests::Folder;

static SCHEMA: &[&str] = &["
CREATE TABLE trail (seq INTEGER PRIMARY KEY, at INTEGER NOT NULL, who BLOB, what TEXT NOT NULL,
    hash BLOB NOT NULL);
CREATE TABLE trail_anchor (one INTEGER PRIMARY KEY CHECK (one = 1), seq INTEGER NOT NULL,
    hash BLOB NOT NULL)"];

const TRAIL: Chain<3> = Chain::new("trail", ["at", "who", "what"]);

struct World {
    pool: SqlitePool,
    _folder: Folder,
}

impl World {
    /// A chain of `rows` rows, which have taken place at 1, 2, 3, …
    async fn of(name: &str, rows: i64) -> Self {
        let folder = Folder::new(&format!("chain-{name}"));
        let pool = crate::open(&folder.0.join("a.db"), SCHEMA).await.unwrap();
        let world = Self { pool, _folder: folder };
        for at in 1..=rows {
            append(&world.pool, at).await.unwrap();
        }
        world
    }

    /// Forgets what took place before `before`, long after that.
    async fn forget(&self, before: i64) -> u64 {
        let noted = |gone: &Forgotten| {
            let what = format!("{} up to {}", gone.rows, gone.last.seq);
            [Value::Number(before + 10 * DAY_MILLIS), Value::Nothing, Value::Text(what)]
        };
        TRAIL.forget(&self.pool, before, noted).await.unwrap()
    }

    async fn done(&self, statement: &'static str) {
        sqlx::raw_sql(statement).execute(&self.pool).await.unwrap();
    }

    async fn verified(&self) -> Verification {
        TRAIL.verify(&self.pool).await.unwrap()
    }
}

async fn append(pool: &SqlitePool, at: i64) -> Result<i64, sqlx::Error> {
    let mut transaction = pool.begin_with("BEGIN IMMEDIATE").await?;
    let who = (at % 2 == 0).then_some([7; 16]);
    let values = [Value::Number(at), Value::or_nothing(who), Value::Text(format!("row {at}"))];
    let seq = TRAIL.append(&mut transaction, None, vec![values]).await?;
    transaction.commit().await?;
    Ok(seq)
}

#[tokio::test]
async fn an_untouched_chain_verifies_also_over_pages() {
    let world = World::of("whole", 0).await;
    let nothing = Verification { rows: 0, anchor: None, head: None, wrong: None };
    assert_eq!(world.verified().await, nothing);
    let mut transaction = world.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for at in 1..=PAGE + 1 {
        let values = [Value::Number(at), Value::Nothing, Value::Text(String::new())];
        assert_eq!(TRAIL.append(&mut transaction, None, vec![values]).await.unwrap(), at);
    }
    transaction.commit().await.unwrap();
    let verified = world.verified().await;
    assert_eq!((verified.rows, verified.wrong), (1_001, None));
    assert_eq!(verified.head.unwrap().seq, 1_001);
    world.done("UPDATE trail SET at = 0 WHERE seq = 1001").await;
    assert_eq!(world.verified().await.wrong, Some(1_001), "the second page is looked at, too");
}

#[tokio::test]
async fn whatever_is_done_to_a_row_the_first_wrong_one_is_named() {
    let cases = [
        ("UPDATE trail SET what = 'row 9' WHERE seq = 3", 3),
        ("UPDATE trail SET who = NULL WHERE seq = 2", 2),
        ("UPDATE trail SET at = 9 WHERE seq = 4", 4),
        ("UPDATE trail SET at = 'soon' WHERE seq = 4", 4),
        ("UPDATE trail SET at = 4.5 WHERE seq = 4", 4),
        ("UPDATE trail SET hash = x'00' WHERE seq = 5", 5),
        ("UPDATE trail SET hash = 1.5 WHERE seq = 5", 5),
        ("DELETE FROM trail WHERE seq = 1", 1),
        ("DELETE FROM trail WHERE seq IN (2, 4)", 2),
        ("DELETE FROM trail WHERE seq = 3; UPDATE trail SET seq = seq - 1 WHERE seq > 3", 3),
        (
            "UPDATE trail SET seq = -2 WHERE seq = 2; UPDATE trail SET seq = 2 WHERE seq = 3;
             UPDATE trail SET seq = 3 WHERE seq = -2",
            2,
        ),
        ("INSERT INTO trail SELECT 6, at, who, what, hash FROM trail WHERE seq = 5", 6),
        ("INSERT INTO trail SELECT -7, at, who, what, hash FROM trail WHERE seq = 5", 1),
        ("INSERT INTO trail_anchor VALUES (1, 0, x'00')", 1),
        // A byte that moves from one column to its neighbour.
        ("UPDATE trail SET who = x'72', what = 'ow 1' WHERE seq = 1", 1),
    ];
    for (number, (done, wrong)) in cases.into_iter().enumerate() {
        let world = World::of(&format!("touched-{number}"), 5).await;
        world.done(done).await;
        assert_eq!(world.verified().await.wrong, Some(wrong), "{done}");
    }
}

#[tokio::test]
async fn a_transaction_that_is_not_committed_leaves_no_half_and_no_gap() {
    let world = World::of("half", 2).await;
    let mut transaction = world.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    let values = [Value::Number(3), Value::Nothing, Value::Text("lost".to_owned())];
    assert_eq!(TRAIL.append(&mut transaction, None, vec![values]).await.unwrap(), 3);
    drop(transaction);
    assert_eq!(world.verified().await.rows, 2);
    assert_eq!(append(&world.pool, 3).await.unwrap(), 3);
    assert_eq!((world.verified().await.rows, world.verified().await.wrong), (3, None));
}

#[tokio::test]
async fn many_writers_at_once_make_one_chain() {
    let world = World::of("writers", 0).await;
    let mut all = tokio::task::JoinSet::new();
    for at in 1..=16 {
        let pool = world.pool.clone();
        all.spawn(async move { append(&pool, at).await.unwrap() });
    }
    let mut numbers = all.join_all().await;
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=16).collect::<Vec<_>>());
    assert_eq!(world.verified().await.wrong, None);
}

#[tokio::test]
async fn forgetting_keeps_what_the_chain_hangs_on() {
    let world = World::of("forget", 0).await;
    for day in 1..=5 {
        append(&world.pool, day * DAY_MILLIS).await.unwrap();
    }
    assert_eq!(world.forget(2 * DAY_MILLIS).await, 0, "not older by a day");
    assert_eq!(world.forget(4 * DAY_MILLIS).await, 3);
    let verified = world.verified().await;
    assert_eq!((verified.rows, verified.wrong), (3, None), "two, and that three are gone");
    assert_eq!(verified.anchor.unwrap().seq, 3);
    let noted: String = sqlx::query_scalar("SELECT what FROM trail WHERE seq = 6")
        .fetch_one(&world.pool)
        .await
        .unwrap();
    assert_eq!(noted, "3 up to 3");
    // What is taken out is named also behind what was forgotten, and before it.
    world.done("DELETE FROM trail WHERE seq = 5").await;
    assert_eq!(world.verified().await.wrong, Some(5));
    world.done("DELETE FROM trail WHERE seq = 4").await;
    assert_eq!(world.verified().await.wrong, Some(4));
    world.done("DELETE FROM trail").await;
    assert_eq!(append(&world.pool, 7).await.unwrap(), 4, "no number is given twice");
}

#[tokio::test]
async fn forgetting_takes_as_many_pages_as_it_needs_and_stops_at_a_young_row() {
    let world = World::of("pages", 0).await;
    let mut transaction = world.pool.begin_with("BEGIN IMMEDIATE").await.unwrap();
    for _ in 0..=PAGE {
        let values = [Value::Number(1), Value::Nothing, Value::Text(String::new())];
        TRAIL.append(&mut transaction, None, vec![values]).await.unwrap();
    }
    transaction.commit().await.unwrap();
    // The clock was put back in between: what stands behind a young row stays.
    append(&world.pool, 5 * DAY_MILLIS).await.unwrap();
    append(&world.pool, 2).await.unwrap();
    assert_eq!(world.forget(3 * DAY_MILLIS).await, 1_001);
    let verified = world.verified().await;
    assert_eq!((verified.rows, verified.wrong), (4, None), "two, and one for each page");
}

/// The hashes of databases that exist: what stands there must verify with every later version.
#[tokio::test]
async fn the_hash_of_a_row_never_changes() {
    let world = World::of("fixed", 2).await;
    let hashes: Vec<Vec<u8>> = sqlx::query_scalar("SELECT hash FROM trail ORDER BY seq")
        .fetch_all(&world.pool)
        .await
        .unwrap();
    // SHA-256 over, each after its length in 8 bytes: previous hash, seq, at, who, what.
    let hex = |bytes: &[u8]| bytes.iter().map(|byte| format!("{byte:02x}")).collect::<String>();
    assert_eq!(hex(&hashes[0]), "c365032cd66e82a03d2b51197d034ac3a7aaa6ffae03706513491ae6e0be177b");
    assert_eq!(hex(&hashes[1]), "01bfa2047cb21c1d2a01f790176830d3f693834ba71df0b5574fde6a6de052e6");
}
