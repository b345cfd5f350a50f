//! Mails to people. A mail is queued in memory, never in the database: it may hold a code.

pub(crate) mod messages;
mod smtp;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use seal::OneTimeCode;
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub use messages::Message;
pub(crate) use smtp::Smtp;

use crate::locale::Locale;

/// How many mails may wait. At 100 mails a second that is more than a minute.
const QUEUE: usize = 10_000;

/// A mail to one address. It is written when it is handed over, so that queuing one costs a request
/// next to nothing: known and unknown names are answered equally fast.
pub(crate) struct Mail {
    /// The address, as the organisation knows it.
    pub(crate) to: String,
    /// Its language.
    pub(crate) locale: Locale,
    /// The organisation's name.
    pub(crate) tenant: String,
    /// What it says.
    pub(crate) content: Content,
}

/// What a mail says.
pub(crate) enum Content {
    /// The code of the e-mail gate.
    Code {
        /// The code.
        code: OneTimeCode,
        /// How long it counts.
        lifetime: Duration,
    },
    /// A password was changed (SPEC L-6).
    Changed {
        /// When, in the configured time zone.
        when: String,
    },
    /// An operation in doubt turned out not to have changed the password (SPEC PR-2).
    Unchanged,
    /// How an operation in doubt ended cannot be found out any more.
    CannotBeKnown,
}

/// Hands a written mail to whoever brings it to people: the organisation's mail server, or a test.
pub trait Notifier: Send + Sync {
    /// Hands over one mail to one address; tells the operator if that cannot be done.
    fn hand_over(&self, to: String, message: Message) -> BoxFuture<'_, ()>;
}

/// Hands mails over in the background.
#[derive(Clone)]
pub(crate) struct Mailer(mpsc::Sender<Mail>);

impl Mailer {
    /// Starts handing over by `notifier`, a few mails at a time.
    /// After `stop` what is queued is handed over, and nothing more is taken.
    pub(crate) fn start(
        notifier: Arc<dyn Notifier>,
        tasks: &TaskTracker,
        stop: CancellationToken,
    ) -> Self {
        let (sender, mut queue) = mpsc::channel::<Mail>(QUEUE);
        let hands = Arc::new(tokio::sync::Semaphore::new(8));
        let of_mails = tasks.clone();
        tasks.spawn(async move {
            loop {
                let mail = tokio::select! {
                    biased;
                    mail = queue.recv() => mail,
                    () = stop.cancelled(), if !queue.is_closed() => {
                        queue.close();
                        continue;
                    }
                };
                let Some(mail) = mail else { return };
                let Ok(hand) = Arc::clone(&hands).acquire_owned().await else { return };
                let notifier = Arc::clone(&notifier);
                of_mails.spawn(async move {
                    let message = messages::of(&mail);
                    notifier.hand_over(mail.to, message).await;
                    drop(hand);
                });
            }
        });
        Self(sender)
    }

    /// Queues a mail. A full queue is the operator's to know; the person can ask again.
    pub(crate) fn send(&self, mail: Mail) {
        if self.0.try_send(mail).is_err() {
            tracing::error!(
                event = "mail.queue_full",
                "a mail was dropped: the queue is full; does the mail server answer?"
            );
        }
    }
}
