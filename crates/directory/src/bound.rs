//! Whom a controller takes the bound account for.

use std::sync::Arc;

use crate::Sid;
use crate::security::Requester;

/// The SIDs of the bound account's token: its own, and those of all its groups.
///
/// Which of them is the account's own is not said, and nothing documents an order (`tokenGroups` of the
/// rootDSE, MS-ADTS 3.1.1.3.2). It need not be known: no other account has any of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundAs(Arc<[Sid]>);

impl BoundAs {
    /// The token with these SIDs; none if it is nobody's, because no SID of a domain is among them.
    pub fn of(sids: impl IntoIterator<Item = Sid>) -> Option<Self> {
        let sids: Arc<[Sid]> = sids.into_iter().collect();
        sids.iter().any(|sid| sid.domain().is_some()).then_some(Self(sids))
    }

    /// Everything by which an entry can be about it.
    pub fn requester(&self) -> Requester {
        let (own, others) = (self.0.first().cloned(), self.0.iter().skip(1).cloned());
        match own {
            Some(own) => Requester::account(own, others),
            None => Requester::exactly([]),
        }
    }

    /// Whether the account with this SID is the one that is bound.
    pub fn is(&self, account: &Sid) -> bool {
        self.0.contains(account)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(sids: &[&str]) -> Option<BoundAs> {
        BoundAs::of(sids.iter().map(|sid| sid.parse().unwrap()))
    }

    #[test]
    fn the_account_is_known_wherever_in_the_token_it_stands() {
        let own: Sid = "S-1-5-21-1-2-3-1104".parse().unwrap();
        let (group, everyone) = ("S-1-5-21-1-2-3-513", "S-1-1-0");
        for sids in [
            ["S-1-5-21-1-2-3-1104", group, everyone],
            [group, "S-1-5-21-1-2-3-1104", everyone],
            [everyone, group, "S-1-5-21-1-2-3-1104"],
        ] {
            let bound = token(&sids).unwrap();
            assert!(bound.is(&own), "{sids:?}");
            assert!(!bound.is(&"S-1-5-21-1-2-3-1105".parse().unwrap()), "{sids:?}");
            assert!(!bound.is(&"S-1-5-21-9-2-3-1104".parse().unwrap()), "{sids:?}");
        }
    }

    #[test]
    fn a_token_without_a_sid_of_a_domain_is_nobodys() {
        // Anonymous, Everyone, a built-in group.
        for sids in [&[][..], &["S-1-5-7", "S-1-1-0"], &["S-1-5-32-545"]] {
            assert_eq!(token(sids), None, "{sids:?}");
        }
    }
}
