use std::collections::HashSet;

use proptest::prelude::*;

use super::*;
use crate::fuzzing;
use generated::for_each_input;

fn dn(text: &str) -> DistinguishedName {
    text.parse().unwrap()
}

#[test]
fn every_character_of_d9_survives() {
    let base = dn("DC=corp,DC=example");
    for name in [
        "a,b", "a+b", "a\"b", "a\\b", "a<b", "a>b", "a;b", "a=b", "a/b", "#a", " a", "a ", " ", "#",
    ] {
        let child = base.child("CN", name);
        let back = dn(&child.to_string());
        assert_eq!(back.name(), Some(name), "{child}");
        assert_eq!(back.parent(), Some(base.clone()), "{child}");
    }
}

#[test]
fn names_are_written_as_the_directory_writes_them() {
    let base = dn("OU=People,DC=corp,DC=example");
    assert_eq!(
        base.child("CN", "Vries, Jan de").to_string(),
        "CN=Vries\\, Jan de,OU=People,DC=corp,DC=example"
    );
    // A deleted object has a line feed in its name.
    assert_eq!(
        base.child("CN", "x\nDEL:1").to_string(),
        "CN=x\\0ADEL:1,OU=People,DC=corp,DC=example"
    );
}

#[test]
fn rfc_4514_examples_are_read() {
    assert_eq!(
        dn("CN=James \\\"Jim\\\" Smith\\, III,DC=example").name(),
        Some("James \"Jim\" Smith, III")
    );
    assert_eq!(dn("CN=Lu\\C4\\8Di\\C4\\87").name(), Some("Lučić"));
    assert_eq!(dn("OU=Sales+CN=J.  Smith,DC=example").levels(), 2);
    assert_eq!(dn("1.3.6.1.4.1.1466.0=#04024869").to_string(), "1.3.6.1.4.1.1466.0=#04024869");
    assert_eq!(dn("").levels(), 0);
}

#[test]
fn blanks_around_separators_mean_nothing() {
    assert_eq!(dn("CN = Jan , OU=People ,DC=example"), dn("CN=Jan,OU=People,DC=example"));
    assert_eq!(dn("CN=Jan\\  ,DC=example").name(), Some("Jan "));
}

#[test]
fn case_and_order_within_a_level_mean_nothing() {
    assert_eq!(dn("cn=JAN,dc=Example"), dn("CN=jan,DC=example"));
    assert_eq!(dn("CN=a+OU=b,DC=example"), dn("OU=B+CN=A,DC=example"));
    assert_ne!(dn("CN=a,DC=example"), dn("OU=a,DC=example"));
    let set: HashSet<_> = [dn("CN=Zoë,DC=example"), dn("cn=ZOË,dc=EXAMPLE")].into();
    assert_eq!(set.len(), 1);
}

#[test]
fn below_is_decided_by_levels_not_by_text() {
    let people = dn("OU=People,DC=corp,DC=example");
    assert!(dn("CN=a,ou=people,DC=CORP,DC=example").is_below(&people));
    assert!(!people.is_below(&people));
    assert!(people.is_at_or_below(&people));
    // The text ends alike, the level is another one.
    assert!(!dn("CN=a,OU=Old\\,OU=People,DC=corp,DC=example").is_below(&people));
    assert!(!dn("DC=example").is_below(&people));
}

#[test]
fn a_domain_has_a_head() {
    let head = DistinguishedName::of_domain("corp.example").unwrap();
    assert_eq!(head.to_string(), "DC=corp,DC=example");
    assert!(DistinguishedName::of_domain("corp..example").is_err());
}

#[test]
fn what_is_no_name_is_refused() {
    for bad in [
        "CN",
        "=x",
        "CN=a,",
        "CN=a,,DC=b",
        "CN=a\"b",
        "CN=a\\",
        "CN=a\\4",
        "CN=a\\zz",
        "CN=#",
        "CN=#4",
    ] {
        assert!(bad.parse::<DistinguishedName>().is_err(), "{bad}");
    }
    assert!("CN=\\ff".parse::<DistinguishedName>().is_err());
}

proptest! {
    #[test]
    fn any_text_reads_back(names in proptest::collection::vec("\\PC{1,12}|[ ,+\"\\\\<>;=/#\u{0}\n]{1,6}", 1..5)) {
        let root = DistinguishedName { rdns: Vec::new() };
        let built = names.iter().fold(root, |base, name| base.child("OU", name));
        let back: DistinguishedName = built.to_string().parse().unwrap();
        prop_assert_eq!(back.to_string(), built.to_string());
        prop_assert_eq!(&back, &built);
        prop_assert_eq!(back.name(), names.last().map(String::as_str));
    }

    #[test]
    fn reading_never_panics_and_writing_settles(text in "\\PC{0,40}|[CNOU=,+\\\\#a1 ]{0,20}") {
        if let Ok(name) = text.parse::<DistinguishedName>() {
            let again: DistinguishedName = name.to_string().parse().unwrap();
            prop_assert_eq!(again.to_string(), name.to_string());
        }
    }
}

#[test]
fn whatever_is_written_for_a_name_is_read_or_refused() {
    const GOOD: [&str; 5] = [
        "CN=Vries\\, Jan de,OU=People,DC=corp,DC=example",
        "CN=\\ a \\+ b \\\"c\\\" \\<d/e\\>\\; f=g \\\\ h\\ ,OU=\\#1 Onderzoek,DC=corp,DC=example",
        "OU=Sales+CN=J.  Smith,OU=研究部,DC=example",
        "1.3.6.1.4.1.1466.0=#04024869,CN=Lu\\C4\\8Di\\C4\\87,DC=example",
        "CN=x\\0ADEL:9ca657fe-6983-47a5-9589-5a60b855855a,CN=Deleted Objects,DC=example",
    ];
    for_each_input("distinguished names", |chance| {
        let good = *chance.one_of(&GOOD);
        fuzzing::distinguished_name(&chance.spoilt(good.as_bytes()))
    });
}

#[test]
fn what_names_an_object_for_ever_is_told_from_its_name() {
    let guid = ObjectGuid::from_bytes([7; 16]);
    for (whole, expected) in [
        (format!("<GUID={guid}>;<SID=S-1-5-21-1-2-3-4>;CN=a\\>;b,DC=x"), Some(guid)),
        (format!("<GUID={guid}>;CN=a\\>;b,DC=x"), Some(guid)),
        ("<SID=S-1-5-21-1-2-3-4>;CN=a\\>;b,DC=x".to_owned(), None),
        ("<GUID=no>;CN=a\\>;b,DC=x".to_owned(), None),
        ("CN=a\\>;b,DC=x".to_owned(), None),
    ] {
        assert_eq!(extended(&whole), (expected, "CN=a\\>;b,DC=x"), "{whole}");
    }
    assert_eq!(extended("<GUID="), (None, "<GUID="));
}

#[test]
fn the_canonical_name_begins_with_the_domain() {
    for (name, canonical) in [
        ("CN=Jan,OU=Staff,DC=corp,DC=example", "corp.example/Staff/Jan"),
        (r"cn=Vries\, Jan/2,ou=a\\b,dc=corp,dc=example", r"corp.example/a\b/Vries, Jan/2"),
        ("DC=corp,DC=example", "corp.example/"),
        ("DC=www,CN=System,DC=corp", "corp/System/www"),
        ("CN=nowhere", "/nowhere"),
        ("", "/"),
    ] {
        let name: DistinguishedName = name.parse().unwrap();
        assert_eq!(name.canonical(), canonical, "{name}");
    }
}

#[test]
fn the_domain_of_a_name_is_its_last_levels() {
    for (name, domain) in [
        ("CN=Jan,OU=People,DC=corp,DC=example", "DC=corp,DC=example"),
        ("cn=jan,dc=sales,dc=corp,dc=example", "DC=sales,DC=corp,DC=example"),
        ("DC=www,DC=zone,CN=MicrosoftDNS,CN=System,DC=corp", "DC=corp"),
        ("CN=Configuration,DC=corp", "DC=corp"),
        ("DC=corp", "DC=corp"),
        ("CN=nowhere", ""),
        ("", ""),
    ] {
        let name: DistinguishedName = name.parse().unwrap();
        assert_eq!(name.domain_head(), domain.parse().unwrap(), "{name}");
    }
}
