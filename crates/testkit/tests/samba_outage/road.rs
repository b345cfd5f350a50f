//! The road between agent and controller, with somebody on it who reads LDAP and lets a test do something
//! at the moment at which a set is asked for or answered, so that no moment is hit by luck.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use lab::{Authority, Forest};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio::task::spawn_blocking;
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// `ModifyRequest` and `ModifyResponse` (RFC 4511 section 4.6), as they begin.
const MODIFY: u8 = 0x66;
const MODIFIED: u8 = 0x67;

/// A moment in the life of a set.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Moment {
    /// The agent has sent it, and the controller has nothing of it yet.
    Asked,
    /// The controller's system has all of it.
    Forwarded,
    /// The controller has answered, and the agent has nothing of that yet.
    Answered,
}

/// Whether what was said is passed on after that moment, or the connection ends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Then {
    GoOn,
    Cut,
}

/// It is told which end of a connection to the controller this is about: the road's.
type Act = Box<dyn FnOnce(SocketAddr) -> Then + Send>;

/// Listens where the controller does, at another port, with a certificate of its own authority.
pub(crate) struct Road {
    pub(crate) address: SocketAddr,
    pub(crate) authority: Authority,
    acts: Acts,
    _runtime: Runtime,
}

/// What is to be done at the next set.
#[derive(Clone, Default)]
struct Acts(Arc<Mutex<HashMap<Moment, Act>>>);

impl Acts {
    #[expect(clippy::disallowed_methods, reason = "a controller is stopped, which takes seconds")]
    async fn at(&self, moment: Moment, own: SocketAddr) -> io::Result<()> {
        let Some(act) = self.0.lock().unwrap().remove(&moment) else { return Ok(()) };
        match spawn_blocking(move || act(own)).await.unwrap() {
            Then::GoOn => Ok(()),
            Then::Cut => Err(io::ErrorKind::ConnectionReset.into()),
        }
    }
}

impl Road {
    pub(crate) fn to(forest: &Forest) -> Self {
        let authority = Authority::create().unwrap();
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        let listener = runtime.block_on(TcpListener::bind((forest.address, 0))).unwrap();
        let address = listener.local_addr().unwrap();
        let acts = Acts::default();
        let ends = Ends {
            near: near(&authority, &forest.controller),
            far: far(&std::fs::read(&forest.ca_file).unwrap()),
            name: ServerName::try_from(forest.controller.clone()).unwrap(),
            target: SocketAddr::new(forest.address, forest.ldaps_port),
        };
        runtime.spawn(accept(listener, Arc::new(ends), acts.clone()));
        Self { address, authority, acts, _runtime: runtime }
    }

    /// Does this at that moment of the next set.
    pub(crate) fn at(&self, moment: Moment, act: impl FnOnce() -> Then + Send + 'static) {
        self.at_over(moment, |_| act());
    }

    /// The same, told over which connection it is: the address of this end of it.
    pub(crate) fn at_over(
        &self,
        moment: Moment,
        act: impl FnOnce(SocketAddr) -> Then + Send + 'static,
    ) {
        let before = self.acts.0.lock().unwrap().insert(moment, Box::new(act));
        assert!(before.is_none(), "one thing at a time");
    }

    /// Whether everything was done that was to be done.
    pub(crate) fn is_done(&self) -> bool {
        self.acts.0.lock().unwrap().is_empty()
    }
}

struct Ends {
    near: TlsAcceptor,
    far: TlsConnector,
    name: ServerName<'static>,
    target: SocketAddr,
}

fn near(authority: &Authority, name: &str) -> TlsAcceptor {
    let folder = std::env::temp_dir().join(format!("outage-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    let (certificate, key) = authority.server(&[name]).unwrap().write_to(&folder, "road").unwrap();
    let certificate = CertificateDer::from_pem_file(certificate).unwrap();
    let key = PrivateKeyDer::from_pem_file(key).unwrap();
    std::fs::remove_dir_all(&folder).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![certificate], key)
        .unwrap();
    TlsAcceptor::from(Arc::new(config))
}

fn far(ca: &[u8]) -> TlsConnector {
    let mut roots = RootCertStore::empty();
    for certificate in CertificateDer::pem_slice_iter(ca) {
        roots.add(certificate.unwrap()).unwrap();
    }
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    TlsConnector::from(Arc::new(config))
}

async fn accept(listener: TcpListener, ends: Arc<Ends>, acts: Acts) {
    while let Ok((stream, _)) = listener.accept().await {
        let (ends, acts) = (Arc::clone(&ends), acts.clone());
        // However it ends, the agent finds out by its end of the connection.
        tokio::spawn(async move { lead(stream, &ends, &acts).await.is_ok() });
    }
}

async fn lead(stream: TcpStream, ends: &Ends, acts: &Acts) -> io::Result<()> {
    let there = TcpStream::connect(ends.target).await?;
    let own = there.local_addr()?;
    let far = ends.far.connect(ends.name.clone(), there).await?;
    let near = ends.near.accept(stream).await?;
    let (mut from_near, mut to_near) = tokio::io::split(near);
    let (mut from_far, mut to_far) = tokio::io::split(far);
    let up = async {
        loop {
            let (kind, message) = match message(&mut from_near).await {
                Err(ended) if ended.kind() == io::ErrorKind::UnexpectedEof => break,
                read => read?,
            };
            if kind == MODIFY {
                acts.at(Moment::Asked, own).await?;
            }
            pass(&mut to_far, &message).await?;
            if kind == MODIFY {
                acts.at(Moment::Forwarded, own).await?;
            }
        }
        // The agent has hung up, and may still listen.
        to_far.shutdown().await?;
        std::future::pending().await
    };
    let down = async {
        loop {
            let (kind, message) = message(&mut from_far).await?;
            if kind == MODIFIED {
                acts.at(Moment::Answered, own).await?;
            }
            pass(&mut to_near, &message).await?;
        }
    };
    tokio::select! { ended = up => ended, ended = down => ended }
}

async fn pass(to: &mut (impl AsyncWrite + Unpin), message: &[u8]) -> io::Result<()> {
    to.write_all(message).await?;
    to.flush().await
}

/// The next LDAP message as it came, and which operation it is (RFC 4511 section 4.1.1).
async fn message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<(u8, Vec<u8>)> {
    let mut bytes = vec![from.read_u8().await?, from.read_u8().await?];
    let mut length = usize::from(bytes[1]);
    if length >= 0x80 {
        let mut more = vec![0; length - 0x80];
        from.read_exact(&mut more).await?;
        length = more.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
        bytes.extend(more);
    }
    let head = bytes.len();
    bytes.resize(head + length, 0);
    from.read_exact(&mut bytes[head..]).await?;
    // The message id: its tag, its length, itself.
    let kind = bytes[head + 2 + usize::from(bytes[head + 1])];
    Ok((kind, bytes))
}
