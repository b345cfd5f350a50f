//! A unit of the lab's directory with a user in nested groups, and somebody whom entries are about.

use std::collections::HashMap;

use directory::Sid;
use directory::security::rights::Judged;
use directory::security::{Ace, AceFlags, Acl, Property, Requester, mask};
use lab::{Forest, NewPerson, Person};

const SERVER: &str = include_str!("server.py");
/// Flags of the SD-flags control (MS-ADTS 3.1.1.3.4.1.11): the DACL; owner, group and DACL.
pub const DACL: u32 = 4;
pub const WHOLE: u32 = 7;
/// What is asked of the schema besides all that a person is judged by: attributes, and three classes.
const NAMES: [&str; 9] = [
    "displayName",
    "telephoneNumber",
    "mail",
    "wWWHomePage",
    "mS-DS-ConsistencyGuid",
    "department",
    "user",
    "inetOrgPerson",
    "msDS-PasswordSettings",
];

/// An object with a SID.
pub struct Known {
    pub dn: String,
    pub sid: Sid,
}

pub struct Server {
    forest: Forest,
    asker: Person,
    /// Who asks; a member of `inner`, which is a member of `outer`.
    pub user: Known,
    pub inner: Known,
    pub outer: Known,
    /// Whose descriptor is changed; every attribute in question has a value.
    pub jan: Known,
    /// An empty unit.
    pub unit: String,
    /// Domain Admins.
    pub admins: Sid,
    /// All that the user is.
    pub requester: Requester,
    schema: HashMap<&'static str, Property>,
}

impl Server {
    pub fn new() -> Self {
        let forest = Forest::of_running_lab().unwrap();
        let [asker, jan] = [(); 2].map(|()| forest.add_person(&NewPerson::default()).unwrap());
        let tests = asker.dn.split_once(',').unwrap().1.to_owned();
        let [inner, outer] =
            ["inner", "outer"].map(|name| format!("CN={}-{name},{tests}", asker.login));
        let unit = format!("OU={}-unit,{tests}", asker.login);
        let mut commands = vec![
            format!("make\tgroup\t{inner}"),
            format!("make\tgroup\t{outer}"),
            format!("make\torganizationalUnit\t{unit}"),
            format!("join\t{}\t{inner}", asker.dn),
            format!("join\t{inner}\t{outer}"),
        ];
        for (attribute, value) in [
            ("lockoutTime", "0"),
            ("telephoneNumber", "1"),
            ("wWWHomePage", "https://example.test"),
            ("mS-DS-ConsistencyGuid", "0123456789abcdef"),
            ("department", "here"),
        ] {
            commands.push(format!("write\t{}\t{attribute}\t{value}", jan.dn));
        }
        let questions = [&asker.dn, &inner, &outer, &jan.dn].map(|dn| format!("sids\t{dn}"));
        let names = [&NAMES[..], &Judged::ALL.map(Judged::name)].concat();
        let schema: Vec<_> = names.iter().map(|name| format!("schema\t{name}")).collect();
        let all = [&commands[..], &questions, &schema].concat();
        let answers = run(&forest, &asker, &all);
        let (done, found) = answers.split_at(commands.len());
        assert!(done.iter().all(|code| code == "0"), "{done:?}");
        let (sids, schema) = found.split_at(questions.len());
        let all_of = |index: usize| sids[index].split(' ').map(|sid| sid.parse::<Sid>().unwrap());
        let known =
            |index, dn: &str| Known { dn: dn.to_owned(), sid: all_of(index).next().unwrap() };
        let user = known(0, &asker.dn);
        let (inner, outer) = (known(1, &inner), known(2, &outer));
        let groups: Vec<Sid> = all_of(0).skip(1).collect();
        assert!(groups.contains(&inner.sid) && groups.contains(&outer.sid), "{groups:?}");
        let property = |text: &String| {
            let (attribute, set) = text.split_once(' ').unwrap();
            Property { attribute: attribute.parse().unwrap(), set: set.parse().ok() }
        };
        Self {
            inner,
            outer,
            jan: known(3, &jan.dn),
            unit,
            admins: user.sid.domain().unwrap().with_rid(512).unwrap(),
            requester: Requester::account(user.sid.clone(), groups),
            user,
            schema: names.into_iter().zip(schema.iter().map(property)).collect(),
            forest,
            asker,
        }
    }

    /// What the schema says of an attribute; of a class, only what it is named by.
    pub fn property(&self, name: &str) -> Property {
        self.schema[name]
    }

    /// The list with a first entry that leaves everything to those who run the domain, whatever is
    /// denied to everybody.
    pub fn with_administrators(&self, list: &Acl) -> Acl {
        let kept = Ace::allow(mask::FULL_CONTROL, self.admins.clone());
        let kept = kept.with(AceFlags::CONTAINER_INHERIT);
        Acl { revision: 4, entries: [&[kept], &list.entries[..]].concat() }
    }

    /// Runs these commands of `server.py`, one line for each.
    pub fn ask(&self, commands: &[String]) -> Vec<String> {
        run(&self.forest, &self.asker, commands)
    }
}

impl Drop for Server {
    /// What was made by chance may hide itself from others who look at the same directory.
    fn drop(&mut self) {
        let made = [&self.unit, &self.inner.dn, &self.outer.dn, &self.jan.dn, &self.user.dn];
        let gone = self.ask(&made.map(|dn| format!("delete\t{dn}")));
        assert!(std::thread::panicking() || gone.iter().all(|code| code == "0"), "{gone:?}");
    }
}

fn run(forest: &Forest, asker: &Person, commands: &[String]) -> Vec<String> {
    let head = [
        forest.address.to_string(),
        format!("{} {}", forest.administrator.login, forest.administrator.password),
        format!("{} {}", asker.login, asker.password),
    ];
    super::ask(forest, SERVER, &head, commands)
}
