//! Waiting for something with a limit, and with an ear for Ctrl-C.

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread;
use std::time::Duration;

use clock::SystemClock;
use protocol::Clock as _;

use crate::StackError;

/// How often a wait looks again.
const BEAT: Duration = Duration::from_millis(20);

/// Looks until `look` finds something; `what` completes "… within 5 s", and `log` is where the
/// cause would be.
pub(crate) fn until<T>(
    what: &str,
    limit: Duration,
    log: &Path,
    stop: Option<&AtomicBool>,
    mut look: impl FnMut() -> Result<Option<T>, StackError>,
) -> Result<T, StackError> {
    let started = SystemClock.running();
    loop {
        if let Some(found) = look()? {
            return Ok(found);
        }
        if stop.is_some_and(|stop| stop.load(Ordering::SeqCst)) {
            return Err(StackError::Interrupted);
        }
        if SystemClock.running().saturating_sub(started) > limit {
            let seconds = limit.as_secs();
            return Err(StackError::Late { what: what.to_owned(), seconds, log: log.to_owned() });
        }
        thread::sleep(BEAT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wait_ends_with_what_was_found_with_its_limit_or_when_told() {
        let mut looks = 0;
        let mut third = || {
            looks += 1;
            Ok((looks == 3).then_some(looks))
        };
        let log = Path::new("/var/log/x");
        assert_eq!(
            until("nothing came", Duration::from_secs(5), log, None, &mut third).unwrap(),
            3
        );
        let nothing = || Ok(None::<()>);
        let late = until("nothing came", Duration::ZERO, log, None, nothing).unwrap_err();
        assert_eq!(late.to_string(), "nothing came within 0 s: read /var/log/x");
        let stop = AtomicBool::new(true);
        let told = until("nothing came", Duration::from_secs(5), log, Some(&stop), nothing);
        assert!(matches!(told, Err(StackError::Interrupted)));
    }
}
