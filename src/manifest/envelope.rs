//! What every document has around it: signatures, and what they are over.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::SystemTime;

use super::error::{ManifestError, Reason, structure};
use super::json::{self, Object, Value};
use super::key::{PublicKey, SigningKey};
use super::{hex, time};

/// The most signatures of a document.
const MOST_SIGNATURES: usize = 64;

/// A document, with who has signed it.
pub(super) struct Envelope {
    signatures: BTreeMap<String, Vec<u8>>,
    pub(super) signed: Object,
    /// The canonical form of what is signed.
    pub(super) message: Vec<u8>,
}

/// Whose signatures count, and how many there have to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Role {
    pub(super) keys: Vec<String>,
    pub(super) threshold: u64,
}

/// What every document says of itself.
pub(super) struct Common {
    pub(super) version: u64,
    pub(super) expires: SystemTime,
}

impl Envelope {
    pub(super) fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut document = json::object(json::parse(bytes)?)?;
        let listed = json::list(json::take(&mut document, "signatures")?)?;
        if listed.len() > MOST_SIGNATURES {
            let text =
                format!("wanted at most {MOST_SIGNATURES} signatures, found {}", listed.len());
            return Err(ManifestError::new(Reason::Limit, text));
        }
        let mut signatures = BTreeMap::new();
        for one in listed {
            let mut one = json::object(one)?;
            let key = json::text(json::take(&mut one, "keyid")?)?;
            let signature = json::text(json::take(&mut one, "sig")?)?;
            let signature = hex::decode(&signature)
                .ok_or_else(|| structure("a signature in hexadecimal digits", "another text"))?;
            if signatures.insert(key, signature).is_some() {
                return Err(structure("one signature of each key", "two of one"));
            }
        }
        let signed = json::object(json::take(&mut document, "signed")?)?;
        Ok(Self::new(signed, signatures))
    }

    fn new(signed: Object, signatures: BTreeMap<String, Vec<u8>>) -> Self {
        let mut message = Vec::new();
        json::canonical(&signed, &mut message);
        Self { signatures, signed, message }
    }

    /// One that nobody has signed.
    pub(super) fn unsigned(signed: Object) -> Self {
        Self::new(signed, BTreeMap::new())
    }

    /// Adds a signature; one of the same key is replaced.
    pub(super) fn sign(&mut self, key: &SigningKey) {
        self.signatures.insert(key.public_key().id(), key.sign(&self.message));
    }

    /// Checks the signatures: as many as the role wants, by different keys.
    pub(super) fn check(
        &self,
        role: &Role,
        keys: &BTreeMap<String, PublicKey>,
    ) -> Result<(), ManifestError> {
        let holds = |id: &&String| {
            let pair = keys.get(*id).zip(self.signatures.get(*id));
            pair.is_some_and(|(key, signature)| key.holds(&self.message, signature))
        };
        let (wanted, found) = (role.threshold, role.keys.iter().filter(holds).count() as u64);
        if found >= wanted {
            return Ok(());
        }
        let others = self.signatures.keys().filter(|id| !role.keys.contains(id)).count();
        let mut text = format!(
            "wanted {wanted} valid signatures by the {} keys that count, found {found}",
            role.keys.len()
        );
        if others > 0 {
            let _ = write!(text, " and {others} by other keys");
        }
        Err(ManifestError::new(Reason::Signature, text))
    }

    /// The document as it is written: JSON in the order of the canonical form, and a line end.
    pub(super) fn write(&self) -> Vec<u8> {
        let signature = |(key, signature): (&String, &Vec<u8>)| {
            Value::Object(Object::from([
                ("keyid".to_owned(), Value::Text(key.clone())),
                ("sig".to_owned(), Value::Text(hex::encode(signature))),
            ]))
        };
        let signatures = Value::List(self.signatures.iter().map(signature).collect());
        let mut out = b"{\"signatures\":".to_vec();
        signatures.json(&mut out);
        out.extend_from_slice(b",\"signed\":");
        json::write(&self.signed, &mut out);
        out.extend_from_slice(b"}\n");
        out
    }
}

impl Common {
    /// Takes what every document has out of one that is to be of this type.
    pub(super) fn take(signed: &mut Object, wanted: &str) -> Result<Self, ManifestError> {
        let found = json::text(json::take(signed, "_type")?)?;
        if found != wanted {
            return Err(structure(&format!("a document of type `{wanted}`"), format!("`{found}`")));
        }
        let format = json::text(json::take(signed, "spec_version")?)?;
        if !format.starts_with("1.") {
            return Err(structure("version 1 of the format", format!("`{format}`")));
        }
        let version = json::number(&json::take(signed, "version")?, 1)?;
        let expires = json::text(json::take(signed, "expires")?)?;
        let expires = time::parse(&expires).ok_or_else(|| {
            structure("a time such as 2030-01-31T12:00:00Z", format!("`{expires}`"))
        })?;
        Ok(Self { version, expires })
    }

    /// The same as members.
    pub(super) fn members(&self, document: &str) -> Object {
        let text = |text: &str| Value::Text(text.to_owned());
        let version = i64::try_from(self.version).unwrap_or(i64::MAX);
        Object::from([
            ("_type".to_owned(), text(document)),
            ("spec_version".to_owned(), text("1.0.31")),
            ("version".to_owned(), Value::Integer(version)),
            ("expires".to_owned(), Value::Text(time::text(self.expires))),
        ])
    }
}
