//! Audit trails on the command line, alike on both sides: as JSON lines, and verified (SPEC L-7).
//!
//! ```text
//! {"at":"2026-11-22T18:05:00.123Z","detail":{…},"event":"writeback.finished","flow":null,
//!  "hash":"5f0c…","request":"…","seq":7,"tenant":"…"}
//! ```
//!
//! `request` joins the lines of both sides; `hash` stands for all entries up to its own, so that
//! an exported line proves the trail that it was taken from.

use database::chain::{Head, Verification};
use protocol::{RequestId, TenantId, Timestamp};
use serde_json::{Value, json};

use crate::{Failure, print};

/// One entry of a trail.
#[derive(Debug, Clone, Copy)]
pub struct Line<'e> {
    /// Its place.
    pub seq: i64,
    /// When.
    pub at: Timestamp,
    /// Its dotted name.
    pub event: &'e str,
    /// The tenant, where it concerns one.
    pub tenant: Option<TenantId>,
    /// The request, where it concerns one.
    pub request: Option<RequestId>,
    /// The flow, where it concerns one. The agent knows of none.
    pub flow: Option<[u8; 16]>,
    /// More.
    pub detail: &'e Value,
    /// Its hash.
    pub hash: &'e [u8],
}

impl Line<'_> {
    /// The line, with its end.
    pub fn json(&self) -> String {
        let line = json!({
            "seq": self.seq,
            "at": rfc3339(self.at),
            "event": self.event,
            "tenant": self.tenant,
            "request": self.request,
            "flow": self.flow.map(|flow| RequestId::from_bytes(flow).to_string()),
            "detail": self.detail,
            "hash": hex(self.hash),
        });
        format!("{line}\n")
    }
}

/// A moment on the command line: RFC 3339 with an offset, or a day, which begins at midnight UTC.
///
/// # Errors
/// [`Failure::usage`], with examples.
pub fn moment(text: &str) -> Result<Timestamp, Failure> {
    let day = || {
        // A date's own parser would drop what stands behind it.
        let day: jiff::civil::Date = text.parse().ok().filter(|_| text.len() == 10)?;
        day.to_zoned(jiff::tz::TimeZone::UTC).ok().map(|day| day.timestamp())
    };
    let read = text.parse::<jiff::Timestamp>().ok().or_else(day);
    let read = read.ok_or_else(|| {
        Failure::usage(format!(
            "{text:?} is not a moment; write 2026-11-22T18:05:00Z, 2026-11-22T19:05:00+01:00 or 2026-11-22"
        ))
    })?;
    Ok(Timestamp::from_millis(read.as_millisecond()))
}

/// Says what came out of verifying a trail.
///
/// # Errors
/// [`Failure::refused`], if an entry is not what was written there: it is named.
pub fn verified(found: &Verification, json: bool) -> Result<(), Failure> {
    if json {
        let place = |head: &Option<Head>| {
            head.as_ref().map(|head| json!({ "seq": head.seq, "hash": hex(&head.hash) }))
        };
        let answer = json!({
            "entries": found.rows,
            "forgotten": place(&found.anchor),
            "last": place(&found.head),
            "wrong": found.wrong,
        });
        print(&format!("{answer}\n"))?;
    }
    if let Some(wrong) = found.wrong {
        return Err(Failure::refused(format!(
            "the audit trail is not what was written: entry {wrong} was changed, moved or taken out"
        )));
    }
    if json {
        return Ok(());
    }
    match &found.head {
        None => print("The audit trail is empty.\n"),
        Some(last) => print(&format!(
            "{} entries, each as it was written. The last one is {} with the hash {}\n",
            found.rows,
            last.seq,
            hex(&last.hash)
        )),
    }
}

/// A moment for people and programs: RFC 3339, UTC, in milliseconds.
pub fn rfc3339(at: Timestamp) -> String {
    match jiff::Timestamp::from_millisecond(at.as_millis()) {
        Ok(at) => format!("{at:.3}"),
        // Nobody's clock; the entry is shown all the same.
        Err(_) => at.to_string(),
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_one_line_and_names_moments_as_everybody_does() {
        let line = Line {
            seq: 7,
            at: Timestamp::from_millis(1_800_000_000_007),
            event: "a.b",
            tenant: None,
            request: Some(RequestId::from_bytes([2; 16])),
            flow: None,
            detail: &json!({ "cause": "two\nlines" }),
            hash: &[0, 255],
        };
        assert_eq!(
            line.json(),
            concat!(
                r#"{"at":"2027-01-15T08:00:00.007Z","detail":{"cause":"two\nlines"},"event":"a.b","#,
                r#""flow":null,"hash":"00ff","request":"02020202-0202-0202-0202-020202020202","#,
                r#""seq":7,"tenant":null}"#,
                "\n"
            )
        );
    }

    #[test]
    fn a_moment_has_an_offset_or_is_a_day() {
        let millis = |text| moment(text).unwrap().as_millis();
        assert_eq!(millis("2027-01-15T08:00:00Z"), 1_800_000_000_000);
        assert_eq!(millis("2027-01-15T09:00:00.007+01:00"), 1_800_000_000_007);
        assert_eq!(millis("2027-01-15"), 1_800_000_000_000 - 8 * 60 * 60 * 1_000);
        for wrong in ["", "yesterday", "2027-01-15T08:00:00", "2027-13-01", "1800000000000"] {
            let refused = moment(wrong).unwrap_err();
            assert_eq!(refused.code, 2, "{wrong}");
        }
    }

    #[test]
    fn a_wrong_entry_is_a_finding_and_is_named() {
        let head = Some(Head { seq: 9, hash: vec![1] });
        let found = Verification { rows: 9, anchor: None, head, wrong: None };
        for json in [false, true] {
            verified(&found, json).unwrap();
            let refused = verified(&Verification { wrong: Some(3), ..found.clone() }, json);
            let refused = refused.unwrap_err();
            assert_eq!(refused.code, 1);
            assert!(refused.message.contains("entry 3 "), "{}", refused.message);
        }
    }
}
