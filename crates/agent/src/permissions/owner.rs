//! Who owns an object, and what comes of that: an owner may read and change who has which rights on it,
//! unless entries for Owner Rights say what the owner may do (MS-DTYP 2.5.3.2).

use directory::Sid;
use directory::security::{Requester, SecurityDescriptor, Target, Wanted, mask};
use serde_json::{Value, json};

use super::Names;

/// The owner of an object, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Owned {
    /// The owner.
    pub(crate) owner: Sid,
    /// Entries for Owner Rights say what the owner may do.
    pub(crate) owner_rights: bool,
    /// There are such entries, and the controller passes them over, as Samba does.
    pub(crate) owner_rights_passed_over: bool,
    /// The service account is the owner, or in the group that is.
    pub(crate) by_account: bool,
    /// The service account may change who has which rights there, as the owner or by an entry: more
    /// than it needs (SPEC D-12).
    pub(crate) may_change_rights: bool,
}

impl Owned {
    /// None where the owner is hidden.
    pub(crate) fn of(
        descriptor: &SecurityDescriptor,
        who: &Requester,
        target: &Target<'_>,
    ) -> Option<Self> {
        let owner = descriptor.owner.clone()?;
        let change = Wanted::Whole(mask::WRITE_DACL);
        let (there, heeded) = (descriptor.has_owner_rights(), who.heeds_owner_rights());
        Some(Self {
            owner_rights: there && heeded,
            owner_rights_passed_over: there && !heeded,
            by_account: who.is(&owner),
            may_change_rights: descriptor.effective(change, who, target).is_granted(),
            owner,
        })
    }

    /// In one line, without its subject.
    pub(crate) fn text(&self, account: &str, names: &Names) -> String {
        let mut text = format!("owned by {}", names.of(&self.owner));
        if self.owner_rights {
            text.push_str(", whose rights as the owner are those of the entries for Owner Rights");
        }
        if self.owner_rights_passed_over {
            text.push_str(" (there are entries for Owner Rights, which Samba passes over)");
        }
        if self.may_change_rights {
            let by = if self.by_account && !self.owner_rights { ", by which " } else { "; " };
            text.push_str(&format!(
                "{by}{account} may change who has which rights there: more than it needs"
            ));
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self, names: &Names) -> Value {
        json!({
            "name": names.of(&self.owner),
            "sid": self.owner.to_string(),
            "is_account": self.by_account,
            "owner_rights": self.owner_rights,
            "owner_rights_passed_over": self.owner_rights_passed_over,
            "account_may_change_rights": self.may_change_rights,
        })
    }
}
