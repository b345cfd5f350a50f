use super::*;

fn answer(more: i64, cookie: Option<Vec<u8>>) -> Vec<LdapControl> {
    let paged = LdapControl::SimplePagedResults { size: 0, cookie: Vec::new() };
    vec![paged, LdapControl::AdDirsync { flags: more, max_bytes: 0, cookie }]
}

#[test]
fn the_first_number_of_an_answer_says_whether_there_is_more() {
    assert_eq!(next_page(answer(0, Some(vec![1]))), Ok((false, vec![1])));
    assert_eq!(next_page(answer(1, Some(vec![2]))), Ok((true, vec![2])));
    // As Samba writes "more": any number but 0.
    assert_eq!(next_page(answer(-2_147_483_648, Some(vec![3]))), Ok((true, vec![3])));
}

#[test]
fn without_a_cookie_or_with_one_beyond_measure_nothing_is_remembered() {
    for controls in [
        Vec::new(),
        answer(0, None),
        answer(0, Some(Vec::new())),
        answer(1, Some(vec![7; COOKIE_MAX + 1])),
    ] {
        assert!(matches!(next_page(controls), Err(DirectoryError::Lost { .. })));
    }
    assert_eq!(Cookie::from_bytes(vec![7; COOKIE_MAX + 1]), None);
    assert_eq!(Cookie::from_bytes(vec![7; 9]).unwrap().as_bytes(), [7; 9]);
}

#[test]
fn a_page_is_asked_for_with_what_the_account_may_see() {
    let head = "DC=corp,DC=example".parse().unwrap();
    let search = page_of(&head, &["cn"], vec![5], PAGE_BYTES);
    assert_eq!(
        (search.base.as_str(), search.scope),
        ("DC=corp,DC=example", LdapSearchScope::Subtree)
    );
    let LdapControl::AdDirsync { flags, cookie, .. } = &search.controls[0] else { panic!() };
    assert_eq!((*flags, cookie.as_deref()), (1, Some(&[5][..])));
}

#[test]
fn a_tombstone_is_known_by_its_flag() {
    let mut attributes = Attributes::default();
    attributes.insert("objectGUID", [7; 16]);
    let dn: DistinguishedName = "CN=x,DC=y".parse().unwrap();
    let of = |attributes: &Attributes| {
        change(Entry { dn: dn.clone(), attributes: attributes.clone() }).unwrap().deleted
    };
    assert!(!of(&attributes));
    attributes.insert("isDeleted", "TRUE");
    assert!(of(&attributes));
}
