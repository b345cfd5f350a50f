//! A certificate authority for the servers of a lab: controllers, the cloud service, mail.

use std::fmt;
use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use rcgen::{
    BasicConstraints, CertificateParams, DistinguishedName, DnType, ExtendedKeyUsagePurpose, IsCa,
    Issuer, KeyPair, KeyUsagePurpose, date_time_ymd,
};

use crate::LabError;

/// Issues certificates that hold until 2049; the key is ECDSA on P-256, which costs a TLS
/// connection a fifth of what RSA costs (LAB.md).
pub struct Authority {
    pem: String,
    issuer: Issuer<'static, KeyPair>,
}

/// A certificate and its key, both as PEM.
pub struct ServerCertificate {
    /// The certificate alone; its authority is in [`Authority::pem`].
    pub certificate: String,
    /// The private key, PKCS #8.
    pub key: String,
}

impl Authority {
    /// A new authority with a key of its own.
    ///
    /// # Errors
    ///
    /// [`LabError::Certificate`] if a key cannot be made.
    pub fn create() -> Result<Self, LabError> {
        let key = KeyPair::generate()?;
        let params = own_params();
        let pem = params.self_signed(&key)?.pem();
        Ok(Self { pem, issuer: Issuer::new(params, key) })
    }

    /// The authority's own certificate: what clients trust.
    pub fn pem(&self) -> &str {
        &self.pem
    }

    /// A certificate for a TLS server that is reached by these names and addresses.
    ///
    /// # Errors
    ///
    /// [`LabError::Certificate`] if a name cannot stand in a certificate.
    pub fn server(&self, names: &[&str]) -> Result<ServerCertificate, LabError> {
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        let common_name = names.first().cloned().unwrap_or_default();
        // Names that are addresses become addresses in the certificate.
        let mut params = dated(CertificateParams::new(names)?);
        params.distinguished_name = DistinguishedName::new();
        params.distinguished_name.push(DnType::CommonName, common_name);
        params.key_usages = vec![KeyUsagePurpose::DigitalSignature];
        params.extended_key_usages = vec![ExtendedKeyUsagePurpose::ServerAuth];
        params.use_authority_key_identifier_extension = true;
        let key = KeyPair::generate()?;
        let certificate = params.signed_by(&key, &self.issuer)?.pem();
        Ok(ServerCertificate { certificate, key: key.serialize_pem() })
    }

    /// Writes `ca.pem` and `ca.key` into a directory.
    pub(crate) fn write_to(&self, directory: &Path) -> Result<(), LabError> {
        write_new(&directory.join("ca.pem"), &self.pem, 0o644)?;
        write_new(&directory.join("ca.key"), &self.issuer.key().serialize_pem(), 0o600)
    }
}

impl ServerCertificate {
    /// Writes `NAME.pem` and `NAME.key` (readable by its owner only) into a directory, and
    /// returns where.
    ///
    /// # Errors
    ///
    /// If the files are there already, or cannot be written.
    pub fn write_to(&self, directory: &Path, name: &str) -> Result<(PathBuf, PathBuf), LabError> {
        let certificate = directory.join(format!("{name}.pem"));
        let key = directory.join(format!("{name}.key"));
        write_new(&certificate, &self.certificate, 0o644)?;
        write_new(&key, &self.key, 0o600)?;
        Ok((certificate, key))
    }
}

impl fmt::Debug for Authority {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Authority").field("pem", &self.pem).finish_non_exhaustive()
    }
}

impl fmt::Debug for ServerCertificate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let certificate = &self.certificate;
        f.debug_struct("ServerCertificate")
            .field("certificate", certificate)
            .finish_non_exhaustive()
    }
}

/// All of an authority but its key, so that it can be taken up again with the key alone.
fn own_params() -> CertificateParams {
    let mut params = dated(CertificateParams::default());
    params.distinguished_name = DistinguishedName::new();
    params.distinguished_name.push(DnType::CommonName, "Passback lab");
    params.is_ca = IsCa::Ca(BasicConstraints::Constrained(0));
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign, KeyUsagePurpose::CrlSign];
    params
}

/// The lab's clock may be off by years; after 2049 the encoding of times changes (RFC 5280
/// 4.1.2.5), which is not what a lab should find out.
fn dated(mut params: CertificateParams) -> CertificateParams {
    params.not_before = date_time_ymd(2020, 1, 1);
    params.not_after = date_time_ymd(2049, 12, 31);
    params
}

fn write_new(path: &Path, text: &str, mode: u32) -> Result<(), LabError> {
    let mut file = OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(mode)
        .open(path)
        .map_err(LabError::io("making", path))?;
    file.write_all(text.as_bytes()).map_err(LabError::io("writing", path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_issued_is_a_certificate_and_its_key() {
        let issued = Authority::create().unwrap().server(&["localhost", "127.0.0.1"]).unwrap();
        assert!(issued.certificate.starts_with("-----BEGIN CERTIFICATE-----"));
        assert!(issued.key.starts_with("-----BEGIN PRIVATE KEY-----"));
    }

    #[test]
    fn keys_are_not_in_what_debug_prints() {
        let authority = Authority::create().unwrap();
        let issued = authority.server(&["localhost"]).unwrap();
        assert!(!format!("{authority:?} {issued:?}").contains("PRIVATE"));
    }
}
