//! An agent whose breaker is open, and what the cloud service has been told of that (SPEC A-5).

use sqlx::sqlite::{SqliteConnectOptions, SqliteConnection};
use sqlx::{ConnectOptions as _, Connection as _};

use super::{World, machine};

impl World {
    /// Opens an agent's breaker, or releases it, in what it keeps on disk. The agent notices as after an
    /// administrator's release: without a restart.
    ///
    /// # Panics
    /// If there is no such agent.
    pub fn break_agent(&mut self, agent: &str, open: bool) {
        let now = self.now().as_millis();
        let set = match open {
            true => format!("UPDATE breaker SET opened_at = {now}"),
            false => format!("UPDATE breaker SET opened_at = NULL, released_at = {now}"),
        };
        self.at_the_journal(agent, &set);
    }

    /// Whether an agent's breaker is open by its last heartbeat; none where that did not say.
    ///
    /// # Panics
    /// If the cloud service's database cannot be read.
    pub fn told_of_breaker(&self, agent: &str) -> Option<bool> {
        let database = self.folder.cloud().database;
        machine::on_a_runtime(async {
            let options = SqliteConnectOptions::new().filename(database);
            let mut connection: SqliteConnection = options.connect().await.expect("the store");
            let told = sqlx::query_scalar("SELECT breaker_open FROM agent WHERE name = $1")
                .bind(agent)
                .fetch_one(&mut connection)
                .await
                .expect("the agent");
            connection.close().await.expect("an end");
            told
        })
    }
}
