//! `targets.json`: the files of a tree, believed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::SystemTime;

use sha2::{Digest as _, Sha256};

use super::entry::Entry;
use super::envelope::{Common, Envelope};
use super::error::{ManifestError, Reason, structure};
use super::json::{self, Value};
use super::key::SigningKey;
use super::root::Root;
use super::seen::Seen;
use super::{name, time};

/// The member that says of which tree a list is.
pub(super) const TREE: &str = "x-letterhead-tree";

/// The signed list of the files of a tree: a `targets.json` of TUF that enough keys have signed.
///
/// There is none that was not checked. Whether its time is over, and whether a higher version was seen, depends on when and where
/// it is used.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use letterhead::trust::{ListDraft, Entry, Manifest, Reason, Root, RootDraft, SigningKey};
///
/// # fn main() -> Result<(), letterhead::trust::ManifestError> {
/// let key = SigningKey::from_bytes(&[7; 32])?;
/// let later = SystemTime::now() + Duration::from_secs(86_400);
/// let root = RootDraft::new(1, later).root_key(key.public_key()).list_key(key.public_key());
/// let root = Root::read(&root.signed_by(&[&key]))?;
///
/// let draft = ListDraft::new("docs", 7, later).entry("index.html", Entry::new(3, [0xab; 32]))?;
/// let manifest = Manifest::read(&draft.signed_by(&[&key]), &root)?;
/// assert_eq!((manifest.tree(), manifest.version()), ("docs", 7));
/// assert_eq!(manifest.get("index.html").map(Entry::length), Some(3));
///
/// // Another key.
/// let other = SigningKey::from_bytes(&[8; 32])?;
/// let error = Manifest::read(&draft.signed_by(&[&other]), &root).unwrap_err();
/// assert_eq!(error.reason(), Reason::Signature);
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Manifest {
    tree: Box<str>,
    version: u64,
    /// The earlier of its own end and that of the keys.
    expires: SystemTime,
    digest: [u8; 32],
    entries: BTreeMap<String, Arc<Entry>>,
}

impl Manifest {
    /// Reads a list, and checks who has signed it.
    ///
    /// # Errors
    ///
    /// If it is none, or has not the signatures that the root asks for.
    pub fn read(bytes: &[u8], root: &Root) -> Result<Self, ManifestError> {
        let parsed = Envelope::parse(bytes).and_then(|envelope| {
            // Nothing of what nobody has signed is looked at.
            envelope.check(&root.targets, root.keys())?;
            Self::of(envelope)
        });
        let mut manifest = parsed.map_err(|error| error.within("manifest"))?;
        manifest.expires = manifest.expires.min(root.expires);
        Ok(manifest)
    }

    /// Reads a list whoever has signed it: to show what is in it, and nothing else.
    ///
    /// # Errors
    ///
    /// If it is none.
    pub fn read_unverified(bytes: &[u8]) -> Result<Self, ManifestError> {
        Envelope::parse(bytes).and_then(Self::of).map_err(|error| error.within("manifest"))
    }

    /// The same list with one more signature; one of the same key is replaced.
    ///
    /// # Errors
    ///
    /// If it is no list.
    pub fn signed_again(bytes: &[u8], key: &SigningKey) -> Result<Vec<u8>, ManifestError> {
        // What cannot be read is not signed.
        Self::read_unverified(bytes)?;
        let mut envelope = Envelope::parse(bytes)?;
        envelope.sign(key);
        Ok(envelope.write())
    }

    fn of(mut envelope: Envelope) -> Result<Self, ManifestError> {
        let mut signed = std::mem::take(&mut envelope.signed);
        let Common { version, expires } = Common::take(&mut signed, "targets")?;
        let tree = signed.remove(TREE).map_or(Ok(String::new()), json::text)?;
        let has_others = match signed.remove("delegations") {
            None | Some(Value::Null) => false,
            Some(delegations) => json::object(delegations)?
                .remove("roles")
                .is_some_and(|roles| !matches!(roles, Value::List(roles) if roles.is_empty())),
        };
        if has_others {
            return Err(structure("a list without delegations", "some"));
        }
        let mut entries = BTreeMap::new();
        for (path, value) in json::object(json::take(&mut signed, "targets")?)? {
            let shown = format!("`{}`", path.escape_debug());
            if let Some(flaw) = name::flaw(path.as_bytes()) {
                let text = format!("{shown}: wanted a path below the root, found {flaw}");
                return Err(ManifestError::new(Reason::Name, text));
            }
            let entry = Entry::read(value).map_err(|error| error.within(&shown))?;
            entries.insert(path, Arc::new(entry));
        }
        let digest = Sha256::digest(&envelope.message).into();
        Ok(Self { tree: tree.into(), version, expires, digest, entries })
    }

    /// Which tree it is the list of; empty, if it does not say.
    #[must_use]
    pub fn tree(&self) -> &str {
        &self.tree
    }

    /// Its version, from 1 on.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// When its time is over: the time of the list, or of the keys, if that comes first.
    #[must_use]
    pub const fn expires(&self) -> SystemTime {
        self.expires
    }

    /// How many files there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// What it says of the file at this path, which has no slash in front.
    #[must_use]
    pub fn get(&self, path: &str) -> Option<&Entry> {
        self.entries.get(path).map(Arc::as_ref)
    }

    /// The same, for whoever keeps it.
    pub(crate) fn shared(&self, path: &[u8]) -> Option<Arc<Entry>> {
        std::str::from_utf8(path).ok().and_then(|path| self.entries.get(path)).map(Arc::clone)
    }

    /// All files, in the order of the bytes of their paths.
    pub fn entries(&self) -> impl Iterator<Item = (&str, &Entry)> {
        self.entries.iter().map(|(path, entry)| (path.as_str(), entry.as_ref()))
    }

    /// Refuses it if its time is over.
    pub(crate) fn check_time(&self, now: SystemTime) -> Result<(), ManifestError> {
        if now < self.expires {
            return Ok(());
        }
        let (until, now) = (time::text(self.expires), time::text(now));
        let text =
            format!("manifest: wanted one that holds at {now}, found one that ended at {until}");
        Err(ManifestError::new(Reason::Expired, text))
    }

    /// Refuses it if a higher version of the tree was seen, or another list of this version.
    pub(crate) fn check_order(&self, seen: &Seen) -> Result<(), ManifestError> {
        if *seen.tree != *self.tree {
            let text =
                format!("manifest: wanted one of tree `{}`, found `{}`", seen.tree, self.tree);
            return Err(ManifestError::new(Reason::OtherTree, text));
        }
        let (wanted, found) = (seen.version, self.version);
        if found < wanted {
            let text = format!("manifest: wanted version {wanted} or a higher one, found {found}");
            return Err(ManifestError::new(Reason::RolledBack, text));
        }
        if found == wanted && seen.digest != self.digest {
            let text = format!(
                "manifest: wanted the list of version {wanted} that was seen, found another"
            );
            return Err(ManifestError::new(Reason::RolledBack, text));
        }
        Ok(())
    }

    /// What is remembered of it.
    pub(crate) fn seen(&self) -> Seen {
        Seen { tree: self.tree.clone(), version: self.version, digest: self.digest }
    }
}

impl fmt::Debug for Manifest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Manifest")
            .field("tree", &self.tree)
            .field("version", &self.version)
            .field("files", &self.entries.len())
            .finish_non_exhaustive()
    }
}
