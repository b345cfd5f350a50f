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
        "update {}, or move the PDC role to a controller that offers it and that the agent can speak TLS with: Windows Server 2016 or newer (2012 and 2012 R2 only with an ECDSA certificate), Samba 4.24 or newer",
        asker.controller
    ))
}

/// The same, or the key of the configuration that allows resets without.
pub(crate) fn newer_or_allowed(asker: &Asker, directory: &str) -> Remedy {
    newer(asker).and_also(&format!(
        "or write `allow_without_policy_control = true` into the configuration of the directory {directory}: history is not enforced then"
    ))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::permissions::tests::domain;

    /// Older ones have no cipher suite for RSA that the agent speaks.
    #[test]
    fn no_controller_is_named_that_the_agent_cannot_talk_to() {
        let note = newer(&domain("", "D:AI").asker).note.unwrap();
        for named in ["Windows Server 2016 or newer", "2012 R2 only with an ECDSA", "Samba 4.24"] {
            assert!(note.contains(named), "{note}");
        }
        assert!(!note.contains("2008"), "{note}");
    }
}
