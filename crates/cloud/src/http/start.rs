//! The start page: is writeback up, and which name?
//!
//! Known and unknown names are answered alike: the same statements run, the same page follows,
//! and the mail leaves in the background (SPEC G-7).

use std::net::IpAddr;

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use protocol::{Details, Outcome, Timestamp};
use serde_json::json;
use store::StoreError;
use store::audit::Event;
use store::flows::{Flow, FlowId};
use store::sweep::KEPT_FLOW;
use store::throttle::Throttle;

use crate::availability::live_agents;
use crate::gate::email;
use crate::http::cookies::FlowCookie;
use crate::http::form::Form;
use crate::http::view::{self, Frame, Plain};
use crate::http::visit::Visit;

/// The longest name that is looked up, in bytes. AD's userPrincipalName has at most 1,024
/// characters; none that people type comes near.
const NAME_MAX: usize = 512;

#[derive(Template)]
#[template(path = "start.html")]
struct StartPage {
    frame: Frame,
}

/// `GET /t/{tenant}/reset`.
pub(super) async fn page(visit: Visit) -> Response {
    let answer = match live_agents(&visit.app, visit.tenant.id, visit.now).await {
        Ok(Ok(_)) => {
            let malformed = visit.told(&[Outcome::NameMalformed.name()]);
            render(&visit, malformed.and_then(Outcome::from_name))
        }
        Ok(Err(outcome)) => unavailable(&visit, outcome),
        Err(error) => view::failed(&visit, &error),
    };
    view::remember_language(&visit, answer)
}

/// `POST /t/{tenant}/reset` with the field `login`.
pub(super) async fn submit(visit: Visit, body: Bytes) -> Response {
    let form = Form::read(body);
    view::answer(&visit, start(&visit, &form)).await
}

async fn start(visit: &Visit, form: &Form) -> Result<Response, StoreError> {
    let app = &visit.app;
    if let Err(outcome) = live_agents(app, visit.tenant.id, visit.now).await? {
        return Ok(unavailable(visit, outcome));
    }
    let login = form.only("login").map(str::trim).filter(|name| !name.is_empty());
    let Some(login) = login.filter(|name| name.len() <= NAME_MAX) else {
        return Ok(visit.see("", Some(Outcome::NameMalformed.name())));
    };
    let typed = format!("{} {}", visit.tenant.id, login.to_lowercase());
    let name = app.code_key.pseudonym(&typed);
    if let Err(again) = throttle(visit, &name).await? {
        return Ok(throttled(visit, again));
    }
    let person = app.store.person_by_name(visit.tenant.id, login).await?;
    let flow = Flow {
        id: FlowId::random(app.randomness.as_ref()),
        tenant: visit.tenant.id,
        person: person.as_ref().map(|person| person.id.clone()),
        name,
        locale: visit.locale.tag(),
        expires_at: visit.now.after(app.settings.flow_lifetime),
        ended: false,
    };
    let cookie = FlowCookie::random(app.randomness.as_ref());
    app.store.open_flow(&flow, cookie.bytes(), visit.now).await?;
    email::issue(app, &flow, person.as_ref(), &visit.tenant.name, visit.now).await?;
    // The operator sees why nothing came; the visitor does not.
    let known = match &person {
        None => "no such name",
        Some(person) if email::address(person).is_none() => "no address",
        Some(_) => "code sent",
    };
    app.audit(Event {
        tenant: Some(visit.tenant.id),
        flow: Some(flow.id),
        name: "flow.started".to_owned(),
        detail: json!({ "person": flow.person, "gate": "email", "detail": known }),
        ..Event::default()
    })
    .await;
    let next = view::see_other(&format!("{}/code", visit.base()));
    // Longer than the flow: how an operation ended can be looked at afterwards.
    let seconds = (app.settings.flow_lifetime + KEPT_FLOW).as_secs();
    Ok(view::with_cookie(next, &cookie.header(&visit.base(), seconds)))
}

/// Counts this start per address, per name and per tenant, in this order, up to the first refusal:
/// one address must not spend what belongs to others.
async fn throttle(visit: &Visit, name: &[u8; 32]) -> Result<Result<(), Timestamp>, StoreError> {
    let limits = visit.app.settings.throttles;
    let address = visit.address.map_or(String::new(), network);
    let counted = [
        ("starts_per_address", limits.starts_per_address, address),
        ("starts_per_name", limits.starts_per_name, URL_SAFE_NO_PAD.encode(name)),
        ("starts_per_tenant", limits.starts_per_tenant, visit.tenant.id.to_string()),
    ];
    for (name, most, subject) in counted {
        let throttle = Throttle { name, most, window: limits.window };
        if let Err(again) = visit.app.store.spend(throttle, &subject, visit.now).await? {
            return Ok(Err(again));
        }
    }
    Ok(Ok(()))
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn render(visit: &Visit, outcome: Option<Outcome>) -> Response {
    let mut frame = Frame::new(visit, "start", "start-title");
    frame.message =
        outcome.map(|outcome| view::message(&visit.locale, outcome, &Details::default(), "UTC"));
    view::render(StatusCode::OK, &StartPage { frame })
}

/// Down is said before a name is asked, the same for every name (SPEC W-1).
fn unavailable(visit: &Visit, outcome: Outcome) -> Response {
    view::plain(
        visit,
        Plain {
            step: "unavailable",
            title: "unavailable-title",
            outcome,
            details: Details::default(),
            support_code: String::new(),
            try_again: Some(visit.base()),
            status: StatusCode::SERVICE_UNAVAILABLE,
        },
    )
}

fn throttled(visit: &Visit, again: Timestamp) -> Response {
    view::plain(
        visit,
        Plain {
            step: "error",
            title: "error-title",
            outcome: Outcome::Throttled,
            details: Details { not_before: Some(again), ..Details::default() },
            support_code: String::new(),
            try_again: None,
            status: StatusCode::TOO_MANY_REQUESTS,
        },
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_customers_ipv6_addresses_count_as_one() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2::1"), of("2001:db8:1:2:ffff::9"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
