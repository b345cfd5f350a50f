//! The filters that are supported (RFC 7644, 3.4.2.2): `attribute eq "value"` on two attributes.

/// A filter.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Filter {
    /// By the name that the person signs in with.
    UserName(String),
    /// By the sourceAnchor.
    ExternalId(String),
}

impl Filter {
    /// Reads a filter; `None` for what is not supported.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let mut words = text.trim().splitn(3, ' ');
        let (attribute, operator, value) = (words.next()?, words.next()?, words.next()?);
        // The value is a JSON string.
        let value: String = serde_json::from_str(value.trim()).ok()?;
        if !operator.eq_ignore_ascii_case("eq") {
            return None;
        }
        match attribute.to_ascii_lowercase().as_str() {
            "username" => Some(Self::UserName(value)),
            "externalid" => Some(Self::ExternalId(value)),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equality_on_two_attributes_is_read() {
        let name = Filter::parse(r#"userName eq "anna \"a\" d""#);
        assert_eq!(name, Some(Filter::UserName("anna \"a\" d".into())));
        let anchor = Filter::parse(r#"EXTERNALID EQ "YQ==""#);
        assert_eq!(anchor, Some(Filter::ExternalId("YQ==".into())));
        for other in ["", "userName", "userName co \"a\"", "active eq true", "userName eq a"] {
            assert_eq!(Filter::parse(other), None, "{other}");
        }
    }
}
