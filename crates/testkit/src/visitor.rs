//! A browser with a script: it follows redirects, keeps cookies, posts hidden fields back, and
//! seals as the page's script does.
//!
//! It remembers every body that it sent, so that a test can look for a password in them.

mod carrier;
mod cookies;
mod page;
mod sealing;

use std::path::{Path, PathBuf};
use std::time::Duration;

use hyper::header::{CONTENT_TYPE, COOKIE, HeaderMap, LOCATION, ORIGIN, SET_COOKIE};
use hyper::{Method, Request};

use crate::{StackError, wait};
use carrier::OverHttps;
use cookies::Cookies;

pub use carrier::Carrier;
pub(crate) use carrier::trusting;
pub use page::Page;
pub use sealing::{Answer, SealedBody, Ticket, TicketAgent};

/// How many redirects are followed: more is a loop.
const REDIRECTS: usize = 5;
const FORM: &str = "application/x-www-form-urlencoded";
const JSON: &str = "application/json";

/// A visitor of an organisation's pages.
#[derive(Debug)]
pub struct Visitor {
    carrier: Box<dyn Carrier>,
    origin: String,
    start_path: String,
    cookies: Cookies,
    flow: Option<String>,
    sent: Vec<Vec<u8>>,
}

/// An answer before it is read as a page or as JSON.
struct Raw {
    status: u16,
    headers: HeaderMap,
    body: String,
}

impl Visitor {
    /// A browser that trusts one authority and has no cookies.
    ///
    /// # Errors
    ///
    /// If the certificate cannot be read.
    pub fn new(origin: &str, ca_file: &Path, start_path: &str) -> Result<Self, StackError> {
        Ok(Self::over(Box::new(OverHttps::new(ca_file)?), origin, start_path))
    }

    /// A browser without cookies whose requests take another road than HTTPS.
    pub fn over(carrier: Box<dyn Carrier>, origin: &str, start_path: &str) -> Self {
        Self {
            carrier,
            origin: origin.to_owned(),
            start_path: start_path.to_owned(),
            cookies: Cookies::default(),
            flow: None,
            sent: Vec::new(),
        }
    }

    /// A second tab of the same browser: with the cookies of this one, on its way.
    #[must_use]
    pub fn tab(&self, carrier: Box<dyn Carrier>) -> Self {
        Self {
            carrier,
            origin: self.origin.clone(),
            start_path: self.start_path.clone(),
            cookies: self.cookies.clone(),
            flow: self.flow.clone(),
            sent: Vec::new(),
        }
    }

    /// Opens the start page.
    ///
    /// # Errors
    ///
    /// [`StackError::NoAnswer`], as for every step.
    pub fn open(&mut self) -> Result<Page, StackError> {
        self.get("")
    }

    /// Opens a page below the start page, for example `/code`.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`].
    pub fn get(&mut self, step: &str) -> Result<Page, StackError> {
        let path = format!("{}{step}", self.start_path);
        self.browse(Method::GET, path, None)
    }

    /// Posts the name.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`].
    pub fn start(&mut self, login: &str) -> Result<Page, StackError> {
        self.flow = None;
        self.post("", &[("login", login)])
    }

    /// Posts the code.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`].
    pub fn code(&mut self, code: &str) -> Result<Page, StackError> {
        self.post("/code", &[("code", code)])
    }

    /// Asks for another code.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`].
    pub fn resend(&mut self) -> Result<Page, StackError> {
        self.post("/resend", &[])
    }

    /// Posts the form without scripting: the cloud service sees the password.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`].
    pub fn password_in_clear(&mut self, password: &str, again: &str) -> Result<Page, StackError> {
        self.post("/password", &[("password", password), ("password_again", again)])
    }

    /// Fetches a ticket.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`]; a refusal is [`StackError::NotUnderstood`] with its outcome.
    pub fn ticket(&mut self) -> Result<Ticket, StackError> {
        let body = serde_json::json!({ "flow": self.flow }).to_string();
        let raw = self.script("/ticket", body)?;
        serde_json::from_str(&raw.body)
            .map_err(|_| StackError::NotUnderstood(format!("no ticket, but {}", raw.body)))
    }

    /// Posts what was sealed for a ticket.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`].
    pub fn post_sealed(&mut self, sealed: &SealedBody) -> Result<Answer, StackError> {
        let raw = self.script("/sealed", sealed.json(self.flow.as_deref()))?;
        Answer::read(raw.status, &raw.body)
    }

    /// What the script does when the form is submitted: ticket, sealing, posting, and going where
    /// the answer says.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::ticket`].
    pub fn password(&mut self, password: &str) -> Result<Page, StackError> {
        let ticket = self.ticket()?;
        let answer = self.post_sealed(&ticket.seal(password)?)?;
        self.browse(Method::GET, answer.location, None)
    }

    /// Reloads the result page until it says how the operation ended.
    ///
    /// # Errors
    ///
    /// [`StackError::Late`].
    pub fn settled(&mut self, limit: Duration) -> Result<Page, StackError> {
        self.await_result(limit, |page| page.step != "waiting" && page.changed != "unknown")
    }

    /// Reloads the result page until it is the wanted one.
    ///
    /// # Errors
    ///
    /// [`StackError::Late`].
    pub fn await_result(
        &mut self,
        limit: Duration,
        wanted: impl Fn(&Page) -> bool,
    ) -> Result<Page, StackError> {
        let log = PathBuf::from(&self.start_path);
        wait::until("the result did not come", limit, &log, None, || {
            Ok(Some(self.get("/result")?).filter(&wanted))
        })
    }

    /// The body of every request so far.
    pub fn sent(&self) -> &[Vec<u8>] {
        &self.sent
    }

    /// Posts a form to a page below the start page, with the hidden field of the last page.
    ///
    /// # Errors
    ///
    /// As for [`Visitor::open`].
    pub fn post(&mut self, step: &str, fields: &[(&str, &str)]) -> Result<Page, StackError> {
        let flow = self.flow.clone();
        let hidden = flow.iter().map(|flow| ("flow", flow.as_str()));
        let body = form(hidden.chain(fields.iter().copied()));
        let path = format!("{}{step}", self.start_path);
        self.browse(Method::POST, path, Some((FORM, body)))
    }

    /// One page, with the redirects to it.
    fn browse(
        &mut self,
        mut method: Method,
        mut path: String,
        mut body: Option<(&'static str, String)>,
    ) -> Result<Page, StackError> {
        for _ in 0..REDIRECTS {
            let raw = self.request(method, &path, body.take())?;
            let location = raw.headers.get(LOCATION).and_then(|value| value.to_str().ok());
            let Some(location) = location.filter(|_| (300..400).contains(&raw.status)) else {
                let page = Page::read(raw.status, path, &raw.headers, raw.body);
                if let Some(flow) = page.fields.get("flow") {
                    self.flow = Some(flow.clone());
                }
                return Ok(page);
            };
            path = location.to_owned();
            // 303: whatever it was, it goes on with GET (RFC 9110, 15.4.4).
            method = Method::GET;
        }
        Err(StackError::NotUnderstood(format!("{path} redirects without end")))
    }

    fn script(&mut self, step: &str, body: String) -> Result<Raw, StackError> {
        let path = format!("{}{step}", self.start_path);
        self.request(Method::POST, &path, Some((JSON, body)))
    }

    fn request(
        &mut self,
        method: Method,
        path: &str,
        body: Option<(&'static str, String)>,
    ) -> Result<Raw, StackError> {
        let address = format!("{}{path}", self.origin);
        let mut request = Request::builder().method(method).uri(address);
        if let Some(cookies) = self.cookies.header(path) {
            request = request.header(COOKIE, cookies);
        }
        let mut sent = Vec::new();
        if let Some((kind, body)) = body {
            sent = body.into_bytes();
            self.sent.push(sent.clone());
            request = request.header(CONTENT_TYPE, kind);
            // What a browser says about where a posting comes from.
            request = request.header(ORIGIN, &self.origin).header("sec-fetch-site", "same-origin");
        }
        let no_answer = |cause| StackError::NoAnswer { path: path.to_owned(), cause };
        let request = request.body(sent).map_err(|error| no_answer(error.to_string()))?;
        let (head, body) = self.carrier.exchange(request).map_err(no_answer)?.into_parts();
        for cookie in head.headers.get_all(SET_COOKIE) {
            self.cookies.store(cookie.to_str().unwrap_or_default());
        }
        let body = String::from_utf8_lossy(&body).into_owned();
        Ok(Raw { status: head.status.as_u16(), headers: head.headers, body })
    }
}

/// `application/x-www-form-urlencoded`, as browsers write it.
fn form<'a>(fields: impl Iterator<Item = (&'a str, &'a str)>) -> String {
    let escape = |text: &str| {
        let escape = |byte: u8| match byte {
            b' ' => "+".to_owned(),
            byte if byte.is_ascii_alphanumeric() || b"-_.*".contains(&byte) => {
                char::from(byte).to_string()
            }
            byte => format!("%{byte:02X}"),
        };
        text.bytes().map(escape).collect::<String>()
    };
    let pairs = fields.map(|(name, value)| format!("{}={}", escape(name), escape(value)));
    pairs.collect::<Vec<_>>().join("&")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_is_written_as_browsers_write_it() {
        let fields = [("login", "zoë & co@x"), ("code", "1+2 3")];
        assert_eq!(form(fields.into_iter()), "login=zo%C3%AB+%26+co%40x&code=1%2B2+3");
    }
}
