use super::*;
use crate::code::BindRefusal;

#[test]
fn what_was_not_sent_is_never_in_doubt_and_what_was_sent_without_answer_always_is() {
    let cause = || "cut".to_owned();
    let bind = DirectoryError::BindRefused {
        controller: "dc1".into(),
        name: "svc".into(),
        refusal: BindRefusal::WrongPassword,
    };
    let certificate = DirectoryError::Certificate { controller: "dc1".into(), cause: cause() };
    for (error, expected) in [
        (DirectoryError::PdcUnreachable { cause: cause() }, Outcome::PdcUnreachable),
        (DirectoryError::Lost { cause: cause() }, Outcome::PdcUnreachable),
        (bind, Outcome::ServiceAccountRefused),
        (certificate, Outcome::CertificateRefused),
        (DirectoryError::Unreadable { attribute: "tokenGroups" }, Outcome::DirectoryConfiguration),
    ] {
        assert_eq!(outcome(&SetError::NotSent(error)), expected);
        assert_eq!(expected.changed(), protocol::Changed::No);
    }
    assert_eq!(outcome(&SetError::Unknown { cause: cause() }), Outcome::InDoubt);
    assert_eq!(outcome(&SetError::NoPolicyControl), Outcome::NoPolicyControl);
    assert_eq!(outcome(&SetError::TooLate), Outcome::Expired);
}
