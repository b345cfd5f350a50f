//! A relay in other hands. Weather happens to frames by chance; here somebody wants something: keeps
//! packages back, writes another name on them, has another listener answer. And a relay or a
//! dispatcher that says something a second time by itself.
//!
//! A package is what carries out an operation: its announcement, and its body.

use std::collections::{HashMap, HashSet};

use bytes::Bytes;
use protocol::settlement::{TARGET_LOOK, TARGET_SETTLE, TARGET_WRITEBACK};
use protocol::{Clock as _, Timestamp};
use serde_json::{Value, json};

use super::frames::{self, BINARY, CLOSE, TEXT};
use super::installation::AGENTS;
use super::network::Network;
use super::way::Direction;

/// The status by which an agent takes nothing, and the words of one that leaves (decision 0021).
const DECLINED: u16 = 503;
const ALL_ANSWERED: &[u8] = b"listener left, all answered";

/// Puts another body into a package for the agent of this name.
pub(super) type Rewrite = Box<dyn Fn(&str, &[u8]) -> Vec<u8> + Send>;

/// Answers the question how a request ended, which is put to the agent of this name with these bytes.
pub(super) type Settle = Box<dyn Fn(&str, &[u8]) -> Vec<u8> + Send>;

/// Whose hands the relay is in.
#[derive(Default)]
pub(super) enum Hands {
    /// Its own.
    #[default]
    Own,
    /// Of somebody who keeps packages back, and carries everything else.
    KeepBack,
    /// Of somebody who changes them.
    Rewrite(Rewrite),
    /// Its own; but the agent that was not asked answers, before the one that was. With a bug such an
    /// answer counts: as if it had come over the channel that was asked.
    OthersAnswer { counts: bool },
    /// Of somebody who lets no agent hear a question how a request ended, and answers it or does not.
    Questions(Option<Settle>),
}

/// A package on its way.
#[derive(Debug, Clone)]
pub(super) struct Package {
    /// Whom it is said to.
    pub(super) agent: String,
    /// On which channel.
    pub(super) channel: usize,
    /// When it came to the relay.
    pub(super) at: Timestamp,
    /// The frame that announces it.
    pub(super) announced: Vec<u8>,
    /// What the agent opens.
    pub(super) body: Bytes,
}

impl Package {
    fn frames(&self) -> Vec<u8> {
        [self.announced.clone(), frames::write(BINARY, &self.body, false)].concat()
    }

    /// A relay's own id of the request.
    fn id(&self) -> String {
        id(&self.announced)
    }
}

/// What agents have said to packages, by a relay's own ids of the requests.
#[derive(Default)]
pub(super) struct Answers {
    /// Which were answered.
    answered: HashSet<String>,
    /// When it was said of which that nothing was taken of it.
    declined: HashMap<String, Timestamp>,
    /// When somebody left which channel, having answered all that was taken there.
    left: HashMap<usize, Timestamp>,
}

impl Answers {
    /// Takes down what a listener says, if it is an answer or its last word.
    fn hear(&mut self, channel: usize, frame: &[u8], at: Timestamp) {
        match frames::read_listeners(frame) {
            Some((TEXT, text)) => {
                let Some(said) = json(&text) else { return };
                let Some(id) = said["response"]["requestId"].as_str() else { return };
                self.answered.insert(id.to_owned());
                if said["response"]["statusCode"] == DECLINED {
                    self.declined.entry(id.to_owned()).or_insert(at);
                }
            }
            Some((CLOSE, said)) if said.ends_with(ALL_ANSWERED) => {
                self.left.entry(channel).or_insert(at);
            }
            _ => {}
        }
    }

    /// Whether nothing was taken of this package, as its agent had said by then: of this one, or of all that
    /// was not answered on its channel.
    fn is_declined(&self, package: &Package, by: Timestamp) -> bool {
        let id = package.id();
        let said = match self.declined.get(&id) {
            None if self.answered.contains(&id) => None,
            None => self.left.get(&package.channel),
            declined => declined,
        };
        said.is_some_and(|at| *at <= by)
    }
}

/// A relay's own id of the request that a frame announces.
fn id(frame: &[u8]) -> String {
    let announced = frames::read(frame).and_then(|(_, text)| json(text));
    let id = announced.and_then(|value| Some(value["request"]["id"].as_str()?.to_owned()));
    id.expect("a request has an id")
}

/// What a relay says on one channel, as far as it is of packages, or of questions that no agent hears.
#[derive(Default)]
pub(super) struct Reader {
    announced: Option<Vec<u8>>,
    asked: Option<Vec<u8>>,
}

impl Network {
    /// What becomes of a relay's frame in the hands that the relay is in; none if it does not go on
    /// now.
    pub(super) fn in_hands(
        &self,
        reader: &mut Reader,
        (agent, channel): (&str, usize),
        frame: Vec<u8>,
    ) -> Option<Vec<u8>> {
        let (own, hears) = {
            let hands = &self.state().hands;
            (matches!(hands, Hands::Own), !matches!(hands, Hands::Questions(_)))
        };
        match frames::read(&frame) {
            Some((TEXT, text)) if announces(text, &[TARGET_WRITEBACK]) => {
                reader.announced = Some(frame.clone());
                own.then_some(frame)
            }
            Some((TEXT, text)) if !hears && announces(text, &[TARGET_SETTLE, TARGET_LOOK]) => {
                reader.asked = Some(frame);
                None
            }
            Some((BINARY, body)) => {
                if let Some(asked) = reader.asked.take() {
                    self.questioned(agent, &asked, body);
                    return None;
                }
                let Some(announced) = reader.announced.take() else { return Some(frame) };
                let (agent, at) = (agent.to_owned(), self.clock().now());
                let body = Bytes::copy_from_slice(body);
                let said = self.handled(Package { agent, channel, at, announced, body });
                // Where it is in its own hands, weather is for frames.
                if own { Some(frame) } else { said }
            }
            _ => Some(frame),
        }
    }

    /// What is carried in place of a package.
    fn handled(&self, package: Package) -> Option<Vec<u8>> {
        let mut state = self.state();
        let said = match &state.hands {
            Hands::KeepBack => {
                state.kept.push(package);
                return None;
            }
            Hands::Own | Hands::Questions(_) => package,
            Hands::Rewrite(rewrite) => {
                let body = Bytes::from(rewrite(&package.agent, &package.body));
                Package { body, ..package }
            }
            Hands::OthersAnswer { counts } => {
                let asked = package.agent.as_str();
                let by = if *counts { asked } else { another(asked) };
                state.say(by, Direction::Up, answer(&package.id(), b"forged"));
                package
            }
        };
        let frames = said.frames();
        state.packages.push(said);
        Some(frames)
    }

    /// Answers a question, if that is wanted.
    fn questioned(&self, agent: &str, asked: &[u8], body: &[u8]) {
        let state = self.state();
        if let Hands::Questions(Some(settle)) = &state.hands {
            state.say(agent, Direction::Up, answer(&id(asked), &settle(agent, body)));
        }
    }

    /// Hears what an agent answers, and that it leaves.
    pub(super) fn hear_answers(&self, channel: usize, frame: &[u8]) {
        if matches!(frames::opcode(frame), Some(TEXT | CLOSE)) {
            let at = self.clock().now();
            self.state().answers.hear(channel, frame, at);
        }
    }

    /// Whether the agent of a package had said by then that it took nothing of it.
    pub(super) fn is_declined(&self, package: &Package, by: Timestamp) -> bool {
        self.state().answers.is_declined(package, by)
    }

    /// Puts the relay into other hands.
    pub(super) fn put_into(&self, hands: Hands) {
        self.state().hands = hands;
    }

    /// Takes out what was kept back.
    pub(super) fn take_kept(&self) -> Vec<Package> {
        std::mem::take(&mut self.state().kept)
    }

    /// Says a package to its agent, on the channel that is open.
    pub(super) fn say_package(&self, package: Package) {
        let mut state = self.state();
        state.say(&package.agent, Direction::Down, package.frames());
        state.packages.push(package);
    }

    /// Every package that was said to an agent.
    pub(super) fn packages(&self) -> Vec<Package> {
        self.state().packages.clone()
    }
}

/// The agent of the world that is not this one.
pub(super) fn another(agent: &str) -> &'static str {
    AGENTS.into_iter().find(|name| *name != agent).expect("another agent")
}

/// Whether a message announces a request to one of these. A relay of somebody else's names the whole
/// path, the entity included.
fn announces(text: &[u8], targets: &[&str]) -> bool {
    let Some(text) = json(text) else { return false };
    let target = text["request"]["requestTarget"].as_str().unwrap_or_default();
    let last = target.trim_end_matches('/').rsplit('/').next().unwrap_or_default();
    targets.contains(&last)
}

/// What a listener says in answer to a request, with that body.
fn answer(id: &str, body: &[u8]) -> Vec<u8> {
    let head = json!({"response": {
        "requestId": id,
        "statusCode": 200,
        "statusDescription": "OK",
        "responseHeaders": {},
        "body": true,
    }});
    let text = frames::write(TEXT, head.to_string().as_bytes(), true);
    [text, frames::write(BINARY, body, true)].concat()
}

fn json(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn package(id: &str, channel: usize) -> Package {
        let announced = json!({"request": {"id": id}}).to_string();
        let announced = frames::write(TEXT, announced.as_bytes(), false);
        let (agent, at) = ("agent-1".to_owned(), Timestamp::from_millis(0));
        Package { agent, channel, at, announced, body: Bytes::new() }
    }

    fn said(id: &str, status: u16) -> Vec<u8> {
        let said = json!({"response": {"requestId": id, "statusCode": status}});
        frames::write(TEXT, said.to_string().as_bytes(), true)
    }

    #[test]
    fn a_package_is_declined_by_what_was_said_of_it_and_of_no_other_one() {
        let at = Timestamp::from_millis;
        let mut answers = Answers::default();
        answers.hear(0, &said("a", DECLINED), at(10));
        answers.hear(0, &said("b", 200), at(10));
        let is_declined =
            |answers: &Answers, id, channel, by| answers.is_declined(&package(id, channel), at(by));
        assert!(is_declined(&answers, "a", 0, 10) && !is_declined(&answers, "a", 0, 9));
        assert!(!is_declined(&answers, "b", 0, 99) && !is_declined(&answers, "c", 0, 99));
        let farewell = [&[3, 232][..], ALL_ANSWERED].concat();
        answers.hear(0, &frames::write(CLOSE, &farewell, true), at(20));
        assert!(is_declined(&answers, "c", 0, 20) && !is_declined(&answers, "c", 0, 19));
        assert!(!is_declined(&answers, "b", 0, 99), "it was answered");
        assert!(!is_declined(&answers, "c", 1, 99), "on another channel");
    }
}
