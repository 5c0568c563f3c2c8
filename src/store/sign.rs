//! Who signed a head: keys by their ids, and what is believed.

use std::fmt;

use ed25519_dalek::{Signer as _, Verifier as _};
use p384::ecdsa;

use super::format::{Algorithm, Sign, Slot, signed};
use super::text::OneLine;

/// A key that signs the heads that a store writes; its id is in each.
///
/// Printed, it is its id and algorithm, never the key.
#[derive(Clone)]
pub struct SigningKey {
    id: String,
    secret: Secret,
}

#[derive(Clone)]
enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    EcdsaP384(Box<ecdsa::SigningKey>),
}

/// A key whose signatures are believed.
#[derive(Clone)]
pub struct VerifyingKey {
    id: String,
    public: Public,
}

#[derive(Clone)]
enum Public {
    Ed25519(Box<ed25519_dalek::VerifyingKey>),
    EcdsaP384(Box<ecdsa::VerifyingKey>),
}

/// The keys of a store: one that signs, and those that are believed.
///
/// To change keys, trust the new one everywhere, then sign with it, and stop trusting the old one when
/// no head is left that it signed.
///
/// # Examples
///
/// ```
/// use letterhead::store::{KeyRing, SigningKey};
///
/// let old = SigningKey::ed25519("2025", &[1; 32]);
/// let new = SigningKey::ed25519("2026", &[2; 32]);
/// let ring = KeyRing::new().trust(old.verifying_key()).sign_with(new);
/// assert_eq!(ring.trusted().collect::<Vec<_>>(), ["2025", "2026"]);
/// ```
#[derive(Clone, Debug, Default)]
pub struct KeyRing {
    signer: Option<SigningKey>,
    trusted: Vec<VerifyingKey>,
}

/// What becomes of heads without a signature.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Unsigned {
    /// They are served. A store that signs refuses to change one ([`StoreError::would_sign`]): whoever can write to
    /// the directory without a key could have anything signed that way.
    ///
    /// [`StoreError::would_sign`]: super::StoreError::would_sign
    #[default]
    Allowed,
    /// They are served, and signed when they are changed: for the time in which a store that had no keys gets some.
    Adopted,
    /// They are refused.
    Refused,
}

/// How it stands with a head's signature.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Signed {
    /// It has none.
    No,
    /// It has one, and the store has no keys to check it with.
    Unchecked(String),
    /// By this key, which is trusted.
    By(String),
}

/// Why a signature is not believed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Distrust {
    Unsigned,
    /// It may be served, and must not be signed.
    Unadopted,
    UnknownKey(String),
    Forged(String),
}

impl SigningKey {
    /// Ed25519 with this seed (the secret key of RFC 8032).
    #[must_use]
    pub fn ed25519(id: &str, seed: &[u8; 32]) -> Self {
        let key = ed25519_dalek::SigningKey::from_bytes(seed);
        Self { id: id.to_owned(), secret: Secret::Ed25519(Box::new(key)) }
    }

    /// ECDSA on P-384 with this scalar; `None` for zero and for what is beyond the curve's order.
    #[must_use]
    pub fn ecdsa_p384(id: &str, scalar: &[u8; 48]) -> Option<Self> {
        let key = ecdsa::SigningKey::from_slice(scalar).ok()?;
        Some(Self { id: id.to_owned(), secret: Secret::EcdsaP384(Box::new(key)) })
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// What others need to check its signatures.
    #[must_use]
    pub fn verifying_key(&self) -> VerifyingKey {
        let public = match &self.secret {
            Secret::Ed25519(key) => Public::Ed25519(Box::new(key.verifying_key())),
            Secret::EcdsaP384(key) => Public::EcdsaP384(Box::new(*key.verifying_key())),
        };
        VerifyingKey { id: self.id.clone(), public }
    }
}

impl Sign for SigningKey {
    fn algorithm(&self) -> Algorithm {
        match &self.secret {
            Secret::Ed25519(_) => Algorithm::Ed25519,
            Secret::EcdsaP384(_) => Algorithm::EcdsaP384,
        }
    }

    fn key(&self) -> &str {
        &self.id
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        match &self.secret {
            Secret::Ed25519(key) => key.sign(message).to_bytes().to_vec(),
            Secret::EcdsaP384(key) => {
                let signature: ecdsa::Signature = key.sign(message);
                signature.to_bytes().to_vec()
            }
        }
    }
}

impl VerifyingKey {
    /// An Ed25519 public key (RFC 8032); `None` if these bytes are no point of the curve, or one that
    /// would let others sign.
    #[must_use]
    pub fn ed25519(id: &str, key: &[u8; 32]) -> Option<Self> {
        let key = ed25519_dalek::VerifyingKey::from_bytes(key).ok().filter(|key| !key.is_weak())?;
        Some(Self { id: id.to_owned(), public: Public::Ed25519(Box::new(key)) })
    }

    /// A P-384 public key as a SEC 1 point, compressed or not; `None` if it is none.
    #[must_use]
    pub fn ecdsa_p384(id: &str, point: &[u8]) -> Option<Self> {
        let key = ecdsa::VerifyingKey::from_sec1_bytes(point).ok()?;
        Some(Self { id: id.to_owned(), public: Public::EcdsaP384(Box::new(key)) })
    }

    /// The key's id.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Its algorithm.
    #[must_use]
    pub fn algorithm(&self) -> Algorithm {
        match self.public {
            Public::Ed25519(_) => Algorithm::Ed25519,
            Public::EcdsaP384(_) => Algorithm::EcdsaP384,
        }
    }

    fn holds(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.public {
            Public::Ed25519(key) => ed25519_dalek::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Public::EcdsaP384(key) => ecdsa::Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
        }
    }
}

impl KeyRing {
    /// Without a key: nothing is signed, nothing can be checked.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Signs with this key from now on, and trusts it.
    #[must_use]
    pub fn sign_with(self, key: SigningKey) -> Self {
        let mut ring = self.trust(key.verifying_key());
        ring.signer = Some(key);
        ring
    }

    /// Believes the signatures of this key too. One of the same id takes the place of another.
    #[must_use]
    pub fn trust(mut self, key: VerifyingKey) -> Self {
        self.trusted.retain(|other| other.id != key.id);
        self.trusted.push(key);
        self
    }

    /// The ids of the keys that are believed, in the order in which they came.
    pub fn trusted(&self) -> impl Iterator<Item = &str> {
        self.trusted.iter().map(VerifyingKey::id)
    }

    pub(crate) fn signer(&self) -> Option<&dyn Sign> {
        self.signer.as_ref().map(|key| key as &dyn Sign)
    }

    /// What is to be thought of a slot's signature; `image` is what it is over.
    pub(crate) fn judge(
        &self,
        slot: &Slot,
        image: &[u8],
        unsigned: Unsigned,
    ) -> Result<Signed, Distrust> {
        let Some(signature) = &slot.signature else {
            return match unsigned {
                Unsigned::Allowed | Unsigned::Adopted => Ok(Signed::No),
                Unsigned::Refused => Err(Distrust::Unsigned),
            };
        };
        let id = signature.key.clone();
        if self.trusted.is_empty() && unsigned != Unsigned::Refused {
            return Ok(Signed::Unchecked(id));
        }
        let Some(key) = self.trusted.iter().find(|key| key.id == id) else {
            return Err(Distrust::UnknownKey(id));
        };
        let message = signed(image, signature.bytes.len());
        if key.algorithm() == signature.algorithm && key.holds(&message, &signature.bytes) {
            return Ok(Signed::By(id));
        }
        Err(Distrust::Forged(id))
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SigningKey({}, {})", self.id, self.algorithm().as_str())
    }
}

impl fmt::Debug for VerifyingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VerifyingKey({}, {})", self.id, self.algorithm().as_str())
    }
}

impl fmt::Display for Signed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::No => f.write_str("unsigned"),
            Self::Unchecked(key) => write!(f, "signed by {}, not checked", OneLine(key)),
            Self::By(key) => write!(f, "signed by {}", OneLine(key)),
        }
    }
}

#[cfg(test)]
mod tests;
