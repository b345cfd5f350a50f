//! An agent whose disk is full: its journal and its audit trail take nothing more.

use std::sync::atomic::Ordering;

use sqlx::AssertSqlSafe;
use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::processes::known;
use super::timeline::Matter;
use super::{World, machine};

/// The tables of a journal that grow.
const TABLES: [&str; 2] = ["entry", "audit"];

impl World {
    /// From now on nothing can be written into an agent's journal, as on a disk that is full; or it can
    /// be again. What stands in it stays. An agent that starts meanwhile cannot, and is started again
    /// and again, as its service is.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn disk_full(&mut self, agent: &str, full: bool) {
        let (name, now) = (known(agent), self.now());
        if self.agents[name].full.swap(full, Ordering::SeqCst) == full {
            return;
        }
        match full {
            true => self.timeline.goes_wrong(Matter::Disk(name), now),
            false => self.timeline.is_right(Matter::Disk(name), now),
        }
        let statements = TABLES.map(|table| match full {
            true => ["INSERT", "UPDATE"].map(|what| {
                format!(
                    "CREATE TRIGGER IF NOT EXISTS full_{table}_{what} BEFORE {what} ON {table}
                     BEGIN SELECT RAISE(ABORT, 'no space left'); END;"
                )
            }),
            false => ["INSERT", "UPDATE"]
                .map(|what| format!("DROP TRIGGER IF EXISTS full_{table}_{what};")),
        });
        self.at_the_journal(name, &statements.concat().concat());
    }

    /// Carries out statements in an agent's journal.
    pub(super) fn at_the_journal(&self, agent: &str, statements: &str) {
        let journal = self.folder.agent(agent).state_dir.join("journal.db");
        machine::on_a_runtime(async {
            let options = SqliteConnectOptions::new().filename(journal);
            let mut connection: SqliteConnection = options.connect().await.expect("the journal");
            let done = sqlx::raw_sql(AssertSqlSafe(statements.to_owned()));
            done.execute(&mut connection).await.expect("the statements");
            connection.close().await.expect("an end");
        });
    }
}
