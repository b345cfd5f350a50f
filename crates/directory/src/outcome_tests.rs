use super::*;
use crate::code::BindRefusal;

#[test]
fn what_was_not_sent_is_never_in_doubt_and_what_was_sent_without_answer_always_is() {
    let cause = || "cut".to_owned();
    let bind = DirectoryError::BindRefused {
        controller: "dc1".into(),
        name: "svc".into(),
        refusal: BindRefusal::WrongPassword,
        diagnostic: String::new(),
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

#[test]
fn who_was_moved_to_another_domain_is_gone_from_this_one() {
    for diagnostic in ["0000202B: RefErr: DSID-0310084A, data 0, 1 access points", ""] {
        let code = crate::AdCode::of(diagnostic);
        let refusal = Refusal { result: 10, code, diagnostic: diagnostic.to_owned() };
        assert_eq!(outcome(&SetError::Refused(refusal.clone())), Outcome::UserGone);
        // Where a base is configured, it is the configuration that names another domain's.
        let read = DirectoryError::Refused(refusal);
        assert_eq!(read.outcome(), Outcome::DirectoryConfiguration);
    }
}
