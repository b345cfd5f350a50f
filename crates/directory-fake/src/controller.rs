//! The domain's controllers: who they are, what they offer, whether they answer.

use directory::{DistinguishedName, PolicyControl};

/// A domain controller.
#[derive(Debug, Clone)]
pub(crate) struct Controller {
    /// The first label of its DNS name.
    pub(crate) name: String,
    /// Its DNS name.
    pub(crate) host: String,
    /// Its NTDS Settings object.
    pub(crate) settings: DistinguishedName,
    pub(crate) offers: PolicyControls,
    pub(crate) up: bool,
    /// Which run of it this is: connections of an earlier run have ended.
    pub(crate) run: u64,
}

/// Under which numbers a controller offers the policy-hints control.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PolicyControls {
    /// Under both.
    Both,
    /// Under 1.2.840.113556.1.4.2066 only: Windows Server 2008 R2.
    DeprecatedOnly,
    /// Not at all: Samba before 4.24.
    None,
}

/// Paged results (RFC 2696) and SD flags (MS-ADTS 3.1.1.3.4.1.11).
const ALWAYS: [&str; 2] = ["1.2.840.113556.1.4.319", "1.2.840.113556.1.4.801"];

impl Controller {
    /// `supportedControl`.
    pub(crate) fn controls(&self) -> Vec<&'static str> {
        let mut controls = ALWAYS.to_vec();
        match self.offers {
            PolicyControls::Both => {
                controls.extend([PolicyControl::Current.oid(), PolicyControl::Deprecated.oid()]);
            }
            PolicyControls::DeprecatedOnly => controls.push(PolicyControl::Deprecated.oid()),
            PolicyControls::None => {}
        }
        controls
    }
}
