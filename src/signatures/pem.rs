//! Private keys out of PEM (RFC 7468), in the forms in which openssl writes them.

use ed25519_dalek::pkcs8::DecodePrivateKey as _;

use super::SignatureError;

/// A private key of one of the kinds that sign.
pub(super) enum Loaded {
    Ed25519(Box<ed25519_dalek::SigningKey>),
    EcdsaP256(Box<p256::ecdsa::SigningKey>),
    EcdsaP384(Box<p384::ecdsa::SigningKey>),
}

const WANTED: &str = "wanted a private key in PEM, for Ed25519, P-256 or P-384";

/// The first private key in `text`. What else stands there (`EC PARAMETERS`, certificates, prose) is passed over.
pub(super) fn load(text: &str) -> Result<Loaded, SignatureError> {
    let found = |what: &str| SignatureError::new(format!("{WANTED}, found {what}"));
    let mut rest = text;
    while let Some((_, from)) = rest.split_once("-----BEGIN ") {
        let Some((label, _)) = from.split_once("-----") else { break };
        let end = format!("-----END {label}-----");
        let Some((block, behind)) = from.split_once(end.as_str()) else {
            return Err(found("a block that does not end"));
        };
        let block = format!("-----BEGIN {block}{end}\n");
        match label {
            "PRIVATE KEY" => {
                return of_pkcs8(&block)
                    .ok_or_else(|| found("a key of another kind, or a damaged one"));
            }
            "EC PRIVATE KEY" => {
                return of_sec1(&block)
                    .ok_or_else(|| found("a key on another curve, or a damaged one"));
            }
            "ENCRYPTED PRIVATE KEY" => return Err(found("one that is encrypted")),
            "RSA PRIVATE KEY" | "DSA PRIVATE KEY" => return Err(found("one of RSA or DSA")),
            _ => {}
        }
        rest = behind;
    }
    Err(found("none"))
}

fn of_pkcs8(block: &str) -> Option<Loaded> {
    if let Ok(key) = ed25519_dalek::SigningKey::from_pkcs8_pem(block) {
        return Some(Loaded::Ed25519(Box::new(key)));
    }
    if let Ok(key) = p256::SecretKey::from_pkcs8_pem(block) {
        return Some(Loaded::EcdsaP256(Box::new(key.into())));
    }
    let key = p384::SecretKey::from_pkcs8_pem(block).ok()?;
    Some(Loaded::EcdsaP384(Box::new(key.into())))
}

/// RFC 5915; `openssl ecparam -genkey` writes it.
fn of_sec1(block: &str) -> Option<Loaded> {
    if let Ok(key) = p256::SecretKey::from_sec1_pem(block) {
        return Some(Loaded::EcdsaP256(Box::new(key.into())));
    }
    let key = p384::SecretKey::from_sec1_pem(block).ok()?;
    Some(Loaded::EcdsaP384(Box::new(key.into())))
}
