//! Keys that sign responses, and what others need to check them.

use std::error::Error;
use std::fmt;

use ed25519_dalek::Signer as _;
use sha2::{Digest as _, Sha256};

use super::SignatureError;
use super::pem::{Loaded, load};
use crate::field::base64;

/// What signs a base: a [`SigningKey`], or a key that lives somewhere else.
///
/// It is called on the task that serves the response, so it should be quick. A panic in it is caught: the response
/// goes as one that [could not be signed](super::OnFailure).
pub trait Signer: Send + Sync + 'static {
    /// What the signature's `keyid` is if nothing else is said. Visible ASCII.
    fn key_id(&self) -> String;

    /// The signature over `base` in the form of RFC 9421, section 3.3: for ECDSA both numbers one after the other, not
    /// DER.
    ///
    /// # Errors
    ///
    /// Whatever keeps the key from signing; the response goes as one that could not be signed, and its receipt has
    /// the error's text.
    fn sign(&self, base: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>>;
}

/// The algorithms of a [`SigningKey`] (RFC 9421, section 3.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// `ed25519`.
    Ed25519,
    /// `ecdsa-p256-sha256`.
    EcdsaP256,
    /// `ecdsa-p384-sha384`.
    EcdsaP384,
}

impl Algorithm {
    /// The name in the registry of RFC 9421.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP256 => "ecdsa-p256-sha256",
            Self::EcdsaP384 => "ecdsa-p384-sha384",
        }
    }
}

impl fmt::Display for Algorithm {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// A private key that signs responses.
///
/// Printed, it is its algorithm and its id, never the key; the memory is overwritten when it is dropped. Use it for nothing
/// else: a signature of stored heads or of a manifest is another promise.
///
/// # Examples
///
/// ```
/// use letterhead::signatures::{Algorithm, SigningKey};
///
/// // openssl genpkey -algorithm ed25519
/// let pem = "-----BEGIN PRIVATE KEY-----
/// MC4CAQAwBQYDK2VwBCIEIJ+DYvh6SEqVTm50DFtMDoQikTmiCqirVv9mWG9qfSnF
/// -----END PRIVATE KEY-----";
/// let key = SigningKey::from_pem(pem)?;
/// assert_eq!(key.algorithm(), Algorithm::Ed25519);
/// assert_eq!(key.id(), "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U");
///
/// let error = SigningKey::from_pem("-----BEGIN RSA PRIVATE KEY-----\n-----END RSA PRIVATE KEY-----").unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "wanted a private key in PEM, for Ed25519, P-256 or P-384, found one of RSA or DSA"
/// );
/// # Ok::<(), letterhead::signatures::SignatureError>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    secret: Secret,
    id: String,
}

#[derive(Clone)]
enum Secret {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    EcdsaP256(Box<p256::ecdsa::SigningKey>),
    EcdsaP384(Box<p384::ecdsa::SigningKey>),
}

impl SigningKey {
    /// The first private key in a PEM text: PKCS#8 (`PRIVATE KEY`, as `openssl genpkey` writes it) or, for ECDSA, RFC 5915 (`EC PRIVATE
    /// KEY`, as `openssl ecparam -genkey` does).
    ///
    /// # Errors
    ///
    /// If there is none, or one that is encrypted, damaged or of another kind. The text says nothing of the key.
    pub fn from_pem(pem: &str) -> Result<Self, SignatureError> {
        Ok(match load(pem)? {
            Loaded::Ed25519(key) => Self::of(Secret::Ed25519(key)),
            Loaded::EcdsaP256(key) => Self::of(Secret::EcdsaP256(key)),
            Loaded::EcdsaP384(key) => Self::of(Secret::EcdsaP384(key)),
        })
    }

    /// Ed25519 with this seed (the secret key of RFC 8032).
    #[must_use]
    pub fn ed25519(seed: &[u8; 32]) -> Self {
        Self::of(Secret::Ed25519(Box::new(ed25519_dalek::SigningKey::from_bytes(seed))))
    }

    fn of(secret: Secret) -> Self {
        let mut key = Self { secret, id: String::new() };
        // RFC 7638: the digest of the public key's JWK without blanks, its members in order.
        key.id = base64_url(&Sha256::digest(key.jwk_members()));
        key
    }

    /// Its algorithm.
    #[must_use]
    pub const fn algorithm(&self) -> Algorithm {
        match &self.secret {
            Secret::Ed25519(_) => Algorithm::Ed25519,
            Secret::EcdsaP256(_) => Algorithm::EcdsaP256,
            Secret::EcdsaP384(_) => Algorithm::EcdsaP384,
        }
    }

    /// The thumbprint of its public key (RFC 7638; RFC 8037, appendix A.3), 43 letters.
    #[must_use]
    pub fn id(&self) -> &str {
        &self.id
    }

    /// The public key as a JWK (RFC 7517), `kid` included: what a verifier needs.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::signatures::SigningKey;
    ///
    /// let jwk = SigningKey::ed25519(&[1; 32]).public_jwk();
    /// assert!(jwk.starts_with(r#"{"kty":"OKP","crv":"Ed25519","x":""#));
    /// ```
    #[must_use]
    pub fn public_jwk(&self) -> String {
        let (kty, crv, x, y) = self.public();
        let y = y.map(|y| format!(r#","y":"{y}""#)).unwrap_or_default();
        let id = &self.id;
        format!(r#"{{"kty":"{kty}","crv":"{crv}","x":"{x}"{y},"kid":"{id}","use":"sig"}}"#)
    }

    /// Those members that make the thumbprint.
    fn jwk_members(&self) -> String {
        let (kty, crv, x, y) = self.public();
        let y = y.map(|y| format!(r#","y":"{y}""#)).unwrap_or_default();
        format!(r#"{{"crv":"{crv}","kty":"{kty}","x":"{x}"{y}}}"#)
    }

    /// Type, curve and coordinates (RFC 7518, section 6.2.1; RFC 8037, section 2).
    fn public(&self) -> (&'static str, &'static str, String, Option<String>) {
        let both = |point: &[u8]| {
            // Uncompressed: a byte, then two coordinates of one length.
            let (x, y) = point.get(1..).unwrap_or_default().split_at(point.len() / 2);
            (base64_url(x), Some(base64_url(y)))
        };
        match &self.secret {
            Secret::Ed25519(key) => {
                ("OKP", "Ed25519", base64_url(key.verifying_key().as_bytes()), None)
            }
            Secret::EcdsaP256(key) => {
                let (x, y) = both(key.verifying_key().to_sec1_point(false).as_bytes());
                ("EC", "P-256", x, y)
            }
            Secret::EcdsaP384(key) => {
                let (x, y) = both(key.verifying_key().to_sec1_point(false).as_bytes());
                ("EC", "P-384", x, y)
            }
        }
    }
}

impl Signer for SigningKey {
    fn key_id(&self) -> String {
        self.id.clone()
    }

    fn sign(&self, base: &[u8]) -> Result<Vec<u8>, Box<dyn Error + Send + Sync>> {
        Ok(match &self.secret {
            Secret::Ed25519(key) => key.try_sign(base)?.to_bytes().to_vec(),
            Secret::EcdsaP256(key) => {
                let signature: p256::ecdsa::Signature = key.try_sign(base)?;
                signature.to_bytes().to_vec()
            }
            Secret::EcdsaP384(key) => {
                let signature: p384::ecdsa::Signature = key.try_sign(base)?;
                signature.to_bytes().to_vec()
            }
        })
    }
}

fn base64_url(bytes: &[u8]) -> String {
    base64::encode(bytes).trim_end_matches('=').replace('+', "-").replace('/', "_")
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SigningKey")
            .field("algorithm", &self.algorithm())
            .field("id", &self.id)
            .finish_non_exhaustive()
    }
}
