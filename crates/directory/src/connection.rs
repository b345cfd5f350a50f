//! One LDAP connection: many operations at once, told apart by message id.
//!
//! ```text
//! start(frame) ──queue──▶ write loop ──▶ TLS ──▶ read loop ──by message id──▶ Flight::next
//! ```
//!
//! For each request it is known whether its bytes may have left this machine ([`Flight::withdraw`]):
//! a set that was certainly not sent has failed, any other one without an answer is unknown.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::atomic::{AtomicBool, AtomicI32, AtomicU8, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use futures_util::StreamExt as _;
use ldap3_proto::proto::{LdapExtendedResponse, LdapMsg, LdapOp};
use tokio::io::{AsyncRead, AsyncWrite, AsyncWriteExt as _, ReadHalf, WriteHalf};
use tokio::net::TcpStream;
use tokio::sync::mpsc;
use tokio_rustls::client::TlsStream;
use tokio_util::codec::FramedRead;
use tokio_util::task::TaskTracker;
use tokio_util::task::task_tracker::TaskTrackerToken;
use tracing::debug;

use crate::answers::{Answer, Answers, Garbled};
use crate::wire::{self, Frame};

/// How many requests wait to be written before the next one is turned away.
const QUEUE: usize = 256;
/// How many answers to one request wait to be taken. Then the connection is not read any further: a
/// controller that sends without end fills no memory. Whoever has a flight therefore takes its
/// answers or drops it, and what may be slow has a connection of its own.
const ANSWERS: usize = 64;

/// A connection. Dropping it unbinds and closes it: at once, unless a flight is to be read to its end.
#[derive(Debug)]
pub(crate) struct Connection {
    shared: Arc<Shared>,
    queue: mpsc::Sender<Command>,
}

#[derive(Debug, Default)]
struct Shared {
    last_id: AtomicI32,
    /// Who waits for which message id; none once the connection has ended.
    waiting: Mutex<Waiting>,
    /// How it ended.
    end: OnceLock<End>,
    ended: AtomicBool,
    /// What comes is read until the other side hangs up, or nobody waits for anything any more.
    is_read_to_the_end: AtomicBool,
    /// What is in flight, until whoever began it has let go of it.
    flights: TaskTracker,
    /// Somebody gave up waiting: what is still under way is to be thrown away.
    is_given_up: AtomicBool,
}

/// What a connection is over.
pub(crate) trait Road: AsyncRead + AsyncWrite + Unpin + Send + 'static {
    /// From now on the other side is told, when this is dropped, that nobody is here any more: what it has
    /// not passed on by then it need not pass on.
    fn ends_hard(&self) {}
}

impl Road for TcpStream {
    fn ends_hard(&self) {
        // Where it cannot be, it ends as every other one.
        let _ = self.set_zero_linger();
    }
}

impl Road for TlsStream<TcpStream> {
    fn ends_hard(&self) {
        self.get_ref().0.ends_hard();
    }
}

/// The road of tests, and of generated inputs.
#[cfg(any(test, feature = "fuzzing"))]
impl Road for tokio::io::DuplexStream {}

/// How a connection ended.
#[derive(Debug)]
enum End {
    /// With something that no controller says.
    Garbled(String),
    /// In any other way.
    Plain(String),
}

/// Where the answers to one request go.
type Taker = mpsc::Sender<Answer>;

#[derive(Debug, Default)]
struct Waiting(HashMap<i32, Taker>);

/// A request on its way to the write loop. No `Debug` shows the frame.
struct Command {
    frame: Frame,
    passage: Arc<Passage>,
}

/// Whether a request's bytes may have left: decided once, by whoever comes first.
#[derive(Debug, Default)]
struct Passage(AtomicU8);

const QUEUED: u8 = 0;
const LEFT: u8 = 1;
const WITHDRAWN: u8 = 2;

impl Passage {
    fn decide(&self, fate: u8) -> bool {
        let decided = self.0.compare_exchange(QUEUED, fate, Ordering::SeqCst, Ordering::SeqCst);
        decided.is_ok() || decided == Err(fate)
    }
}

/// The connection has ended, or takes no more requests; this one was not sent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Closed(pub(crate) String);

impl Connection {
    /// Takes over a stream on which TLS is up.
    pub(crate) fn over<S>(stream: S) -> Self
    where
        S: Road,
    {
        let shared = Arc::new(Shared::default());
        let (queue, commands) = mpsc::channel(QUEUE);
        tokio::spawn(drive(stream, Arc::clone(&shared), commands));
        Self { shared, queue }
    }

    /// Whether it has ended.
    pub(crate) fn has_ended(&self) -> bool {
        self.shared.ended.load(Ordering::SeqCst)
    }

    /// How many requests have not had their last answer yet.
    pub(crate) fn under_way(&self) -> usize {
        self.shared.waiting().0.len()
    }

    /// Sends a request that `frame` makes for a message id.
    pub(crate) fn start(
        &self,
        frame: impl FnOnce(i32) -> std::io::Result<Frame>,
    ) -> Result<Flight, Closed> {
        let last = self
            .shared
            .last_id
            .fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| last.checked_add(1));
        let id = last.map_err(|_| Closed("all message ids are used".to_owned()))? + 1;
        let frame = frame(id).map_err(|error| Closed(error.to_string()))?;
        let (sender, answers) = mpsc::channel(ANSWERS);
        self.shared.expect(id, sender)?;
        let passage = Arc::new(Passage::default());
        let flight = Flight {
            id,
            answers,
            passage: Arc::clone(&passage),
            shared: Arc::clone(&self.shared),
            queue: self.queue.clone().downgrade(),
            abandon: false,
            _counted: self.shared.flights.token(),
        };
        match self.queue.try_send(Command { frame, passage }) {
            Ok(()) => Ok(flight),
            Err(mpsc::error::TrySendError::Full(_)) => {
                Err(Closed(format!("{QUEUE} requests wait already")))
            }
            Err(mpsc::error::TrySendError::Closed(_)) => Err(Closed(self.shared.cause())),
        }
    }
}

impl Shared {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        // Nothing panics while it is held; the table stays whole.
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn expect(&self, id: i32, answers: Taker) -> Result<(), Closed> {
        let mut waiting = self.waiting();
        // Looked at under the lock: the end empties the table, and nobody joins it afterwards.
        if self.ended.load(Ordering::SeqCst) {
            return Err(Closed(self.cause()));
        }
        waiting.0.insert(id, answers);
        Ok(())
    }

    fn cause(&self) -> String {
        match self.end.get() {
            Some(End::Garbled(cause) | End::Plain(cause)) => cause.clone(),
            None => "the connection was closed".to_owned(),
        }
    }

    fn finish(&self, end: End) {
        if self.end.set(end).is_err() {
            return;
        }
        debug!(cause = self.cause(), "directory.connection.ended");
        let mut waiting = self.waiting();
        self.ended.store(true, Ordering::SeqCst);
        waiting.0.clear();
    }

    /// Comes when all that was begun was let go of, after nothing more can be.
    async fn nobody_waits(&self) {
        self.flights.close();
        self.flights.wait().await;
    }

    /// Hands an answer to whoever waits for it; an answer nobody waits for came too late.
    async fn deliver(&self, answer: Answer) {
        let (id, more) = match &answer {
            Answer::Whole(message) => (message.msgid, is_followed(&message.op)),
            Answer::TooLarge(entry) => (entry.id, true),
        };
        let taker = {
            let mut waiting = self.waiting();
            // Gone before the last answer is there: who has that one never abandons the request.
            if more { waiting.0.get(&id).cloned() } else { waiting.0.remove(&id) }
        };
        let Some(taker) = taker else { return };
        if taker.send(answer).await.is_err() && more {
            self.waiting().0.remove(&id);
        }
    }
}

/// A request under way.
#[derive(Debug)]
pub(crate) struct Flight {
    id: i32,
    answers: mpsc::Receiver<Answer>,
    passage: Arc<Passage>,
    shared: Arc<Shared>,
    queue: mpsc::WeakSender<Command>,
    abandon: bool,
    _counted: TaskTrackerToken,
}

impl Flight {
    /// Tells the controller to stop if this is dropped before its last answer. For searches: a
    /// modify that was sent is never called off.
    pub(crate) fn abandoned_when_dropped(mut self) -> Self {
        self.abandon = true;
        self
    }

    /// The next answer to a request that has no entries for answers; none if the connection has ended.
    pub(crate) async fn next(&mut self) -> Option<LdapMsg> {
        loop {
            if let Answer::Whole(message) = self.found().await? {
                return Some(message);
            }
        }
    }

    /// The next answer to a search; none if the connection has ended.
    pub(crate) async fn found(&mut self) -> Option<Answer> {
        self.answers.recv().await
    }

    /// Calls the request back: true if it was certainly not sent and never will be, false if its
    /// bytes may have left.
    pub(crate) fn withdraw(&self) -> bool {
        self.passage.decide(WITHDRAWN)
    }

    /// From now on the connection ends only when the other side ends it, or when nobody has a flight over
    /// it any more, so that a late answer is heard, and that there will be none.
    pub(crate) fn is_read_to_its_end(&self) {
        self.shared.is_read_to_the_end.store(true, Ordering::SeqCst);
    }

    /// Nobody waits for the answer any longer. The connection ends with the last flight over it, and hard.
    pub(crate) fn give_up(self) {
        self.shared.is_given_up.store(true, Ordering::SeqCst);
    }

    /// How the connection ended.
    pub(crate) fn cause(&self) -> String {
        self.shared.cause()
    }

    /// Whether it ended because the other side said what no controller says.
    pub(crate) fn is_garbled(&self) -> bool {
        matches!(self.shared.end.get(), Some(End::Garbled(_)))
    }
}

impl Drop for Flight {
    fn drop(&mut self) {
        let unfinished = self.shared.waiting().0.remove(&self.id).is_some();
        if !unfinished || !self.abandon || self.withdraw() {
            return;
        }
        let last = &self.shared.last_id;
        let id = last.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |last| last.checked_add(1));
        let frame = id.map(|id| wire::plain(id + 1, LdapOp::AbandonRequest(self.id), Vec::new()));
        // Whether it gets through only saves the controller some work.
        if let (Some(queue), Ok(Ok(frame))) = (self.queue.upgrade(), frame) {
            let _ = queue.try_send(Command { frame, passage: Arc::default() });
        }
    }
}

/// Reads and writes until one of the two ends.
async fn drive<S: Road>(stream: S, shared: Arc<Shared>, commands: mpsc::Receiver<Command>) {
    // However this ends, nobody is left waiting: also where the task is dropped with its runtime.
    let ending = Ending(shared);
    let shared = &ending.0;
    let (mut reader, mut writer) = tokio::io::split(stream);
    let end = {
        let mut reading = pin!(read(&mut reader, shared));
        tokio::select! {
            end = &mut reading => end,
            cause = write(&mut writer, commands) => {
                match shared.is_read_to_the_end.load(Ordering::SeqCst) {
                    true => tokio::select! {
                        end = &mut reading => end,
                        () = shared.nobody_waits() => {
                            End::Plain("nobody waits for its answers any more".to_owned())
                        }
                    },
                    false => End::Plain(cause),
                }
            }
        }
    };
    shared.finish(end);
    if shared.is_given_up.load(Ordering::SeqCst) {
        reader.unsplit(writer).ends_hard();
    }
}

struct Ending(Arc<Shared>);

impl Drop for Ending {
    fn drop(&mut self) {
        self.0.finish(End::Plain("the connection was given up".to_owned()));
    }
}

async fn read<S: AsyncRead>(reader: &mut ReadHalf<S>, shared: &Shared) -> End {
    let mut messages = FramedRead::new(reader, Answers::new());
    loop {
        match messages.next().await {
            None => return End::Plain("the controller closed the connection".to_owned()),
            Some(Err(error)) if Garbled::is_cause_of(&error) => {
                return End::Garbled(format!("reading: {error}"));
            }
            Some(Err(error)) => return End::Plain(format!("reading: {error}")),
            // Message id 0: a notice that the controller hangs up (RFC 4511 section 4.4.1).
            Some(Ok(Answer::Whole(LdapMsg { msgid: 0, op, .. }))) => {
                return End::Plain(farewell(&op));
            }
            Some(Ok(answer)) => shared.deliver(answer).await,
        }
    }
}

/// Whether further answers to the same request follow.
const fn is_followed(op: &LdapOp) -> bool {
    matches!(
        op,
        LdapOp::SearchResultEntry(_)
            | LdapOp::SearchResultReference(_)
            | LdapOp::IntermediateResponse(_)
    )
}

fn farewell(op: &LdapOp) -> String {
    match op {
        LdapOp::ExtendedResponse(LdapExtendedResponse { res, .. }) => {
            format!("the controller hung up: {:?}, {}", res.code, res.message)
        }
        _ => "the controller sent an answer to no request".to_owned(),
    }
}

async fn write<S: AsyncWrite>(
    writer: &mut WriteHalf<S>,
    mut commands: mpsc::Receiver<Command>,
) -> String {
    while let Some(Command { frame, passage }) = commands.recv().await {
        if !passage.decide(LEFT) {
            continue;
        }
        let written = async {
            writer.write_all(&frame).await?;
            writer.flush().await
        };
        if let Err(error) = written.await {
            return format!("writing: {error}");
        }
    }
    if let Ok(frame) = wire::plain(i32::MAX, LdapOp::UnbindRequest, Vec::new()) {
        let _ = writer.write_all(&frame).await;
    }
    let _ = writer.shutdown().await;
    "closed on our side".to_owned()
}

#[cfg(test)]
#[path = "connection_tests.rs"]
mod tests;
