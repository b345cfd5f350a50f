//! The two letters that stand for a SID (MS-DTYP 2.5.1.1, 2.4.2.4).

use super::Aliases;
use crate::Sid;

/// Aliases that mean the same everywhere: authority and sub-authorities.
const EVERYWHERE: [(&str, u64, &[u32]); 49] = [
    ("WD", 1, &[0]),
    ("CO", 3, &[0]),
    ("CG", 3, &[1]),
    ("OW", 3, &[4]),
    ("NU", 5, &[2]),
    ("IU", 5, &[4]),
    ("SU", 5, &[6]),
    ("AN", 5, &[7]),
    ("ED", 5, &[9]),
    ("PS", 5, &[10]),
    ("AU", 5, &[11]),
    ("RC", 5, &[12]),
    ("SY", 5, &[18]),
    ("LS", 5, &[19]),
    ("NS", 5, &[20]),
    ("WR", 5, &[33]),
    ("BA", 5, &[32, 544]),
    ("BU", 5, &[32, 545]),
    ("BG", 5, &[32, 546]),
    ("PU", 5, &[32, 547]),
    ("AO", 5, &[32, 548]),
    ("SO", 5, &[32, 549]),
    ("PO", 5, &[32, 550]),
    ("BO", 5, &[32, 551]),
    ("RE", 5, &[32, 552]),
    ("RU", 5, &[32, 554]),
    ("RD", 5, &[32, 555]),
    ("NO", 5, &[32, 556]),
    ("MU", 5, &[32, 558]),
    ("LU", 5, &[32, 559]),
    ("IS", 5, &[32, 568]),
    ("CY", 5, &[32, 569]),
    ("ER", 5, &[32, 573]),
    ("CD", 5, &[32, 574]),
    ("RA", 5, &[32, 575]),
    ("ES", 5, &[32, 576]),
    ("MS", 5, &[32, 577]),
    ("HA", 5, &[32, 578]),
    ("AA", 5, &[32, 579]),
    ("RM", 5, &[32, 580]),
    ("UD", 5, &[84, 0, 0, 0, 0, 0]),
    ("AC", 15, &[2, 1]),
    ("LW", 16, &[4096]),
    ("ME", 16, &[8192]),
    ("MP", 16, &[8448]),
    ("HI", 16, &[12288]),
    ("SI", 16, &[16384]),
    ("AS", 18, &[1]),
    ("SS", 18, &[2]),
];

/// Accounts and groups of a domain, by their number in it.
const OF_A_DOMAIN: [(&str, u32); 13] = [
    ("LA", 500),
    ("LG", 501),
    ("DA", 512),
    ("DU", 513),
    ("DG", 514),
    ("DC", 515),
    ("DD", 516),
    ("CA", 517),
    ("PA", 520),
    ("CN", 522),
    ("AP", 525),
    ("KA", 526),
    ("RS", 553),
];

/// Groups of a forest's root domain.
const OF_THE_ROOT: [(&str, u32); 4] = [("RO", 498), ("SA", 518), ("EA", 519), ("EK", 527)];

impl Aliases {
    /// The SID that two letters stand for.
    ///
    /// # Errors
    /// What is wrong with them.
    pub(super) fn read(&self, letters: &str) -> Result<Sid, &'static str> {
        const UNKNOWN: &str = "no security identifier and no alias of one";
        let found = EVERYWHERE.iter().find(|(alias, ..)| *alias == letters);
        if let Some((_, authority, subs)) = found {
            return Sid::of(*authority, subs).map_err(|_| UNKNOWN);
        }
        let number = |table: &[(&str, u32)]| {
            table.iter().find(|(alias, _)| *alias == letters).map(|(_, rid)| *rid)
        };
        let (domain, rid) = match (number(&OF_A_DOMAIN), number(&OF_THE_ROOT)) {
            (Some(rid), _) => (&self.domain, rid),
            (None, Some(rid)) => (&self.root, rid),
            (None, None) => return Err(UNKNOWN),
        };
        let domain =
            domain.as_ref().ok_or("an alias for a domain's group, and no domain is known")?;
        domain.with_rid(rid).map_err(|_| UNKNOWN)
    }

    /// The two letters that stand for a SID, if there are any.
    pub(super) fn of_sid(&self, sid: &Sid) -> Option<&'static str> {
        let (authority, subs) = sid.parts();
        let same = |entry: &&(&str, u64, &[u32])| (entry.1, entry.2) == (authority, subs);
        if let Some((alias, ..)) = EVERYWHERE.iter().find(same) {
            return Some(alias);
        }
        let domain = sid.domain()?;
        let in_domain = |of: &Option<Sid>, table: &[(&'static str, u32)]| {
            let entry = table.iter().find(|(_, rid)| *rid == sid.rid());
            entry.filter(|_| of.as_ref() == Some(&domain)).map(|(alias, _)| *alias)
        };
        in_domain(&self.domain, &OF_A_DOMAIN).or_else(|| in_domain(&self.root, &OF_THE_ROOT))
    }
}
