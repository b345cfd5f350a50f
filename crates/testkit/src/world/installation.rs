//! What is installed in a world: configurations, databases and keys of a cloud service and three
//! agents that are enrolled, enabled and synchronised. It is made once in a process, by the
//! programs' own commands, and copied for every world: worlds start in milliseconds.

use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::sync::atomic::{AtomicU32, Ordering};

use agent::AgentSettings;
use cloud::CloudSettings;
use protocol::{TenantId, Timestamp};
use store::Store;
use store::tenants::Tenant;

use super::{World, elsewhere};

/// The organisation's name in addresses.
pub(super) const SLUG: &str = "world";
/// The service's origin.
pub(super) const ORIGIN: &str = "https://reset.world.test";
/// Two nodes below it.
pub(super) const NODES: [&str; 2] =
    ["wss://node-1.reset.world.test/", "wss://node-2.reset.world.test/"];
/// When the installation is made.
pub(super) const BEGINNING: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// When every world begins: after the installation was made, however long that took. A journal knows
/// nothing of requests that are older than itself.
pub(super) const START: Timestamp = Timestamp::from_millis(BEGINNING.as_millis() + 3_600_000);
/// The agents that are installed; a world starts as many as it wants.
pub(super) const AGENTS: [&str; 3] = ["agent-1", "agent-2", "agent-3"];
/// The organisation.
pub(super) const TENANT: TenantId = TenantId::from_bytes([1; 16]);
/// What the names of worlds' folders begin with; the process follows.
const PREFIX: &str = "passback-world-";
/// The connector's name.
pub(super) const CONNECTOR: &str = "corp";

/// A directory of a world; removed when dropped.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn make() -> Self {
        static NUMBER: AtomicU32 = AtomicU32::new(0);
        // In memory where there is such a place: worlds write much and keep nothing.
        let memory = Path::new("/dev/shm");
        let top = if memory.is_dir() { memory.to_owned() } else { std::env::temp_dir() };
        let number = NUMBER.fetch_add(1, Ordering::SeqCst);
        if number == 0 {
            sweep(&top);
        }
        let folder = top.join(format!("{PREFIX}{}-{number}", std::process::id()));
        fs::create_dir_all(&folder).expect("a folder for the world");
        Self(folder)
    }

    pub(super) fn path(&self) -> &Path {
        &self.0
    }

    /// Copies everything into another folder.
    fn copy_to(&self, other: &Self) {
        copy(&self.0, &other.0);
    }

    /// The cloud service's configuration.
    pub(super) fn cloud(&self) -> CloudSettings {
        CloudSettings::load(&self.0.join("cloud/passback.toml")).expect("the cloud's settings")
    }

    /// Lets every agent reset as many passwords as somebody wants.
    pub(super) fn widen_breakers(&self) {
        for name in AGENTS {
            let file = self.0.join(name).join("agent.toml");
            let settings = format!("{}[breaker]\nresets_per_hour = 100000\n", agent_settings(name));
            fs::write(file, settings).expect("a configuration");
        }
    }

    /// Has service and agents meet at a relay of somebody else's.
    pub(super) fn meet_elsewhere(&self) {
        let relay = |who: &str| {
            let url = format!("sb://{}/", elsewhere::HOST);
            format!(
                "[relay]\nurl = \"{url}\"\n{who}_rule = \"{who}\"\n{who}_key_file = \"{who}.key\"\n"
            )
        };
        let add = |place: &str, file: &str, settings: String, who: &str, key: &str| {
            let directory = self.0.join(place);
            let settings = settings + &relay(who);
            fs::write(directory.join(file), settings).expect("a configuration");
            fs::write(directory.join(format!("{who}.key")), key).expect("a shared key");
        };
        add("cloud", "passback.toml", cloud_settings(), "send", elsewhere::SEND_KEY);
        for name in AGENTS {
            add(name, "agent.toml", agent_settings(name), "listen", elsewhere::LISTEN_KEY);
        }
    }

    /// An agent's configuration.
    pub(super) fn agent(&self, name: &str) -> AgentSettings {
        AgentSettings::load(&self.0.join(name).join("agent.toml")).expect("an agent's settings")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Removes what processes left that are gone, and an earlier one of the same number.
fn sweep(top: &Path) {
    for entry in fs::read_dir(top).expect("the place of worlds").flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let process = name.strip_prefix(PREFIX).and_then(|rest| rest.split('-').next());
        let Some(process) = process.and_then(|number| number.parse::<u32>().ok()) else { continue };
        let is_gone = !Path::new(&format!("/proc/{process}")).exists();
        if is_gone || process == std::process::id() {
            let _ = fs::remove_dir_all(entry.path());
        }
    }
}

pub(super) fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("a folder of the world");
    let permissions = fs::metadata(from).expect("a folder").permissions();
    fs::set_permissions(to, permissions).expect("the folder's mode");
    for entry in fs::read_dir(from).expect("a folder") {
        let entry = entry.expect("an entry");
        let (path, target) = (entry.path(), to.join(entry.file_name()));
        match entry.file_type().expect("a kind").is_dir() {
            true => copy(&path, &target),
            false => drop(fs::copy(&path, &target).expect("a copy")),
        }
    }
}

/// A fresh copy of the installation.
pub(super) fn fresh() -> Folder {
    static MADE: OnceLock<Folder> = OnceLock::new();
    let made = MADE.get_or_init(make);
    let folder = Folder::make();
    made.copy_to(&folder);
    // The configurations name their own folder.
    write_settings(&folder);
    folder
}

/// Installs everything by the programs' own commands.
fn make() -> Folder {
    let folder = Folder::make();
    write_settings(&folder);
    let cloud = folder.cloud();
    fs::write(&cloud.master_key, [7; 32]).expect("the master key");
    let tenant = Tenant { id: TENANT, slug: SLUG.to_owned(), name: "World".to_owned() };
    let mut world = World::installing(folder);
    let settings = world.folder().cloud();
    let codes = world.attend(move || {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        runtime.expect("a runtime").block_on(async move {
            let store = Store::open(&settings.database).await.expect("the store");
            store.create_tenant(&tenant, BEGINNING).await.expect("a tenant");
            let codes = AGENTS.map(|name| format!("code of {name}"));
            for code in &codes {
                let end = BEGINNING.after(settings.enrol_code_lifetime);
                store.issue_enrol_code(tenant.id, code, end).await.expect("a code");
            }
            store.close().await;
            codes
        })
    });
    world.start_cloud();
    for (name, code) in AGENTS.iter().zip(codes) {
        let (settings, surroundings) = (world.folder().agent(name), world.surroundings_of(name));
        let tasks = world.tasks();
        world.attend(move || {
            tasks.block_on(async move {
                agent::enrol(&settings, &code, name, &surroundings).await.expect("enrolment");
                agent::enable(&settings, &surroundings).await.expect("writeback");
                agent::synchronise(&settings, &surroundings).await.expect("a cycle");
            });
        });
    }
    assert!(world.now() < START, "the installation took longer than worlds wait for");
    world.installed()
}

fn write_settings(folder: &Folder) {
    let top = folder.path();
    let write = |name: &str, file: &str, text: &str| {
        let directory = top.join(name);
        fs::create_dir_all(&directory).expect("a folder of the world");
        fs::write(directory.join(file), text).expect("a configuration");
    };
    write("cloud", "passback.toml", &cloud_settings());
    for name in AGENTS {
        write(name, "agent.toml", &agent_settings(name));
    }
}

/// Defaults wherever there are some: what is tested is what is shipped.
fn cloud_settings() -> String {
    format!(
        r#"[server]
listen = "127.0.0.1:0"
public_url = "{ORIGIN}"
certificate = "unused.pem"
key = "unused.pem"
[store]
database = "passback.db"
master_key = "master.key"
[mail]
host = "localhost"
tls = "none"
from = "Passback <passback@world.test>"
"#
    )
}

fn agent_settings(name: &str) -> String {
    format!(
        r#"[agent]
state_dir = "state"
vault_key = "vault.key"
name = "{name}"
[cloud]
url = "{ORIGIN}"
[[directory]]
name = "{CONNECTOR}"
domain = "corp.passback.test"
ca = "unused.pem"
bind_name = "svc-passback@corp.passback.test"
bind_password_file = "unused"
ous = ["OU=People,DC=corp,DC=passback,DC=test", "OU=Tests,DC=corp,DC=passback,DC=test"]
"#
    )
}
