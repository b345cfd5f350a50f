//! What every page has in common: the frame, the message about an outcome, and the plain pages
//! for what is not there or went wrong.

use askama::Template;
use axum::http::header::{LOCATION, SET_COOKIE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{Html, IntoResponse as _, Response};
use protocol::{Changed, Details, Outcome};
use store::StoreError;

use crate::http::assets;
use crate::http::cookies;
use crate::http::visit::{ENDED, Visit, locale};
use crate::locale::{Arguments, Locale};
use crate::moment::moment;

/// What a page says about an outcome.
pub(super) struct Message {
    /// The outcome's stable name.
    pub(super) name: &'static str,
    /// Its number.
    pub(super) number: &'static str,
    /// Whether the password changed.
    pub(super) changed: &'static str,
    /// The sentences for the person.
    pub(super) text: String,
    /// How it looks: `good`, `bad` or `wait`.
    pub(super) mood: &'static str,
}

/// What stands around every page.
pub(super) struct Frame {
    locale: Locale,
    /// The path of the tenant's start page.
    pub(super) base: String,
    /// The tenant's name.
    pub(super) tenant: String,
    /// The stable name of the step: `data-step`.
    pub(super) step: &'static str,
    /// The heading.
    pub(super) title: String,
    /// What is said about an outcome.
    pub(super) message: Option<Message>,
    /// The support code, where there is one.
    pub(super) support_code: String,
    /// The flow's handle, for hidden fields.
    pub(super) flow: String,
    /// Where the helpdesk is.
    pub(super) helpdesk: Option<String>,
    /// Seconds after which the page reloads itself.
    pub(super) refresh: Option<u32>,
}

impl Frame {
    /// A frame in a visit, with the heading of that key.
    pub(super) fn new(visit: &Visit, step: &'static str, title: &str) -> Self {
        Self {
            title: visit.locale.text(title),
            locale: visit.locale.clone(),
            base: visit.base(),
            tenant: visit.tenant.name.clone(),
            step,
            message: None,
            support_code: String::new(),
            flow: String::new(),
            helpdesk: visit.app.settings.helpdesk.clone(),
            refresh: None,
        }
    }

    /// The message with that key.
    pub(super) fn text(&self, key: &str) -> String {
        self.locale.text(key)
    }

    /// The message with that key and one number filled in.
    pub(super) fn text_with_number(&self, key: &str, name: &'static str, number: &u32) -> String {
        self.locale.text_with(key, &Arguments::from([(name.into(), (*number).into())]))
    }

    /// The title of the document.
    pub(super) fn document_title(&self) -> String {
        let arguments = Arguments::from([
            ("title".into(), self.title.clone().into()),
            ("tenant".into(), self.tenant.clone().into()),
        ]);
        self.locale.text_with("page-title", &arguments)
    }

    /// The language's tag.
    pub(super) fn language(&self) -> String {
        self.locale.tag()
    }

    /// The other languages: tag and own name.
    pub(super) fn other_languages(&self) -> Vec<(String, String)> {
        let others = Locale::all().into_iter().filter(|one| *one != self.locale);
        others.map(|one| (one.tag(), one.text("language-name"))).collect()
    }

    /// The address of an asset, which changes with its content.
    pub(super) fn asset(&self, name: &str) -> String {
        assets::address(name)
    }

    /// The message's field, or nothing.
    pub(super) fn outcome(&self) -> &'static str {
        self.message.as_ref().map_or("", |message| message.name)
    }

    /// The message's number, or nothing.
    pub(super) fn number(&self) -> &'static str {
        self.message.as_ref().map_or("", |message| message.number)
    }

    /// Whether the password changed, or nothing.
    pub(super) fn changed(&self) -> &'static str {
        self.message.as_ref().map_or("", |message| message.changed)
    }
}

/// The sentences about an outcome, filled in.
pub(super) fn message(
    locale: &Locale,
    outcome: Outcome,
    details: &Details,
    time_zone: &str,
) -> Message {
    let when = details.not_before.map(|at| moment(at, time_zone)).unwrap_or_default();
    let arguments = Arguments::from([
        ("minimum".into(), details.minimum_length.unwrap_or(0).into()),
        ("history".into(), details.history_length.unwrap_or(0).into()),
        ("dated".into(), if details.not_before.is_some() { "yes" } else { "no" }.into()),
        ("when".into(), when.into()),
        ("inferred".into(), if details.inferred { "yes" } else { "no" }.into()),
    ]);
    let changed = outcome.changed();
    Message {
        name: outcome.name(),
        number: outcome.number(),
        changed: changed.word(),
        text: locale.text_with(&format!("outcome-{}", outcome.name()), &arguments),
        mood: match changed {
            // What was asked for, although no password changed.
            _ if outcome == Outcome::Unlocked => "good",
            Changed::Yes => "good",
            Changed::No => "bad",
            Changed::Unknown => "wait",
        },
    }
}

/// Renders a page.
pub(super) fn render(status: StatusCode, template: &impl Template) -> Response {
    match template.render() {
        Ok(page) => (status, Html(page)).into_response(),
        Err(error) => {
            tracing::error!(event = "http.template_failed", cause = %error);
            StatusCode::INTERNAL_SERVER_ERROR.into_response()
        }
    }
}

/// Sends the browser to another page with GET.
pub(super) fn see_other(location: &str) -> Response {
    let mut response = StatusCode::SEE_OTHER.into_response();
    if let Ok(location) = HeaderValue::from_str(location) {
        response.headers_mut().insert(LOCATION, location);
    }
    response
}

/// Adds a cookie to an answer.
pub(super) fn with_cookie(mut response: Response, cookie: &str) -> Response {
    if let Ok(cookie) = HeaderValue::from_str(cookie) {
        response.headers_mut().append(SET_COOKIE, cookie);
    }
    response
}

/// Remembers the language, if this visit has chosen one.
pub(super) fn remember_language(visit: &Visit, response: Response) -> Response {
    if !visit.language_chosen {
        return response;
    }
    with_cookie(response, &cookies::language_header(&visit.locale.tag()))
}

#[derive(Template)]
#[template(path = "message.html")]
struct MessagePage {
    frame: Frame,
    try_again: Option<String>,
    start_again: bool,
    tip: bool,
    ended: bool,
}

/// A page that only says what happened.
pub(super) struct Plain<'a> {
    /// `data-step`.
    pub(super) step: &'static str,
    /// The key of the heading.
    pub(super) title: &'a str,
    /// What happened.
    pub(super) outcome: Outcome,
    /// What its message needs.
    pub(super) details: Details,
    /// The support code.
    pub(super) support_code: String,
    /// Where trying again leads, if it makes sense in the same flow.
    pub(super) try_again: Option<String>,
    /// The status of the answer.
    pub(super) status: StatusCode,
}

/// Shows a [`Plain`] page in a visit.
pub(super) fn plain(visit: &Visit, page: Plain<'_>) -> Response {
    let mut frame = Frame::new(visit, page.step, page.title);
    let time_zone = &visit.app.settings.time_zone;
    frame.message = Some(message(&visit.locale, page.outcome, &page.details, time_zone));
    frame.support_code = page.support_code;
    let changed = page.outcome.changed();
    if page.outcome == Outcome::InDoubt {
        frame.refresh = Some(3);
    }
    let template = MessagePage {
        frame,
        start_again: page.try_again.is_none()
            && changed != Changed::Yes
            && page.outcome != Outcome::InDoubt,
        try_again: page.try_again,
        tip: changed == Changed::Yes,
        ended: changed == Changed::Yes && visit.told(&[ENDED]).is_some(),
    };
    remember_language(visit, render(page.status, &template))
}

/// Says why a step was not taken, outside the step's own page.
pub(super) fn not_taken(visit: &Visit, outcome: Outcome) -> Response {
    plain(
        visit,
        Plain {
            step: "error",
            title: "error-title",
            outcome,
            details: Details::default(),
            support_code: String::new(),
            try_again: None,
            status: StatusCode::OK,
        },
    )
}

/// The answer of a page: what it shows, or that something failed on our side; and the language is
/// remembered if it was chosen.
pub(super) async fn answer(
    visit: &Visit,
    page: impl Future<Output = Result<Response, StoreError>>,
) -> Response {
    let response = page.await.unwrap_or_else(|error| failed(visit, &error));
    remember_language(visit, response)
}

/// Something failed on our side: the person gets a sentence, the operator the cause.
pub(super) fn failed(visit: &Visit, error: &StoreError) -> Response {
    fault(&visit.locale, &visit.tenant.name, error)
}

#[derive(Template)]
#[template(path = "bare.html")]
struct BarePage {
    language: String,
    title: String,
    tenant: String,
    style: String,
    icon: String,
    outcome: &'static str,
    number: &'static str,
    changed: &'static str,
    text: String,
}

/// A failure before it is known whose page it is.
pub(super) fn fault(locale: &Locale, tenant: &str, error: &StoreError) -> Response {
    tracing::error!(event = "http.fault", cause = %error);
    bare(locale, tenant, Outcome::Fault, StatusCode::INTERNAL_SERVER_ERROR)
}

fn bare(locale: &Locale, tenant: &str, outcome: Outcome, status: StatusCode) -> Response {
    let message = message(locale, outcome, &Details::default(), "UTC");
    let page = BarePage {
        language: locale.tag(),
        title: locale.text("error-title"),
        tenant: tenant.to_owned(),
        style: assets::address("passback.css"),
        icon: assets::address("icon.svg"),
        outcome: message.name,
        number: message.number,
        changed: message.changed,
        text: message.text,
    };
    render(status, &page)
}

/// There is no such page.
pub(super) fn no_such_page(locale: &Locale) -> Response {
    about_nothing(locale, "not-found", StatusCode::NOT_FOUND)
}

/// The service is about to end and takes nothing new.
pub(super) fn closing(locale: &Locale) -> Response {
    about_nothing(locale, "closing", StatusCode::SERVICE_UNAVAILABLE)
}

/// A page about no outcome, with the heading and the sentence of that name.
fn about_nothing(locale: &Locale, name: &str, status: StatusCode) -> Response {
    let page = BarePage {
        language: locale.tag(),
        title: locale.text(&format!("{name}-title")),
        tenant: String::new(),
        style: assets::address("passback.css"),
        icon: assets::address("icon.svg"),
        outcome: "",
        number: "",
        changed: "",
        text: locale.text(&format!("{name}-lead")),
    };
    render(status, &page)
}

/// What no route takes.
pub(super) async fn not_found(headers: HeaderMap) -> Response {
    no_such_page(&locale(&headers))
}

/// Refuses a request before any page has seen it.
pub(super) fn refused(headers: &HeaderMap, outcome: Outcome) -> Response {
    bare(&locale(headers), "", outcome, StatusCode::FORBIDDEN)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_message_is_filled_in_in_every_language() {
        let details = Details {
            minimum_length: Some(14),
            history_length: Some(24),
            not_before: Some(protocol::Timestamp::from_millis(1_800_000_000_000)),
            inferred: false,
        };
        for locale in Locale::all() {
            let text = |outcome| message(&locale, outcome, &details, "UTC").text;
            assert!(text(Outcome::PolicyTooShort).contains("14"));
            assert!(text(Outcome::PolicyHistory).contains("24"));
            assert!(text(Outcome::PolicyTooYoung).contains("2027-01-15 08:00 UTC"));
            for outcome in Outcome::ALL {
                assert!(!text(*outcome).contains('{'), "{}", text(*outcome));
            }
        }
    }

    #[test]
    fn what_could_not_be_confirmed_is_told_apart_from_what_did_not_succeed() {
        for locale in Locale::all() {
            let text = |inferred| {
                let details = Details { inferred, ..Details::default() };
                message(&locale, Outcome::MustChangeNotSet, &details, "UTC").text
            };
            assert_ne!(text(true), text(false));
        }
    }

    #[test]
    fn an_unlocked_account_is_good_news_although_no_password_changed() {
        let locale = Locale::all().remove(0);
        let of = |outcome| message(&locale, outcome, &Details::default(), "UTC");
        assert_eq!((of(Outcome::Unlocked).mood, of(Outcome::Unlocked).changed), ("good", "no"));
        assert_eq!(of(Outcome::NotLocked).mood, "bad");
        assert_eq!(of(Outcome::PasswordChanged).mood, "good");
        assert_eq!(of(Outcome::InDoubt).mood, "wait");
    }
}
