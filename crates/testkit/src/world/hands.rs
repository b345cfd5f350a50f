//! A relay in other hands. Weather happens to frames by chance; here somebody wants something: keeps
//! packages back, writes another name on them, has another listener answer. And a relay or a
//! dispatcher that says something a second time by itself.
//!
//! A package is what carries out an operation: its announcement, and its body.

use bytes::Bytes;
use protocol::settlement::{TARGET_LOOK, TARGET_SETTLE, TARGET_WRITEBACK};
use protocol::{Clock as _, Timestamp};
use serde_json::{Value, json};

use super::frames::{self, BINARY, CLOSE, TEXT};
use super::installation::AGENTS;
use super::network::{Direction, Network};

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
        agent: &str,
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
                let said = self.handled(Package { agent, at, announced, body });
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

    /// Hears whether an agent says that it takes nothing: to one request, or because it leaves and has
    /// answered all that it took.
    pub(super) fn hear_declined(&self, agent: &str, frame: &[u8]) {
        if !matches!(frames::opcode(frame), Some(TEXT | CLOSE)) {
            return;
        }
        let declined = match frames::read_listeners(frame) {
            Some((TEXT, text)) => {
                json(&text).is_some_and(|said| said["response"]["statusCode"] == DECLINED)
            }
            Some((CLOSE, said)) => said.ends_with(ALL_ANSWERED),
            _ => false,
        };
        if declined {
            let at = self.clock().now();
            self.state().declined.push((agent.to_owned(), at));
        }
    }

    /// Whether an agent said that it takes nothing, from one moment to another.
    pub(super) fn has_declined(&self, agent: &str, (from, to): (Timestamp, Timestamp)) -> bool {
        let state = self.state();
        state.declined.iter().any(|(who, at)| who == agent && from <= *at && *at <= to)
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
