//! What others need to know about a running stack (INTERFACES "Ready file").

use lab::Forest;
use protocol::Outcome;

use crate::StackError;
use crate::program::Program;
use crate::ready::{self, Account, Binaries, Credentials, Directory, Person, Process, ReadyFile};
use crate::stack::Stack;

/// A person's accounts, each with its forest.
type Accounts<'a> = Vec<(&'a Forest, &'a lab::Person)>;

impl Stack {
    /// What others need to know about this stack.
    ///
    /// # Errors
    ///
    /// If the agent does not know a person of the lab.
    pub fn ready(&mut self) -> Result<ReadyFile, StackError> {
        let (passback, passback_agent) = self.layout.binaries.clone();
        Ok(ReadyFile {
            version: ready::VERSION,
            cloud_url: self.layout.cloud_url(),
            ca_file: self.layout.ca_file(),
            tenant: self.tenant.clone(),
            relay_url: self.layout.cloud_url().replacen("https://", "wss://", 1),
            outbox_dir: self.layout.outbox_dir(),
            start_path: self.start_path(),
            people: self.people()?,
            admins: Vec::new(),
            directories: self.forest.whole_lab().map(directory).collect(),
            processes: self.programs.iter().map(process).collect(),
            binaries: Binaries { passback, passback_agent },
            database_files: self.layout.databases()?,
        })
    }

    /// Everybody of all forests, once: accounts with the same cloudAnchor are one person's.
    fn people(&self) -> Result<Vec<Person>, StackError> {
        let mut people: Vec<(String, Accounts<'_>)> = Vec::new();
        for forest in self.forest.whole_lab() {
            for account in &forest.people {
                let anchor = self.cloud_anchor(account)?;
                match people.iter_mut().find(|(known, _)| *known == anchor) {
                    Some((_, accounts)) => accounts.push((forest, account)),
                    None => people.push((anchor, vec![(forest, account)])),
                }
            }
        }
        let described =
            people.into_iter().map(|(anchor, accounts)| self.describe(anchor, accounts));
        Ok(described.flatten().collect())
    }

    fn describe(&self, cloud_anchor: String, mut accounts: Accounts<'_>) -> Option<Person> {
        // The first one that is enabled is the one whose name is known to the cloud.
        accounts.sort_by_key(|(_, account)| account.disabled);
        let enabled = accounts.iter().filter(|(_, account)| !account.disabled).count();
        let ((forest, person), others) = accounts.split_first()?;
        let expected = match enabled {
            0 => Outcome::Disabled,
            1 => ready::expected(person.kind),
            // Never a guess (SPEC W-7).
            _ => Outcome::SeveralMatches,
        };
        let also = |(forest, account): &(&Forest, &lab::Person)| Account {
            forest: forest.realm.clone(),
            dn: account.dn.clone(),
            object_guid: account.object_guid.clone(),
            enabled: !account.disabled,
        };
        Some(Person {
            login: self.login(person),
            password: person.password.clone(),
            mail: person.private_mail.clone(),
            forest: forest.realm.clone(),
            dn: person.dn.clone(),
            object_guid: person.object_guid.clone(),
            cloud_anchor,
            kind: person.kind,
            expected: expected.name().to_owned(),
            also: others.iter().map(also).collect(),
        })
    }
}

fn process(program: &Program) -> Process {
    let plan = &program.plan;
    Process {
        name: plan.name.to_owned(),
        pid: program.pid(),
        argv: plan.argv.clone(),
        env: plan.env.clone(),
        config: plan.config.clone(),
        state_dir: plan.state_dir.clone(),
        log: plan.log.clone(),
    }
}

fn directory(forest: &Forest) -> Directory {
    let credentials = |from: &lab::Credentials| Credentials {
        login: from.login.clone(),
        password: from.password.clone(),
    };
    Directory {
        realm: forest.realm.clone(),
        base_dn: forest.base_dn.clone(),
        address: forest.address.to_string(),
        ldaps_port: forest.ldaps_port,
        dns_address: forest.dns_address.to_string(),
        ca_file: forest.ca_file.clone(),
        administrator: credentials(&forest.administrator),
        service: credentials(&forest.service),
    }
}
