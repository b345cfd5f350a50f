//! What mails say, per language. The text stands in `locales`.

use std::time::Duration;

use seal::OneTimeCode;
use zeroize::Zeroizing;

use crate::locale::{Arguments, Locale};
use crate::notify::{Content, Mail};

/// Subject and body of a mail. The body is wiped when dropped: it may hold a code.
pub struct Message {
    /// The subject; never holds a code (lock screens show it).
    pub subject: String,
    /// The text, lines separated by CR LF.
    pub body: Zeroizing<String>,
}

/// What a mail says.
pub(crate) fn of(mail: &Mail) -> Message {
    let (locale, tenant) = (&mail.locale, mail.tenant.as_str());
    match &mail.content {
        Content::Code { code: digits, lifetime } => code(locale, tenant, digits, *lifetime),
        Content::Changed { when } => changed(locale, tenant, when.clone()),
        Content::Unchanged => ended(locale, tenant, "mail-unchanged"),
        Content::CannotBeKnown => ended(locale, tenant, "mail-cannot-be-known"),
    }
}

/// The code of the e-mail gate, alone on a line (INTERFACES "Pages without a browser").
fn code(locale: &Locale, tenant: &str, code: &OneTimeCode, lifetime: Duration) -> Message {
    let minutes = lifetime.as_secs().div_ceil(60);
    let arguments = Arguments::from([
        ("tenant".into(), tenant.to_owned().into()),
        ("minutes".into(), minutes.into()),
    ]);
    let text = |key| locale.text_with(key, &arguments);
    Message {
        subject: text("mail-code-subject"),
        body: lines(&[
            &text("mail-code-body"),
            code.digits(),
            &text("mail-code-validity"),
            &text("mail-code-warning"),
        ]),
    }
}

/// That a password was changed (SPEC L-6).
fn changed(locale: &Locale, tenant: &str, when: String) -> Message {
    let arguments = Arguments::from([
        ("tenant".into(), tenant.to_owned().into()),
        ("when".into(), when.into()),
    ]);
    let text = |key| locale.text_with(key, &arguments);
    Message {
        subject: text("mail-changed-subject"),
        body: lines(&[&text("mail-changed-body"), &text("mail-changed-warning")]),
    }
}

/// How an operation in doubt ended: the messages whose keys begin with `key`.
fn ended(locale: &Locale, tenant: &str, key: &str) -> Message {
    let arguments = Arguments::from([("tenant".into(), tenant.to_owned().into())]);
    let text = |key: &str| locale.text_with(key, &arguments);
    Message {
        subject: text(&format!("{key}-subject")),
        body: lines(&[&text(&format!("{key}-body"))]),
    }
}

/// Paragraphs with an empty line between them.
fn lines(paragraphs: &[&str]) -> Zeroizing<String> {
    let length = paragraphs.iter().map(|one| one.len() + 4).sum();
    let mut body = Zeroizing::new(String::with_capacity(length));
    for (index, paragraph) in paragraphs.iter().enumerate() {
        if index > 0 {
            body.push_str("\r\n");
        }
        body.push_str(paragraph);
        body.push_str("\r\n");
    }
    body
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_stands_alone_on_a_line_of_the_text_and_not_in_the_subject() {
        let code = OneTimeCode::from_typed("012345").unwrap();
        for locale in Locale::all() {
            let message = super::code(&locale, "Contoso", &code, Duration::from_secs(300));
            assert!(message.body.split("\r\n").any(|line| line == "012345"), "{locale:?}");
            assert!(message.body.contains("Contoso"), "{locale:?}");
            assert!(!message.subject.contains("012345"), "{locale:?}");
        }
    }
}
