//! What a relay's own answer says of a request (relay protocol, "Sender's results").

use hyper::{HeaderMap, StatusCode};

use super::{SendError, SendErrorKind};
use crate::message::{Delivered, DeliveryErrorKind};

/// What an answer without `Via` means. A relay of ours says what became of the request. Of another
/// one, three statuses are believed, because they stand for what is looked at before a request is
/// given to anybody: 401 and 403, the token; 404, nobody listens there, or there is no such entity.
/// After anything else nobody knows.
pub(super) fn of(status: StatusCode, headers: &HeaderMap) -> SendError {
    let said = headers.get("relay-error").and_then(|said| said.to_str().ok()).unwrap_or_default();
    let (word, rest) = said.split_once(';').unwrap_or((said, ""));
    let kind = match (word.trim(), status.as_u16()) {
        ("no-endpoint", _) => SendErrorKind::NoEndpoint,
        ("no-listener", _) => SendErrorKind::Delivery(DeliveryErrorKind::NoListener),
        ("listener-lost", _) => SendErrorKind::Delivery(DeliveryErrorKind::ListenerLost),
        ("timeout", _) => SendErrorKind::Delivery(DeliveryErrorKind::Timeout),
        ("busy", _) => SendErrorKind::Delivery(DeliveryErrorKind::Busy),
        (_, status @ (401 | 403)) => SendErrorKind::Refused(status),
        (_, 404) => SendErrorKind::Delivery(DeliveryErrorKind::NoListener),
        (_, 502) => SendErrorKind::Delivery(DeliveryErrorKind::ListenerLost),
        (_, 504) => SendErrorKind::Delivery(DeliveryErrorKind::Timeout),
        (_, status) => SendErrorKind::Status(status),
    };
    let by_status = match status.as_u16() {
        401 | 403 | 404 => Delivered::No,
        _ => Delivered::Unknown,
    };
    let told = rest.trim().strip_prefix("delivered=").and_then(|told| match told.trim() {
        "no" => Some(Delivered::No),
        "yes" => Some(Delivered::Yes),
        "unknown" => Some(Delivered::Unknown),
        _ => None,
    });
    SendError { kind, delivered: told.unwrap_or(by_status), hearsay: true }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(status: u16, header: Option<&str>) -> (String, Delivered) {
        let mut headers = HeaderMap::new();
        if let Some(header) = header {
            headers.insert("Relay-Error", header.parse().unwrap());
        }
        let error = of(StatusCode::from_u16(status).unwrap(), &headers);
        (error.kind.to_string(), error.delivered)
    }

    #[test]
    fn a_relay_of_ours_is_believed_whatever_the_status() {
        for (word, delivered, text) in [
            ("no-listener", Delivered::No, "nobody listens"),
            ("no-endpoint", Delivered::No, "no such entity"),
            ("listener-lost", Delivered::Yes, "the listener was lost"),
            ("listener-lost", Delivered::Unknown, "the listener was lost"),
            ("timeout", Delivered::No, "no answer in time"),
            ("busy", Delivered::No, "takes no more requests"),
        ] {
            let (kind, told) = said(503, Some(&format!("{word}; delivered={delivered}")));
            assert!(kind.contains(text), "{word}: {kind}");
            assert_eq!(told, delivered, "{word}");
        }
    }

    #[test]
    fn of_another_relay_only_what_is_looked_at_before_anybody_is_asked_means_not_delivered() {
        for status in 200..=599 {
            let (kind, delivered) = said(status, None);
            let not_delivered = matches!(status, 401 | 403 | 404);
            assert_eq!(delivered == Delivered::No, not_delivered, "{status}: {kind}");
            assert_ne!(delivered, Delivered::Yes, "{status}");
        }
    }

    #[test]
    fn what_cannot_be_read_promises_nothing() {
        for header in
            ["busy", "busy; delivered", "busy; delivered=perhaps", "; delivered=nope", "x"]
        {
            assert_eq!(said(503, Some(header)).1, Delivered::Unknown, "{header}");
        }
    }
}
