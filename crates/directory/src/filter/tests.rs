use proptest::prelude::*;

use super::*;
use crate::fuzzing;
use generated::for_each_input;

fn read(text: &str) -> Filter {
    text.parse().unwrap()
}

fn equal(name: &'static str, value: &str) -> Filter {
    Filter::equal(name, value)
}

/// What RFC 4515 reads: a backslash and two digits are a byte, the rest stands for itself.
fn unescaped(text: &str) -> Vec<u8> {
    let mut bytes = text.bytes();
    let mut value = Vec::new();
    while let Some(byte) = bytes.next() {
        if byte == b'\\' {
            let digits = [bytes.next().unwrap(), bytes.next().unwrap()];
            let digits = str::from_utf8(&digits).unwrap();
            value.push(u8::from_str_radix(digits, 16).unwrap());
        } else {
            value.push(byte);
        }
    }
    value
}

#[test]
fn what_ends_a_filter_is_escaped() {
    assert_eq!(escape(b"a)(uid=*"), "a\\29\\28uid=\\2a");
    assert_eq!(escape("é\0\\".as_bytes()), "é\\00\\5c");
    assert_eq!(escape(&[b'a', 0xff, 0x1f]), "a\\ff\\1f");
}

#[test]
fn what_a_person_types_stays_a_value() {
    let name = "x)(objectClass=*";
    let filter = Filter::Any(vec![equal("sAMAccountName", name), equal("mail", "*")]);
    let text = "(|(sAMAccountName=x\\29\\28objectClass=\\2a)(mail=\\2a))";
    assert_eq!(filter.to_string(), text);
    assert_eq!(read(text), filter);
    let sent = LdapFilter::Or(vec![
        LdapFilter::Equality("sAMAccountName".to_owned(), name.to_owned()),
        LdapFilter::Equality("mail".to_owned(), "*".to_owned()),
    ]);
    assert_eq!(LdapFilter::from(&filter), sent);
}

#[test]
fn the_examples_of_the_standard_are_read() {
    let pieces = |first: &str, between: &[&str], last: &str| {
        let some = |piece: &str| (!piece.is_empty()).then(|| piece.to_owned());
        let between = between.iter().map(|piece| (*piece).to_owned()).collect();
        Pieces::new(some(first), between, some(last)).unwrap()
    };
    let rule = |attribute: &'static str, rule: &str, of_name, value: &str| {
        let attribute = (!attribute.is_empty()).then(|| Attribute::of(attribute));
        let value = value.to_owned();
        let rule = match rule.parse::<MatchingRule>() {
            Ok(rule) => Rule::new(attribute, rule, value),
            Err(_) => Rule::usual(attribute.unwrap(), value),
        };
        Filter::Rule(if of_name { rule.and_of_name() } else { rule })
    };
    for (text, filter) in [
        ("(cn=Babs Jensen)", equal("cn", "Babs Jensen")),
        ("(!(cn=Tim Howes))", Filter::Not(Box::new(equal("cn", "Tim Howes")))),
        (
            "(&(objectClass=Person)(|(sn=Jensen)(cn=Babs J*)))",
            Filter::All(vec![
                equal("objectClass", "Person"),
                Filter::Any(vec![
                    equal("sn", "Jensen"),
                    Filter::Pieces(Attribute::of("cn"), pieces("Babs J", &[], "")),
                ]),
            ]),
        ),
        (
            "(o=univ*of*mich*)",
            Filter::Pieces(Attribute::of("o"), pieces("univ", &["of", "mich"], "")),
        ),
        ("(seeAlso=)", equal("seeAlso", "")),
        ("(cn:caseExactMatch:=Fred)", rule("cn", "caseExactMatch", false, "Fred")),
        ("(cn:=Betty)", rule("cn", "", false, "Betty")),
        ("(sn:dn:2.4.6.8.10:=Barney)", rule("sn", "2.4.6.8.10", true, "Barney")),
        ("(o:dn:=Ace Industry)", rule("o", "", true, "Ace Industry")),
        (":1.2.3:=Wilma", rule("", "1.2.3", false, "Wilma")),
        (":dn:2.4.6.8.10:=Dino", rule("", "2.4.6.8.10", true, "Dino")),
        ("(sn:DN:2.4.6:=Barney)", rule("sn", "2.4.6", true, "Barney")),
        ("(o=Parens R Us \\28for all\\29)", equal("o", "Parens R Us (for all)")),
        ("(cn=*\\2A*)", Filter::Pieces(Attribute::of("cn"), pieces("", &["*"], ""))),
        ("(filename=C:\\5cMyFile)", equal("filename", "C:\\MyFile")),
        ("(sn=Lu\\c4\\8di\\c4\\87)", equal("sn", "Lučić")),
        ("(1.3.6.1.4.1.1466.0=x)", equal("1.3.6.1.4.1.1466.0", "x")),
        ("(member;range=0)", equal("member;range", "0")),
        ("(adminCount>=1)", Filter::at_least("adminCount", "1")),
        ("(mail=*)", Filter::present("mail")),
    ] {
        let whole = if text.starts_with('(') { text.to_owned() } else { format!("({text})") };
        assert_eq!(read(&whole), filter, "{whole}");
        assert_eq!(read(&filter.to_string()), filter, "{filter}");
    }
}

#[test]
fn what_is_wrong_is_named_by_its_place() {
    let deep = "(!".repeat(DEPTH_MAX + 1);
    let long = format!("(cn={})", "x".repeat(LENGTH_MAX));
    for (text, at, expected) in [
        ("", 0, "`(` is expected"),
        ("cn=x", 0, "`(` is expected"),
        ("(cn=x", 5, "`)` is expected"),
        ("(cn=x))", 6, "nothing is expected"),
        ("(&)", 2, "`(` is expected"),
        ("(!(cn=x)(cn=y))", 8, "`)` is expected"),
        ("(=x)", 1, "the name of an attribute"),
        ("(2cn=x)", 1, "the name of an attribute"),
        ("(c n=x)", 2, "`=`, `>=`"),
        ("(cn~=x)", 3, "`=`, `>=`"),
        ("(cn=a(b)", 5, "written `\\28`"),
        ("(cn=a\\2)", 5, "two hexadecimal digits"),
        ("(cn=é\\zz)", 5, "two hexadecimal digits"),
        ("(cn=\\+1)", 4, "two hexadecimal digits"),
        ("(cn=\\ff)", 7, "no text"),
        ("(cn=a**b)", 8, "between two stars"),
        ("(cn>=a*)", 6, "`)` is expected"),
        ("(:=x)", 1, "an attribute or a matching rule"),
        ("(cn:x=y)", 5, "`:=` is expected"),
        ("(cn:x;y:=z)", 4, "the name of a matching rule"),
        ("(cn:dn:dn:=z)", 7, "the name of a matching rule"),
        ("(cn:1:=z)", 4, "the name of a matching rule"),
        (&deep, 2 * DEPTH_MAX, "32 levels"),
        (&long, LENGTH_MAX, "16 KiB"),
    ] {
        let error = text.parse::<Filter>().unwrap_err();
        assert!(error.expected.contains(expected), "{text}: {error}");
        assert_eq!(error.at, at, "{text}: {error}");
    }
    let error = "(cn=".parse::<Filter>().unwrap_err().to_string();
    assert_eq!(error, "the filter cannot be read at character 5: `)` is expected");
}

#[test]
fn names_of_attributes_are_looked_at() {
    for good in [
        "cn",
        "c",
        "msDS-PrincipalName",
        "member;range-1",
        "userCertificate;binary;x-1",
        "1.2",
        "0.9.2342",
        "2.5.4.3;lang-de",
        "1.0.10",
    ] {
        assert_eq!(good.parse::<Attribute>().unwrap().name(), good);
    }
    for bad in [
        "", ";", "cn;", ";x", "cn;;x", "c n", "-cn", "1", "1.", ".1", "1..2", "01.2", "1.02",
        "1.00", "1.2a", "1.-2", "a.b", "cn;a.b", "é", "cn=", "cn)", "cn\0",
    ] {
        assert!(bad.parse::<Attribute>().is_err(), "{bad}");
    }
}

#[test]
fn pieces_that_would_mean_something_else_are_none() {
    let some = |piece: &str| Some(piece.to_owned());
    assert_eq!(Pieces::new(None, Vec::new(), None), None);
    assert_eq!(Pieces::new(some(""), Vec::new(), some("x")), None);
    assert_eq!(Pieces::new(some("x"), vec![String::new()], None), None);
    assert!(Pieces::new(some("x"), Vec::new(), None).is_some());
}

#[test]
#[should_panic(expected = "no attribute has such a name")]
fn a_name_in_the_code_that_is_none_is_found() {
    let _ = Filter::present("mail=*)(cn");
}

#[test]
fn whatever_is_written_for_a_filter_is_read_or_refused() {
    const GOOD: [&str; 4] = [
        "(&(objectClass=user)(!(userAccountControl:1.2.840.113556.1.4.803:=2)))",
        "(|(cn=Babs *J\\2aensen*x)(mail=*)(sn=Lu\\c4\\8di\\c4\\87))",
        "(&(adminCount>=1)(whenCreated<=20240101000000.0Z)(o:dn:=Ace))",
        "(sAMAccountName=研究部 \\28a\\29)",
    ];
    for_each_input("filters", |chance| {
        let good = *chance.one_of(&GOOD);
        fuzzing::filter(&chance.spoilt(good.as_bytes()))
    });
}

fn attribute() -> impl Strategy<Value = Attribute> {
    "[a-zA-Z][a-zA-Z0-9-]{0,8}(;[a-z]{1,3})?".prop_map(|name| Attribute(Cow::Owned(name)))
}

fn pieces() -> impl Strategy<Value = Pieces> {
    let some = || proptest::option::of("\\PC{1,6}");
    (some(), proptest::collection::vec("[^\\x00]{1,5}", 0..3), some())
        .prop_filter_map("a piece is there", |(first, between, last)| {
            Pieces::new(first, between, last)
        })
}

fn rule() -> impl Strategy<Value = Rule> {
    let named = "[a-zA-Z][a-zA-Z0-9-]{0,8}|[12](\\.[1-9][0-9]{0,3}){1,4}";
    let named = named.prop_filter_map("`dn` is none", |name| name.parse::<MatchingRule>().ok());
    let rule = prop_oneof![
        (proptest::option::of(attribute()), named, any::<String>())
            .prop_map(|(attribute, rule, value)| Rule::new(attribute, rule, value)),
        (attribute(), any::<String>()).prop_map(|(attribute, value)| Rule::usual(attribute, value)),
    ];
    (rule, any::<bool>())
        .prop_map(|(rule, of_name)| if of_name { rule.and_of_name() } else { rule })
}

fn filter() -> impl Strategy<Value = Filter> {
    let value = || any::<String>();
    let leaf = prop_oneof![
        attribute().prop_map(Filter::Present),
        (attribute(), value()).prop_map(|(name, value)| Filter::Equal(name, value)),
        (attribute(), value()).prop_map(|(name, value)| Filter::AtLeast(name, value)),
        (attribute(), value()).prop_map(|(name, value)| Filter::AtMost(name, value)),
        (attribute(), pieces()).prop_map(|(name, pieces)| Filter::Pieces(name, pieces)),
        rule().prop_map(Filter::Rule),
    ];
    leaf.prop_recursive(4, 24, 4, |part| {
        prop_oneof![
            proptest::collection::vec(part.clone(), 1..4).prop_map(Filter::All),
            proptest::collection::vec(part.clone(), 1..4).prop_map(Filter::Any),
            part.prop_map(|part| Filter::Not(Box::new(part))),
        ]
    })
}

proptest! {
    #[test]
    fn any_bytes_read_back_and_hold_nothing_special(
        bytes in proptest::collection::vec(any::<u8>(), 0..40),
    ) {
        let text = escape(&bytes);
        prop_assert!(!text.contains(['*', '(', ')', '\0']));
        prop_assert_eq!(unescaped(&text), bytes);
    }

    #[test]
    fn every_filter_reads_back(filter in filter()) {
        let text = filter.to_string();
        prop_assert_eq!(text.parse::<Filter>(), Ok(filter), "{}", text);
    }
}
