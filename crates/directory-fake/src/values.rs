//! The values that an object holds, by attribute.

use std::collections::{BTreeMap, BTreeSet};

/// Attributes with their values. Names have no case.
#[derive(Debug, Clone, Default)]
pub(crate) struct Values(BTreeMap<String, Vec<Vec<u8>>>);

impl Values {
    /// Gives the attribute one value and no other.
    pub(crate) fn put(&mut self, name: &str, value: impl Into<Vec<u8>>) {
        self.replace(name, vec![value.into()]);
    }

    /// Gives the attribute these values and no others; none removes it.
    pub(crate) fn replace(&mut self, name: &str, values: Vec<Vec<u8>>) {
        let name = name.to_ascii_lowercase();
        if values.is_empty() {
            self.0.remove(&name);
        } else {
            self.0.insert(name, values);
        }
    }

    /// Adds a value; false if it is there already.
    pub(crate) fn add(&mut self, name: &str, value: Vec<u8>) -> bool {
        let values = self.0.entry(name.to_ascii_lowercase()).or_default();
        let new = !values.contains(&value);
        if new {
            values.push(value);
        }
        new
    }

    /// Takes a value away; false if it is not there.
    pub(crate) fn remove(&mut self, name: &str, value: &[u8]) -> bool {
        let mut values = self.all(name).to_vec();
        let before = values.len();
        values.retain(|one| one != value);
        let removed = values.len() < before;
        if removed {
            self.replace(name, values);
        }
        removed
    }

    /// All values.
    pub(crate) fn all(&self, name: &str) -> &[Vec<u8>] {
        self.0.get(&name.to_ascii_lowercase()).map_or(&[], Vec::as_slice)
    }

    /// The first value as text.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        str::from_utf8(self.all(name).first()?).ok()
    }

    /// The first value as a number.
    pub(crate) fn number(&self, name: &str) -> Option<i64> {
        self.text(name)?.parse().ok()
    }

    /// Takes these attributes away.
    pub(crate) fn forget(&mut self, names: &[&str]) {
        names.iter().for_each(|name| self.replace(name, Vec::new()));
    }

    /// The attributes whose values are others than they were, by name in lower case.
    pub(crate) fn changed_since(&self, before: &Self) -> Vec<String> {
        let known = self.0.keys().chain(before.0.keys());
        let changed: BTreeSet<&String> =
            known.filter(|name| self.0.get(*name) != before.0.get(*name)).collect();
        changed.into_iter().cloned().collect()
    }

    /// Every attribute that has a value, by name in lower case.
    pub(crate) fn iter(&self) -> impl Iterator<Item = (&str, &[Vec<u8>])> {
        self.0.iter().map(|(name, values)| (name.as_str(), values.as_slice()))
    }
}
