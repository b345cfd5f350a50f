//! What is wrong on the way to the directory, as the one line that is told of it.

use directory::{DirectoryError, LdapDirectory};
use protocol::{Clock, Outcome};

use super::{Line, role};
use crate::permissions::{Remedy, quoted, to_be_let_in};
use crate::settings::DirectorySettings;

/// Why nobody's password can be set: the error with what is to be done about it, unless the role of PDC
/// emulator has moved ([`moved`]).
pub(crate) async fn fault(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    clock: &dyn Clock,
    error: &DirectoryError,
) -> Line {
    moved(settings, directory, clock, error).await.unwrap_or_else(|| of_error(settings, error))
}

/// The line about a role that has moved, which the other controllers are asked about; none where it has
/// not, or the error is about something else. It does not come back by waiting.
pub(crate) async fn moved(
    settings: &DirectorySettings,
    directory: &LdapDirectory,
    clock: &dyn Clock,
    error: &DirectoryError,
) -> Option<Line> {
    match error {
        // What one controller is like says nothing of another one, nor of who holds the role.
        DirectoryError::PdcUnreachable { .. }
        | DirectoryError::Lost { .. }
        | DirectoryError::Certificate { .. }
        | DirectoryError::Unfit { .. } => role::ask(settings, directory, clock).await.moved(error),
        _ => None,
    }
}

/// An error by itself: what was seen, and what is to be done about it.
pub(crate) fn of_error(settings: &DirectorySettings, error: &DirectoryError) -> Line {
    let (name, domain) = (quoted(settings.name.as_str()), &settings.domain);
    let (seen, fix) = error.and_its_fix();
    let fix = fix.map(str::to_owned).or_else(|| {
        Some(match error {
            DirectoryError::BindRefused { refusal, .. } => to_be_let_in(*refusal).to_owned(),
            DirectoryError::PdcUnreachable { .. } => format!(
                "look whether the DNS that the directory {name} asks (`dns`) has the record _ldap._tcp.pdc._msdcs.{domain}, and whether a controller of {domain} answers"
            ),
            DirectoryError::Lost { .. } => {
                "look at the controller's load and at what stands in the network in between".to_owned()
            }
            DirectoryError::NoPreferred { .. } => format!(
                "start one of the `controllers` of the directory {name}, or let others be asked as well (`only_preferred`)"
            ),
            DirectoryError::Configuration(_) => {
                format!("correct the configuration of the directory {name}")
            }
            DirectoryError::Certificate { .. } | DirectoryError::Unfit { .. } => {
                "look at the controller's certificate and its TLS settings".to_owned()
            }
            DirectoryError::Unreadable { attribute } => {
                format!("let the service account read {attribute}")
            }
            DirectoryError::NotComputed { .. } => {
                "look whether a global catalog runs and can be reached by the controller, or make the controller one (NTDS Settings)".to_owned()
            }
            DirectoryError::Refused(refusal) => to_be_answered(refusal.outcome()).to_owned(),
            DirectoryError::TooMuch { .. } => return None,
        })
    });
    Line::stopping(seen).with(fix.map_or_else(Remedy::default, Remedy::note))
}

/// What is to be done where a controller refuses to answer a question with what this means.
const fn to_be_answered(outcome: Outcome) -> &'static str {
    match outcome {
        Outcome::PdcUnreachable => {
            "look at the controller's load, and whether it is being started, restored or taken out of service"
        }
        Outcome::PermissionMissing => {
            "let the service account read the domain and its configuration, as everybody who signs in may in a new one"
        }
        _ => "look into the controller's log of the directory service, of the same moment",
    }
}

#[cfg(test)]
mod tests {
    use directory::{BindRefusal, Refusal};

    use super::*;
    use crate::guard::tests::settings;

    #[test]
    fn whatever_is_wrong_on_the_way_is_told_with_what_to_do() {
        let settings = settings();
        let text = || "no".to_owned();
        let unreachable = |cause: &str| DirectoryError::PdcUnreachable { cause: cause.to_owned() };
        let answered = |result| {
            let diagnostic = text();
            DirectoryError::Refused(Refusal { result, code: None, diagnostic })
        };
        let refused = "connecting to dc1 (127.0.0.1:1): nothing listens on that port (connection \
            refused). Start the directory service there, or correct the port";
        for (error, seen, fix) in [
            (unreachable(refused), "(connection refused)", "Start the directory service there, or"),
            (unreachable("DNS lookup: no"), "DNS lookup: no", "the record _ldap._tcp.pdc._msdcs."),
            (DirectoryError::Lost { cause: text() }, "was lost: no", "the controller's load"),
            (DirectoryError::NoPreferred { cause: text() }, "preferred", "`controllers`"),
            (answered(50), "result 50", "let the service account read"),
            (answered(51), "result 51", "the controller's load"),
            (answered(53), "result 53", "log of the directory service"),
            (DirectoryError::Configuration(text()), "configuration", "correct the configuration"),
            (
                DirectoryError::BindRefused {
                    controller: text(),
                    name: text(),
                    refusal: BindRefusal::WrongPassword,
                    diagnostic: String::new(),
                },
                "refused to bind",
                "`bind_password_file`",
            ),
            (
                DirectoryError::Certificate {
                    controller: text(),
                    cause: "it is not valid yet. Set this machine's clock, or issue one that is \
                        valid already"
                        .to_owned(),
                },
                "was refused: it is not valid yet",
                "Set this machine's clock",
            ),
        ] {
            let line = of_error(&settings, &error);
            assert!(line.stops && line.text.contains(seen), "{line:?}");
            let note = line.remedy.note.unwrap();
            assert!(note.contains(fix) && !line.text.contains(&note), "{}: {note}", line.text);
        }
    }
}
