//! People are read for the synchronisation, under whichever names.

use std::collections::HashMap;

use clock::SystemClock;
use directory::{Directory, DirectoryError, PersonEntry, Terms, Write};
use lab::{Bound, NewPerson, Person};
use protocol::Clock as _;

use super::{SECOND, refused, set};
use crate::suite::{Subject, guid, password};

async fn all(directory: &dyn Directory, bases: &[&str], head: &str, page: u32) -> Vec<PersonEntry> {
    let bases: Vec<_> =
        bases.iter().map(|base| format!("{base},{head}").parse().unwrap()).collect();
    let mut seen = Vec::new();
    let read = directory.people(&bases, page, &mut |person| seen.push(person)).await.unwrap();
    let count = read.found;
    assert_eq!(count, seen.len() as u64);
    seen
}

async fn write(directory: &dyn Directory, person: &Person, write: Write<'_>) {
    directory.write(guid(person), write, Terms::ANY).await.unwrap();
}

pub async fn people_are_read_once_each_with_their_attributes(subject: &dyn Subject) {
    let (directory, head) = (subject.directory(), subject.head().to_string());
    let bases = ["OU=Amsterdam,OU=People", "OU=People"];
    let seen = all(&*directory, &bases, &head, 2).await;
    let by_guid: HashMap<_, _> = seen.iter().map(|person| (person.guid, person)).collect();
    assert_eq!(by_guid.len(), seen.len(), "nobody twice");
    let people = subject.people();
    assert!(people.len() > 10);
    for person in people {
        let found = by_guid[&guid(&person)];
        assert_eq!(found.dn, person.dn.parse().unwrap());
        for (attribute, value) in [
            ("sAMAccountName", &person.login),
            ("displayName", &person.display_name),
            ("mail", &person.mail),
            ("otherMailbox", &person.private_mail),
        ] {
            assert_eq!(found.attributes.text(attribute), Some(value.as_str()), "{attribute}");
        }
        let changed = found.attributes.text("whenChanged").unwrap();
        assert!(changed.len() == 17 && changed.ends_with(".0Z"), "{changed}");
        assert!(found.attributes.text("uSNChanged").unwrap().parse::<u64>().unwrap() > 0);
        assert_eq!(found.attributes.value("unicodePwd"), None);
    }
}

pub async fn people_below_a_unit_that_is_not_there_are_an_error(subject: &dyn Subject) {
    let nowhere = [format!("OU=Nowhere,{}", subject.head()).parse().unwrap()];
    let directory = subject.directory();
    let error = directory.people(&nowhere, 10, &mut |_| {}).await.unwrap_err();
    let DirectoryError::Refused(refusal) = &error else { panic!("{error}") };
    assert!(refusal.is_no_such_object(), "{error}");
}

/// Every kind of write finds whoever has such a name (SPEC D-9).
pub async fn names_that_need_escaping_are_read_and_written_to(subject: &dyn Subject) {
    let directory = subject.directory();
    for (place, name) in
        ["a,b+c", "\"q\" \\", "<x>;=/", "#hash", " blanks ", "Zoë 密碼 😀"].iter().enumerate()
    {
        // Accounts of earlier runs stay in a lab: the name is made unique, its ends are kept.
        let end = if name.ends_with(' ') { " " } else { "" };
        let unique = format!("{name}{place}{}{end}", SystemClock.now().as_millis());
        let person = subject.add(&NewPerson { name: Some(unique.clone()), ..NewPerson::default() });
        let account = directory.account(guid(&person)).await.unwrap().unwrap();
        assert_eq!(account.dn.name(), Some(unique.as_str()));
        assert_eq!(account.dn, person.dn.parse().unwrap());
        set(&*directory, &person, SECOND).await.unwrap();
        let (old, new) = (password(SECOND), password("Third-Password-1"));
        for _ in 0..5 {
            subject.bind(&person, "wrong");
        }
        assert_eq!(subject.bind(&person, SECOND), refused("775"), "{unique}");
        write(&*directory, &person, Write::Unlock).await;
        assert_eq!(subject.bind(&person, SECOND), Bound::Accepted, "{unique}");
        write(&*directory, &person, Write::Change { old: &old, new: &new }).await;
        assert_eq!(subject.bind(&person, "Third-Password-1"), Bound::Accepted, "{unique}");
        write(&*directory, &person, Write::RequireChange).await;
        assert_eq!(subject.bind(&person, "Third-Password-1"), refused("773"), "{unique}");
    }
}
