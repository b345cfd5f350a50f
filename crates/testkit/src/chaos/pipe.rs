//! One connection through the proxy: both directions, as the trouble of the moment has it.

use std::io;
use std::sync::atomic::Ordering;
use std::time::Duration;

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::net::tcp::{ReadHalf, WriteHalf};
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use super::Counts;
use super::trouble::{Trouble, Way};

/// How much is taken at once.
const PIECE: usize = 16 * 1024;
/// How often something arrives where bytes are slow.
const DRIP: Duration = Duration::from_millis(20);

/// How long somebody who hangs up on what was forgotten waits for that to be taken: so long as the agent has
/// its system wait.
const GIVES_UP: Duration = Duration::from_secs(20);

#[derive(Debug, Clone, Copy)]
enum Direction {
    Up,
    Down,
}

impl Direction {
    const fn of(self, trouble: Trouble) -> Way {
        match self {
            Self::Up => trouble.up,
            Self::Down => trouble.down,
        }
    }
}

/// Carries bytes both ways until both sides have said everything, one breaks, or it is cut.
pub(super) async fn connection(
    mut near: TcpStream,
    mut far: TcpStream,
    troubles: watch::Receiver<Trouble>,
    cut: CancellationToken,
    counts: &Counts,
) {
    // What arrives late does so because somebody wanted it.
    let _ = (near.set_nodelay(true), far.set_nodelay(true));
    let ended = {
        let ((from_near, to_near), (from_far, to_far)) = (near.split(), far.split());
        let one =
            |from, to, direction| Pipe { from, to, direction, troubles: troubles.clone(), counts };
        let both = async {
            tokio::try_join!(
                one(from_near, to_far, Direction::Up).run(),
                one(from_far, to_near, Direction::Down).run(),
            )
        };
        cut.run_until_cancelled(both).await
    };
    // Both sides have ended in good order, or both hear of it at once.
    if !matches!(ended, Some(Ok(_))) {
        reset(&near);
        reset(&far);
        counts.cut.fetch_add(1, Ordering::SeqCst);
    }
}

/// Has a connection end without a word when it is dropped.
pub(super) fn reset(stream: &TcpStream) {
    // One that is broken already cannot be told.
    let _ = stream.set_zero_linger();
}

struct Pipe<'a> {
    from: ReadHalf<'a>,
    to: WriteHalf<'a>,
    direction: Direction,
    troubles: watch::Receiver<Trouble>,
    counts: &'a Counts,
}

impl Pipe<'_> {
    async fn run(mut self) -> io::Result<()> {
        let mut buffer = vec![0; PIECE];
        // Something was swallowed: what comes after it cannot be made sense of.
        let (mut holed, mut forgotten) = (false, false);
        // How many bytes are left before the cut.
        let mut left = None;
        loop {
            let trouble = *self.troubles.borrow_and_update();
            let way = if forgotten { Way::Swallowed } else { self.direction.of(trouble) };
            forgotten |= way == Way::Swallowed && trouble.forgotten;
            if holed && way != Way::Swallowed {
                return Err(io::ErrorKind::ConnectionReset.into());
            }
            if !matches!(way, Way::CutAfter(_)) {
                left = None;
            }
            if way == Way::Stopped {
                self.another_trouble().await?;
                continue;
            }
            let most = if let Way::Slow(rate) = way { per_drip(rate) } else { PIECE };
            let read = tokio::select! {
                // What comes after a change goes by the change.
                biased;
                changed = self.troubles.changed() => {
                    changed.map_err(|_| io::ErrorKind::ConnectionAborted)?;
                    continue;
                }
                read = self.from.read(&mut buffer[..most]) => read?,
            };
            holed |= way == Way::Swallowed;
            if read > 0 {
                self.bring(&buffer[..read], way, &mut left).await?;
            } else if forgotten {
                // Nor is this one heard any more: its system gives up when nothing is taken.
                let gives_up = wait(GIVES_UP);
                tokio::select! {
                    () = gives_up => return Err(io::ErrorKind::TimedOut.into()),
                    changed = self.another_trouble() => changed?,
                }
            } else if way == Way::Swallowed {
                // The other side is not even told of the end.
                self.another_trouble().await?;
            } else {
                return self.to.shutdown().await;
            }
        }
    }

    async fn bring(&mut self, bytes: &[u8], way: Way, left: &mut Option<u64>) -> io::Result<()> {
        match way {
            Way::Swallowed => {
                self.counts.swallowed.fetch_add(bytes.len() as u64, Ordering::SeqCst);
                Ok(())
            }
            Way::CutAfter(after) => {
                let left = left.get_or_insert(after);
                let now = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                self.to.write_all(&bytes[..now]).await?;
                *left -= now as u64;
                match *left {
                    0 => Err(io::ErrorKind::ConnectionReset.into()),
                    _ => Ok(()),
                }
            }
            Way::Late(time) => {
                wait(time).await;
                self.to.write_all(bytes).await
            }
            Way::Slow(_) => {
                self.to.write_all(bytes).await?;
                wait(DRIP).await;
                Ok(())
            }
            Way::Open | Way::Stopped => self.to.write_all(bytes).await,
        }
    }

    async fn another_trouble(&mut self) -> io::Result<()> {
        let changed = self.troubles.changed().await;
        changed.map_err(|_| io::ErrorKind::ConnectionAborted.into())
    }
}

/// So many bytes at a time make so many in a second.
fn per_drip(rate: u32) -> usize {
    let a_second = Duration::from_secs(1).as_millis() / DRIP.as_millis();
    let bytes = u128::from(rate) / a_second;
    usize::try_from(bytes).unwrap_or(PIECE).clamp(1, PIECE)
}

/// Real time: what is tested by this are real processes.
pub(super) async fn wait(time: Duration) {
    protocol::Clock::sleep(&clock::SystemClock, time).await;
}
