//! The two layers of a request (INTERFACES "Package").
//!
//! ```text
//! package = [ header, COSE_Encrypt0 ]          the header in clear, as associated data everywhere
//!   COSE_Encrypt0 = [ << {1: A256GCM} >>, {4: package key id, 5: nonce}, ciphertext(inner) ]
//!   inner         = COSE_Encrypt
//!                 = [ << {1: A256GCM} >>, {5: nonce}, ciphertext(area),
//!                     [ [ h'', {1: RSAES-OAEP w/ SHA-256, 4: RSA key id}, wrapped key ] ] ]
//! ```

use ciborium::Value;
use coset::{
    AsCborValue as _, CborSerializable as _, CoseEncrypt0Builder, CoseEncryptBuilder,
    EncryptionContext,
};
use protocol::limits::{AREA_LARGE, AREA_SMALL, INNER_MAX, PACKAGE_MAX, PACKAGE_SMALL_MAX};
use protocol::{Header, KeyId, PasswordError, Passwords, Purpose, Randomness};
use zeroize::Zeroizing;

use crate::SealError;
use crate::aead::{self, nonce};
use crate::cose::{
    Encrypt, Encrypt0, a256gcm, decode, encode, key_and_nonce, nonce_alone, recipient,
};
use crate::keys::{AgentKeys, PackageKey, PublicKey};

const INNER: &str = "inner layer";
const PACKAGE: &str = "package";

/// A request whose outer layer was opened: who asks for what, and the sealed password.
pub struct OpenedRequest {
    /// What the package is bound to; authentic, since the outer layer opened.
    pub header: Header,
    /// The inner structure.
    pub inner: Vec<u8>,
    /// The package key that it came under; the answer goes back under the same generation.
    pub package_key_id: KeyId,
}

/// Seals the passwords of an operation for one agent, bound to `header`. The inner structure is what
/// a browser makes with WebCrypto; this is the same for callers that are no browser.
///
/// # Errors
/// [`SealError::Password`] if they are not those of the header's operation; [`SealError::Library`].
pub fn seal_passwords(
    key: &PublicKey,
    header: &Header,
    passwords: &Passwords,
    randomness: &dyn Randomness,
) -> Result<Vec<u8>, SealError> {
    if !passwords.fit(header.operation) {
        return Err(SealError::Password(PasswordError::Area));
    }
    let mut content_key = Zeroizing::new([0; 32]);
    randomness.fill(content_key.as_mut());
    let nonce = nonce(randomness);
    let wrapped = key.encrypt(&content_key)?;
    let associated_data = header.associated_data(Purpose::Password);
    let sealed = CoseEncryptBuilder::new()
        .protected(a256gcm())
        .unprotected(nonce_alone(nonce))
        .add_recipient(recipient(key.key_id(), wrapped))
        .try_create_ciphertext(&passwords.to_area(), &associated_data, |area, data| {
            aead::seal(&content_key, nonce, data, area)
        })?
        .build();
    sealed.to_vec().map_err(|_| SealError::Library("encode"))
}

/// Checks everything about an inner structure that can be seen without a key, so that what comes
/// from a browser is refused before it is queued.
///
/// # Errors
/// [`SealError::Malformed`] or [`SealError::Size`].
pub fn check_inner(inner: &[u8]) -> Result<(), SealError> {
    package_limit(&read_inner(inner)?).map(drop)
}

/// Puts the outer layer around an inner structure.
///
/// # Errors
/// [`SealError::Malformed`] or [`SealError::Size`] if `inner` is not an inner structure of one
/// of the two sizes, [`SealError::NotAuthentic`] if it is for another RSA key than the header
/// names; so nothing else ever reaches an agent.
pub fn seal_request(
    key: &PackageKey,
    header: &Header,
    inner: &[u8],
    randomness: &dyn Randomness,
) -> Result<Vec<u8>, SealError> {
    let most = package_limit(&read_inner_for(header, inner)?)?;
    let nonce = nonce(randomness);
    let sealed = CoseEncrypt0Builder::new()
        .protected(a256gcm())
        .unprotected(key_and_nonce(key.key_id()?, nonce))
        .try_create_ciphertext(inner, &header.associated_data(Purpose::Request), |plain, data| {
            aead::seal(key.as_bytes(), nonce, data, plain)
        })?
        .build();
    let sealed = sealed.to_cbor_value().map_err(|_| SealError::Library("encode"))?;
    let package = encode(&Value::Array(vec![Value::Bytes(header.encode()), sealed]));
    if package.len() > most {
        return Err(SealError::Size(PACKAGE));
    }
    Ok(package)
}

/// Opens the outer layer.
///
/// # Errors
/// Everything but exactly what [`seal_request`] writes: size, structure, header, key, any change.
pub fn open_request(keys: &AgentKeys, package: &[u8]) -> Result<OpenedRequest, SealError> {
    if package.len() > PACKAGE_MAX {
        return Err(SealError::Size(PACKAGE));
    }
    let malformed = || SealError::Malformed(PACKAGE);
    let (header, sealed) = split(package)?;
    let sealed = Encrypt0::read(sealed, PACKAGE)?;
    let id = sealed.key_id;
    let key = keys.package_key(id).ok_or(SealError::UnknownKey(PACKAGE))?;
    let associated_data = header.associated_data(Purpose::Request);
    let structure = &sealed.structure;
    let inner = structure.decrypt_ciphertext(&associated_data, malformed, |ciphertext, data| {
        let opened = aead::open(key.as_bytes(), sealed.nonce, data, ciphertext, PACKAGE)?;
        Ok(opened.to_vec())
    })?;
    Ok(OpenedRequest { header, inner, package_key_id: id })
}

/// The header that a package claims, although nothing proves it: for logs and for telling the
/// cloud which message did not open. Never a reason to do anything else.
pub fn claimed_header(package: &[u8]) -> Option<Header> {
    if package.len() > PACKAGE_MAX {
        return None;
    }
    split(package).ok().map(|(header, _)| header)
}

/// Opens the inner layer of an opened request.
///
/// # Errors
/// Everything but exactly what [`seal_passwords`] writes for the same header.
pub fn open_passwords(keys: &AgentKeys, request: &OpenedRequest) -> Result<Passwords, SealError> {
    let inner = read_inner_for(&request.header, &request.inner)?;
    package_limit(&inner)?;
    let pair = keys.pair(inner.key_id).ok_or(SealError::UnknownKey(INNER))?;
    let content_key = pair.decrypt(&inner.wrapped)?;
    let associated_data = coset::enc_structure_data(
        EncryptionContext::CoseEncrypt,
        inner.structure.protected,
        &request.header.associated_data(Purpose::Password),
    );
    let area = aead::open(&content_key, inner.nonce, &associated_data, &inner.ciphertext, INNER)?;
    Ok(Passwords::from_area(request.header.operation, &area)?)
}

/// A package's header and its sealed part.
fn split(package: &[u8]) -> Result<(Header, Value), SealError> {
    let malformed = || SealError::Malformed(PACKAGE);
    let mut parts = decode(package, PACKAGE)?.into_array().map_err(|_| malformed())?;
    let (Some(sealed), Some(header), true) = (parts.pop(), parts.pop(), parts.is_empty()) else {
        return Err(malformed());
    };
    let header = header.into_bytes().map_err(|_| malformed())?;
    Ok((Header::decode(&header).map_err(SealError::Header)?, sealed))
}

/// Reads an inner structure and checks everything about it that can be seen without a key.
fn read_inner(bytes: &[u8]) -> Result<Encrypt, SealError> {
    if bytes.len() > INNER_MAX {
        return Err(SealError::Size(INNER));
    }
    Encrypt::read(decode(bytes, INNER)?, INNER)
}

/// The same, and that it is for the RSA key that the header names.
fn read_inner_for(header: &Header, bytes: &[u8]) -> Result<Encrypt, SealError> {
    let inner = read_inner(bytes)?;
    if inner.key_id != header.key_id {
        return Err(SealError::NotAuthentic(INNER));
    }
    Ok(inner)
}

/// The largest package that may be made around this inner structure (SPEC K-1).
fn package_limit(inner: &Encrypt) -> Result<usize, SealError> {
    const TAG: usize = 16;
    match inner.ciphertext.len() {
        length if length == AREA_SMALL + TAG => Ok(PACKAGE_SMALL_MAX),
        length if length == AREA_LARGE + TAG => Ok(PACKAGE_MAX),
        _ => Err(SealError::Size(INNER)),
    }
}
