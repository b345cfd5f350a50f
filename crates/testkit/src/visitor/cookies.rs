//! Cookies of one host (RFC 6265), as far as these pages use them.

use std::collections::BTreeMap;

/// What the host has set, by name and path.
#[derive(Debug, Clone, Default)]
pub(super) struct Cookies(BTreeMap<(String, String), String>);

impl Cookies {
    /// Takes a `Set-Cookie` header; an age of nothing removes.
    pub(super) fn store(&mut self, header: &str) {
        let mut parts = header.split(';').map(str::trim);
        let Some((name, value)) = parts.next().and_then(|pair| pair.split_once('=')) else {
            return;
        };
        let mut path = "/".to_owned();
        let mut gone = false;
        for (attribute, value) in parts.filter_map(|part| part.split_once('=')) {
            match attribute.to_ascii_lowercase().as_str() {
                "path" => value.clone_into(&mut path),
                "max-age" => gone = value.parse().is_ok_and(|seconds: i64| seconds <= 0),
                _ => {}
            }
        }
        let key = (name.to_owned(), path);
        if gone {
            self.0.remove(&key);
        } else {
            self.0.insert(key, value.to_owned());
        }
    }

    /// The `Cookie` header for a path, if any belongs there.
    pub(super) fn header(&self, path: &str) -> Option<String> {
        let belongs = |scope: &str| {
            path.strip_prefix(scope).is_some_and(|rest| {
                rest.is_empty() || scope.ends_with('/') || rest.starts_with(['/', '?'])
            })
        };
        let ours = self.0.iter().filter(|((_, scope), _)| belongs(scope));
        let pairs: Vec<String> = ours.map(|((name, _), value)| format!("{name}={value}")).collect();
        (!pairs.is_empty()).then(|| pairs.join("; "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_cookie_goes_back_where_it_belongs_until_it_is_gone() {
        let mut cookies = Cookies::default();
        cookies.store("flow=abc; Path=/t/a/reset; Max-Age=900; Secure; HttpOnly");
        cookies.store("language=nl; Path=/; Secure");
        assert_eq!(cookies.header("/t/a/reset/code").unwrap(), "flow=abc; language=nl");
        assert_eq!(cookies.header("/t/a/reset").unwrap(), "flow=abc; language=nl");
        assert_eq!(cookies.header("/t/a/resetting").unwrap(), "language=nl");
        cookies.store("flow=new; Path=/t/a/reset");
        assert_eq!(cookies.header("/t/a/reset").unwrap(), "flow=new; language=nl");
        cookies.store("flow=; Path=/t/a/reset; Max-Age=0");
        cookies.store("language=; Path=/; Max-Age=0");
        assert_eq!(cookies.header("/t/a/reset"), None);
    }
}
