//! Bounds that both sides hold to, each with its source.

use std::time::Duration;

/// The smaller of the two areas that a password is padded to, in bytes. SPEC K-1.
pub const AREA_SMALL: usize = 384;
/// The larger of the two areas, in bytes. SPEC K-1.
pub const AREA_LARGE: usize = 1_152;
/// The largest package around the small area, in bytes. SPEC K-1.
pub const PACKAGE_SMALL_MAX: usize = 1_000;
/// The largest package of all, in bytes. SPEC K-1; PR-7 allows 2 KiB for a message.
pub const PACKAGE_MAX: usize = 1_800;
/// The largest inner structure, in bytes: [`PACKAGE_MAX`] less header and outer layer.
pub const INNER_MAX: usize = 1_600;
/// The area that every answer is padded to, in bytes, so that its size does not tell the relay
/// what happened (SPEC K-2). An answer takes 68 bytes at most today; the rest is for longer names
/// and more details, since another size would be another format.
pub const ANSWER_AREA: usize = 160;
/// The largest answer, in bytes. SPEC PR-7: "normally below 1 KiB and never above 2".
pub const ANSWER_MAX: usize = 2_048;
/// The most UTF-16 code units in a password. SPEC K-1.
pub const PASSWORD_UNITS_MAX: usize = 256;
/// How old a message may be at most when it is applied, all tolerances included. SPEC W-11.
pub const AGE_MAX: Duration = Duration::from_secs(5 * 60);
/// How long a message may live at most, from its issue to its expiry: an agent whose clock is as far
/// behind as it may be takes it until it is [`AGE_MAX`] old.
pub const LIFETIME_MAX: Duration =
    Duration::from_secs(AGE_MAX.as_secs() - CLOCK_DIFFERENCE_MAX.as_secs());
/// How long a message lives unless configured otherwise. SPEC W-11.
pub const LIFETIME_DEFAULT: Duration = Duration::from_secs(3 * 60);
/// How far the clocks of cloud and agent may differ. SPEC W-11.
pub const CLOCK_DIFFERENCE_MAX: Duration = Duration::from_secs(120);
/// How long a controller may still work on a modify after it was sent (AD's `MaxQueryDuration`
/// is 120 s for searches; the agent's own time limit on a set is this). THREATS I4, DESIGN
/// "dispatcher and journal": *unchanged* counts only after it.
pub const SET_TIME_LIMIT: Duration = Duration::from_secs(20);
/// The longest cloudAnchor, in bytes.
pub const CLOUD_ANCHOR_MAX: usize = 64;
/// The longest sourceAnchor, in bytes. SPEC Y-3: base64 of a GUID is 24.
pub const SOURCE_ANCHOR_MAX: usize = 64;
/// The most nodes that a cloud service names to its agents. With [`NODE_NAME_MAX`] they leave the
/// answer to a heartbeat below the 2 KiB of SPEC PR-7.
pub const NODES_MAX: usize = 8;
/// The longest name of a node, in bytes.
pub const NODE_NAME_MAX: usize = 128;
