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
use coset::iana::Algorithm;
use coset::{
    AsCborValue as _, CborSerializable as _, CoseEncrypt, CoseEncrypt0, CoseEncrypt0Builder,
    CoseEncryptBuilder, CoseRecipientBuilder, EncryptionContext, HeaderBuilder,
    RegisteredLabelWithPrivate,
};
use protocol::limits::{AREA_LARGE, AREA_SMALL, INNER_MAX, PACKAGE_MAX, PACKAGE_SMALL_MAX};
use protocol::{ClearPassword, Header, KeyId, Purpose, Randomness};
use zeroize::Zeroizing;

use crate::SealError;
use crate::aead::{self, nonce};
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

/// Seals a password for one agent, bound to `header`. The inner structure is what a browser
/// makes with WebCrypto; this is the same for callers that are no browser.
///
/// # Errors
/// [`SealError::Library`].
pub fn seal_password(
    key: &PublicKey,
    header: &Header,
    password: &ClearPassword,
    randomness: &dyn Randomness,
) -> Result<Vec<u8>, SealError> {
    let mut content_key = Zeroizing::new([0; 32]);
    randomness.fill(content_key.as_mut());
    let nonce = nonce(randomness);
    let wrapped = key.encrypt(&content_key)?;
    let recipient = CoseRecipientBuilder::new()
        .unprotected(
            HeaderBuilder::new()
                .algorithm(Algorithm::RSAES_OAEP_SHA_256)
                .key_id(key.key_id().to_bytes().to_vec())
                .build(),
        )
        .ciphertext(wrapped)
        .build();
    let associated_data = header.associated_data(Purpose::Password);
    let sealed = CoseEncryptBuilder::new()
        .protected(HeaderBuilder::new().algorithm(Algorithm::A256GCM).build())
        .unprotected(HeaderBuilder::new().iv(nonce.to_vec()).build())
        .add_recipient(recipient)
        .try_create_ciphertext(&password.to_area(), &associated_data, |area, data| {
            aead::seal(&content_key, nonce, data, area)
        })?
        .build();
    sealed.to_vec().map_err(|_| SealError::Library("encode"))
}

/// Puts the outer layer around an inner structure.
///
/// # Errors
/// [`SealError::Malformed`] or [`SealError::Size`] if `inner` is not an inner structure of one
/// of the two sizes; so nothing else ever reaches an agent.
pub fn seal_request(
    key: &PackageKey,
    header: &Header,
    inner: &[u8],
    randomness: &dyn Randomness,
) -> Result<Vec<u8>, SealError> {
    let most = package_limit(&read_inner(inner)?)?;
    let nonce = nonce(randomness);
    let sealed = CoseEncrypt0Builder::new()
        .protected(HeaderBuilder::new().algorithm(Algorithm::A256GCM).build())
        .unprotected(
            HeaderBuilder::new()
                .key_id(key.key_id()?.to_bytes().to_vec())
                .iv(nonce.to_vec())
                .build(),
        )
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
    let mut parts = decode(package, PACKAGE)?.into_array().map_err(|_| malformed())?;
    let (Some(sealed), Some(header), true) = (parts.pop(), parts.pop(), parts.is_empty()) else {
        return Err(malformed());
    };
    let header = header.into_bytes().map_err(|_| malformed())?;
    let header = Header::decode(&header).map_err(SealError::Header)?;
    let sealed = CoseEncrypt0::from_cbor_value(sealed).map_err(|_| malformed())?;
    let unprotected = HeaderBuilder::new()
        .key_id(sealed.unprotected.key_id.clone())
        .iv(sealed.unprotected.iv.clone())
        .build();
    if !is_a256gcm(&sealed.protected.header) || sealed.unprotected != unprotected {
        return Err(malformed());
    }
    let id = key_id(&sealed.unprotected.key_id).ok_or_else(malformed)?;
    let key = keys.package_key(id).ok_or(SealError::UnknownKey(PACKAGE))?;
    let associated_data = header.associated_data(Purpose::Request);
    let inner = sealed.decrypt_ciphertext(&associated_data, malformed, |ciphertext, data| {
        let opened = aead::open(key.as_bytes(), &sealed.unprotected.iv, data, ciphertext, PACKAGE)?;
        Ok(opened.to_vec())
    })?;
    Ok(OpenedRequest { header, inner, package_key_id: id })
}

/// Opens the inner layer of an opened request.
///
/// # Errors
/// Everything but exactly what [`seal_password`] writes for the same header.
pub fn open_password(
    keys: &AgentKeys,
    request: &OpenedRequest,
) -> Result<ClearPassword, SealError> {
    let inner = read_inner(&request.inner)?;
    package_limit(&inner)?;
    let recipient = &inner.recipients[0];
    let id = key_id(&recipient.unprotected.key_id).ok_or(SealError::Malformed(INNER))?;
    if id != request.header.key_id {
        return Err(SealError::NotAuthentic(INNER));
    }
    let pair = keys.pair(id).ok_or(SealError::UnknownKey(INNER))?;
    let wrapped = recipient.ciphertext.as_deref().ok_or(SealError::Malformed(INNER))?;
    let content_key = pair.decrypt(wrapped)?;
    let associated_data = coset::enc_structure_data(
        EncryptionContext::CoseEncrypt,
        inner.protected.clone(),
        &request.header.associated_data(Purpose::Password),
    );
    let ciphertext = inner.ciphertext.as_deref().ok_or(SealError::Malformed(INNER))?;
    let area =
        aead::open(&content_key, &inner.unprotected.iv, &associated_data, ciphertext, INNER)?;
    Ok(ClearPassword::from_area(&area)?)
}

/// Reads an inner structure and checks everything about it that can be seen without a key.
fn read_inner(bytes: &[u8]) -> Result<CoseEncrypt, SealError> {
    let malformed = || SealError::Malformed(INNER);
    if bytes.len() > INNER_MAX {
        return Err(SealError::Size(INNER));
    }
    let value = decode(bytes, INNER)?;
    let inner = CoseEncrypt::from_cbor_value(value).map_err(|_| malformed())?;
    let [recipient] = inner.recipients.as_slice() else { return Err(malformed()) };
    let oaep = RegisteredLabelWithPrivate::Assigned(Algorithm::RSAES_OAEP_SHA_256);
    let unprotected = HeaderBuilder::new().iv(inner.unprotected.iv.clone()).build();
    let mut of_recipient =
        HeaderBuilder::new().key_id(recipient.unprotected.key_id.clone()).build();
    of_recipient.alg = Some(oaep);
    let well_formed = is_a256gcm(&inner.protected.header)
        && inner.unprotected == unprotected
        && recipient.protected.header.is_empty()
        && recipient.unprotected == of_recipient
        && recipient.recipients.is_empty()
        && recipient.ciphertext.as_ref().is_some_and(|wrapped| wrapped.len() == 256);
    if well_formed { Ok(inner) } else { Err(malformed()) }
}

/// The largest package that may be made around this inner structure (SPEC K-1).
fn package_limit(inner: &CoseEncrypt) -> Result<usize, SealError> {
    const TAG: usize = 16;
    match inner.ciphertext.as_ref().map(Vec::len) {
        Some(length) if length == AREA_SMALL + TAG => Ok(PACKAGE_SMALL_MAX),
        Some(length) if length == AREA_LARGE + TAG => Ok(PACKAGE_MAX),
        _ => Err(SealError::Size(INNER)),
    }
}

fn is_a256gcm(header: &coset::Header) -> bool {
    *header == HeaderBuilder::new().algorithm(Algorithm::A256GCM).build()
}

fn key_id(bytes: &[u8]) -> Option<KeyId> {
    bytes.try_into().ok().map(KeyId::from_bytes)
}

fn encode(value: &Value) -> Vec<u8> {
    let mut bytes = Vec::new();
    // Writing to a Vec cannot fail.
    let _ = ciborium::into_writer(value, &mut bytes);
    bytes
}

/// Decodes one item that is in canonical encoding: one structure has one form.
pub(crate) fn decode(bytes: &[u8], what: &'static str) -> Result<Value, SealError> {
    let mut rest = bytes;
    let value: Value = ciborium::de::from_reader_with_recursion_limit(&mut rest, 16)
        .map_err(|_| SealError::Malformed(what))?;
    if !rest.is_empty() || encode(&value) != bytes {
        return Err(SealError::Malformed(what));
    }
    Ok(value)
}
