//! A relay in other hands. Weather happens to frames by chance; here somebody wants something: keeps
//! packages back, writes another name on them, has another listener answer. And a relay or a
//! dispatcher that says something a second time by itself.
//!
//! A package is what carries out an operation: its announcement, and its body.

use bytes::Bytes;
use protocol::settlement::TARGET_WRITEBACK;
use protocol::{Clock as _, Timestamp};
use serde_json::{Value, json};

use super::frames::{self, BINARY, TEXT};
use super::installation::AGENTS;
use super::network::{Direction, Network};

/// Puts another body into a package for the agent of this name.
pub(super) type Rewrite = Box<dyn Fn(&str, &[u8]) -> Vec<u8> + Send>;

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
        let announced = frames::read(&self.announced).and_then(|(_, text)| json(text));
        let id = announced.and_then(|value| Some(value["request"]["id"].as_str()?.to_owned()));
        id.expect("a request has an id")
    }
}

/// What a relay says on one channel, as far as it is of packages.
#[derive(Default)]
pub(super) struct Reader {
    announced: Option<Vec<u8>>,
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
        let own = matches!(self.state().hands, Hands::Own);
        match frames::read(&frame) {
            Some((TEXT, text)) if announces_a_package(text) => {
                reader.announced = Some(frame.clone());
                own.then_some(frame)
            }
            Some((BINARY, body)) => {
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
            Hands::Own => package,
            Hands::Rewrite(rewrite) => {
                let body = Bytes::from(rewrite(&package.agent, &package.body));
                Package { body, ..package }
            }
            Hands::OthersAnswer { counts } => {
                let asked = package.agent.as_str();
                let by = if *counts { asked } else { another(asked) };
                state.say(by, Direction::Up, forged_answer(&package.id()));
                package
            }
        };
        let frames = said.frames();
        state.packages.push(said);
        Some(frames)
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

fn announces_a_package(text: &[u8]) -> bool {
    let target = json(text).and_then(|text| {
        Some(text["request"]["requestTarget"].as_str()?.trim_matches('/').to_owned())
    });
    target.is_some_and(|target| target == TARGET_WRITEBACK)
}

/// What a listener says that wants to be believed and has no key.
fn forged_answer(id: &str) -> Vec<u8> {
    let head = json!({"response": {
        "requestId": id,
        "statusCode": 200,
        "statusDescription": "OK",
        "responseHeaders": {},
        "body": true,
    }});
    let text = frames::write(TEXT, head.to_string().as_bytes(), true);
    [text, frames::write(BINARY, b"forged", true)].concat()
}

fn json(text: &[u8]) -> Option<Value> {
    serde_json::from_slice(text).ok()
}
