//! Steps with their times.

use std::io::{IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use indicatif::ProgressBar;

use crate::fault::Fault;

/// Does a step whose programs show their own progress, between two lines of ours.
pub(crate) fn step<T>(what: &str, work: impl FnOnce() -> Result<T, Fault>) -> Result<T, Fault> {
    line(&format!("… {what}"));
    let started = now();
    let result = work();
    let mark = if result.is_ok() { '✓' } else { '✗' };
    line(&format!("{mark} {what:<56} {:>6.1} s", started.elapsed().as_secs_f64()));
    result
}

/// A line for whoever watches.
pub(crate) fn line(text: &str) {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stdout(), "{text}");
}

/// Something that moves while a program works that shows nothing itself.
pub(crate) fn moving(what: &str) -> Option<ProgressBar> {
    std::io::stderr().is_terminal().then(|| {
        let bar = ProgressBar::new_spinner().with_message(what.to_owned());
        bar.enable_steady_tick(Duration::from_millis(100));
        bar
    })
}

/// The present moment, for how long something takes on this machine.
#[expect(clippy::disallowed_methods, reason = "nothing of the product runs by it")]
pub(crate) fn now() -> Instant {
    Instant::now()
}
