//! Packages as a bug would make or take them: opened and sealed again with the agents' own keys, which
//! a world has on its disk. Without keys, what anybody on the way can do to one.

use agent::AgentSettings;
use protocol::{AgentId, Answer, Details, Header, Outcome, Randomness, Timestamp};
use seal::{AgentKeys, KeyPair, MasterKey, PackageKey, SigningKey};
use serde_json::Value;

/// An agent's keys.
pub(super) struct Keys {
    agent: AgentId,
    keys: AgentKeys,
    signs: SigningKey,
}

impl Keys {
    /// Those in an agent's state directory.
    pub(super) fn of(settings: &AgentSettings) -> Self {
        let file = |name: &str| std::fs::read(settings.state_dir.join(name)).expect("a state file");
        let vault = std::fs::read(&settings.vault_key).expect("the vault key");
        let vault = MasterKey::from_bytes(&vault).expect("a vault key");
        let secret = |name: &str| vault.unwrap(name, &file(name)).expect("a key of this vault");
        let pair = KeyPair::from_pkcs8(&secret("pair.key")).expect("a key pair");
        let package_key = PackageKey::from_bytes(&secret("package.key")).expect("a package key");
        let identity: Value = serde_json::from_slice(&file("agent.json")).expect("an identity");
        let agent = identity["agent"].as_str().and_then(|id| id.parse().ok());
        let signs = SigningKey::from_pkcs8(&secret("identity.key")).expect("a signing key");
        let keys = AgentKeys::new(pair, package_key);
        Self { agent: agent.expect("an agent's id"), keys, signs }
    }

    /// What this agent would say to the question how a request ended, if it were to say that nothing was
    /// changed.
    pub(super) fn unchanged(
        &self,
        question: &[u8],
        finished_at: Timestamp,
        random: &dyn Randomness,
    ) -> Vec<u8> {
        let header = Header::decode(question).expect("a question is a header");
        let (outcome, details) = (Outcome::SettledUnchanged, Details::default());
        let answer = Answer { outcome, details, finished_at };
        let key = &self.keys.current().package_key;
        seal::seal_answer(key, &self.signs, &header, &answer, random).expect("an answer")
    }

    /// The same request, sealed for another agent: what a dispatcher would send that gave it to both.
    pub(super) fn for_another(
        &self,
        other: &Self,
        package: &[u8],
        random: &dyn Randomness,
    ) -> Vec<u8> {
        let key_id = other.keys.current().pair.public().key_id();
        self.again(package, other, random, |header| Header { agent: other.agent, key_id, ..header })
    }

    /// The same request under another header: what opens where nothing binds a package to what was
    /// changed there.
    pub(super) fn under_another_header(
        &self,
        package: &[u8],
        change: impl FnOnce(Header) -> Header,
        random: &dyn Randomness,
    ) -> Vec<u8> {
        self.again(package, self, random, change)
    }

    fn again(
        &self,
        package: &[u8],
        whom: &Self,
        random: &dyn Randomness,
        change: impl FnOnce(Header) -> Header,
    ) -> Vec<u8> {
        let opened = seal::open_request(&self.keys, package).expect("a package of this agent's");
        let passwords = seal::open_passwords(&self.keys, &opened).expect("its password");
        let (header, current) = (change(opened.header), whom.keys.current());
        let inner = seal::seal_passwords(current.pair.public(), &header, &passwords, random);
        let inner = inner.expect("an inner structure");
        seal::seal_request(&current.package_key, &header, &inner, random).expect("a package")
    }
}

/// The package with another header where it stands in clear.
pub(super) fn relabelled(package: &[u8], change: impl FnOnce(Header) -> Header) -> Vec<u8> {
    let header = seal::claimed_header(package).expect("a package says for whom it is");
    let old = header.encode();
    let new = change(header).encode();
    assert_eq!(old.len(), new.len(), "another header of the same length");
    let at = package.windows(old.len()).position(|part| part == old).expect("its header");
    [&package[..at], &new, &package[at + old.len()..]].concat()
}
