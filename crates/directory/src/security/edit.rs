//! Entries put where they belong, and taken away again: both do nothing where there is nothing to do,
//! and neither touches another entry.

use super::{Ace, Acl};

impl Acl {
    /// Puts an entry in its place: the object's own denials, its own grants, inherited denials,
    /// inherited grants (MS-DTYP 2.4.5, MS-ADTS 6.1.3.1), behind those of its own group. In a list
    /// that is not in this order, it stands before the first one that should be behind it. Says
    /// whether it is new: the same entry is not put there twice.
    pub fn add(&mut self, entry: Ace) -> bool {
        if self.entries.contains(&entry) {
            return false;
        }
        let rank = entry.rank();
        let behind = self.entries.iter().position(|other| other.rank() > rank);
        self.entries.insert(behind.unwrap_or(self.entries.len()), entry);
        true
    }

    /// Takes away an entry, every copy of it; one that differs in anything stays. Says whether it was
    /// there.
    pub fn remove(&mut self, entry: &Ace) -> bool {
        let before = self.entries.len();
        self.entries.retain(|other| other != entry);
        self.entries.len() < before
    }

    /// Whether the entries stand in their order: then a denial beats a grant of the same level, and
    /// the object's own entries beat what it inherits.
    pub fn is_canonical(&self) -> bool {
        self.entries.is_sorted_by_key(Ace::rank)
    }
}

impl Ace {
    /// Which group of a list in its order it belongs to.
    fn rank(&self) -> u8 {
        match (self.is_inherited(), self.denies()) {
            (false, true) => 0,
            (false, false) => 1,
            (true, true) => 2,
            (true, false) => 3,
        }
    }
}

#[cfg(test)]
mod tests;
