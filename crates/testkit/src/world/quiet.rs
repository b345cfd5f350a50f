//! When is everybody waiting? Time in the world stands still while anybody works, and moves on when
//! nobody does: then nothing can happen before the next one's time has come.
//!
//! Runtimes alone do not know: databases work in threads of their own. The kernel does. It notes of every
//! thread how long it has run, each time that it stops running. If all threads of this process but the
//! one that asks are asleep when they are looked at, and those notes are the same before and after,
//! none of them ran at the beginning: it would have stopped since. So there was a moment at which all
//! of them were asleep at once, and whoever is to be woken is woken by the clock.
//!
//! A run of faults asks tens of thousands of times. The files of each thread are kept open, and threads
//! are only listed anew when their number is another one or one of them has ended.
//!
//! It follows that a world has a process to itself: tests of it are run by `cargo nextest`, one
//! process each.

use std::cell::RefCell;
use std::fs::{self, File};
use std::io;
use std::os::unix::fs::{FileExt as _, MetadataExt as _};
use std::sync::Once;
use std::thread;
use std::time::Duration;

/// How long to wait at least before looking again, and at most: a part of the time that it has taken so
/// far.
const BEAT: Duration = Duration::from_micros(30);
const BEAT_MOST: Duration = Duration::from_millis(1);
const PART: u32 = 4;
/// Waits for longer than this are without end.
const ENDLESS: Duration = Duration::from_secs(40);
/// All threads of this process.
const THREADS: &str = "/proc/self/task";
/// What the kernel notes of the thread that asks.
const OWN_SCHEDSTAT: &str = "/proc/thread-self/schedstat";
/// How many links the directory of threads has beside one for each of them.
const LINKS: u64 = 2;
/// More bytes than the first fields of a thread's `stat` and all of its `schedstat` have.
const ENOUGH: usize = 256;

/// Done once it was seen that the kernel notes anything.
static NOTED: Once = Once::new();

thread_local! {
    static OTHERS: RefCell<Others> = RefCell::default();
}

/// Returns when all other threads are waiting.
pub(super) fn wait() {
    NOTED.call_once(|| {
        let own = fs::read_to_string(OWN_SCHEDSTAT).unwrap_or_default();
        assert!(
            is_noted(&own),
            "{OWN_SCHEDSTAT} says {own:?}: the kernel does not note how long threads run \
             (CONFIG_SCHED_INFO), and without that nobody knows when the world is quiet"
        );
    });
    OTHERS.with_borrow_mut(|others| {
        let mut waited = Duration::ZERO;
        while !others.rest() {
            assert!(waited < ENDLESS, "some thread of the world never rests");
            let beat = (waited / PART).clamp(BEAT, BEAT_MOST);
            thread::sleep(beat);
            waited += beat;
        }
    });
}

/// Whether a thread's `schedstat` is kept: whoever asks has run at least once.
fn is_noted(schedstat: &str) -> bool {
    schedstat.split_whitespace().any(|field| field != "0")
}

/// All threads but the one that asks.
#[derive(Default)]
struct Others {
    all: Vec<Other>,
    /// Which of them worked when it was last looked: it is the first that is looked at.
    busy: usize,
}

struct Other {
    /// What it does.
    stat: File,
    /// How long it has run, how long it has waited for a processor, and how often it had one.
    schedstat: File,
}

impl Others {
    /// Whether there was a moment just now at which all of them were asleep.
    fn rest(&mut self) -> bool {
        let looked = self.look();
        if looked.is_none() {
            // One of them has ended, or there is a new one.
            (self.all, self.busy) = (list().unwrap_or_default(), 0);
        }
        looked.unwrap_or(false)
    }

    /// The same; nothing if these are not all of them any more.
    fn look(&mut self) -> Option<bool> {
        if let Some(busy) = self.all.get(self.busy)
            && !busy.is_asleep()?
        {
            return Some(false);
        }
        let before = self.turns()?;
        for (at, other) in self.all.iter().enumerate() {
            if !other.is_asleep()? {
                self.busy = at;
                return Some(false);
            }
        }
        let links = fs::metadata(THREADS).ok()?.nlink();
        let known = u64::try_from(self.all.len()).ok()? + 1 + LINKS;
        (links == known).then_some(before == self.turns()?)
    }

    /// How long each of them has run.
    fn turns(&self) -> Option<Vec<u8>> {
        let mut all = Vec::with_capacity(64 * self.all.len());
        for other in &self.all {
            let mut text = [0; ENOUGH];
            let length = other.schedstat.read_at(&mut text, 0).ok()?;
            all.extend_from_slice(&text[..length]);
        }
        Some(all)
    }
}

impl Other {
    /// Whether it is asleep; nothing if it has ended.
    fn is_asleep(&self) -> Option<bool> {
        let mut text = [0; ENOUGH];
        let length = self.stat.read_at(&mut text, 0).ok()?;
        // Number, name in brackets, in which there may be brackets, and its state (proc_pid_stat(5)).
        let name_ends = text[..length].iter().rposition(|byte| *byte == b')')?;
        Some(text.get(name_ends + 2) == Some(&b'S'))
    }
}

/// The threads there are; an error if one of them ends meanwhile.
fn list() -> io::Result<Vec<Other>> {
    let own = fs::read_link("/proc/thread-self")?;
    let mut others = Vec::new();
    for thread in fs::read_dir(THREADS)? {
        let path = thread?.path();
        if path.file_name() == own.file_name() {
            continue;
        }
        let (stat, schedstat) =
            (File::open(path.join("stat"))?, File::open(path.join("schedstat"))?);
        others.push(Other { stat, schedstat });
    }
    Ok(others)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

    #[test]
    fn a_kernel_that_notes_nothing_is_told_from_one_that_does() {
        assert!(!is_noted("0 0 0\n") && !is_noted(""));
        assert!(is_noted("0 0 1\n") && is_noted(&fs::read_to_string(OWN_SCHEDSTAT).unwrap()));
    }

    #[test]
    fn it_is_not_quiet_while_a_thread_works() {
        let done = Arc::new(AtomicBool::new(false));
        let working = Arc::clone(&done);
        let thread = thread::spawn(move || {
            let mut sum = 0_u64;
            for turn in 0..30_000_000_u64 {
                sum = std::hint::black_box(sum ^ turn.wrapping_mul(31));
            }
            working.store(true, Ordering::SeqCst);
            thread::park();
        });
        wait();
        assert!(done.load(Ordering::SeqCst));
        thread.thread().unpark();
        thread.join().unwrap();
    }

    #[test]
    fn threads_that_come_and_go_and_wake_each_other_are_all_waited_for() {
        for _ in 0..50 {
            let (send, receive) = std::sync::mpsc::sync_channel::<u32>(0);
            let done = Arc::new(AtomicBool::new(false));
            let finished = Arc::clone(&done);
            let last = thread::spawn(move || {
                while receive.recv().is_ok() {
                    thread::yield_now();
                }
                finished.store(true, Ordering::SeqCst);
                thread::park();
            });
            let first = thread::spawn(move || (0..20).for_each(|turn| send.send(turn).unwrap()));
            wait();
            assert!(done.load(Ordering::SeqCst));
            last.thread().unpark();
            first.join().unwrap();
            last.join().unwrap();
        }
    }
}
