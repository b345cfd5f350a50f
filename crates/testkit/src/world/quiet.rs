//! When is everybody waiting? Time in the world stands still while anybody works, and moves on when
//! nobody does: then nothing can happen before the next one's time has come.
//!
//! Runtimes alone do not know: databases work in threads of their own. The kernel does. All threads
//! of this process but the one that asks are asleep, and none of them has run between two looks:
//! then there was a moment at which all of them were asleep at once, and whoever is to be woken is
//! woken by the clock.
//!
//! It follows that a world has a process to itself: tests of it are run by `cargo nextest`, one
//! process each.

use std::fs;
use std::thread;
use std::time::Duration;

/// How long to wait before looking again.
const BEAT: Duration = Duration::from_micros(30);
/// Looks after which something works without end: half a minute and more.
const LOOKS: u32 = 1_000_000;

/// How often each thread has given up the processor.
type Switches = Vec<(u32, u64)>;

/// Returns when all other threads are waiting.
pub(super) fn wait() {
    let mut before = None;
    for _ in 0..LOOKS {
        let now = asleep();
        if now.is_some() && now == before {
            return;
        }
        if now.is_none() {
            thread::sleep(BEAT);
        }
        before = now;
    }
    panic!("some thread of the world never rests");
}

/// The other threads if all of them are asleep.
fn asleep() -> Option<Switches> {
    let own = fs::read_link("/proc/thread-self").ok()?;
    let own: u32 = own.file_name()?.to_str()?.parse().ok()?;
    let mut all = Vec::new();
    for thread in fs::read_dir("/proc/self/task").ok()? {
        let id: u32 = thread.ok()?.file_name().to_str()?.parse().ok()?;
        if id == own {
            continue;
        }
        let status = fs::read_to_string(format!("/proc/self/task/{id}/status")).ok()?;
        let mut switches = 0;
        for line in status.lines() {
            match line.split_once(':')? {
                ("State", state) if !state.trim_start().starts_with('S') => return None,
                ("voluntary_ctxt_switches" | "nonvoluntary_ctxt_switches", number) => {
                    switches += number.trim().parse::<u64>().ok()?;
                }
                _ => {}
            }
        }
        all.push((id, switches));
    }
    all.sort_unstable();
    Some(all)
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};

    use super::*;

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
}
