//! Attributes with so many values that a controller hands them out in parts (MS-ADTS 3.1.1.3.1.3.3).
//!
//! Asked for `member`, it answers with `member;range=0-1499`; asked for `member;range=1500-*`, with
//! the next part, and at the end with one whose last number is a star.

use std::time::Duration;

use tokio::time::timeout;

use crate::attributes::{Attributes, Entry};
use crate::search::{FOUND_MAX, Search};
use crate::session::Session;
use crate::{DirectoryError, search};

/// How many values of one attribute are put together; their size is bounded by [`FOUND_MAX`] too. AD
/// itself recommends no more members of a group than that.
const VALUES_MAX: usize = 1_000_000;

/// Which part of an attribute came.
#[derive(Debug, PartialEq, Eq)]
struct Part {
    attribute: String,
    from: usize,
    /// The last one; none where this is the end.
    to: Option<usize>,
}

impl Part {
    /// Reads `name;range=FROM-TO`; none for an attribute that is whole.
    fn of(name: &str) -> Option<Self> {
        let (attribute, range) = name.split_once(";range=")?;
        let (from, to) = range.split_once('-')?;
        let to = if to == "*" { None } else { Some(to.parse().ok()?) };
        Some(Self { attribute: attribute.to_owned(), from: from.parse().ok()?, to })
    }

    fn first_in(attributes: &Attributes) -> Option<(String, Self)> {
        attributes.iter().find_map(|(name, _)| Some((name.to_owned(), Self::of(name)?)))
    }
}

/// Whether an attribute came in parts, so that [`Session::complete`] has something to do.
pub(crate) fn is_in_parts(attributes: &Attributes) -> bool {
    Part::first_in(attributes).is_some()
}

impl Session {
    /// Fetches what is missing of attributes that came in parts from the object that a request calls
    /// `base`, and gives them their plain names. All of it takes at most `limit`.
    ///
    /// # Errors
    /// [`DirectoryError::TooMuch`] beyond a million values or 64 MiB; [`DirectoryError::Lost`] where
    /// the parts do not follow each other.
    pub(crate) async fn complete(
        &self,
        entry: &mut Entry,
        base: &str,
        limit: Duration,
    ) -> Result<(), DirectoryError> {
        let all = async {
            while let Some((name, part)) = Part::first_in(&entry.attributes) {
                let values = entry.attributes.take(&name);
                let attribute = part.attribute.clone();
                let values = self.rest(base, part, values, limit).await?;
                entry.attributes.extend(&attribute, values);
            }
            Ok(())
        };
        let late = |_| DirectoryError::Lost { cause: "the parts did not come in time".to_owned() };
        timeout(limit, all).await.map_err(late)?
    }

    async fn rest(
        &self,
        base: &str,
        part: Part,
        mut values: Vec<Vec<u8>>,
        limit: Duration,
    ) -> Result<Vec<Vec<u8>>, DirectoryError> {
        let (attribute, mut last, mut from) = (part.attribute, part.to, part.from);
        let mut size: usize = values.iter().map(Vec::len).sum();
        while let Some(to) = last {
            if values.len() > VALUES_MAX || size > FOUND_MAX {
                let limit = format!("{VALUES_MAX} values, {FOUND_MAX} bytes");
                return Err(DirectoryError::TooMuch { attribute, limit });
            }
            // Anything else would go on for ever, or leave a hole.
            let next = to.checked_add(1).filter(|_| to >= from).ok_or_else(|| torn(&attribute))?;
            let wanted = format!("{attribute};range={next}-*");
            let asked = Search::object(base.to_owned(), &[]);
            let asked = Search { attributes: &[&wanted], ..asked };
            let found = search::search(&self.connection, asked, limit).await?.into_iter().next();
            let Some(mut found) = found else { return Err(torn(&attribute)) };
            // Nothing: the rest was taken away in the meantime.
            let Some((name, part)) = Part::first_in(&found.attributes) else { break };
            if part.from != next || part.attribute != attribute {
                return Err(torn(&attribute));
            }
            let more = found.attributes.take(&name);
            if more.is_empty() && part.to.is_some() {
                return Err(torn(&attribute));
            }
            size += more.iter().map(Vec::len).sum::<usize>();
            values.extend(more);
            (from, last) = (next, part.to);
        }
        Ok(values)
    }
}

fn torn(attribute: &str) -> DirectoryError {
    let cause = format!("the parts of {attribute} do not follow each other");
    DirectoryError::Lost { cause }
}

#[cfg(test)]
#[path = "range_tests.rs"]
mod tests;
