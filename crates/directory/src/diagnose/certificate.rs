//! What is wrong with a certificate, in words: the TLS library says some of it in numbers, and the rest by
//! the names of its own errors.

use rustls::{CertificateError, ExtendedKeyPurpose};

use super::{Fault, bare};
use crate::certificate::{SHOWN, UnfitKey, UnknownIssuer, element};

/// OBJECT IDENTIFIER in DER.
const OID: u8 = 0x06;
/// Signature algorithms that somebody may meet who asks an old authority, by their OID: RFC 8017 appendix
/// C, RFC 5758 section 3.2, and the one that OIW registered.
const ALGORITHMS: [(&str, &str); 8] = [
    ("1.2.840.113549.1.1.4", "MD5 with RSA"),
    ("1.2.840.113549.1.1.5", "SHA-1 with RSA"),
    ("1.3.14.3.2.29", "SHA-1 with RSA"),
    ("1.2.840.113549.1.1.10", "RSASSA-PSS with parameters of its own"),
    ("1.2.840.10040.4.3", "SHA-1 with DSA"),
    ("1.2.840.10045.4.1", "SHA-1 with ECDSA"),
    ("1.2.840.10045.4.3.2", "SHA-256 with ECDSA"),
    ("1.2.840.113549.1.1.11", "SHA-256 with RSA"),
];
/// Errors of webpki that have no counterpart in rustls, by their names there.
const NAMED: [(&str, Fault); 2] = [
    ("UnsupportedCriticalExtension", Fault::CriticalExtension),
    ("CaUsedAsEndEntity", Fault::AnAuthoritys),
];

impl Fault {
    pub(super) fn of_certificate(problem: &CertificateError) -> Self {
        match problem {
            // The second one: an authority of the same name, with another key.
            CertificateError::UnknownIssuer | CertificateError::BadSignature => {
                Self::UnknownIssuer(None)
            }
            CertificateError::Other(other) => {
                if let Some(unknown) = other.0.downcast_ref::<UnknownIssuer>() {
                    return Self::UnknownIssuer(unknown.issuer.clone());
                }
                match other.0.is::<UnfitKey>() {
                    true => Self::UnfitKey,
                    false => Self::named(&other.0.to_string()),
                }
            }
            CertificateError::Expired => Self::Expired(None),
            CertificateError::ExpiredContext { time, not_after } => {
                let seconds = time.as_secs().saturating_sub(not_after.as_secs());
                Self::Expired(Some(seconds / (24 * 60 * 60)))
            }
            CertificateError::NotValidYet | CertificateError::NotValidYetContext { .. } => {
                Self::NotValidYet
            }
            CertificateError::NotValidForName => Self::OtherName(Vec::new()),
            CertificateError::NotValidForNameContext { presented, .. } => {
                Self::OtherName(presented.iter().map(|name| bare(name)).collect())
            }
            CertificateError::InvalidPurpose => Self::OtherPurpose(Vec::new()),
            CertificateError::InvalidPurposeContext { presented, .. } => {
                Self::OtherPurpose(presented.iter().map(purpose).collect())
            }
            CertificateError::UnhandledCriticalExtension => Self::CriticalExtension,
            CertificateError::UnsupportedSignatureAlgorithmContext {
                signature_algorithm_id,
                ..
            }
            | CertificateError::UnsupportedSignatureAlgorithmForPublicKeyContext {
                signature_algorithm_id,
                ..
            } => Self::SignedBy(algorithm(signature_algorithm_id)),
            CertificateError::BadEncoding => {
                Self::OtherCertificate("it is not encoded as certificates are".to_owned())
            }
            other => Self::named(&format!("{other:?}")),
        }
    }

    /// By the name of an error; what is told besides is for whoever wrote the library.
    fn named(error: &str) -> Self {
        let name = error.split(|c: char| !c.is_ascii_alphanumeric()).next().unwrap_or_default();
        if let Some((_, fault)) = NAMED.into_iter().find(|(known, _)| *known == name) {
            return fault;
        }
        let mut words = String::new();
        for character in name.chars().take(SHOWN) {
            if character.is_ascii_uppercase() && !words.is_empty() {
                words.push(' ');
            }
            words.push(character.to_ascii_lowercase());
        }
        Self::OtherCertificate(format!("it is not accepted: {words}"))
    }
}

/// What a certificate is for.
fn purpose(purpose: &ExtendedKeyPurpose) -> String {
    match purpose {
        ExtendedKeyPurpose::ClientAuth => "client authentication".to_owned(),
        ExtendedKeyPurpose::ServerAuth => "server authentication".to_owned(),
        ExtendedKeyPurpose::Other(parts) => dotted(parts.iter().copied()),
    }
}

/// The signature algorithm of an AlgorithmIdentifier (RFC 5280 section 4.1.1.2), with or without what is
/// around it: by its name, or by its number.
fn algorithm(identifier: &[u8]) -> String {
    let inner = match element(identifier) {
        Some((OID, ..)) | None => identifier,
        Some((_, inner, _)) => inner,
    };
    let Some((OID, value, _)) = element(inner) else { return "an unknown algorithm".to_owned() };
    let number = dotted(parts(value));
    let known = ALGORITHMS.into_iter().find(|(oid, _)| *oid == number);
    known.map_or(number.clone(), |(_, name)| format!("{name} ({number})"))
}

/// The parts of an OID (X.690 section 8.19); a part that is larger than any has its end missing.
fn parts(value: &[u8]) -> Vec<usize> {
    let (mut parts, mut part) = (Vec::new(), 0_usize);
    for byte in value {
        part = part.wrapping_shl(7) | usize::from(byte & 0x7f);
        if byte & 0x80 != 0 {
            continue;
        }
        match parts.is_empty() {
            true => {
                let first = (part / 40).min(2);
                parts.extend([first, part - 40 * first]);
            }
            false => parts.push(part),
        }
        part = 0;
    }
    parts
}

fn dotted(parts: impl IntoIterator<Item = usize>) -> String {
    parts.into_iter().map(|part| part.to_string()).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use rustls::OtherError;

    use super::*;

    #[test]
    fn an_algorithm_is_named_as_administrators_know_it() {
        let sha1: &[u8] = &[6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 1, 1, 5, 5, 0];
        let whole = [&[0x30, 13][..], sha1].concat();
        for bytes in [sha1, &whole] {
            assert_eq!(algorithm(bytes), "SHA-1 with RSA (1.2.840.113549.1.1.5)");
        }
        assert!(algorithm(&[6, 5, 0x2b, 0x0e, 3, 2, 0x1d]).starts_with("SHA-1 with RSA"));
        assert_eq!(algorithm(&[6, 3, 0x2b, 0x65, 0x71]), "1.3.101.113");
        for nothing in [&b""[..], b"\x06", b"\x30\x00", b"\x30\x02\x05\x00"] {
            assert_eq!(algorithm(nothing), "an unknown algorithm", "{nothing:?}");
        }
        let endless = [&[6, 20][..], &[0xff; 20]].concat();
        assert_eq!(algorithm(&endless), "");
    }

    #[test]
    fn nothing_is_told_as_the_library_prints_it() {
        let of = |name: &str| {
            let error = std::io::Error::other(name.to_owned());
            Fault::of_certificate(&CertificateError::Other(OtherError(Arc::new(error))))
        };
        assert_eq!(of("UnsupportedCriticalExtension"), Fault::CriticalExtension);
        assert_eq!(of("CaUsedAsEndEntity"), Fault::AnAuthoritys);
        let told = Fault::OtherCertificate("it is not accepted: unsupported cert version".into());
        assert_eq!(of("UnsupportedCertVersion { version: [48, 13] }"), told);
        let key = CertificateError::Other(OtherError(Arc::new(UnfitKey)));
        assert_eq!(Fault::of_certificate(&key), Fault::UnfitKey);
        let kept = Fault::of_certificate(&CertificateError::InvalidOcspResponse);
        assert_eq!(
            kept,
            Fault::OtherCertificate("it is not accepted: invalid ocsp response".into())
        );
    }
}
