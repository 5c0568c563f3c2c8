//! The highest version of a tree that was seen, and its text in a file.

use super::error::{ManifestError, structure};
use super::hex;
use super::json::{self, Object, Value};

/// The highest version of a tree that was seen.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Seen {
    pub(super) tree: Box<str>,
    pub(super) version: u64,
    /// Of the list, without its signatures.
    pub(super) digest: [u8; 32],
}

impl Seen {
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        let mut members = json::object(json::parse(bytes)?)?;
        let tree = json::text(json::take(&mut members, "tree")?)?.into();
        let version = json::number(&json::take(&mut members, "version")?, 1)?;
        let digest = json::text(json::take(&mut members, "sha256")?)?;
        let digest = hex::sha256(&digest)
            .ok_or_else(|| structure("64 hexadecimal digits", "another text"))?;
        Ok(Self { tree, version, digest })
    }

    pub(crate) fn text(&self) -> Vec<u8> {
        let version = i64::try_from(self.version).unwrap_or(i64::MAX);
        let members = Object::from([
            ("tree".to_owned(), Value::Text(self.tree.as_ref().to_owned())),
            ("version".to_owned(), Value::Integer(version)),
            ("sha256".to_owned(), Value::Text(hex::encode(&self.digest))),
        ]);
        let mut out = Vec::new();
        json::write(&members, &mut out);
        out.push(b'\n');
        out
    }
}
