//! Chromium for tests: `crates/testkit/browser` drives it, one JSON line for each step.
//!
//! Whoever opens a browser has one Chromium, and as many profiles in it as it likes: on a desk or a
//! phone, with and without scripting, in each language and in the light or the dark.
#![allow(dead_code, reason = "every file that includes this uses a part of it")]

mod tools;

use std::cell::RefCell;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::rc::Rc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};

pub(crate) use tools::Tools;

/// A running browser; it ends when nobody has it, or a profile or tab of it, any more.
#[derive(Clone)]
pub(crate) struct Browser(Rc<Running>);

struct Running {
    child: Child,
    pipes: RefCell<Pipes>,
}

struct Pipes {
    commands: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
    profiles: usize,
    tabs: usize,
}

/// What a phone shows; a desk at 400 % shows no more (WCAG 2.2, 1.4.10).
const NARROW: (u32, u32) = (320, 640);

/// How somebody's browser is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub(crate) struct Look {
    pub(crate) size: &'static str,
    pub(crate) scripting: bool,
    pub(crate) language: &'static str,
    pub(crate) scheme: &'static str,
}

pub(crate) const DESKTOP: Look =
    Look { size: "desktop", scripting: true, language: "en-GB", scheme: "light" };
pub(crate) const PHONE: Look = Look { size: "phone", ..DESKTOP };
pub(crate) const NO_SCRIPTING: Look = Look { scripting: false, ..DESKTOP };
pub(crate) const PHONE_NO_SCRIPTING: Look = Look { scripting: false, ..PHONE };

/// On a desk and on a phone, with and without scripting.
pub(crate) const FOUR: [Look; 4] = [DESKTOP, PHONE, NO_SCRIPTING, PHONE_NO_SCRIPTING];

impl Look {
    /// The same in Dutch, and in the dark.
    pub(crate) const fn dutch_in_the_dark(self) -> Self {
        Self { language: "nl-NL", scheme: "dark", ..self }
    }

    /// As screenshots are called: `phone-noscript`.
    pub(crate) fn label(&self) -> String {
        format!("{}-{}", self.size, if self.scripting { "script" } else { "noscript" })
    }
}

/// A profile: its cookies, and every request that it made.
pub(crate) struct Profile {
    browser: Browser,
    name: String,
    pub(crate) look: Look,
}

/// A tab of a profile.
pub(crate) struct Tab {
    browser: Browser,
    name: String,
    pub(crate) look: Look,
}

/// A page as it is seen.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Seen {
    pub(crate) url: String,
    pub(crate) title: String,
    pub(crate) language: String,
    pub(crate) step: String,
    pub(crate) outcome: String,
    pub(crate) number: String,
    pub(crate) changed: String,
    pub(crate) support_code: String,
    pub(crate) heading: String,
    pub(crate) text: String,
    /// What stands in the body, as it would be parsed again.
    pub(crate) markup: String,
    /// The messages that can be seen.
    pub(crate) messages: Vec<String>,
    /// The ids of the fields that can be seen.
    pub(crate) fields: Vec<String>,
    /// Fields for a password, seen or not.
    pub(crate) secrets: Vec<Secret>,
    /// The id of what has the focus.
    pub(crate) focus: String,
    pub(crate) wider_than_screen: bool,
}

/// A field for a password.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Secret {
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) value: String,
}

/// A request as it left the browser.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) url: String,
    pub(crate) headers: Value,
    body: String,
}

/// A page that was looked at.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Examined {
    pub(crate) seen: Seen,
    /// Whether it must be scrolled sideways on the narrowest screen.
    pub(crate) wider_when_narrow: bool,
    pub(crate) axe: Axe,
}

/// What axe-core found on a page.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Axe {
    /// How many rules passed.
    pub(crate) passed: usize,
    pub(crate) findings: Vec<Finding>,
    /// What it could not decide by itself.
    pub(crate) undecided: Vec<Finding>,
}

/// A rule of axe-core that is not met.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Finding {
    pub(crate) id: String,
    pub(crate) impact: Option<String>,
    pub(crate) help: String,
    /// Where, and what would meet it.
    pub(crate) nodes: Vec<String>,
}

/// The tools that are here; what is missing ends the test and says so.
pub(crate) fn tools() -> Tools {
    let path = std::env::var_os("PATH").unwrap_or_default();
    Tools::on(&path, &scripts()).unwrap_or_else(|missing| panic!("{missing}"))
}

/// The folder of the scripts.
pub(crate) fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("browser")
}

/// Where what tests leave to be looked at goes: `target/browser`.
pub(crate) fn artefact(name: &str) -> PathBuf {
    let target = Path::new(env!("CARGO_TARGET_TMPDIR")).parent().unwrap();
    let file = target.join("browser").join(name);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    file
}

impl Browser {
    /// Starts one that believes one server certificate and no other.
    pub(crate) fn open(certificate: &Path) -> Self {
        Self::with(&tools(), certificate).unwrap_or_else(|why| panic!("{why}"))
    }

    /// The same with these tools, or why it did not start.
    pub(crate) fn with(tools: &Tools, certificate: &Path) -> Result<Self, String> {
        let mut child = Command::new(&tools.node)
            .arg(tools.scripts.join("driver.mjs"))
            .args([&*tools.chromium, certificate])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .map_err(|error| tools.not_started(&error.to_string()))?;
        let commands = child.stdin.take();
        let mut answers = BufReader::new(child.stdout.take().unwrap());
        let mut started = String::new();
        answers.read_line(&mut started).unwrap();
        let started: Value = serde_json::from_str(&started).unwrap_or_default();
        let running = Running {
            child,
            pipes: RefCell::new(Pipes { commands, answers, profiles: 0, tabs: 0 }),
        };
        match started["done"].as_str() {
            Some(_version) => Ok(Self(Rc::new(running))),
            None => Err(tools.not_started(started["failed"].as_str().unwrap_or_default())),
        }
    }

    /// A new profile.
    pub(crate) fn profile(&self, look: Look) -> Profile {
        let name = {
            let mut pipes = self.0.pipes.borrow_mut();
            pipes.profiles += 1;
            format!("profile {}", pipes.profiles)
        };
        let Look { size, scripting, language, scheme } = look;
        self.step(
            "context",
            json!({ "name": name, "size": size, "scripting": scripting, "locale": language,
                    "scheme": scheme }),
        );
        Profile { browser: self.clone(), name, look }
    }

    /// Looks at several tabs at once, with axe-core, and leaves a picture of those in English.
    pub(crate) fn examine(&self, tabs: &[&Tab], story: &str, step: &str) -> Vec<Examined> {
        let (width, height) = NARROW;
        let looks = tabs.iter().map(|tab| {
            let english = tab.look.language.starts_with("en");
            let path = english.then(|| tab.picture(story, step));
            json!({ "tab": tab.name, "path": path, "width": width, "height": height })
        });
        self.ask("examine", json!({ "looks": Vec::from_iter(looks) }))
    }

    fn step(&self, command: &str, mut arguments: Value) -> Value {
        let mut pipes = self.0.pipes.borrow_mut();
        arguments["command"] = command.into();
        let line = format!("{arguments}\n");
        pipes.commands.as_mut().unwrap().write_all(line.as_bytes()).unwrap();
        let mut answer = String::new();
        pipes.answers.read_line(&mut answer).unwrap();
        let mut answer: Value = serde_json::from_str(&answer).expect("the browser has ended");
        assert!(answer["failed"].is_null(), "{arguments}: {}", answer["failed"]);
        answer["done"].take()
    }

    fn ask<T: DeserializeOwned>(&self, command: &str, arguments: Value) -> T {
        serde_json::from_value(self.step(command, arguments)).unwrap()
    }
}

impl Drop for Running {
    fn drop(&mut self) {
        // The end of its input ends it, and Chromium with it.
        drop(self.pipes.get_mut().commands.take());
        let _ = self.child.wait();
    }
}

impl Profile {
    pub(crate) fn tab(&self) -> Tab {
        let name = {
            let mut pipes = self.browser.0.pipes.borrow_mut();
            pipes.tabs += 1;
            format!("tab {}", pipes.tabs)
        };
        self.browser.step("tab", json!({ "name": name, "context": self.name }));
        Tab { browser: self.browser.clone(), name, look: self.look }
    }

    /// From now on this one has the other's cookies, too.
    pub(crate) fn adopt(&self, other: &Profile) {
        self.browser.step("adopt", json!({ "context": self.name, "from": other.name }));
    }

    /// All requests since the last time.
    pub(crate) fn requests(&self) -> Vec<Request> {
        self.browser.ask("requests", json!({ "context": self.name }))
    }

    /// From now on requests for such addresses get no answer.
    pub(crate) fn silence(&self, pattern: &str) {
        self.browser.step("silence", json!({ "context": self.name, "pattern": pattern }));
    }
}

impl Tab {
    pub(crate) fn open(&self, url: &str) {
        self.step("open", json!({ "url": url, "until": "load" }));
    }

    /// Opens a page that never finishes loading.
    pub(crate) fn open_halfway(&self, url: &str) {
        self.step("open", json!({ "url": url, "until": "commit" }));
    }

    pub(crate) fn fill(&self, selector: &str, text: &str) {
        self.step("fill", json!({ "selector": selector, "text": text }));
    }

    pub(crate) fn press(&self, key: &str, times: u32) {
        self.step("press", json!({ "key": key, "times": times }));
    }

    /// Clicks, and nothing else.
    pub(crate) fn click(&self, selector: &str) {
        self.step("click", json!({ "selector": selector }));
    }

    /// Clicks and waits until something is there; in milliseconds.
    pub(crate) fn click_until(&self, selector: &str, until: &str) -> f64 {
        self.step("click", json!({ "selector": selector, "until": until })).as_f64().unwrap()
    }

    /// Waits until something can be seen.
    pub(crate) fn wait(&self, selector: &str) {
        self.step("wait", json!({ "selector": selector, "state": "visible" }));
    }

    /// Waits until something is there, seen or not.
    pub(crate) fn wait_there(&self, selector: &str) {
        self.step("wait", json!({ "selector": selector, "state": "attached" }));
    }

    pub(crate) fn back(&self) {
        self.step("back", json!({}));
    }

    pub(crate) fn reload(&self) {
        self.step("reload", json!({}));
    }

    /// Lets time pass in which something could happen that must not.
    pub(crate) fn pause(&self, millis: u32) {
        self.step("pause", json!({ "millis": millis }));
    }

    /// From now on requests for such addresses fail.
    pub(crate) fn refuse(&self, pattern: &str) {
        self.step("refuse", json!({ "pattern": pattern }));
    }

    /// From now on such addresses have this script.
    pub(crate) fn serve(&self, pattern: &str, script: &str) {
        self.step("serve", json!({ "pattern": pattern, "script": script }));
    }

    pub(crate) fn unhide(&self, selector: &str) {
        self.step("unhide", json!({ "selector": selector }));
    }

    pub(crate) fn seen(&self) -> Seen {
        self.browser.ask("seen", json!({ "tab": self.name }))
    }

    /// Leaves a picture of the page behind.
    pub(crate) fn screenshot(&self, story: &str, step: &str) {
        self.step("screenshot", json!({ "path": self.picture(story, step) }));
    }

    /// Where a picture of it goes: `target/browser/screenshots`.
    fn picture(&self, story: &str, step: &str) -> PathBuf {
        artefact(&format!("screenshots/{story}-{step}-{}.png", self.look.label()))
    }

    /// Loads the page again until something is there, for at most so many seconds.
    pub(crate) fn reload_until(&self, selector: &str, seconds: u32) {
        self.step("reload_until", json!({ "selector": selector, "seconds": seconds }));
    }

    /// What the page's scripts and the browser complained about since the last time.
    pub(crate) fn complaints(&self) -> Vec<String> {
        self.browser.ask("complaints", json!({ "tab": self.name }))
    }

    fn step(&self, command: &str, mut arguments: Value) -> Value {
        arguments["tab"] = self.name.as_str().into();
        self.browser.step(command, arguments)
    }
}

impl Axe {
    /// That axe-core looked at the page, and has nothing to say against it.
    pub(crate) fn assert_nothing(&self, page: &str) {
        assert!(self.passed > 10, "{page}: axe-core looked at {} rules only", self.passed);
        let found: Vec<_> = self.findings.iter().chain(&self.undecided).collect();
        let lines = found.iter().map(|Finding { id, impact, help, nodes }| {
            let impact = impact.as_deref().unwrap_or("no impact");
            format!("{id} ({impact}): {help}\n  {}", nodes.join("\n  "))
        });
        assert!(found.is_empty(), "{page}: axe-core found\n{}", Vec::from_iter(lines).join("\n"));
    }
}

impl Request {
    pub(crate) fn path(&self) -> &str {
        let after = self.url.split_once("://").map_or("", |(_, rest)| rest);
        after.find('/').map_or("", |at| &after[at..])
    }

    pub(crate) fn body(&self) -> Vec<u8> {
        STANDARD.decode(&self.body).unwrap()
    }

    /// Everything that left the browser.
    pub(crate) fn bytes(&self) -> Vec<u8> {
        let mut all = format!("{} {}\n", self.method, self.url).into_bytes();
        for (name, value) in self.headers.as_object().unwrap() {
            all.extend_from_slice(format!("{name}: {}\n", value.as_str().unwrap()).as_bytes());
        }
        all.extend_from_slice(&self.body());
        all
    }
}
