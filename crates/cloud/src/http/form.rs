//! Posted forms, read strictly: a field that is asked for stands there exactly once, so that no
//! two readers of a request can disagree about its value.

use bytes::Bytes;
use zeroize::{Zeroize as _, Zeroizing};

/// The fields of a form. Values are wiped when dropped.
pub(super) struct Form(Vec<(String, Zeroizing<String>)>);

impl Form {
    /// Reads `application/x-www-form-urlencoded` and wipes the bytes where they are ours alone.
    pub(super) fn read(body: Bytes) -> Self {
        let fields = url::form_urlencoded::parse(&body)
            .map(|(name, value)| (name.into_owned(), Zeroizing::new(value.into_owned())))
            .collect();
        if let Ok(mut ours) = body.try_into_mut() {
            ours.as_mut().zeroize();
        }
        Self(fields)
    }

    /// The value of the field, if it stands there exactly once.
    pub(super) fn only(&self, name: &str) -> Option<&str> {
        let mut found = self.0.iter().filter(|(field, _)| field == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repeated_field_has_no_value() {
        let form = Form::read(Bytes::from_static(b"login=a&login=b&code=1%202&x[]=3"));
        assert_eq!(form.only("login"), None);
        assert_eq!(form.only("code"), Some("1 2"));
        assert_eq!(form.only("x"), None);
    }
}
