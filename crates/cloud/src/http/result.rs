//! The page that says how an operation ended, or follows it until it has.

use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use protocol::{Changed, Details, Outcome};
use store::StoreError;
use store::operations::{OperationRecord, State};

use crate::dispatch;
use crate::flow::Step;
use crate::http::view::{self, Frame, Plain};
use crate::http::visit::{Standing, Visit};
use crate::support;

/// How often a page that follows an operation reloads itself, in seconds.
const RELOAD: u32 = 2;

#[derive(Template)]
#[template(path = "waiting.html")]
struct WaitingPage {
    frame: Frame,
}

/// `GET …/reset/result`.
pub(super) async fn page(visit: Visit) -> Response {
    let answer = match show(&visit).await {
        Ok(response) => response,
        Err(error) => unread(&visit, &error),
    };
    view::remember_language(&visit, answer)
}

/// The store cannot be read at the moment: what happened is not known here, and nothing else may be
/// said. The page asks again by itself.
pub(super) fn unread(visit: &Visit, error: &StoreError) -> Response {
    tracing::error!(event = "http.result_unread", cause = %error);
    let mut frame = Frame::new(visit, "waiting", "waiting-title");
    frame.refresh = Some(RELOAD);
    let _asks_again = visit.app.leaving.asks_again();
    view::render(StatusCode::SERVICE_UNAVAILABLE, &WaitingPage { frame })
}

async fn show(visit: &Visit) -> Result<Response, StoreError> {
    let Some(flow) = visit.looked_at().await? else {
        return Ok(view::not_taken(visit, Outcome::FlowExpired));
    };
    let record = dispatch::last_of(&visit.app, flow.id).await?;
    let (cleared, step) = match visit.standing().await? {
        Standing::None => (false, None),
        Standing::Ended(_) => (false, Some("result")),
        Standing::Open(_, Step::Password, _) => (true, Some("password")),
        Standing::Open(_, Step::Gate(_), _) => (false, Some("code")),
    };
    let Some(record) = record else {
        return Ok(match step {
            Some(step) => view::see_other(&format!("{}/{step}", visit.base())),
            None => view::not_taken(visit, Outcome::FlowExpired),
        });
    };
    Ok(match (record.state, record.result) {
        (_, Some((outcome, _))) if cleared && outcome.asks_for_another_password() => {
            view::see_other(&format!("{}/password", visit.base()))
        }
        (_, Some((outcome, details))) => ended(visit, &record, outcome, details, cleared),
        (State::Unknown, None) => {
            ended(visit, &record, Outcome::InDoubt, Details::default(), false)
        }
        (_, None) => waiting(visit, &record),
    })
}

fn ended(
    visit: &Visit,
    record: &OperationRecord,
    outcome: Outcome,
    details: Details,
    cleared: bool,
) -> Response {
    let title = match outcome.changed() {
        _ if outcome == Outcome::Unlocked => "result-title-unlocked",
        _ if outcome == Outcome::ChangedElsewhere => "result-title-elsewhere",
        Changed::Yes => "result-title-changed",
        Changed::No => "result-title-unchanged",
        Changed::Unknown => "result-title-unknown",
    };
    let again = cleared && may_try_again(outcome);
    view::plain(
        visit,
        Plain {
            step: "result",
            title,
            outcome,
            details,
            support_code: support::of_request(record.request),
            try_again: again.then(|| format!("{}/password", visit.base())),
            status: StatusCode::OK,
        },
    )
}

/// Whether the same person may well succeed in a moment with the same account.
fn may_try_again(outcome: Outcome) -> bool {
    matches!(
        outcome,
        Outcome::Expired
            | Outcome::AlreadyInFlight
            | Outcome::CannotBeKnown
            | Outcome::SettledUnchanged
            | Outcome::SettledElsewhereUnchanged
            | Outcome::PdcUnreachable
            | Outcome::Fault
            | Outcome::BadInput
            | Outcome::NotDecryptable
    )
}

fn waiting(visit: &Visit, record: &OperationRecord) -> Response {
    let mut frame = Frame::new(visit, "waiting", "waiting-title");
    frame.support_code = support::of_request(record.request);
    frame.refresh = Some(RELOAD);
    let _asks_again = visit.app.leaving.asks_again();
    view::render(StatusCode::OK, &WaitingPage { frame })
}
