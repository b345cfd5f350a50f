//! Names as they are written in a distinguished name.

/// A value of a distinguished name with what has a meaning there in hexadecimal (RFC 4514 2.4).
pub(crate) fn escaped(value: &str) -> String {
    let last = value.chars().count().saturating_sub(1);
    let escape = |(index, character): (usize, char)| {
        let special = matches!(character, ',' | '+' | '"' | '\\' | '<' | '>' | ';' | '=' | '/')
            || (index == 0 && matches!(character, '#' | ' '))
            || (index == last && character == ' ')
            || character.is_ascii_control();
        if special { format!("\\{:02x}", character as u32) } else { character.to_string() }
    };
    value.chars().enumerate().map(escape).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_escaped_where_their_characters_have_a_meaning() {
        assert_eq!(escaped("Anna de Vries"), "Anna de Vries");
        assert_eq!(escaped(r#" a,b+"c" "#), r"\20a\2cb\2b\22c\22\20");
        assert_eq!(escaped("#a#"), r"\23a#");
        assert_eq!(escaped("Zoë 😀"), "Zoë 😀");
    }
}
