//! An HTTP proxy on the way to the cloud service: a tunnel through it, by CONNECT (RFC 9110 section
//! 9.3.6). What goes through the tunnel is TLS; the proxy sees the name and the port, no more.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD as BASE64;
use bytes::Bytes;
use http_body_util::Empty;
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::header::{HOST, HeaderValue, PROXY_AUTHORIZATION};
use hyper::{Method, Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::TcpStream;
use url::Url;

use super::{ByteStream, TransportError, tcp};

/// An HTTP proxy, with what it is told about who asks.
#[derive(Clone)]
pub struct Proxy {
    host: String,
    port: u16,
    authorisation: Option<HeaderValue>,
}

/// Why something is no proxy.
#[derive(Debug, thiserror::Error, PartialEq, Eq)]
pub enum ProxyError {
    /// Another scheme, a path, or a name and password in it, which would end up in logs.
    #[error("a proxy is written http://host:port, without a path, a name or a password in it")]
    Address,
    /// A name with a colon, or a control character (RFC 7617 section 2).
    #[error(
        "a proxy's user name has no colon, and neither it nor the password a control character"
    )]
    Credentials,
}

impl fmt::Debug for Proxy {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Proxy({}:{})", self.host, self.port)
    }
}

impl Proxy {
    /// The proxy at `http://host:port`; without a port at 80.
    ///
    /// # Errors
    /// [`ProxyError::Address`].
    pub fn at(url: &Url) -> Result<Self, ProxyError> {
        let bare = url.username().is_empty() && url.password().is_none();
        let whole = url.path() == "/" && url.query().is_none() && url.fragment().is_none();
        let host = url.host_str().filter(|_| url.scheme() == "http" && bare && whole);
        let host = host.ok_or(ProxyError::Address)?.trim_matches(['[', ']']).to_owned();
        Ok(Self { host, port: url.port().unwrap_or(80), authorisation: None })
    }

    /// The same, with a name and a password for it (the Basic scheme, RFC 7617, as UTF-8). They reach
    /// the proxy unencrypted, as everything does that a proxy is told.
    ///
    /// # Errors
    /// [`ProxyError::Credentials`].
    pub fn with_credentials(self, user: &str, password: &str) -> Result<Self, ProxyError> {
        let readable = |text: &str| !text.chars().any(char::is_control);
        if user.contains(':') || !readable(user) || !readable(password) {
            return Err(ProxyError::Credentials);
        }
        let value = format!("Basic {}", BASE64.encode(format!("{user}:{password}")));
        let mut value = HeaderValue::try_from(value).map_err(|_| ProxyError::Credentials)?;
        value.set_sensitive(true);
        Ok(Self { authorisation: Some(value), ..self })
    }

    /// A tunnel to `host`, without brackets, and `port`.
    pub(super) async fn tunnel(
        &self,
        host: &str,
        port: u16,
    ) -> Result<Box<dyn ByteStream>, TransportError> {
        let failed = |cause: String| TransportError::Proxy { proxy: self.name(), cause };
        let stream = tcp(&self.host, self.port).await.map_err(|error| failed(error.to_string()))?;
        let answered = self.ask(stream, &authority(host, port)).await;
        let response = answered.map_err(|error| failed(error.to_string()))?;
        match response.status() {
            status if status.is_success() => {}
            status => return Err(failed(meaning(status, self.authorisation.is_some()))),
        }
        let upgraded = hyper::upgrade::on(response).await;
        let upgraded = upgraded.map_err(|error| failed(error.to_string()))?;
        Ok(Box::new(TokioIo::new(upgraded)))
    }

    async fn ask(
        &self,
        stream: TcpStream,
        authority: &str,
    ) -> Result<Response<Incoming>, AskError> {
        let mut request = Request::builder().method(Method::CONNECT).uri(authority);
        request = request.header(HOST, authority);
        if let Some(value) = &self.authorisation {
            request = request.header(PROXY_AUTHORIZATION, value.clone());
        }
        let request = request.body(Empty::<Bytes>::new())?;
        let (mut sender, connection) = http1::handshake(TokioIo::new(stream)).await?;
        // It ends with the tunnel, whose bytes it hands over.
        tokio::spawn(connection.with_upgrades());
        Ok(sender.send_request(request).await?)
    }

    fn name(&self) -> String {
        authority(&self.host, self.port)
    }
}

/// What went wrong while the proxy was asked.
#[derive(Debug, thiserror::Error)]
enum AskError {
    #[error("the name of the host cannot be asked for: {0}")]
    Request(#[from] hyper::http::Error),
    #[error("it does not answer as a proxy does: {0}")]
    Http(#[from] hyper::Error),
}

/// Host and port as CONNECT names them (RFC 9110 section 7.2): an IPv6 address in brackets.
fn authority(host: &str, port: u16) -> String {
    if host.contains(':') { format!("[{host}]:{port}") } else { format!("{host}:{port}") }
}

/// What a status of a proxy means to whoever can do something about it.
fn meaning(status: StatusCode, with_credentials: bool) -> String {
    let what = match (status, with_credentials) {
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, false) => {
            "it asks for a name and a password, and none are configured"
        }
        (StatusCode::PROXY_AUTHENTICATION_REQUIRED, true) => {
            "it does not accept the configured name and password by the Basic scheme"
        }
        (StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED, _) => {
            "it does not allow a tunnel to this host and port; its administrator must"
        }
        (StatusCode::BAD_GATEWAY | StatusCode::SERVICE_UNAVAILABLE, _) => {
            "it cannot reach the host"
        }
        (StatusCode::GATEWAY_TIMEOUT, _) => "it gets no answer from the host",
        _ => "it opens no tunnel",
    };
    format!("{what} (status {})", status.as_u16())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(url: &str) -> Result<Proxy, ProxyError> {
        Proxy::at(&url.parse().unwrap())
    }

    #[test]
    fn a_proxy_is_a_host_and_a_port_and_nothing_else() {
        assert_eq!(at("http://proxy.example.org:3128").unwrap().name(), "proxy.example.org:3128");
        assert_eq!(at("http://proxy.example.org/").unwrap().name(), "proxy.example.org:80");
        assert_eq!(at("http://[2001:db8::1]:8080").unwrap().name(), "[2001:db8::1]:8080");
        for other in [
            "https://proxy:3128",
            "socks5://proxy:1080",
            "http://jan:secret@proxy:3128",
            "http://jan@proxy:3128",
            "http://proxy:3128/proxy.pac",
            "http://proxy:3128/?a",
            "http://proxy:3128/#a",
        ] {
            assert_eq!(at(other).unwrap_err(), ProxyError::Address, "{other}");
        }
    }

    #[test]
    fn credentials_are_sent_as_utf8_and_shown_nowhere() {
        let proxy = at("http://proxy:3128").unwrap().with_credentials("zoë", "pä:ss").unwrap();
        // base64 of the UTF-8 text, made by coreutils.
        let value = proxy.authorisation.as_ref().unwrap();
        assert_eq!(value.as_bytes(), b"Basic em/Dqzpww6Q6c3M=");
        assert_eq!(format!("{proxy:?} {value:?}"), "Proxy(proxy:3128) Sensitive");
        for (user, password) in [("a:b", "c"), ("a\n", "c"), ("a", "c\r\nX: y")] {
            let error = at("http://proxy:3128").unwrap().with_credentials(user, password);
            assert_eq!(error.unwrap_err(), ProxyError::Credentials);
        }
    }

    #[test]
    fn every_refusal_says_what_to_do_about_it() {
        let said = |status, with| meaning(StatusCode::from_u16(status).unwrap(), with);
        assert!(said(407, false).contains("none are configured"));
        assert!(said(407, true).contains("does not accept the configured name"));
        assert!(said(403, false).contains("does not allow"));
        assert!(said(502, false).contains("cannot reach"));
        assert!(said(418, false).ends_with("no tunnel (status 418)"));
    }
}
