//! Handing a mail to the organisation's mail server (RFC 5321, RFC 3207).

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use lettre::message::header::ContentType;
use lettre::message::{Mailbox, Message as Composed};
use lettre::transport::smtp::authentication::Credentials;
use lettre::transport::smtp::client::{Certificate, Tls, TlsParameters};
use lettre::{AsyncSmtpTransport, AsyncTransport as _, Tokio1Executor};
use protocol::Clock;

use crate::notify::{Message, Notifier};
use crate::settings;

/// Pause before the second try; it doubles with every further one.
const FIRST_PAUSE: Duration = Duration::from_secs(2);

/// Why mail cannot be set up. The message names the key of the configuration.
#[derive(Debug, thiserror::Error)]
pub(crate) enum MailError {
    /// A file cannot be read.
    #[error("cannot read {path} of the section [mail]: {cause}")]
    File {
        /// The file.
        path: String,
        /// What the system said.
        cause: std::io::Error,
    },
    /// The CA or the sender is not one.
    #[error("`mail.{0}` cannot be used: {1}")]
    Setting(&'static str, String),
}

/// The connection to the mail server.
pub(crate) struct Smtp {
    transport: AsyncSmtpTransport<Tokio1Executor>,
    from: Mailbox,
    tries: u64,
    clock: Arc<dyn Clock>,
}

impl Smtp {
    /// Prepares handing over by these settings; connects with the first mail.
    pub(crate) fn new(mail: &settings::Mail, clock: Arc<dyn Clock>) -> Result<Self, MailError> {
        let mut builder = AsyncSmtpTransport::<Tokio1Executor>::builder_dangerous(&mail.host)
            .port(mail.port)
            .timeout(Some(mail.timeout))
            .tls(tls(mail)?);
        if let Some((user, file)) = &mail.login {
            let password = read(file)?;
            builder = builder.credentials(Credentials::new(
                user.clone(),
                String::from_utf8_lossy(&password).trim_end().to_owned(),
            ));
        }
        let from = mail.from.parse();
        let from = from.map_err(|error| MailError::Setting("from", format!("{error}")))?;
        Ok(Self { transport: builder.build(), from, tries: mail.tries, clock })
    }

    /// Hands a mail over, trying again with growing pauses; tells the operator if it cannot.
    async fn send(&self, to: &str, message: &Message) {
        let Some(composed) = self.compose(to, message) else {
            tracing::warn!(
                event = "mail.address_refused",
                "an address is not one that mail can be sent to"
            );
            return;
        };
        let mut pause = FIRST_PAUSE;
        for attempt in 1..=self.tries {
            match self.transport.send(composed.clone()).await {
                Ok(_) => {
                    tracing::info!(event = "mail.handed_over", attempt);
                    return;
                }
                Err(error) if error.is_permanent() || attempt == self.tries => {
                    tracing::error!(
                        event = "mail.failed",
                        attempt,
                        cause = describe(&error),
                        "the mail server did not take a mail"
                    );
                    return;
                }
                Err(error) => {
                    tracing::warn!(event = "mail.retrying", attempt, cause = describe(&error));
                }
            }
            self.clock.sleep(pause).await;
            pause *= 2;
        }
    }

    /// Builds the mail. The one address comes from the directory; whatever would make it two is
    /// refused by the parser (CVE-2023-7028).
    fn compose(&self, to: &str, message: &Message) -> Option<Composed> {
        let to: lettre::Address = to.parse().ok()?;
        Composed::builder()
            .from(self.from.clone())
            .to(Mailbox::new(None, to))
            .subject(&message.subject)
            .header(ContentType::TEXT_PLAIN)
            .body(message.body.to_string())
            .ok()
    }
}

impl Notifier for Smtp {
    fn hand_over(&self, to: String, message: Message) -> BoxFuture<'_, ()> {
        Box::pin(async move { self.send(&to, &message).await })
    }
}

fn tls(mail: &settings::Mail) -> Result<Tls, MailError> {
    if mail.tls == settings::MailTls::None {
        return Ok(Tls::None);
    }
    let wrong = |error: lettre::transport::smtp::Error| MailError::Setting("ca", error.to_string());
    let mut parameters = TlsParameters::builder(mail.host.clone());
    if let Some(file) = &mail.ca {
        parameters =
            parameters.add_root_certificate(Certificate::from_pem(&read(file)?).map_err(wrong)?);
    }
    let parameters = parameters.build_rustls().map_err(wrong)?;
    Ok(match mail.tls {
        settings::MailTls::Tls => Tls::Wrapper(parameters),
        settings::MailTls::StartTls | settings::MailTls::None => Tls::Required(parameters),
    })
}

fn read(file: &std::path::Path) -> Result<Vec<u8>, MailError> {
    let path = file.display().to_string();
    std::fs::read(file).map_err(|cause| MailError::File { path, cause })
}

/// Why the mail server did not take a mail. Of a refusal only the code: its text usually quotes the
/// person's address.
fn describe(error: &lettre::transport::smtp::Error) -> String {
    use std::error::Error as _;
    match (error.status(), error.source()) {
        (Some(code), _) => format!("the mail server answered {code}"),
        (None, Some(source)) => format!("no connection: {source}"),
        (None, None) => "the mail could not be handed over".to_owned(),
    }
}
