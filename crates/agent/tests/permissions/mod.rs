//! What these tests share: a unit of its own for each, the agent's binary, and snapshots.

pub mod told;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::atomic::AtomicBool;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use directory::Sid;
use directory::security::{Acl, Control, SecurityDescriptor};
use lab::{Forest, Lab, LabOptions, NewPerson, Person, Watch, Written};

/// The SD-flags control with the DACL only, as `ldapmodify -e` takes it; and with the owner only.
const DACL_ONLY: &str = "!1.2.840.113556.1.4.801=MAMCAQQ=";
const OWNER_ONLY: &str = "!1.2.840.113556.1.4.801=MAMCAQE=";

/// `ldbmodify`, which the lab has not installed, by Samba's library that it is made of.
const LDBMODIFY: &str = r#"ldbmodify() { python3 -c '
import argparse, sys
from samba.samdb import SamDB
from samba.credentials import Credentials
from samba.param import LoadParm
words = argparse.ArgumentParser()
for word in ["-H", "-U", "--password", "--controls"]: words.add_argument(word)
words = words.parse_args()
lp = LoadParm()
lp.load_default()
creds = Credentials()
creds.guess(lp)
creds.set_username(words.U)
creds.set_password(words.password)
there = SamDB(url=words.H, credentials=creds, lp=lp)
there.modify_ldif(sys.stdin.read(), [words.controls] if words.controls else None)
' "$@"; }
"#;

/// A unit right below the root of the domain, where the service account has no rights, and an agent
/// that has it in scope.
pub struct Place {
    pub forest: Forest,
    pub unit: String,
    /// Where its configuration stands.
    pub dir: PathBuf,
}

/// An attribute that was changed: all its values, before and after.
#[derive(Debug, PartialEq, Eq)]
pub struct Changed {
    pub dn: String,
    pub attribute: String,
    pub before: Option<String>,
    pub after: Option<String>,
}

impl Changed {
    /// Of this object, from one value to another one.
    pub fn of(dn: &str, attribute: &str, before: &str, after: &str) -> Self {
        let (dn, attribute) = (dn.to_owned(), attribute.to_owned());
        let [before, after] = [before, after].map(|value| Some(format!("{value} ")));
        Self { dn, attribute, before, after }
    }
}

/// How a command ended.
pub struct Said {
    pub code: i32,
    pub out: String,
    pub err: String,
}

/// A lab of a test's own; it ends with it.
pub fn start(options: LabOptions) -> Lab {
    let stop = AtomicBool::new(false);
    Lab::start_with(&options, Watch { progress: &|_| {}, stop: &stop }).unwrap()
}

impl Said {
    pub fn line(&self, number: usize) -> &str {
        self.out.lines().nth(number).unwrap_or_default()
    }

    /// The command of the first fix.
    pub fn fixes(&self) -> Vec<String> {
        let block = self.out.lines().skip(1).take_while(|line| line.starts_with("  "));
        let fixes = block.filter_map(|line| line.trim().strip_prefix("Fix: "));
        fixes.map(str::to_owned).collect()
    }
}

impl Place {
    /// A place for the test of this name in the lab that all tests share.
    pub fn new(name: &str) -> Self {
        Self::within(name, Forest::of_running_lab().unwrap())
    }

    /// A place in this forest.
    pub fn within(name: &str, forest: Forest) -> Self {
        let unit = format!("OU=Rights {name} {},{}", std::process::id(), forest.base_dn);
        add_unit(&forest, &unit);
        let mut place = Self::over(name, forest, &[&unit]);
        place.unit = unit;
        place
    }

    /// An agent with these units in scope.
    pub fn over(name: &str, forest: Forest, units: &[&str]) -> Self {
        let dir = Path::new(env!("CARGO_TARGET_TMPDIR")).join(format!("permissions-{name}"));
        std::fs::create_dir_all(&dir).unwrap();
        std::fs::write(dir.join("svc.password"), &forest.service.password).unwrap();
        std::fs::write(dir.join("admin.password"), &forest.administrator.password).unwrap();
        let place = Self { forest, unit: String::new(), dir };
        place.configure(units, place.forest.ldaps_port);
        place
    }

    pub fn configure(&self, units: &[&str], port: u16) {
        let Forest { domain, ca_file, dns_address, service, .. } = &self.forest;
        let text = format!(
            r#"
            [agent]
            state_dir = "state"
            [cloud]
            url = "https://reset.example.org"
            [[directory]]
            name = "corp"
            domain = "{domain}"
            ca = "{}"
            bind_name = "{}@{domain}"
            bind_password_file = "svc.password"
            dns = "{dns_address}"
            ldaps_port = {port}
            ous = {units:?}
            "#,
            ca_file.display(),
            service.login
        );
        std::fs::write(self.dir.join("agent.toml"), text).unwrap();
    }

    pub fn person(&self, new: NewPerson) -> Person {
        let unit = self.unit.strip_suffix(&format!(",{}", self.forest.base_dn)).unwrap().to_owned();
        self.forest.add_person(&NewPerson { unit, ..new }).unwrap()
    }

    /// Writes the configuration with one part replaced.
    pub fn reconfigure(&self, from: &str, to: &str) {
        let file = self.dir.join("agent.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        assert!(text.contains(from), "{from}");
        std::fs::write(file, text.replace(from, to)).unwrap();
    }

    /// The agent, as the service account alone.
    pub fn agent(&self, arguments: &[&str]) -> Said {
        let output = self.command(arguments).output().unwrap();
        Said {
            code: output.status.code().unwrap(),
            out: String::from_utf8(output.stdout).unwrap(),
            err: String::from_utf8(output.stderr).unwrap(),
        }
    }

    /// The same, not started yet.
    pub fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_passback-agent"));
        command.arg("--config").arg(self.dir.join("agent.toml")).args(arguments);
        command.env_clear().env("RUST_LOG", "error");
        command
    }

    /// The agent, with an administrator's name and password.
    pub fn as_administrator(&self, arguments: &[&str]) -> Said {
        let login = format!("{}@{}", self.forest.administrator.login, self.forest.domain);
        let file = self.dir.join("admin.password").display().to_string();
        let more = ["--yes", "--login", &login, "--password-file", &file];
        self.agent(&[arguments, &more].concat())
    }

    pub fn granted(self) -> Self {
        let said = self.as_administrator(&["permissions", "grant"]);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        self
    }

    /// Carries a printed fix out, as an administrator would.
    pub fn carry_out(&self, fix: &str) {
        if let Some(arguments) = fix.strip_prefix("passback-agent ") {
            let words = words(arguments);
            let words: Vec<&str> = words.iter().map(String::as_str).collect();
            let said = self.as_administrator(&words);
            assert_eq!(said.code, 0, "{fix}: {}{}", said.out, said.err);
            return;
        }
        let known = ["samba-tool ", "ldbmodify ", "printf "];
        assert!(known.iter().any(|tool| fix.starts_with(tool)), "{fix}");
        // The machine does not ask the lab's DNS, and nobody types the password.
        let password = words_quoted(&self.forest.administrator.password);
        let mut there =
            fix.replace("-U Administrator", &format!("-U Administrator --password={password}"));
        for lab::Controller { name, address, .. } in &self.forest.controllers {
            for before in ["-H ldap://", "dns add ", "dns delete ", "drs replicate "] {
                there = there.replace(&format!("{before}{name}"), &format!("{before}{address}"));
            }
        }
        let program = "import subprocess, sys\n\
            done = subprocess.run(['sh', '-e'], input=sys.stdin.read(), text=True, capture_output=True)\n\
            print(done.stdout)\n\
            sys.exit(done.stderr if done.returncode else 0)";
        let there = format!("{LDBMODIFY}{there}");
        self.forest.python(program, &there).unwrap();
    }

    pub fn dacl(&self, dn: &str) -> SecurityDescriptor {
        let found = self.forest.search(dn, "(objectClass=*)", &["nTSecurityDescriptor"]).unwrap();
        let entry = found.into_iter().find(|entry| entry.dn.eq_ignore_ascii_case(dn)).unwrap();
        let value = entry.value("nTSecurityDescriptor").unwrap();
        let read = SecurityDescriptor::from_value(value).unwrap();
        SecurityDescriptor { owner: None, group: None, sacl: None, ..read }
    }

    /// Changes a DACL as the administrator.
    pub fn spoil(&self, dn: &str, change: impl FnOnce(&mut SecurityDescriptor, &mut Acl)) {
        let mut descriptor = self.dacl(dn);
        let mut list = descriptor.dacl.take().unwrap();
        change(&mut descriptor, &mut list);
        descriptor.dacl = Some(list);
        self.write_descriptor(dn, &descriptor, DACL_ONLY);
    }

    /// Turns inheritance off, and leaves an object its own entries alone.
    pub fn inherits_nothing(&self, dn: &str) {
        self.spoil(dn, |descriptor, list| {
            descriptor.control = Control(descriptor.control.0 | Control::DACL_PROTECTED.0);
            list.entries.retain(|entry| !entry.is_inherited());
        });
    }

    /// The fault is named in the first line, and the fix below it puts everything right, by changing
    /// rights: of what else the unit has, and the people in it, an `adminCount` may go, and nothing more.
    pub fn named_and_fixed(&self, command: &[&str], named: &[&str]) {
        let mut changed = self.named_and_changed(command, named);
        changed.retain(|one| one.attribute != "adminCount" || one.after.is_some());
        assert_eq!(changed, []);
    }

    /// The fault is named in the first line, and the fix below it puts everything right: what that has
    /// changed besides rights.
    pub fn named_and_changed(&self, command: &[&str], named: &[&str]) -> Vec<Changed> {
        let said = self.agent(command);
        assert_eq!(said.code, 1, "{}{}", said.out, said.err);
        for part in named {
            assert!(said.line(0).contains(part), "{part}: {}", said.out);
        }
        let fixes = said.fixes();
        assert!(!fixes.is_empty(), "{}", said.out);
        let changed = self.changed(|| fixes.iter().for_each(|fix| self.carry_out(fix)));
        let said = self.agent(command);
        assert_eq!(said.code, 0, "{}{}", said.out, said.err);
        changed
    }

    /// What this changes of the unit and of what is in it, but for their rights.
    pub fn changed(&self, work: impl FnOnce()) -> Vec<Changed> {
        let before = self.attributes();
        work();
        let after = self.attributes();
        let names: BTreeSet<_> = before.keys().chain(after.keys()).collect();
        let differs = names.into_iter().filter(|name| before.get(*name) != after.get(*name));
        differs
            .map(|name| Changed {
                dn: name.0.clone(),
                attribute: name.1.clone(),
                before: before.get(name).cloned(),
                after: after.get(name).cloned(),
            })
            .collect()
    }

    /// What the unit and all that is in it have, each with all values, but for what the directory writes by
    /// itself with each change; nothing of a unit that is not this place's own.
    fn attributes(&self) -> BTreeMap<(String, String), String> {
        let by_itself = ["whenChanged", "uSNChanged", "dSCorePropagationData"];
        let mut all = BTreeMap::<_, String>::new();
        if self.unit.is_empty() {
            return all;
        }
        for entry in self.forest.search(&self.unit, "(objectClass=*)", &["*"]).unwrap() {
            for (name, value) in entry.attributes {
                if !by_itself.contains(&name.as_str()) {
                    let values = all.entry((entry.dn.clone(), name)).or_default();
                    *values += &format!("{} ", value.escape_ascii());
                }
            }
        }
        all
    }

    /// Gives an object to somebody.
    pub fn own(&self, dn: &str, owner: Sid) {
        let dacl = Acl { revision: 4, entries: Vec::new() };
        let owned = SecurityDescriptor { owner: Some(owner), ..SecurityDescriptor::of_dacl(dacl) };
        self.write_descriptor(dn, &owned, OWNER_ONLY);
    }

    fn write_descriptor(&self, dn: &str, descriptor: &SecurityDescriptor, part: &str) {
        let ldif = format!(
            "dn: {dn}\nchangetype: modify\nreplace: nTSecurityDescriptor\nnTSecurityDescriptor:: {}\n-\n",
            STANDARD.encode(descriptor.to_value().unwrap())
        );
        let administrator = &self.forest.administrator;
        let written = self.forest.modify_as(administrator, &[part], &ldif).unwrap();
        assert_eq!(written, Written::Done);
    }

    /// The service account's SID.
    pub fn service(&self) -> Sid {
        let filter = format!("(sAMAccountName={})", self.forest.service.login);
        let found = self.forest.search(&self.forest.base_dn, &filter, &["objectSid"]).unwrap();
        Sid::from_value(found[0].value("objectSid").unwrap()).unwrap()
    }

    /// Compares with the snapshot of this name; `PASSBACK_SNAPSHOTS=write` writes it anew.
    pub fn snapshot(&self, name: &str, text: &str) {
        let text = self.normalised(text);
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/snapshots").join(name);
        #[expect(clippy::disallowed_methods, reason = "to write snapshots anew after a change")]
        let write = std::env::var("PASSBACK_SNAPSHOTS").is_ok_and(|how| how == "write");
        if write {
            std::fs::write(&path, &text).unwrap();
        }
        let expected = std::fs::read_to_string(&path).unwrap_or_default();
        assert_eq!(text, expected, "{name}: run the test with PASSBACK_SNAPSHOTS=write, and look");
    }

    /// Without what differs between two labs and two runs: the SIDs' domain and number, moments,
    /// versions, GUIDs that nobody knows, the test's own process.
    fn normalised(&self, text: &str) -> String {
        let process = std::process::id().to_string();
        let mut all = String::new();
        for line in text.lines() {
            let line = moments(&sids(line)).replace(&process, "PID");
            all += &versions(&line);
            all.push('\n');
        }
        all
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if self.unit.is_empty() {
            return;
        }
        let found = self.forest.search(&self.unit, "(objectClass=*)", &["cn"]);
        let mut below: Vec<String> = found.into_iter().flatten().map(|entry| entry.dn).collect();
        below.sort_by_key(|dn| std::cmp::Reverse(dn.len()));
        for dn in below {
            // A test that failed says so itself.
            let _ = self.forest.remove(&dn);
        }
    }
}

pub fn add_unit(forest: &Forest, dn: &str) {
    let ldif = format!("dn: {dn}\nchangetype: add\nobjectClass: organizationalUnit\n");
    forest.modify(&ldif).unwrap();
}

/// The words of a line, as a shell takes it.
pub fn words(line: &str) -> Vec<String> {
    let script = format!("printf '%s\\n' {line}");
    let output = Command::new("sh").args(["-c", &script]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().lines().map(str::to_owned).collect()
}

fn words_quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', r"'\''"))
}

/// `version 7 of the password`, which differs between two runs; nothing else that is called a version.
fn versions(line: &str) -> String {
    let number = |text: &str| !text.is_empty() && text.bytes().all(|one| one.is_ascii_digit());
    let before = line.split_once(" of the password").and_then(|(before, _)| {
        before.rsplit_once("version ").filter(|(_, version)| number(version))
    });
    match before {
        Some((before, version)) => {
            let rest = &line[before.len() + "version ".len() + version.len()..];
            format!("{before}version N{rest}")
        }
        None => line.to_owned(),
    }
}

/// `S-1-5-21-` and what follows of numbers.
fn sids(line: &str) -> String {
    let mut parts = line.split("S-1-5-21-");
    let mut text = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let rest = part.trim_start_matches(|one: char| one.is_ascii_digit() || one == '-');
        text += &format!("SID{rest}");
    }
    text
}

/// RFC 3339 in UTC with milliseconds: 24 characters.
fn moments(line: &str) -> String {
    let shape = |text: &str| {
        text.len() == 24
            && text.ends_with('Z')
            && text.as_bytes().get(10) == Some(&b'T')
            && text.as_bytes().get(4) == Some(&b'-')
    };
    let mut text = String::new();
    let mut rest = line;
    while let Some(one) = rest.chars().next() {
        if rest.get(..24).is_some_and(shape) {
            text += "MOMENT";
            rest = &rest[24..];
        } else {
            text.push(one);
            rest = &rest[one.len_utf8()..];
        }
    }
    text
}
