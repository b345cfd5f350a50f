//! A road to a real controller with somebody on it who reads LDAP, and may alter what is said. Both ends of
//! it are TLS: the client's with a certificate for the controller's name, of an authority of its own.

use std::io;
use std::net::{SocketAddr, TcpListener as Bound};
use std::sync::Arc;

use lab::{Authority, Forest};
use rustls::pki_types::pem::PemObject as _;
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::{ClientConfig, RootCertStore, ServerConfig};
use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};
use tokio::runtime::{Builder, Runtime};
use tokio_rustls::{TlsAcceptor, TlsConnector};

/// `ModifyRequest` and `ModifyResponse` (RFC 4511 section 4.6), as they begin.
pub const MODIFY: u8 = 0x66;
pub const MODIFIED: u8 = 0x67;

/// One LDAP message (RFC 4511 section 4.1.1).
pub struct Message {
    /// How its operation begins: which one it is.
    pub kind: u8,
    /// All of it. Whoever alters it keeps its length, because nothing is encoded anew.
    pub bytes: Vec<u8>,
}

/// Who is on the road. Where an answer is an error, the connection ends. `own` is the road's end of the
/// connection to the controller.
pub trait Middleman: Clone + Send + Sync + 'static {
    /// The client has said it, and the controller has nothing of it yet.
    fn asked(
        &self,
        message: &mut Message,
        own: SocketAddr,
    ) -> impl Future<Output = io::Result<()>> + Send;

    /// The controller's system has all of it.
    fn forwarded(
        &self,
        _message: &Message,
        _own: SocketAddr,
    ) -> impl Future<Output = io::Result<()>> + Send {
        std::future::ready(Ok(()))
    }

    /// The controller has said it, and the client has nothing of it yet.
    fn answered(
        &self,
        message: &mut Message,
        own: SocketAddr,
    ) -> impl Future<Output = io::Result<()>> + Send;
}

/// A road that is open until this is dropped: at the controller's address, at another port.
pub struct Road {
    pub address: SocketAddr,
    pub authority: Authority,
    runtime: Option<Runtime>,
}

impl Road {
    /// A road to the forest's controller, past this one.
    pub fn past(middleman: impl Middleman, forest: &Forest) -> Self {
        let authority = Authority::create().unwrap();
        let listener = Bound::bind((forest.address, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let ends = Ends {
            near: near(&authority, &forest.controller, address.port()),
            far: far(&std::fs::read(&forest.ca_file).unwrap()),
            name: ServerName::try_from(forest.controller.clone()).unwrap(),
            target: SocketAddr::new(forest.address, forest.ldaps_port),
        };
        let runtime = Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
        runtime.spawn(accept(listener, Arc::new(ends), middleman));
        Self { address, authority, runtime: Some(runtime) }
    }
}

impl Drop for Road {
    fn drop(&mut self) {
        // It may be dropped where nobody may wait for what is still led.
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

struct Ends {
    near: TlsAcceptor,
    far: TlsConnector,
    name: ServerName<'static>,
    target: SocketAddr,
}

fn near(authority: &Authority, name: &str, port: u16) -> TlsAcceptor {
    // A process may have several roads to one controller, each at a port of its own.
    let folder = format!("road-{}-{port}-{name}", std::process::id());
    let folder = std::env::temp_dir().join(folder);
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

async fn accept(listener: Bound, ends: Arc<Ends>, middleman: impl Middleman) {
    listener.set_nonblocking(true).unwrap();
    let listener = TcpListener::from_std(listener).unwrap();
    while let Ok((stream, _)) = listener.accept().await {
        let (ends, middleman) = (Arc::clone(&ends), middleman.clone());
        // However it ends, the client finds out by its end of the connection.
        tokio::spawn(async move { lead(stream, &ends, &middleman).await.is_ok() });
    }
}

async fn lead(stream: TcpStream, ends: &Ends, middleman: &impl Middleman) -> io::Result<()> {
    let there = TcpStream::connect(ends.target).await?;
    let own = there.local_addr()?;
    let far = ends.far.connect(ends.name.clone(), there).await?;
    let near = ends.near.accept(stream).await?;
    let (mut from_near, mut to_near) = tokio::io::split(near);
    let (mut from_far, mut to_far) = tokio::io::split(far);
    let up = async {
        loop {
            let mut message = match message(&mut from_near).await {
                Err(ended) if ended.kind() == io::ErrorKind::UnexpectedEof => break,
                read => read?,
            };
            middleman.asked(&mut message, own).await?;
            pass(&mut to_far, &message).await?;
            middleman.forwarded(&message, own).await?;
        }
        // The client has hung up, and may still listen.
        to_far.shutdown().await?;
        std::future::pending().await
    };
    let down = async {
        loop {
            let mut message = message(&mut from_far).await?;
            middleman.answered(&mut message, own).await?;
            pass(&mut to_near, &message).await?;
        }
    };
    tokio::select! { ended = up => ended, ended = down => ended }
}

async fn pass(to: &mut (impl AsyncWrite + Unpin), message: &Message) -> io::Result<()> {
    to.write_all(&message.bytes).await?;
    to.flush().await
}

/// The next message as it came.
async fn message(from: &mut (impl AsyncRead + Unpin)) -> io::Result<Message> {
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
    Ok(Message { kind, bytes })
}
