//! Keys that sign lists, and what others need to check that: P-384 and Ed25519.

use std::fmt;

use ed25519_dalek::pkcs8::{DecodePrivateKey as _, DecodePublicKey as _};
use ed25519_dalek::{Signer as _, Verifier as _};
use p384::ecdsa;
use p384::pkcs8::{EncodePublicKey as _, LineEnding};
use sha2::{Digest as _, Sha256};

use super::error::{ManifestError, Reason};
use super::hex;
use super::json::{self, Object, Value};

/// By which algorithm a list is signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum KeyAlgorithm {
    /// ECDSA on P-384 with SHA-384 (FIPS 186-5); `ecdsa-sha2-nistp384` in TUF.
    EcdsaP384,
    /// Ed25519 (RFC 8032).
    Ed25519,
}

/// A key that signs lists of files. It signs nothing else: keys of a [`store`](crate::store) are of another type.
///
/// Printed, it is its algorithm and the id of its public half, never the key.
///
/// # Examples
///
/// ```
/// use letterhead::trust::SigningKey;
///
/// # fn main() -> Result<(), letterhead::trust::ManifestError> {
/// // `openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384` writes such a text; this is one of 32 raw bytes.
/// let key = SigningKey::from_bytes(&[7; 32])?;
/// assert!(format!("{key:?}").starts_with("SigningKey(ed25519, "));
/// assert!(SigningKey::from_bytes(b"no key").is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct SigningKey(Secret);

#[derive(Clone)]
enum Secret {
    EcdsaP384(Box<ecdsa::SigningKey>),
    Ed25519(Box<ed25519_dalek::SigningKey>),
}

/// The public half of a [`SigningKey`].
#[derive(Clone, PartialEq, Eq)]
pub struct PublicKey(Public);

#[derive(Clone, PartialEq, Eq)]
enum Public {
    EcdsaP384(Box<ecdsa::VerifyingKey>),
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
}

fn no_key(wanted: &str) -> ManifestError {
    // What was found is not said: it may be most of a key.
    ManifestError::new(Reason::Key, format!("wanted {wanted}, found something else"))
}

/// The first block of a PEM text (RFC 7468) with one of these labels; openssl writes others in front.
fn block<'a>(text: &'a str, labels: &[&str]) -> Option<(&'a str, usize)> {
    labels.iter().enumerate().find_map(|(at, label)| {
        let (begin, end) = (format!("-----BEGIN {label}-----"), format!("-----END {label}-----"));
        let from = text.find(&begin)?;
        let to = from + text.get(from..)?.find(&end)? + end.len();
        Some((text.get(from..to)?, at))
    })
}

impl SigningKey {
    /// Reads a key: PEM as openssl writes it (PKCS #8, or `EC PRIVATE KEY`), 48 raw bytes for the scalar of P-384, or 32
    /// for the seed of Ed25519.
    ///
    /// # Errors
    ///
    /// If it is none of these, or of another curve, or encrypted. The error says nothing of what was read.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let wanted = "a key of P-384 or Ed25519, in PEM or as 48 or 32 raw bytes";
        let p384 = |key: Option<ecdsa::SigningKey>| Some(Self(Secret::EcdsaP384(Box::new(key?))));
        let ed25519 =
            |key: Option<ed25519_dalek::SigningKey>| Some(Self(Secret::Ed25519(Box::new(key?))));
        let read = if let Ok(seed) = <&[u8; 32]>::try_from(bytes) {
            ed25519(Some(ed25519_dalek::SigningKey::from_bytes(seed)))
        } else if bytes.len() == 48 {
            p384(ecdsa::SigningKey::from_slice(bytes).ok())
        } else {
            let text = std::str::from_utf8(bytes).map_err(|_| no_key(wanted))?;
            match block(text, &["PRIVATE KEY", "EC PRIVATE KEY"]) {
                Some((pem, 0)) => p384(ecdsa::SigningKey::from_pkcs8_pem(pem).ok())
                    .or_else(|| ed25519(ed25519_dalek::SigningKey::from_pkcs8_pem(pem).ok())),
                Some((pem, _)) => {
                    p384(p384::SecretKey::from_sec1_pem(pem).ok().map(ecdsa::SigningKey::from))
                }
                None => None,
            }
        };
        read.ok_or_else(|| no_key(wanted))
    }

    /// What others need to check what it signs.
    #[must_use]
    pub fn public_key(&self) -> PublicKey {
        PublicKey(match &self.0 {
            Secret::EcdsaP384(key) => Public::EcdsaP384(Box::new(*key.verifying_key())),
            Secret::Ed25519(key) => Public::Ed25519(Box::new(key.verifying_key())),
        })
    }

    /// A signature in the form that TUF has: DER for P-384, 64 bytes for Ed25519.
    pub(super) fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.0 {
            Secret::EcdsaP384(key) => {
                let signature: ecdsa::Signature = key.sign(message);
                signature.to_der().as_bytes().to_vec()
            }
            Secret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
        }
    }
}

impl PublicKey {
    /// Reads a public key: PEM (`PUBLIC KEY`), 97 or 49 bytes for a point of P-384 (SEC 1), or 32 for Ed25519.
    ///
    /// # Errors
    ///
    /// If it is none of these, or a point that would let others sign.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ManifestError> {
        let wanted = "a public key of P-384 or Ed25519, in PEM or raw";
        let read = match (bytes.len(), std::str::from_utf8(bytes)) {
            (32, _) => ed25519_dalek::VerifyingKey::try_from(bytes).ok().and_then(Self::ed25519),
            (49 | 97, _) => ecdsa::VerifyingKey::from_sec1_bytes(bytes).ok().map(Self::p384),
            (_, Ok(text)) => block(text, &["PUBLIC KEY"]).and_then(|(pem, _)| {
                let p384 = ecdsa::VerifyingKey::from_public_key_pem(pem).ok().map(Self::p384);
                p384.or_else(|| {
                    let key = ed25519_dalek::VerifyingKey::from_public_key_pem(pem).ok();
                    key.and_then(Self::ed25519)
                })
            }),
            (_, Err(_)) => None,
        };
        read.ok_or_else(|| no_key(wanted))
    }

    fn p384(key: ecdsa::VerifyingKey) -> Self {
        Self(Public::EcdsaP384(Box::new(key)))
    }

    fn ed25519(key: ed25519_dalek::VerifyingKey) -> Option<Self> {
        (!key.is_weak()).then(|| Self(Public::Ed25519(Box::new(key))))
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> KeyAlgorithm {
        match self.0 {
            Public::EcdsaP384(_) => KeyAlgorithm::EcdsaP384,
            Public::Ed25519(_) => KeyAlgorithm::Ed25519,
        }
    }

    /// Its id: the SHA-256 of its canonical form, in hexadecimal digits (TUF, section 4.2).
    #[must_use]
    pub fn id(&self) -> String {
        let mut canonical = Vec::new();
        json::canonical(&self.document(), &mut canonical);
        hex::encode(&Sha256::digest(&canonical))
    }

    /// The key as TUF writes it.
    pub(super) fn document(&self) -> Object {
        let (scheme, public) = match &self.0 {
            // It has a form, as it is a point.
            Public::EcdsaP384(key) => {
                let pem = p384::PublicKey::from(**key).to_public_key_pem(LineEnding::LF);
                ("ecdsa-sha2-nistp384", pem.unwrap_or_default())
            }
            Public::Ed25519(key) => ("ed25519", hex::encode(key.as_bytes())),
        };
        let text = |text: &str| Value::Text(text.to_owned());
        let keytype = if scheme == "ed25519" { scheme } else { "ecdsa" };
        let value = Object::from([("public".to_owned(), Value::Text(public))]);
        Object::from([
            ("keytype".to_owned(), text(keytype)),
            ("scheme".to_owned(), text(scheme)),
            ("keyval".to_owned(), Value::Object(value)),
        ])
    }

    /// The key of a document; `None`: it is of an algorithm that is not known here.
    pub(super) fn of_scheme(scheme: &str, public: &str) -> Result<Option<Self>, ManifestError> {
        let key = match scheme {
            "ecdsa-sha2-nistp384" => Self::from_bytes(public.as_bytes())?,
            "ed25519" => Self::from_bytes(&hex::decode(public).unwrap_or_default())?,
            _ => return Ok(None),
        };
        let fits = (scheme == "ed25519") == (key.algorithm() == KeyAlgorithm::Ed25519);
        if fits { Ok(Some(key)) } else { Err(no_key(&format!("a key of {scheme}"))) }
    }

    /// Whether this is a signature over the message.
    pub(super) fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.0 {
            Public::EcdsaP384(key) => ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Public::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

impl KeyAlgorithm {
    /// Its name, as TUF has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::EcdsaP384 => "ecdsa-sha2-nistp384",
            Self::Ed25519 => "ed25519",
        }
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let public = self.public_key();
        write!(f, "SigningKey({}, {})", public.algorithm().as_str(), public.id())
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({}, {})", self.algorithm().as_str(), self.id())
    }
}
