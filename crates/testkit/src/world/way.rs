//! One direction of one connection of the network: what comes is taken apart into frames, and each has its
//! fate by the weather and by the hands that the relay is in.

use std::io;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use protocol::Clock as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _, DuplexStream, ReadHalf, WriteHalf};
use tokio::sync::mpsc::UnboundedReceiver;
use tokio_util::sync::CancellationToken;

use super::frames;
use super::hands::Reader;
use super::network::{Doors, Network};
use super::tampering::Tamperer;
use super::weather::alter;

/// The end of an HTTP head, after which a switched connection speaks WebSocket.
const HEAD_END: &[u8] = b"\r\n\r\n";

/// In which direction something is said.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the agent.
    Up,
    /// To the agent.
    Down,
}

/// On which channel an agent says which frame, as it said it: heard when it is brought, and as it was said.
type Said = (usize, Vec<u8>);

/// One direction of one connection.
pub(super) struct Way {
    network: Network,
    agent: String,
    direction: Direction,
    /// Its number among all channels, once the connection speaks WebSocket.
    channel: Arc<Mutex<Option<usize>>>,
    /// A frame that comes after the next one, and what was said by it.
    kept_back: Option<(Vec<u8>, Option<Said>)>,
    /// What an agent says by the frame that is on its way.
    said: Option<Said>,
    doors: Doors,
    reader: Reader,
    tamperer: Tamperer,
}

/// What happens to a frame.
enum Fate {
    Arrives,
    Lost,
    Twice,
    AfterNext,
    Altered(u64),
    Held(Duration),
    Cut,
}

impl Way {
    /// The way of an agent's connection in one direction; whether that is a channel is found out on it.
    pub(super) fn new(
        (network, agent, direction): (Network, String, Direction),
        channel: Arc<Mutex<Option<usize>>>,
        doors: Doors,
    ) -> Self {
        Self {
            network,
            agent,
            direction,
            channel,
            kept_back: None,
            said: None,
            doors,
            reader: Reader::default(),
            tamperer: Tamperer::default(),
        }
    }

    /// Carries what comes until one side ends.
    pub(super) async fn run(
        mut self,
        mut from: ReadHalf<DuplexStream>,
        mut to: WriteHalf<DuplexStream>,
        mut said: UnboundedReceiver<Vec<u8>>,
        cut: &CancellationToken,
    ) {
        let mut waiting = Vec::new();
        let mut buffer = vec![0; 16 * 1024];
        loop {
            let read = tokio::select! {
                biased;
                Some(bytes) = said.recv() => {
                    self.network.hear(&bytes);
                    if to.write_all(&bytes).await.is_err() || to.flush().await.is_err() {
                        return;
                    }
                    continue;
                }
                read = from.read(&mut buffer) => read,
            };
            let Ok(read @ 1..) = read else { return };
            let bytes = &buffer[..read];
            self.network.hear(bytes);
            waiting.extend_from_slice(bytes);
            while let Some(piece) = self.piece(&mut waiting) {
                let Some(piece) = self.in_hands(piece) else { continue };
                if self.bring(piece, &mut to, cut).await.is_err() {
                    return;
                }
            }
        }
    }

    /// The next thing to carry: a frame, or before that, bytes as they come.
    fn piece(&self, waiting: &mut Vec<u8>) -> Option<Vec<u8>> {
        if waiting.is_empty() {
            return None;
        }
        let mut channel = self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        if channel.is_some() {
            let frame = frames::take(waiting)?;
            if self.direction == Direction::Down {
                self.network.said_to(&self.agent, &frame);
            }
            return Some(frame);
        }
        if self.direction == Direction::Down && waiting.starts_with(b"HTTP/1.1 101") {
            let end = waiting.windows(HEAD_END.len()).position(|window| window == HEAD_END)?;
            let rest = waiting.split_off(end + HEAD_END.len());
            let mut head = std::mem::replace(waiting, rest);
            let (number, said) = self.network.opened(&self.agent, &self.doors);
            *channel = Some(number);
            head.extend(said);
            return Some(head);
        }
        Some(std::mem::take(waiting))
    }

    /// What becomes of a piece in the hands that the relay is in.
    fn in_hands(&mut self, piece: Vec<u8>) -> Option<Vec<u8>> {
        let channel = *self.channel.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(channel) = channel else { return Some(piece) };
        let piece = match self.direction {
            Direction::Down => {
                self.network.in_hands(&mut self.reader, (&self.agent, channel), piece)?
            }
            Direction::Up => {
                self.said = Some((channel, piece.clone()));
                piece
            }
        };
        Some(self.network.tampered(&mut self.tamperer, (&self.agent, self.direction), piece))
    }

    fn is_channel(&self) -> bool {
        self.channel.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    async fn bring(
        &mut self,
        mut piece: Vec<u8>,
        to: &mut WriteHalf<DuplexStream>,
        cut: &CancellationToken,
    ) -> io::Result<()> {
        let mut said = self.said.take();
        match self.fate() {
            Fate::Lost => return Ok(()),
            Fate::Arrives => {}
            Fate::Twice => piece.extend_from_within(..),
            Fate::AfterNext => {
                self.kept_back = Some((piece, said));
                return Ok(());
            }
            Fate::Altered(bit) => {
                alter(&mut piece, bit);
                said = None;
            }
            Fate::Held(time) => self.network.clock().sleep(time).await,
            Fate::Cut => {
                cut.cancel();
                return Err(io::ErrorKind::ConnectionReset.into());
            }
        }
        let late = self.kept_back.take();
        for (piece, said) in [Some((piece, said)), late].into_iter().flatten() {
            if let Some((channel, said)) = said {
                self.network.hear_answers(channel, &said);
            }
            to.write_all(&piece).await?;
        }
        to.flush().await
    }

    fn fate(&self) -> Fate {
        let mut state = self.network.state();
        let weather = state.weather(&self.agent);
        let swallowed = match self.direction {
            Direction::Up => weather.swallow_up,
            Direction::Down => weather.swallow_down,
        };
        if swallowed {
            return Fate::Lost;
        }
        let dice = &mut state.dice;
        if dice.percent(weather.cut) {
            return Fate::Cut;
        }
        if dice.percent(weather.hold) {
            let longest = u64::try_from(weather.longest.as_millis()).unwrap_or(u64::MAX);
            return Fate::Held(Duration::from_millis(dice.below(longest.max(1))));
        }
        // Only frames can be told apart; in HTTP, bytes are what they are.
        if !self.is_channel() {
            return Fate::Arrives;
        }
        if dice.percent(weather.lose) {
            Fate::Lost
        } else if dice.percent(weather.repeat) {
            Fate::Twice
        } else if dice.percent(weather.reorder) {
            Fate::AfterNext
        } else if dice.percent(weather.alter) {
            Fate::Altered(dice.number())
        } else {
            Fate::Arrives
        }
    }
}
