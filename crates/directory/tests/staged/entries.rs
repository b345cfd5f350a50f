//! Entries with bytes of one's own choice, some of them more than an answer may hold.

/// An element of BER: tag, length and content.
pub fn element(tag: u8, parts: &[&[u8]]) -> Vec<u8> {
    let content = parts.concat();
    let length = u32::try_from(content.len()).unwrap().to_be_bytes();
    [&[tag, 0x84][..], &length, &content].concat()
}

/// SearchResultEntry (RFC 4511 section 4.5.2) with bytes of one's own choice.
pub fn entry(id: i32, dn: &[u8], attributes: &[(&str, &[u8])]) -> Vec<u8> {
    let one = |(name, value): &(&str, &[u8])| {
        let values = element(0x31, &[&element(4, &[value])]);
        element(0x30, &[&element(4, &[name.as_bytes()]), &values])
    };
    let attributes: Vec<u8> = attributes.iter().flat_map(one).collect();
    let found = element(0x64, &[&element(4, &[dn]), &element(0x30, &[&attributes])]);
    element(0x30, &[&element(2, &[&id.to_be_bytes()]), &found])
}

pub fn person(id: i32, number: u8, dn: &[u8], display_name: &[u8]) -> Vec<u8> {
    let login = format!("p{number}");
    let attributes: [(&str, &[u8]); 3] = [
        ("objectGUID", &[number; 16]),
        ("sAMAccountName", login.as_bytes()),
        ("displayName", display_name),
    ];
    entry(id, dn, &attributes)
}

/// So large that no answer may hold it: a value of 17 MiB.
pub fn large(id: i32, dn: &[u8]) -> Vec<u8> {
    entry(id, dn, &[("description", &vec![b'x'; 17 << 20])])
}

/// In so many pieces that no answer may be cut into them: four for each attribute.
pub fn in_pieces(id: i32, dn: &[u8]) -> Vec<u8> {
    entry(id, dn, &vec![("x", &b""[..]); 125_001])
}
