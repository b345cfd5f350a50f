//! Scoping filters: which objects a rule is for.

use crate::Attributes;
use crate::connector::values;

/// Groups of clauses: an object is in scope if all clauses of any group hold. No group at all:
/// every object is.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Scope(pub Vec<Vec<Clause>>);

/// One condition on one attribute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Clause {
    /// The attribute's LDAP name.
    pub attribute: String,
    /// What must hold.
    pub test: Test,
}

/// The operators of SPEC Y-2 that the default rules need. Text is compared without regard to
/// case, as AD does; a test of a multi-valued attribute looks at every value.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Test {
    /// EQUAL: one of the values is this.
    Equal(String),
    /// NOTEQUAL: none of the values is this; holds without any value.
    NotEqual(String),
    /// ISNULL: no value, or an empty one only.
    IsNull,
    /// ISNOTNULL: a value that is not empty.
    IsNotNull,
    /// ISBITSET: the value is a number that has all bits of this mask.
    IsBitSet(i64),
    /// ISNOTBITSET: the value is a number that has no bit of this mask. An attribute that is
    /// missing or not a number satisfies neither: what cannot be read is not concluded from.
    IsNotBitSet(i64),
}

impl Scope {
    /// Whether an object with these attributes is in scope.
    pub fn contains(&self, attributes: &Attributes) -> bool {
        let holds = |clause: &Clause| clause.test.holds(values(attributes, &clause.attribute));
        self.0.is_empty() || self.0.iter().any(|group| group.iter().all(holds))
    }
}

impl Clause {
    /// A condition on `attribute`.
    pub fn new(attribute: &str, test: Test) -> Self {
        Self { attribute: attribute.to_owned(), test }
    }
}

impl Test {
    fn holds(&self, values: &[String]) -> bool {
        match self {
            Self::Equal(wanted) => values.iter().any(|value| same(value, wanted)),
            Self::NotEqual(wanted) => !values.iter().any(|value| same(value, wanted)),
            Self::IsNull => values.iter().all(String::is_empty),
            Self::IsNotNull => !values.iter().all(String::is_empty),
            Self::IsBitSet(mask) => number(values).is_some_and(|bits| bits & mask == *mask),
            Self::IsNotBitSet(mask) => number(values).is_some_and(|bits| bits & mask == 0),
        }
    }
}

fn same(one: &str, other: &str) -> bool {
    one == other || one.to_lowercase() == other.to_lowercase()
}

fn number(values: &[String]) -> Option<i64> {
    match values {
        [one] => one.parse().ok(),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(text: &str) -> String {
        text.to_owned()
    }

    #[test]
    fn operators_hold_as_the_table_says() {
        let table: &[(Test, &[&str], bool)] = &[
            (Test::Equal(text("user")), &["top", "User"], true),
            (Test::Equal(text("É")), &["é"], true),
            (Test::Equal(text("user")), &["users"], false),
            (Test::Equal(text("user")), &[], false),
            (Test::NotEqual(text("TRUE")), &[], true),
            (Test::NotEqual(text("TRUE")), &["FALSE"], true),
            (Test::NotEqual(text("TRUE")), &["true"], false),
            (Test::NotEqual(text("computer")), &["top", "computer"], false),
            (Test::IsNull, &[], true),
            (Test::IsNull, &[""], true),
            (Test::IsNull, &["x"], false),
            (Test::IsNotNull, &["x"], true),
            (Test::IsNotNull, &[""], false),
            (Test::IsNotNull, &[], false),
            (Test::IsBitSet(2), &["514"], true),
            (Test::IsBitSet(2), &["512"], false),
            (Test::IsBitSet(3), &["2"], false),
            (Test::IsBitSet(2), &[], false),
            (Test::IsNotBitSet(2), &["512"], true),
            (Test::IsNotBitSet(2), &["514"], false),
            // userAccountControl is a signed 32-bit number on the wire.
            (Test::IsNotBitSet(2), &["-2147483136"], true),
            (Test::IsBitSet(2), &["-2147483134"], true),
            // Unreadable: neither holds.
            (Test::IsNotBitSet(2), &[], false),
            (Test::IsNotBitSet(2), &["0x200"], false),
            (Test::IsNotBitSet(2), &["512", "512"], false),
        ];
        for (test, values, expected) in table {
            let values: Vec<_> = values.iter().map(|value| text(value)).collect();
            assert_eq!(test.holds(&values), *expected, "{test:?} on {values:?}");
        }
    }

    #[test]
    fn groups_are_alternatives_and_clauses_are_all_required() {
        let clause = |name: &str| Clause::new(name, Test::IsNotNull);
        let scope = Scope(vec![vec![clause("a"), clause("b")], vec![clause("c")]]);
        let object = |names: &[&str]| -> Attributes {
            names.iter().map(|name| (text(name), vec![text("x")])).collect()
        };
        for (names, expected) in [
            (vec!["a"], false),
            (vec!["a", "b"], true),
            (vec!["c"], true),
            (vec!["b", "c"], true),
            (vec![], false),
        ] {
            assert_eq!(scope.contains(&object(&names)), expected, "{names:?}");
        }
        assert!(Scope::default().contains(&object(&[])));
        assert!(Scope(vec![vec![]]).contains(&object(&[])), "a group without clauses holds");
    }
}
