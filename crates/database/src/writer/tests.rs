use super::*;
use crate::tests::Folder;
use futures_util::FutureExt as _;

static SCHEMA: &[&str] = &["CREATE TABLE t (a INTEGER PRIMARY KEY, b INTEGER NOT NULL)"];
const INSERT: &str = "INSERT INTO t VALUES ($1, $2) RETURNING a";

struct World {
    pool: SqlitePool,
    writer: Writer,
    _folder: Folder,
}

impl World {
    async fn new(name: &str) -> Self {
        let folder = Folder::new(&format!("writer-{name}"));
        let pool = crate::open(&folder.0.join("a.db"), SCHEMA).await.unwrap();
        Self { writer: Writer::of(&pool), pool, _folder: folder }
    }

    async fn begun(&self, a: i64) -> Result<(Writing<'_>, Option<SqliteRow>), sqlx::Error> {
        self.writer.begin(sqlx::query(first(INSERT)).bind(a).bind(0)).await
    }

    async fn rows(&self) -> i64 {
        sqlx::query_scalar("SELECT count(*) FROM t").fetch_one(&self.pool).await.unwrap()
    }

    /// Writes one row as the next writer does, and how many there are then.
    async fn next(&self, a: i64) -> i64 {
        let (writing, row) = self.begun(a).await.unwrap();
        assert!(row.is_some());
        let update = last("UPDATE t SET b = 1 WHERE a = $1");
        writing.commit(Some(sqlx::query(update).bind(a))).await.unwrap();
        self.rows().await
    }
}

#[tokio::test]
async fn both_statements_count_together_and_not_before_the_end() {
    let world = World::new("both").await;
    let (writing, _) = world.begun(1).await.unwrap();
    assert_eq!(world.rows().await, 0);
    let update = last("UPDATE t SET b = 5 WHERE a = $1");
    writing.commit(Some(sqlx::query(update).bind(1))).await.unwrap();
    let b: i64 = sqlx::query_scalar("SELECT b FROM t").fetch_one(&world.pool).await.unwrap();
    assert_eq!((world.rows().await, b), (1, 5));
}

#[tokio::test]
async fn what_is_given_up_is_not_met_by_the_next_writer() {
    let world = World::new("given-up").await;
    drop(world.begun(1).await.unwrap());
    assert_eq!(world.next(2).await, 1, "dropped");
    let (writing, _) = world.begun(3).await.unwrap();
    writing.roll_back().await.unwrap();
    assert_eq!(world.next(4).await, 2, "rolled back");
    // Nobody waits for it any more while the statement is under way, or just when it is done.
    drop(world.begun(5).now_or_never());
    assert_eq!(world.next(6).await, 3, "cancelled");
    let (writing, _) = world.begun(7).await.unwrap();
    let update = last("UPDATE t SET b = 1 WHERE a = $1");
    drop(writing.commit(Some(sqlx::query(update).bind(7))).now_or_never());
    let (all, half) = (world.next(8).await, "SELECT count(*) FROM t WHERE b = 0");
    let half: i64 = sqlx::query_scalar(half).fetch_one(&world.pool).await.unwrap();
    assert!((all == 4 || all == 5) && half == 0, "all of it or nothing: {all}, {half}");
}

#[tokio::test]
async fn what_fails_at_either_end_has_not_happened() {
    let world = World::new("fails").await;
    assert_eq!(world.next(1).await, 1);
    assert!(world.begun(1).await.is_err(), "the row is there");
    assert_eq!(world.next(2).await, 2);
    let (writing, _) = world.begun(3).await.unwrap();
    let update = last("UPDATE t SET b = NULL WHERE a = $1");
    assert!(writing.commit(Some(sqlx::query(update).bind(3))).await.is_err());
    assert_eq!(world.rows().await, 2);
    world.writer.execute_alone("PRAGMA query_only = ON").await.unwrap();
    assert!(world.begun(3).await.is_err(), "nothing may be written, and nothing begins");
    assert!(world.begun(3).await.is_err(), "the connection is the same one");
    world.writer.execute_alone("PRAGMA query_only = OFF").await.unwrap();
    assert_eq!(world.next(3).await, 3);
}

#[tokio::test]
async fn of_many_writers_at_once_each_has_its_turn() {
    let world = World::new("many").await;
    let all = (0..50).map(|a| world.next(a));
    futures_util::future::join_all(all).await;
    assert_eq!(world.rows().await, 50);
    world.writer.close().await;
    assert!(matches!(world.begun(50).await, Err(sqlx::Error::PoolClosed)));
}
