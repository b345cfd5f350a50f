//! What is wrong on the way to the directory, as the one line that is told of it.

use directory::{DirectoryError, LdapDirectory};

use super::{Line, role};
use crate::permissions::{Remedy, to_be_let_in};
use crate::settings::DirectorySettings;

/// Why nobody's password can be set: the error, unless the role of PDC emulator has moved, which the
/// other controllers are asked about.
pub(crate) async fn fault(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    error: &DirectoryError,
) -> Line {
    let plain = || Line::stopping(error.to_string());
    match error {
        DirectoryError::BindRefused { refusal, .. } => {
            plain().with(Remedy::note(to_be_let_in(*refusal)))
        }
        // What one controller is like says nothing of another one, nor of who holds the role.
        DirectoryError::PdcUnreachable { .. }
        | DirectoryError::Lost { .. }
        | DirectoryError::Certificate { .. }
        | DirectoryError::Unfit { .. } => {
            let role = role::ask(settings, directory).await;
            role.moved(error).unwrap_or_else(plain)
        }
        _ => plain(),
    }
}
