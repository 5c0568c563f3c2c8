//! A list that is made.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::entry::Entry;
use super::envelope::{Common, Envelope};
use super::error::{ManifestError, Reason};
use super::json::{Object, Value};
use super::key::SigningKey;
use super::list::TREE;
use super::name;

/// A list of files that is to be signed.
///
/// The same files make the same bytes, in whatever order they came.
#[derive(Clone, Debug)]
pub struct ListDraft {
    tree: String,
    version: u64,
    expires: SystemTime,
    entries: BTreeMap<String, Entry>,
}

impl ListDraft {
    /// The list of a tree, with no file in it. Its version is 1 at least.
    #[must_use]
    pub fn new(tree: &str, version: u64, expires: SystemTime) -> Self {
        let version = version.max(1);
        Self { tree: tree.to_owned(), version, expires, entries: BTreeMap::new() }
    }

    /// The same with this file, whose path has `/` between names and none in front.
    ///
    /// # Errors
    ///
    /// If a list cannot have that path: it is not UTF-8 in the normal form C, or has an empty name, `.`, `..` or a control
    /// character in it.
    pub fn entry(mut self, path: impl AsRef<[u8]>, entry: Entry) -> Result<Self, ManifestError> {
        let path = path.as_ref();
        match (name::flaw(path), std::str::from_utf8(path)) {
            (None, Ok(text)) => {
                self.entries.insert(text.to_owned(), entry);
                Ok(self)
            }
            (flaw, _) => {
                let (shown, flaw) = (path.escape_ascii(), flaw.unwrap_or_default());
                let text = format!("`{shown}`: wanted a path below the root, found {flaw}");
                Err(ManifestError::new(Reason::Name, text))
            }
        }
    }

    /// The files so far.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry))
    }

    /// The document, signed by these; with none it is one that nobody believes, to be signed elsewhere.
    #[must_use]
    pub fn signed_by(&self, keys: &[&SigningKey]) -> Vec<u8> {
        let targets: Object =
            self.entries.iter().map(|(path, entry)| (path.clone(), entry.document())).collect();
        let mut signed = Common { version: self.version, expires: self.expires }.members("targets");
        signed.insert(TREE.to_owned(), Value::Text(self.tree.clone()));
        signed.insert("targets".to_owned(), Value::Object(targets));
        let mut envelope = Envelope::unsigned(signed);
        for key in keys {
            envelope.sign(key);
        }
        envelope.write()
    }
}
