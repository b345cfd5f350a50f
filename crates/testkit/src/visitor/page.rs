//! A page as a script reads it: `<main data-…>`, hidden fields, text (INTERFACES "Pages without a
//! browser").

use std::collections::BTreeMap;

use hyper::header::HeaderMap;

/// An answered page.
#[derive(Debug, Clone)]
pub struct Page {
    /// The status of the last answer.
    pub status: u16,
    /// Where it was found, after redirects.
    pub path: String,
    /// `data-step`.
    pub step: String,
    /// `data-outcome`, a stable name, or nothing.
    pub outcome: String,
    /// `data-number`.
    pub number: String,
    /// `data-changed`: yes, no, unknown, or nothing.
    pub changed: String,
    /// `data-support-code`.
    pub support_code: String,
    /// Hidden fields by name.
    pub fields: BTreeMap<String, String>,
    /// What stands on the page, without tags.
    pub text: String,
    /// The answer's headers, in the order in which they came.
    pub headers: Vec<(String, String)>,
    /// The page itself.
    pub html: String,
}

impl Page {
    pub(super) fn read(status: u16, path: String, headers: &HeaderMap, html: String) -> Self {
        let main = tags(&html, "main").next().map(attributes).unwrap_or_default();
        let value = |name: &str| main.get(name).cloned().unwrap_or_default();
        let hidden = tags(&html, "input").map(attributes);
        let hidden = hidden.filter(|input| input.get("type").is_some_and(|kind| kind == "hidden"));
        let fields = hidden.filter_map(|mut input| {
            Some((input.remove("name")?, input.remove("value").unwrap_or_default()))
        });
        let headers = headers.iter().map(|(name, value)| {
            (name.to_string(), String::from_utf8_lossy(value.as_bytes()).into_owned())
        });
        Self {
            status,
            path,
            step: value("data-step"),
            outcome: value("data-outcome"),
            number: value("data-number"),
            changed: value("data-changed"),
            support_code: value("data-support-code"),
            fields: fields.collect(),
            text: text(&html),
            headers: headers.collect(),
            html,
        }
    }
}

/// What stands in the start tags of that name. No attribute of our pages holds a raw `>`.
fn tags<'a>(html: &'a str, name: &'a str) -> impl Iterator<Item = &'a str> {
    html.split('<').filter_map(move |part| {
        let rest = part.strip_prefix(name)?;
        let (inside, _) = rest.split_once('>')?;
        (inside.is_empty() || inside.starts_with(char::is_whitespace)).then_some(inside)
    })
}

/// Attributes in double quotes; one without a value is there with an empty one.
fn attributes(mut inside: &str) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    loop {
        inside = inside.trim_start();
        let end = inside.find(|at: char| at == '=' || at.is_whitespace()).unwrap_or(inside.len());
        if end == 0 {
            return found;
        }
        let (name, rest) = inside.split_at(end);
        let quoted = rest.strip_prefix("=\"").and_then(|rest| rest.split_once('"'));
        let (value, rest) = quoted.unwrap_or(("", rest.trim_start_matches('=')));
        found.insert(name.to_owned(), unescaped(value));
        inside = rest;
    }
}

fn text(html: &str) -> String {
    let (_, body) = html.split_once("<body").unwrap_or(("", html));
    let pieces = body.split('<').filter_map(|part| part.split_once('>')).map(|(_, text)| text);
    let text = unescaped(&pieces.collect::<Vec<_>>().join(" "));
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn unescaped(text: &str) -> String {
    let mut parts = text.split('&');
    let mut plain = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let character = part.split_once(';').and_then(|(name, rest)| Some((entity(name)?, rest)));
        match character {
            Some((character, rest)) => {
                plain.push(character);
                plain.push_str(rest);
            }
            None => {
                plain.push('&');
                plain.push_str(part);
            }
        }
    }
    plain
}

fn entity(name: &str) -> Option<char> {
    match name {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        _ => {
            let digits = name.strip_prefix('#')?;
            let number = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => u32::from_str_radix(digits, 16),
                None => digits.parse(),
            };
            char::from_u32(number.ok()?)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HTML: &str = r#"<!doctype html><html><head><title>T</title></head><body>
<main data-step="code" data-outcome="code_wrong" data-number="34020" data-changed="no" data-support-code="PB-1">
<h1>Tom &#38; Zo&#xEB; &lt;x&gt;</h1>
<form><input type="hidden" name="flow" value="a&quot;b"><input name="code" required></form>
</main></body></html>"#;

    #[test]
    fn a_page_is_read_by_its_attributes_fields_and_text() {
        let page = Page::read(200, "/x".to_owned(), &HeaderMap::new(), HTML.to_owned());
        let read = [&page.step, &page.outcome, &page.number, &page.changed, &page.support_code];
        assert_eq!(read, ["code", "code_wrong", "34020", "no", "PB-1"]);
        assert_eq!(page.fields, BTreeMap::from([("flow".to_owned(), "a\"b".to_owned())]));
        assert_eq!(page.text, "Tom & Zoë <x>");
    }

    #[test]
    fn a_page_without_main_is_read_as_one_that_says_nothing() {
        let page = Page::read(404, "/x".to_owned(), &HeaderMap::new(), "gone".to_owned());
        assert_eq!((page.step.as_str(), page.changed.as_str()), ("", ""));
    }
}
