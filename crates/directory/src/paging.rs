//! That pages have an end, whatever a controller says.
//!
//! Its cookie does not tell: Samba gives the same one with every page. Who is first on a page does, because
//! nobody is there twice.

use crate::DirectoryError;

/// The largest cookie that is taken, in bytes. Windows puts the place in its index into it.
const COOKIE_MAX: usize = 64 * 1024;
/// For how many people there may be pages: more than any domain has, and as many as fit into memory.
const PEOPLE_MAX: u32 = 20_000_000;
/// How many pages without anybody may follow each other: a controller may end one when its time is over.
const EMPTY_MAX: u32 = 100;

/// How far the pages of one search have come.
#[derive(Debug)]
pub(crate) struct Progress {
    pages: u32,
    pages_max: u32,
    empty: u32,
    /// Who was first on the page whose number was the last power of two: pages that go round in a circle,
    /// however large, come by there again.
    mark: Option<Vec<u8>>,
}

impl Progress {
    /// Before the first page, where each may have so many entries.
    pub(crate) const fn of_pages(size: u32) -> Self {
        let pages_max = PEOPLE_MAX / if size == 0 { 1 } else { size };
        Self { pages: 0, pages_max, empty: 0, mark: None }
    }

    /// The cookie with which the next page is asked for, after one on which this entry was the first; none
    /// after the last page.
    ///
    /// # Errors
    /// [`DirectoryError::Lost`] where the pages do not go on, or there are more than anybody has people.
    pub(crate) fn after(
        &mut self,
        first: Option<Vec<u8>>,
        cookie: Vec<u8>,
    ) -> Result<Option<Vec<u8>>, DirectoryError> {
        if cookie.is_empty() {
            return Ok(None);
        }
        if cookie.len() > COOKIE_MAX {
            return Err(lost("a cookie without measure"));
        }
        self.pages += 1;
        self.empty = if first.is_some() { 0 } else { self.empty + 1 };
        if self.pages > self.pages_max || self.empty > EMPTY_MAX {
            return Err(lost("the pages have no end"));
        }
        if first.is_some() {
            if first == self.mark {
                return Err(lost("the pages begin anew"));
            }
            if self.mark.is_none() || self.pages.is_power_of_two() {
                self.mark = first;
            }
        }
        Ok(Some(cookie))
    }
}

fn lost(problem: &str) -> DirectoryError {
    DirectoryError::Lost { cause: format!("reading people: {problem}") }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// After how many pages it is over, where each page's first entry is what `first` makes of its
    /// number; and how.
    fn ends(first: impl Fn(u32) -> Option<u32>, last: u32) -> (u32, Result<(), String>) {
        let mut progress = Progress::of_pages(1_000);
        for page in 1.. {
            let cookie = if page == last { Vec::new() } else { b"1\0".to_vec() };
            let first = first(page).map(|first| first.to_le_bytes().to_vec());
            match progress.after(first, cookie) {
                Ok(Some(_)) => {}
                Ok(None) => return (page, Ok(())),
                Err(error) => return (page, Err(error.to_string())),
            }
        }
        unreachable!()
    }

    #[test]
    fn many_pages_with_the_same_cookie_are_read_to_their_end() {
        assert_eq!(ends(Some, 15_000), (15_000, Ok(())));
        // Some of them empty.
        let some = |page| (page % 50 == 0).then_some(page);
        assert_eq!(ends(some, 15_000), (15_000, Ok(())));
    }

    #[test]
    fn pages_that_go_round_in_a_circle_are_an_error_soon_after_the_circle_is_closed() {
        for (before, round) in [(0, 1), (0, 2), (0, 7), (5, 1), (100, 30), (3, 1_000)] {
            let first = |page| Some(if page <= before { page } else { before + page % round });
            let (pages, end) = ends(first, u32::MAX);
            assert!(end.unwrap_err().contains("begin anew"), "{before} {round}");
            assert!(pages <= 4 * (before + round) + 1, "{before} {round}: {pages}");
        }
    }

    #[test]
    fn pages_without_end_are_an_error() {
        assert_eq!(ends(Some, u32::MAX).0, 20_001);
        assert_eq!(ends(|_| None, u32::MAX).0, EMPTY_MAX + 1);
        // The smaller they are, the more.
        assert_eq!(Progress::of_pages(1).pages_max, PEOPLE_MAX);
        assert_eq!(Progress::of_pages(0).pages_max, PEOPLE_MAX);
    }

    #[test]
    fn a_cookie_without_measure_is_an_error() {
        let after = |size| Progress::of_pages(500).after(Some(vec![1]), vec![0; size]);
        assert!(after(COOKIE_MAX).is_ok_and(|next| next.is_some()));
        assert!(after(COOKIE_MAX + 1).is_err());
    }
}
