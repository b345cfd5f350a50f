//! `passback agent`: who may serve an organisation, and who no longer.

use clap::Subcommand;
use clock::SystemClock;
use command::{Failure, ask, print};
use protocol::{Clock as _, Outcome, Randomness as _};
use seal::SystemRandomness;
use serde_json::json;
use store::Store;
use store::agents::{Agent, Revocation};
use store::audit::Event;
use store::tenants::Tenant;

use super::{open, tenant};
use crate::moment::moment;
use crate::settings::CloudSettings;

#[derive(Subcommand)]
pub(super) enum AgentCommand {
    /// Make a code with which one agent can enrol.
    EnrolCode {
        /// The organisation's slug.
        #[arg(long)]
        tenant: String,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// List an organisation's agents.
    List {
        /// The organisation's slug.
        #[arg(long)]
        tenant: String,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
    /// Revoke an agent: for good, and cut off within 10 seconds, also while the service runs. With a
    /// relay elsewhere (`relay.url`) it is sent nothing any more; replace its key there.
    Revoke {
        /// Its name or its id, as `passback agent list` shows them.
        name: String,
        /// The organisation's slug.
        #[arg(long)]
        tenant: String,
        /// Also if it is the organisation's last one: nobody can reset a password then.
        #[arg(long)]
        last: bool,
        /// Do not ask whether to go on.
        #[arg(long)]
        yes: bool,
        /// Answer in JSON.
        #[arg(long)]
        json: bool,
    },
}

/// Carries out the command. The service may be running.
pub(super) async fn agents(command: AgentCommand, settings: &CloudSettings) -> Result<(), Failure> {
    let store = open(settings).await?;
    match command {
        AgentCommand::EnrolCode { tenant: slug, json } => {
            enrol_code(&store, &tenant(&store, &slug).await?, settings, json).await
        }
        AgentCommand::List { tenant: slug, json } => {
            list(&store, &tenant(&store, &slug).await?, settings, json).await
        }
        AgentCommand::Revoke { name, tenant: slug, last, yes, json } => {
            let tenant = tenant(&store, &slug).await?;
            let agent = find(&store, &tenant, &name).await?;
            let cut = Cut::of(settings);
            revoke(&store, (&tenant, &agent), cut, (last, yes, json)).await
        }
    }
}

async fn enrol_code(
    store: &Store,
    tenant: &Tenant,
    settings: &CloudSettings,
    json: bool,
) -> Result<(), Failure> {
    let mut secret = [0; 20];
    SystemRandomness::default().fill(&mut secret);
    let code: String = secret.iter().map(|byte| format!("{byte:02x}")).collect();
    let expires_at = SystemClock.now().after(settings.enrol_code_lifetime);
    store.issue_enrol_code(tenant.id, &code, expires_at).await.map_err(Failure::unavailable)?;
    if json {
        return print(&format!("{}\n", json!({ "code": code, "expires_at": expires_at })));
    }
    let hours = settings.enrol_code_lifetime.as_secs() / 3_600;
    print(&format!("{code}\nUse it once, within {hours} hours: passback-agent enrol --code …\n"))
}

async fn list(
    store: &Store,
    tenant: &Tenant,
    settings: &CloudSettings,
    json: bool,
) -> Result<(), Failure> {
    let agents = store.agents(tenant.id).await.map_err(Failure::unavailable)?;
    if json {
        let all: Vec<_> = agents
            .iter()
            .map(|one| {
                json!({
                    "id": one.id,
                    "name": one.name,
                    "version": one.version,
                    "heartbeat_at": one.heartbeat_at,
                    "revoked_at": one.revoked_at,
                    "clock_difference_ms": one.clock_difference_ms,
                    "directory_reachable": one.directory_reachable,
                    "breaker_open": one.breaker_open,
                })
            })
            .collect();
        return print(&format!("{}\n", json!(all)));
    }
    agents.iter().try_for_each(|one| {
        let version = one.version.as_deref().unwrap_or("never seen");
        let state = match one.revoked_at {
            Some(at) => format!("  revoked {}", moment(at, &settings.time_zone)),
            None if one.breaker_open == Some(true) => {
                "  the breaker is open: no password is reset".to_owned()
            }
            None => String::new(),
        };
        print(&format!("{}  {}  {version}{state}\n", one.id, one.name))
    })
}

/// The one agent of this name or id that is not revoked.
async fn find(store: &Store, tenant: &Tenant, name: &str) -> Result<Agent, Failure> {
    let slug = &tenant.slug;
    let all = store.agents(tenant.id).await.map_err(Failure::unavailable)?;
    let all = all.into_iter().filter(|one| one.name == name || one.id.to_string() == name);
    let (revoked, mut working): (Vec<_>, Vec<_>) = all.partition(|one| one.revoked_at.is_some());
    match (working.pop(), working.len()) {
        (Some(agent), 0) => Ok(agent),
        (Some(last), more) => {
            let ids: Vec<_> = working.iter().chain([&last]).map(|one| one.id.to_string()).collect();
            Err(Failure::refused(format!(
                "{} agents of {slug} are called {name}: name one of them by its id ({})",
                more + 1,
                ids.join(", ")
            )))
        }
        (None, _) if revoked.is_empty() => Err(Failure::refused(format!(
            "there is no agent {name} in {slug}; `passback agent list --tenant {slug}` lists them"
        ))),
        (None, _) => Err(Failure::refused(format!("{name} was revoked before"))),
    }
}

/// What a revocation does to the agent's channel.
#[derive(Clone, Copy)]
enum Cut {
    /// The relay inside ends it.
    Soon,
    /// A relay elsewhere knows nothing of it.
    NotHere,
}

impl Cut {
    fn of(settings: &CloudSettings) -> Self {
        if settings.relay_elsewhere.is_some() { Self::NotHere } else { Self::Soon }
    }

    /// Asks whether to go on.
    fn question(self, name: &str, id: &str, slug: &str) -> String {
        let what = match self {
            Self::Soon => "is cut off",
            Self::NotHere => "is sent nothing any more (its key at the relay stays good)",
        };
        format!("Agent {name} ({id}) of {slug} {what} and has to be enrolled anew. Go on?")
    }

    /// Says what was done, and what is left to do.
    fn done(self, name: &str, id: &str) -> String {
        let what = match self {
            Self::Soon => "a service that runs cuts it off within 10 seconds.",
            Self::NotHere => "nothing more is sent to it; replace its key at that relay.",
        };
        format!("Agent {name} ({id}) is revoked; {what}\n")
    }
}

async fn revoke(
    store: &Store,
    (tenant, agent): (&Tenant, &Agent),
    cut: Cut,
    (last, yes, json): (bool, bool, bool),
) -> Result<(), Failure> {
    let (slug, name, id) = (&tenant.slug, &agent.name, agent.id);
    if !yes && !ask::whether(&cut.question(name, &id.to_string(), slug))? {
        return Err(Failure::refused("nothing was changed"));
    }
    let (now, outcome) = (SystemClock.now(), Outcome::AgentRevoked);
    let event = Event {
        tenant: Some(tenant.id),
        name: "agent.revoked".to_owned(),
        detail: json!({
            "agent": id,
            "name": name,
            "outcome": outcome.name(),
            "number": outcome.number(),
        }),
        ..Event::default()
    };
    let revoked = store.revoke_agent(id, last, &event, now).await;
    match revoked.map_err(Failure::unavailable)? {
        Revocation::Done if json => {
            let answer = json!({ "id": id, "name": name, "revoked_at": now });
            print(&format!("{answer}\n"))
        }
        Revocation::Done => print(&cut.done(name, &id.to_string())),
        Revocation::IsLast => Err(Failure::refused(format!(
            "{name} is the last agent of {slug} with writeback enabled: without it nobody can reset a password. Enrol another one before (`passback agent enrol-code --tenant {slug}`), or add --last"
        ))),
        Revocation::NotThere => Err(Failure::refused(format!("{name} was revoked before"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::settings::tests::read;

    #[test]
    fn a_cut_is_promised_only_where_the_relay_is_inside() {
        let inside = Cut::of(&read(&[]).unwrap());
        assert!(inside.done("a", "1").contains("cuts it off within 10 seconds"));
        assert!(inside.question("a", "1", "x").contains("is cut off"));
        let elsewhere = [
            ("#url = \"sb:", "url = \"sb:"),
            ("#send_rule", "send_rule"),
            ("#send_key_file", "send_key_file"),
        ];
        let elsewhere = Cut::of(&read(&elsewhere).unwrap());
        let (done, question) = (elsewhere.done("a", "1"), elsewhere.question("a", "1", "x"));
        assert!(done.contains("replace its key at that relay"), "{done}");
        assert!(!done.contains("cuts") && !question.contains("cut off"), "{done} {question}");
    }
}
