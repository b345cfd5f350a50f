//! Who issued a certificate that is refused: webpki checks, and does not say.
//!
//! Verification itself is webpki's and stays so: [`Verifier`] passes every question on, and adds to
//! one kind of refusal the name that an operator looks for.

use std::sync::Arc;

use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{CertificateError, DigitallySignedStruct, Error, OtherError, SignatureScheme};

/// The certificate's issuer is not among the trusted ones.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not issued by a trusted authority")]
pub(crate) struct UnknownIssuer {
    /// The issuer's name, if it can be read.
    pub(crate) issuer: Option<String>,
}

/// What the other side signed the handshake with does not go with the certificate's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the signature does not go with the key")]
pub(crate) struct UnfitKey;

/// webpki's verifier, which names the issuer that it does not know.
#[derive(Debug)]
pub(crate) struct Verifier(pub(crate) Arc<WebPkiServerVerifier>);

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let verdict =
            self.0.verify_server_cert(end_entity, intermediates, server_name, ocsp_response, now);
        verdict.map_err(|error| match error {
            Error::InvalidCertificate(
                CertificateError::UnknownIssuer | CertificateError::BadSignature,
            ) => {
                let unknown = UnknownIssuer { issuer: issuer(end_entity) };
                Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(unknown))))
            }
            other => other,
        })
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls12_signature(message, cert, dss).map_err(of_signature)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        self.0.verify_tls13_signature(message, cert, dss).map_err(of_signature)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.supported_verify_schemes()
    }
}

/// The same refusal means another thing of a handshake than of the certificate itself, whose issuer is
/// verified by then.
fn of_signature(error: Error) -> Error {
    match error {
        Error::InvalidCertificate(CertificateError::BadSignature) => {
            Error::InvalidCertificate(CertificateError::Other(OtherError(Arc::new(UnfitKey))))
        }
        other => other,
    }
}

/// The most characters of a name that are shown.
pub(crate) const SHOWN: usize = 200;

/// The issuer's name (RFC 5280 section 4.1.2.4): the values of its parts, the most special one last,
/// as they stand in the certificate. None if there is no such text.
pub(crate) fn issuer(certificate: &[u8]) -> Option<String> {
    let (SEQUENCE, certificate, _) = element(certificate)? else { return None };
    let (SEQUENCE, to_be_signed, _) = element(certificate)? else { return None };
    // The version is absent in a certificate of version 1.
    let (tag, _, after) = element(to_be_signed)?;
    let serial_and_more = if tag == VERSION { after } else { to_be_signed };
    let (_, _, algorithm_and_more) = element(serial_and_more)?;
    let (_, _, issuer_and_more) = element(algorithm_and_more)?;
    let (SEQUENCE, mut parts, _) = element(issuer_and_more)? else { return None };
    let mut texts = Vec::new();
    while let Some((_, set, rest)) = element(parts) {
        parts = rest;
        let pair = element(set).and_then(|(_, pair, _)| element(pair));
        let value = pair.and_then(|(_, _, value)| element(value));
        // Whatever kind of string it is, nearly all of them are ASCII or UTF-8.
        texts.extend(value.map(|(_, value, _)| String::from_utf8_lossy(value).into_owned()));
    }
    let name = texts.join(", ");
    let name: String = name.chars().filter(|c| !c.is_control()).take(SHOWN).collect();
    (!name.is_empty()).then_some(name)
}

const SEQUENCE: u8 = 0x30;
const VERSION: u8 = 0xa0;

/// The first element of DER: its tag, its content, and what stands behind it.
pub(crate) fn element(bytes: &[u8]) -> Option<(u8, &[u8], &[u8])> {
    let (&[tag, first], rest) = bytes.split_first_chunk()?;
    let (length, rest) = match first {
        0..=0x7f => (usize::from(first), rest),
        // Two bytes of length are more than a certificate has.
        0x81 | 0x82 => {
            let (length, rest) = rest.split_at_checked(usize::from(first & 0x7f))?;
            (length.iter().fold(0, |sum, &byte| sum << 8 | usize::from(byte)), rest)
        }
        _ => return None,
    };
    let (content, rest) = rest.split_at_checked(length)?;
    Some((tag, content, rest))
}

#[cfg(test)]
mod tests {
    use rustls::pki_types::pem::PemObject as _;

    use super::*;
    use crate::fuzzing;
    use generated::for_each_input;

    fn certificate() -> Vec<u8> {
        let made = lab::Authority::create().unwrap().server(&["dc1.corp.example"]).unwrap();
        CertificateDer::from_pem_slice(made.certificate.as_bytes()).unwrap().to_vec()
    }

    #[test]
    fn the_issuer_of_a_certificate_is_named() {
        assert_eq!(issuer(&certificate()).as_deref(), Some("Passback lab"));
    }

    #[test]
    fn what_is_no_certificate_has_no_issuer_or_any_and_harms_nobody() {
        let good = certificate();
        for_each_input("issuer", |chance| fuzzing::certificate(&chance.spoilt(&good)));
        assert_eq!(issuer(b""), None);
        assert_eq!(issuer(&good[..40]), None);
    }
}
