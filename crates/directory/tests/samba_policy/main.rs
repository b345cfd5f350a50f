//! The checker and the elimination against a real Active Directory (SPEC D-8): what the checker
//! rejects, Samba rejects; what Samba rejects, the elimination names.
//!
//! Samba derives Kerberos keys before it looks at a password, so that a refusal costs as much as a
//! set: 48 ms of a core, and 3,000 of them more than a minute. So these tests start a controller of
//! their own whose keys are derived faster (`LabOptions::fast`; the keys and everything else are
//! the same) and ask it everything, over LDAPS, with the agent's own client: 500 passwords under
//! each of six policies, and every letter that has a case. Nothing is asked of Samba's code by
//! other ways. Which policy counts, and the minimum age, are shown at the lab's own controller.
//!
//! Samba's texts name the rule, which Windows does not do; they are read here and nowhere else.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    dead_code,
    missing_docs,
    unreachable_pub,
    reason = "a test reports a broken expectation by panicking; its modules are private"
)]

mod drawn;
mod lived;
#[path = "../world/mod.rs"]
mod world;

mod ages;
mod letters;
mod property;
mod resultant;

use std::sync::atomic::AtomicBool;
use std::time::Duration;

use lab::{Forest, Lab, LabOptions, Watch};

/// A controller of one's own that refuses and sets ten times faster.
fn fast_lab() -> Lab {
    let stop = AtomicBool::new(false);
    let watch = Watch { progress: &|_| {}, stop: &stop };
    Lab::start_with(&LabOptions { fast: true, ..LabOptions::default() }, watch).unwrap()
}

/// A fine-grained policy.
struct Settings {
    minimum_length: u32,
    complexity: bool,
    history_length: u32,
    minimum_age: Duration,
    precedence: u32,
}

impl Settings {
    /// Asks for nothing.
    const LAX: Self = Self {
        minimum_length: 0,
        complexity: false,
        history_length: 0,
        minimum_age: Duration::ZERO,
        precedence: 20,
    };

    /// Makes it, for accounts or groups by their distinguished names; its own.
    fn add(&self, forest: &Forest, name: &str, applies_to: &[&str]) -> String {
        let negative = |span: Duration| format!("-{}", span.as_nanos() / 100);
        let dn = format!("CN={name},CN=Password Settings Container,CN=System,{}", forest.base_dn);
        let mut ldif = format!("dn: {dn}\nchangetype: add\nobjectClass: msDS-PasswordSettings\n");
        let complexity = if self.complexity { "TRUE" } else { "FALSE" };
        for (attribute, value) in [
            ("msDS-PasswordSettingsPrecedence", self.precedence.to_string()),
            ("msDS-PasswordReversibleEncryptionEnabled", "FALSE".to_owned()),
            ("msDS-PasswordComplexityEnabled", complexity.to_owned()),
            ("msDS-PasswordHistoryLength", self.history_length.to_string()),
            ("msDS-MinimumPasswordLength", self.minimum_length.to_string()),
            ("msDS-MinimumPasswordAge", negative(self.minimum_age)),
            ("msDS-MaximumPasswordAge", negative(Duration::from_secs(42 * 86_400))),
            ("msDS-LockoutThreshold", "3".to_owned()),
            ("msDS-LockoutObservationWindow", negative(Duration::from_secs(600))),
            ("msDS-LockoutDuration", negative(Duration::from_secs(900))),
        ] {
            ldif.push_str(&format!("{attribute}: {value}\n"));
        }
        for one in applies_to {
            ldif.push_str(&format!("msDS-PSOAppliesTo: {one}\n"));
        }
        forest.modify(&ldif).unwrap();
        dn
    }
}
