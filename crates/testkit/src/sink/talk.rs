//! One conversation, in the clear or protected.

use tokio::io::{
    AsyncBufRead, AsyncBufReadExt as _, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _, Error,
    ErrorKind,
};

use super::maildir::Maildir;

/// A line may have so many bytes, its end included: RFC 5321 (4.5.3.1.6) asks for 1,000.
const LINE_MAX: u64 = 4_096;
/// A mail may have so many bytes: ours have a few thousand.
const MAIL_MAX: usize = 1_048_576;
/// RFC 5321, 4.5.3.1.8.
const RECIPIENTS_MAX: usize = 100;

/// How a conversation ended.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum End {
    /// The other side is gone.
    Gone,
    /// It goes on protected.
    Tls,
}

/// What is known of the mail that is being handed over.
#[derive(Debug, Default)]
struct Envelope {
    from: bool,
    recipients: usize,
}

/// The first line of a connection.
pub(super) async fn greet<S: AsyncWrite + Unpin>(stream: &mut S) -> Result<(), Error> {
    answer(stream, "220 localhost ESMTP").await
}

/// Answers commands until the other side goes, or goes on protected.
pub(super) async fn converse<S>(
    stream: &mut S,
    maildir: &Maildir,
    offers_tls: bool,
) -> Result<End, Error>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
{
    let mut envelope = Envelope::default();
    while let Some(line) = line(stream).await? {
        let command = String::from_utf8_lossy(&line).trim().to_ascii_uppercase();
        let verb = command.split(' ').next().unwrap_or_default();
        let reply = match verb {
            "EHLO" if offers_tls => "250-localhost\r\n250-8BITMIME\r\n250 STARTTLS",
            "EHLO" => "250-localhost\r\n250 8BITMIME",
            "HELO" => "250 localhost",
            "STARTTLS" if offers_tls => {
                answer(stream, "220 go on").await?;
                return Ok(End::Tls);
            }
            "MAIL" if envelope.from => "503 one mail after the other",
            "MAIL" if command.starts_with("MAIL FROM:") => {
                envelope.from = true;
                "250 OK"
            }
            "RCPT" if !envelope.from => "503 from whom?",
            "RCPT" if envelope.recipients == RECIPIENTS_MAX => "452 too many recipients",
            "RCPT" if command.starts_with("RCPT TO:") => {
                envelope.recipients += 1;
                "250 OK"
            }
            "MAIL" | "RCPT" => "501 an address is missing",
            "DATA" if envelope.recipients == 0 => "503 to whom?",
            "DATA" => {
                envelope = Envelope::default();
                take(stream, maildir).await?
            }
            "RSET" => {
                envelope = Envelope::default();
                "250 OK"
            }
            "NOOP" => "250 OK",
            "QUIT" => {
                answer(stream, "221 bye").await?;
                return Ok(End::Gone);
            }
            _ => "502 not here",
        };
        // A greeting begins anew (RFC 5321, 4.1.4).
        if verb == "EHLO" || verb == "HELO" {
            envelope = Envelope::default();
        }
        answer(stream, reply).await?;
    }
    Ok(End::Gone)
}

/// Reads a mail to the dot that ends it, and keeps it.
async fn take<S>(stream: &mut S, maildir: &Maildir) -> Result<&'static str, Error>
where
    S: AsyncBufRead + AsyncWrite + Unpin,
{
    answer(stream, "354 end with a dot on a line of its own").await?;
    let mut mail = Vec::new();
    loop {
        let Some(line) = line(stream).await? else {
            return Err(ErrorKind::UnexpectedEof.into());
        };
        let line = match line.as_slice() {
            b".\r\n" | b".\n" => break,
            // A dot in front was doubled by the sender (RFC 5321, 4.5.2).
            [b'.', rest @ ..] => rest,
            line => line,
        };
        mail.extend_from_slice(line);
        if mail.len() > MAIL_MAX {
            return Err(ErrorKind::FileTooLarge.into());
        }
    }
    Ok(match maildir.keep(&mail) {
        Ok(()) => "250 kept",
        Err(_) => "452 cannot be written",
    })
}

/// A line with its end; none if the other side is gone.
async fn line<S: AsyncBufRead + Unpin>(stream: &mut S) -> Result<Option<Vec<u8>>, Error> {
    let mut line = Vec::new();
    match stream.take(LINE_MAX).read_until(b'\n', &mut line).await? {
        0 => Ok(None),
        _ if line.ends_with(b"\n") => Ok(Some(line)),
        _ => Err(ErrorKind::InvalidData.into()),
    }
}

async fn answer<S: AsyncWrite + Unpin>(stream: &mut S, text: &str) -> Result<(), Error> {
    stream.write_all(text.as_bytes()).await?;
    stream.write_all(b"\r\n").await?;
    stream.flush().await
}

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use tokio::io::BufStream;

    use super::*;

    struct Scratch(PathBuf);

    impl Scratch {
        fn make(name: &str) -> Self {
            let name = format!("passback-sink-{name}-{}", std::process::id());
            Self(std::env::temp_dir().join(name))
        }

        /// What was kept, oldest first.
        fn mails(&self) -> Vec<String> {
            let files = std::fs::read_dir(self.0.join("new")).unwrap();
            let mut files: Vec<_> = files.map(|file| file.unwrap().path()).collect();
            files.sort();
            files.iter().map(|file| std::fs::read_to_string(file).unwrap()).collect()
        }
    }

    impl Drop for Scratch {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    /// Says it all at once and gives the codes of what was answered, and the end.
    async fn said(scratch: &Scratch, text: &str, offers_tls: bool) -> (Vec<u16>, Option<End>) {
        let (mut client, server) = tokio::io::duplex(65_536);
        let maildir = Maildir::make(scratch.0.clone()).unwrap();
        client.write_all(text.as_bytes()).await.unwrap();
        client.shutdown().await.unwrap();
        let mut server = BufStream::new(server);
        let end = converse(&mut server, &maildir, offers_tls).await.ok();
        drop(server);
        let mut answers = String::new();
        client.read_to_string(&mut answers).await.unwrap();
        (answers.lines().map(|line| line[..3].parse().unwrap()).collect(), end)
    }

    #[tokio::test]
    async fn mails_are_kept_whole_and_without_the_doubled_dots() {
        let scratch = Scratch::make("mails");
        let text = "EHLO a\r\nMAIL FROM:<a@b> BODY=8BITMIME\r\nRCPT TO:<c@d>\r\nDATA\r\n\
                    To: c@d\r\n\r\n..dot\r\nZoë\r\n.\r\nmail from:<a@b>\r\nrcpt to:<c@d>\r\n\
                    RCPT TO:<e@f>\r\nDATA\r\nsecond\r\n.\r\nQUIT\r\n";
        let (codes, end) = said(&scratch, text, false).await;
        let one = [250, 250, 354, 250];
        assert_eq!(codes, [&[250, 250], &one[..], &[250], &one[..], &[221]].concat());
        assert_eq!(end, Some(End::Gone));
        assert_eq!(scratch.mails(), ["To: c@d\r\n\r\n.dot\r\nZoë\r\n", "second\r\n"]);
    }

    #[tokio::test]
    async fn what_is_out_of_order_is_refused_and_what_is_cut_off_is_not_kept() {
        let scratch = Scratch::make("order");
        for (text, codes) in [
            ("RCPT TO:<c@d>\r\n", vec![503]),
            ("DATA\r\n", vec![503]),
            ("MAIL FROM:<a@b>\r\nDATA\r\n", vec![250, 503]),
            ("MAIL FROM:<a@b>\r\nMAIL FROM:<a@b>\r\n", vec![250, 503]),
            ("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nRSET\r\nDATA\r\n", vec![250, 250, 250, 503]),
            ("MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nHELO a\r\nDATA\r\n", vec![250, 250, 250, 503]),
            ("MAIL a@b\r\nVRFY a\r\nSTARTTLS\r\nNOOP\r\n", vec![501, 502, 502, 250]),
        ] {
            assert_eq!(said(&scratch, text, false).await, (codes, Some(End::Gone)), "{text}");
        }
        let cut = "MAIL FROM:<a@b>\r\nRCPT TO:<c@d>\r\nDATA\r\nhalf\r\n";
        assert_eq!(said(&scratch, cut, false).await, (vec![250, 250, 354], None));
        let endless = "x".repeat(5_000);
        assert_eq!(said(&scratch, &endless, false).await, (vec![], None));
        assert!(scratch.mails().is_empty());
    }

    #[tokio::test]
    async fn it_goes_on_protected_where_that_is_offered() {
        let scratch = Scratch::make("tls");
        let text = "EHLO a\r\nSTARTTLS\r\nMAIL FROM:<a@b>\r\n";
        let (codes, end) = said(&scratch, text, true).await;
        assert_eq!((codes, end), (vec![250, 250, 250, 220], Some(End::Tls)));
    }
}
