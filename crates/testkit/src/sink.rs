//! A mail server that keeps every mail, for machines where none is installed: what a sender needs
//! of SMTP (RFC 5321), with STARTTLS (RFC 3207), into a Maildir. It listens on loopback, takes mail
//! from anybody for anybody, and hands nothing on.
//!
//! ```text
//! EHLO, STARTTLS, EHLO       a line in the clear says nothing but that
//! MAIL, RCPT, DATA, "."      answered with 250 when the mail is a file in `new`
//! ```

mod maildir;
mod talk;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use tokio::io::{BufStream, Error};
use tokio::net::{TcpListener, TcpStream};
use tokio_rustls::TlsAcceptor;

use maildir::Maildir;
use talk::{End, converse};

/// A mail server that is to be started.
#[derive(Debug)]
pub struct Sink {
    /// Where it listens.
    pub listen: SocketAddr,
    /// Its certificate, PEM.
    pub certificate: PathBuf,
    /// The certificate's key, PEM.
    pub key: PathBuf,
    /// Where the mails go, made if it is not there.
    pub maildir: PathBuf,
}

impl Sink {
    /// Takes mail for ever.
    ///
    /// # Errors
    ///
    /// If it cannot begin: the port is taken, a file cannot be read.
    pub async fn serve(self) -> Result<(), Error> {
        let maildir = Arc::new(Maildir::make(self.maildir)?);
        let chain = CertificateDer::pem_file_iter(&self.certificate)
            .and_then(Iterator::collect::<Result<Vec<_>, _>>)
            .map_err(Error::other)?;
        let key = PrivateKeyDer::from_pem_file(&self.key).map_err(Error::other)?;
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        let config = ServerConfig::builder_with_provider(provider.into())
            .with_safe_default_protocol_versions()
            .and_then(|builder| builder.with_no_client_auth().with_single_cert(chain, key))
            .map_err(Error::other)?;
        let tls = TlsAcceptor::from(Arc::new(config));
        let listener = TcpListener::bind(self.listen).await?;
        loop {
            let (stream, _) = listener.accept().await?;
            let (tls, maildir) = (tls.clone(), Arc::clone(&maildir));
            tokio::spawn(async move {
                // Who hangs up in the middle has not handed a mail over, and knows.
                let _ = attend(stream, &tls, &maildir).await;
            });
        }
    }
}

async fn attend(stream: TcpStream, tls: &TlsAcceptor, maildir: &Maildir) -> Result<(), Error> {
    stream.set_nodelay(true)?;
    let mut plain = BufStream::new(stream);
    talk::greet(&mut plain).await?;
    if converse(&mut plain, maildir, true).await? == End::Tls {
        // What was sent before the handshake is forgotten (RFC 3207, 4.2): it is left in the buffer.
        let stream = tls.accept(plain.into_inner()).await?;
        converse(&mut BufStream::new(stream), maildir, false).await?;
    }
    Ok(())
}
