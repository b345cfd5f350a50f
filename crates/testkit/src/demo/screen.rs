//! What the demo shows: each step with its time, and a bar that moves while it waits. Where
//! nobody watches, plain lines.

use std::cell::Cell;
use std::io::{IsTerminal as _, Write as _};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use clock::SystemClock;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use protocol::Clock as _;

use crate::StackError;

/// How many steps the demo has: the bar's length.
const STEPS: u64 = 12;
const TICK: Duration = Duration::from_millis(100);

/// Where steps are shown.
pub(super) struct Screen<'a> {
    bar: Option<ProgressBar>,
    done: Cell<u64>,
    stop: &'a AtomicBool,
}

impl<'a> Screen<'a> {
    pub(super) fn new(stop: &'a AtomicBool) -> Self {
        let bar = std::io::stdout().is_terminal().then(|| {
            let target = ProgressDrawTarget::stdout();
            ProgressBar::with_draw_target(Some(STEPS), target).with_style(style())
        });
        Self { bar, done: Cell::new(0), stop }
    }

    /// Does a step and says how long it took. The work may tell what it is at.
    pub(super) fn step<T>(
        &self,
        what: &str,
        work: impl FnOnce(&dyn Fn(&str)) -> Result<T, StackError>,
    ) -> Result<T, StackError> {
        if self.stop.load(Ordering::SeqCst) {
            return Err(StackError::Interrupted);
        }
        let started = SystemClock.now();
        self.begin(what);
        let result = work(&|detail| self.detail(what, detail));
        if let Some(bar) = &self.bar {
            bar.disable_steady_tick();
        }
        match &result {
            Ok(_) => {
                self.done.set(self.done.get() + 1);
                let seconds = SystemClock.now().since(started).as_secs_f64();
                self.line(&format!("✓ {what:<56} {seconds:>6.1} s"));
            }
            Err(_) => self.clear(),
        }
        result
    }

    /// The last step: cannot fail, and is done also after Ctrl-C.
    pub(super) fn ending(&self, what: &str, work: impl FnOnce()) {
        let started = SystemClock.now();
        self.begin(what);
        work();
        self.clear();
        let seconds = SystemClock.now().since(started).as_secs_f64();
        self.line(&format!("✓ {what:<56} {seconds:>6.1} s"));
    }

    /// A line that stays.
    pub(super) fn line(&self, text: &str) {
        let write = || {
            // Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stdout(), "{text}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// What nobody may miss, on standard error.
    pub(super) fn loud(&self, lines: &[&str]) {
        let rule = "!".repeat(78);
        let lines = lines.iter().map(|line| format!("!!  {line}\n")).collect::<String>();
        let write = || {
            // Nobody is left to tell if this fails.
            let _ = writeln!(std::io::stderr(), "{rule}\n{lines}{rule}");
        };
        match &self.bar {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    /// Takes the bar away: nothing is waited for.
    pub(super) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.disable_steady_tick();
            bar.finish_and_clear();
        }
    }

    fn begin(&self, what: &str) {
        match &self.bar {
            Some(bar) => {
                if bar.is_finished() {
                    bar.reset();
                }
                bar.reset_elapsed();
                bar.set_position(self.done.get());
                bar.set_message(what.to_owned());
                bar.enable_steady_tick(TICK);
            }
            None => self.line(&format!("… {what}")),
        }
    }

    fn detail(&self, what: &str, detail: &str) {
        match &self.bar {
            Some(bar) => bar.set_message(format!("{what}: {detail}")),
            None => self.line(&format!("    {detail}")),
        }
    }
}

impl Drop for Screen<'_> {
    fn drop(&mut self) {
        self.clear();
    }
}

fn style() -> ProgressStyle {
    let style = ProgressStyle::with_template("{spinner} [{bar:24}] {elapsed:>4}  {wide_msg}");
    style.unwrap_or_else(|_| ProgressStyle::default_bar()).progress_chars("=> ")
}
