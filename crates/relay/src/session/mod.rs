//! What the messages of one control channel mean, without any socket: the relay's side in
//! [`asking`], the listener's in [`answering`]; and those of a [`rendezvous`]. All are driven by
//! whoever owns the socket.

pub(crate) mod answering;
pub(crate) mod asking;
pub(crate) mod rendezvous;

use crate::close::Close;
use crate::frame::FrameError;

impl From<FrameError> for Close {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::Malformed => Self::MALFORMED,
            FrameError::TooBig => Self::TOO_BIG,
        }
    }
}
