//! One kept HTTPS connection, as a browser has it, that knows how long its last exchange took.

use std::fmt;
use std::io::{self, BufRead as _, BufReader, Read as _, Write as _};
use std::net::TcpStream;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use clock::SystemClock;
use hyper::header::{CONTENT_LENGTH, TRANSFER_ENCODING};
use hyper::{Request, Response};
use protocol::Clock as _;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, ClientConnection, StreamOwned};

use crate::visitor::Carrier;

/// A connection that was idle for so long is opened again: the service closes it after ten seconds
/// without a request.
const IDLE: Duration = Duration::from_secs(5);
/// The longest head of an answer.
const HEAD_MAX: u64 = 64 * 1024;

type Stream = BufReader<StreamOwned<ClientConnection, TcpStream>>;

/// How long the last exchange took: from before its first byte was written until the last byte of
/// the answer was read. Clones look at the same connection.
#[derive(Debug, Clone, Default)]
pub(super) struct Took(Arc<Mutex<Duration>>);

impl Took {
    pub(super) fn last(&self) -> Duration {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The connection.
pub(super) struct Kept {
    trust: Arc<ClientConfig>,
    open: Option<Stream>,
    used: Duration,
    took: Took,
}

impl fmt::Debug for Kept {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Kept").field("open", &self.open.is_some()).finish_non_exhaustive()
    }
}

impl Kept {
    /// Opens nothing yet.
    pub(super) fn new(trust: &Arc<ClientConfig>, took: &Took) -> Self {
        Self { trust: Arc::clone(trust), open: None, used: Duration::ZERO, took: took.clone() }
    }

    fn connect(&self, host: &str, port: u16) -> Result<Stream, String> {
        let refused = |error: &dyn fmt::Display| format!("no connection to {host}: {error}");
        let name = ServerName::try_from(host.to_owned()).map_err(|error| refused(&error))?;
        let session = ClientConnection::new(Arc::clone(&self.trust), name);
        let session = session.map_err(|error| refused(&error))?;
        let stream = TcpStream::connect((host, port)).map_err(|error| refused(&error))?;
        stream.set_nodelay(true).map_err(|error| refused(&error))?;
        let limit = Some(Duration::from_secs(90));
        stream.set_read_timeout(limit).map_err(|error| refused(&error))?;
        let mut stream = StreamOwned::new(session, stream);
        // The handshake takes place here, not in what is measured.
        while stream.conn.is_handshaking() {
            stream.conn.complete_io(&mut stream.sock).map_err(|error| refused(&error))?;
        }
        Ok(BufReader::new(stream))
    }
}

impl Carrier for Kept {
    fn exchange(&mut self, request: Request<Vec<u8>>) -> Result<Response<Vec<u8>>, String> {
        let clock = SystemClock;
        let host = request.uri().host().unwrap_or_default().to_owned();
        let port = request.uri().port_u16().unwrap_or(443);
        let kept = self.open.take().filter(|_| clock.running().saturating_sub(self.used) < IDLE);
        let mut stream = match kept {
            Some(stream) => stream,
            None => self.connect(&host, port)?,
        };
        let bytes = written(&request);
        let began = clock.running();
        let answer = stream
            .get_mut()
            .write_all(&bytes)
            .and_then(|()| stream.get_mut().flush())
            .and_then(|()| read(&mut stream))
            .map_err(|error| error.to_string())?;
        self.used = clock.running();
        *self.took.0.lock().unwrap_or_else(PoisonError::into_inner) = self.used - began;
        self.open = Some(stream);
        Ok(answer)
    }
}

/// A request as it stands on the wire (RFC 9112).
fn written(request: &Request<Vec<u8>>) -> Vec<u8> {
    let uri = request.uri();
    let target = uri.path_and_query().map_or("/", |target| target.as_str());
    let host = uri.authority().map_or("", |authority| authority.as_str());
    let mut bytes = format!("{} {target} HTTP/1.1\r\nhost: {host}\r\n", request.method());
    for (name, value) in request.headers() {
        let value = String::from_utf8_lossy(value.as_bytes());
        bytes.push_str(&format!("{name}: {value}\r\n"));
    }
    let mut bytes = bytes.into_bytes();
    bytes.extend(format!("content-length: {}\r\n\r\n", request.body().len()).into_bytes());
    bytes.extend(request.body());
    bytes
}

/// An answer with a length, which is what our service sends.
fn read(stream: &mut Stream) -> io::Result<Response<Vec<u8>>> {
    let unreadable = |what: &str| io::Error::new(io::ErrorKind::InvalidData, what.to_owned());
    let mut head = Vec::new();
    while !head.ends_with(b"\r\n\r\n") {
        let room = HEAD_MAX.saturating_sub(u64::try_from(head.len()).unwrap_or(HEAD_MAX));
        if stream.by_ref().take(room).read_until(b'\n', &mut head)? == 0 {
            return Err(unreadable("the answer ends in its head"));
        }
    }
    let head = String::from_utf8_lossy(&head).into_owned();
    let mut lines = head.split("\r\n");
    let status = lines.next().and_then(|line| line.split(' ').nth(1)).unwrap_or_default();
    let mut answer = Response::builder().status(status);
    for (name, value) in lines.filter_map(|line| line.split_once(':')) {
        answer = answer.header(name, value.trim());
    }
    let mut answer =
        answer.body(Vec::new()).map_err(|_| unreadable("the answer's head is malformed"))?;
    if answer.headers().contains_key(TRANSFER_ENCODING) {
        return Err(unreadable("the answer has no length"));
    }
    let length = answer.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok());
    let length: usize = length.and_then(|length| length.parse().ok()).unwrap_or(0);
    let mut body = vec![0; length];
    stream.read_exact(&mut body)?;
    *answer.body_mut() = body;
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_request_is_written_with_its_host_and_its_length() {
        let request = Request::post("https://127.0.0.1:8443/t/a/reset/sealed?x=1")
            .header("cookie", "flow=abc")
            .body(b"{}".to_vec())
            .unwrap();
        let expected = "POST /t/a/reset/sealed?x=1 HTTP/1.1\r\nhost: 127.0.0.1:8443\r\n\
                        cookie: flow=abc\r\ncontent-length: 2\r\n\r\n{}";
        assert_eq!(String::from_utf8(written(&request)).unwrap(), expected);
    }
}
