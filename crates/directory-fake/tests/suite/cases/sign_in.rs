//! Who may not sign in, and the sub-code that says why (SPEC D-10).

use std::time::Duration;

use clock::SystemClock;
use directory::{BindRefusal, filetime};
use directory_fake::FakePolicy;
use lab::{Bound, NewPerson, Person};
use protocol::Clock as _;

use super::{SECOND, lax, refused, set};
use crate::suite::{Subject, guid, somebody};

/// Sub-codes that no case has a directory say, and why.
const LEFT_OUT: [(BindRefusal, &str); 4] = [
    (
        BindRefusal::UnknownAccount,
        "Samba answers as it does to a wrong password, so that nobody learns which accounts there are; \
         `time_and_flavour` has what the fake says as Windows",
    ),
    (BindRefusal::TooManyGroups, "it takes more than a thousand groups, which no case makes"),
    (
        BindRefusal::NotOverTheNetwork,
        "the right is one of group policy, of which the lab has none and the fake knows nothing",
    ),
    (BindRefusal::Other, "it is no sub-code of its own"),
];

const EXPIRED: &str = "532";

/// Somebody, and what is answered to the right password and to a wrong one.
type Row = (NewPerson, &'static str, &'static str);

fn plain() -> NewPerson {
    NewPerson::default()
}

/// The same in the group that nobody signs in from by a simple bind.
fn in_protected_users(new: NewPerson) -> NewPerson {
    NewPerson { member_of: vec!["Protected Users".to_owned()], ..new }
}

/// The same with these attributes.
fn kept(new: NewPerson, what: &[(&str, &str)]) -> NewPerson {
    let what = what.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    NewPerson { attributes: what.collect(), ..new }
}

fn rows() -> Vec<Row> {
    // At no hour of the week; from one machine, which no controller takes a simple bind to come from.
    let never = [("logonHours", "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0")];
    let nowhere = [("userWorkstations", "ELSEWHERE")];
    let disabled = || NewPerson { disabled: true, ..plain() };
    let locked = || NewPerson { locked: true, ..plain() };
    let expired = || NewPerson { expired: true, ..plain() };
    let must_change = || NewPerson { must_change: true, ..plain() };
    vec![
        (in_protected_users(plain()), "52f", "52f"),
        (disabled(), "533", "52e"),
        (locked(), "775", "775"),
        (expired(), "701", "52e"),
        (must_change(), "773", "52e"),
        (kept(plain(), &nowhere), "531", "52e"),
        (kept(plain(), &never), "530", "52e"),
        // Two reasons at once: which one is told.
        (in_protected_users(disabled()), "52f", "52f"),
        (in_protected_users(locked()), "52f", "52f"),
        (in_protected_users(expired()), "52f", "52f"),
        (in_protected_users(must_change()), "52f", "52f"),
        (NewPerson { locked: true, ..disabled() }, "775", "775"),
        (NewPerson { expired: true, ..disabled() }, "533", "52e"),
        (NewPerson { must_change: true, ..disabled() }, "533", "52e"),
        (NewPerson { expired: true, ..locked() }, "775", "775"),
        (NewPerson { must_change: true, ..expired() }, "701", "52e"),
        (kept(disabled(), &nowhere), "533", "52e"),
        (kept(disabled(), &never), "533", "52e"),
        (kept(expired(), &nowhere), "701", "52e"),
        (kept(expired(), &never), "701", "52e"),
        (kept(must_change(), &nowhere), "773", "52e"),
        (kept(must_change(), &never), "773", "52e"),
        (kept(plain(), &[nowhere, never].concat()), "531", "52e"),
    ]
}

pub async fn every_reason_to_refuse_a_sign_in_has_its_sub_code(subject: &dyn Subject) {
    let nobody = Person { login: "nobody-at-all".to_owned(), ..somebody(subject) };
    assert_eq!(subject.bind(&nobody, &nobody.password), refused("52e"), "as Samba says it");
    // Said in a case of its own.
    let mut said = vec![EXPIRED];
    for (new, right, wrong) in rows() {
        let person = subject.add(&new);
        assert_eq!(subject.bind(&person, &person.password), refused(right), "{new:?}");
        assert_eq!(subject.bind(&person, "wrong"), refused(wrong), "{new:?}");
        said.extend([right, wrong]);
    }
    let said: Vec<_> =
        said.into_iter().map(|code| BindRefusal::of(&format!("data {code},"))).collect();
    for why in BindRefusal::ALL {
        let left_out = LEFT_OUT.iter().any(|(one, reason)| *one == why && !reason.is_empty());
        assert_ne!(said.contains(&why), left_out, "{why:?}");
    }
}

pub async fn a_password_that_is_too_old_is_refused_as_expired(subject: &dyn Subject) {
    let person = somebody(subject);
    let policy = FakePolicy { maximum_age: Some(Duration::from_secs(1)), ..lax() };
    subject.add_settings(&policy, 20, &person.login);
    SystemClock.sleep(Duration::from_millis(1_500)).await;
    assert_eq!(subject.bind(&person, &person.password), refused(EXPIRED));
    assert_eq!(subject.bind(&person, "wrong"), refused("52e"));
    // 0x10000: the password never expires.
    subject.put(&person, "userAccountControl", "66048");
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

/// Whoever must have a smart card is not, either, and no machine is (MS-SAMR 3.1.5.14.4).
pub async fn whose_password_never_expires_is_never_asked_for_another_one(subject: &dyn Subject) {
    let directory = subject.directory();
    let policy = FakePolicy { maximum_age: Some(Duration::from_millis(1)), ..lax() };
    // NORMAL_ACCOUNT alone, with DONT_EXPIRE_PASSWD, with SMARTCARD_REQUIRED, with both (MS-ADTS 2.2.16).
    for (flags, asked) in [("512", true), ("66048", false), ("262656", false), ("328192", false)] {
        let person = somebody(subject);
        subject.put(&person, "userAccountControl", flags);
        // With the card comes a password that nobody knows.
        set(&*directory, &person, SECOND).await.unwrap();
        subject.add_settings(&policy, 20, &person.login);
        SystemClock.sleep(Duration::from_millis(10)).await;
        let answer = |code| if asked { refused(code) } else { Bound::Accepted };
        assert_eq!(subject.bind(&person, SECOND), answer(EXPIRED), "{flags}");
        subject.put(&person, "pwdLastSet", "0");
        assert_eq!(subject.bind(&person, SECOND), answer("773"), "{flags}");
        assert_eq!(subject.bind(&person, "wrong"), refused("52e"), "{flags}");
    }
    let machine = subject.add_computer("OU=Tests", SECOND);
    subject.put(&machine, "pwdLastSet", "0");
    assert_eq!(subject.bind(&machine, SECOND), Bound::Accepted);
}

/// `logonHours` that allow only these hours of the week, or all the others: a bit for each, in UTC, from
/// Sunday's first one on.
fn logon_hours(hours: [u64; 2], only: bool) -> Vec<u8> {
    let mut value = vec![if only { 0 } else { 0xff }; 21];
    for hour in hours {
        value[usize::try_from(hour / 8).unwrap()] ^= 1 << (hour % 8);
    }
    value
}

pub async fn the_hours_of_a_week_decide_about_a_sign_in(subject: &dyn Subject) {
    let person = somebody(subject);
    // 1970 began on a Thursday. The next hour as well: this one may end meanwhile.
    let hour = u64::try_from(SystemClock.now().as_seconds()).unwrap() / 3_600 + 4 * 24;
    let hours = [hour % 168, (hour + 1) % 168];
    subject.put_value(&person, "logonHours", &logon_hours(hours, false));
    assert_eq!(subject.bind(&person, &person.password), refused("530"));
    subject.put_value(&person, "logonHours", &logon_hours(hours, true));
    assert_eq!(subject.bind(&person, &person.password), Bound::Accepted);
}

/// Its wrong passwords are counted all the same (MS-ADTS 3.1.1.4.5.17 of ADS_UF_LOCKOUT).
pub async fn a_machine_is_never_locked_out(subject: &dyn Subject) {
    let machine = subject.add_computer("OU=Tests", SECOND);
    for _ in 0..6 {
        assert_eq!(subject.bind(&machine, "wrong"), refused("52e"));
    }
    assert_eq!(subject.lockout_writes(&machine), 0);
    assert_eq!(subject.bind(&machine, SECOND), Bound::Accepted);
    let now = filetime::from_moment(SystemClock.now()).to_string();
    subject.put(&machine, "lockoutTime", &now);
    let account = subject.directory().account(guid(&machine)).await.unwrap().unwrap();
    assert_eq!((account.lockout_time.is_some(), account.locked_now), (true, Some(false)));
    assert_eq!(subject.bind(&machine, SECOND), Bound::Accepted);
}
