//! What the intake keeps in memory of requests, and what goes with the process.

use std::sync::Mutex;

use super::in_hand::InHand;
use super::reasons::Reasons;
use crate::audit::AtWill;

/// All of it; nothing at the beginning.
#[derive(Default)]
pub(crate) struct Memory {
    /// Why requests were not begun.
    pub(super) not_begun: Reasons,
    /// What audit is told of what the relay can have written at will.
    pub(super) at_will: Mutex<AtWill>,
    /// The same of ends: how something ended is told to nobody before audit has it, so nothing else takes their
    /// room. Held while one is written.
    pub(super) ends: tokio::sync::Mutex<AtWill>,
    /// Which requests are carried out here.
    pub(super) in_hand: InHand,
}
