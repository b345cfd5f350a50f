//! Whether a reset would obey the whole policy where it is set (SPEC D-2).

use directory::{Asker, PolicyControl};

use super::Remedy;

/// That a controller offers no policy-hints control, in one line.
pub(crate) fn no_control(asker: &Asker) -> String {
    let oids = [PolicyControl::Current, PolicyControl::Deprecated].map(PolicyControl::oid);
    format!("{} offers no policy-hints control ({})", asker.controller, oids.join(" or "))
}

/// Gets a controller that enforces history.
pub(crate) fn newer(asker: &Asker) -> Remedy {
    Remedy::note(format!(
        "update {}, or move the PDC role to a controller that offers it: Windows Server 2008 R2 SP1 with updates or newer, Samba 4.24 or newer",
        asker.controller
    ))
}

/// The same, or the key of the configuration that allows resets without.
pub(crate) fn newer_or_allowed(asker: &Asker, directory: &str) -> Remedy {
    newer(asker).and_also(&format!(
        "or write `allow_without_policy_control = true` into the configuration of the directory {directory}: history is not enforced then"
    ))
}
