//! `root.json`: whose signatures count.

use std::collections::BTreeMap;
use std::time::SystemTime;

use super::envelope::{Common, Envelope, Role};
use super::error::{ManifestError, Reason, structure};
use super::json::{self, Object, Value};
use super::key::{PublicKey, SigningKey};

/// The roles that a `root.json` has to have; the two in the middle are for repositories, and are not looked at here.
const ROLES: [&str; 4] = ["root", "snapshot", "targets", "timestamp"];

/// The most keys of a document.
const MOST_KEYS: usize = 64;

/// Whose signatures count: a `root.json` of TUF that was read and has the signatures that it asks for itself.
///
/// It is what everything else is believed by. So it comes from where nobody can change it who can change the tree: with the
/// program, or from a directory of its own. What it says next is believed only [by what it says now](Self::next).
#[derive(Clone, Debug)]
pub struct Root {
    keys: BTreeMap<String, PublicKey>,
    roots: Role,
    pub(super) targets: Role,
    version: u64,
    pub(super) expires: SystemTime,
}

impl Root {
    /// Reads a `root.json`.
    ///
    /// # Errors
    ///
    /// If it is none, or has not the signatures that it asks for itself.
    pub fn read(bytes: &[u8]) -> Result<Self, ManifestError> {
        let (root, envelope) = Self::parse(bytes).map_err(|error| error.within("root.json"))?;
        let checked = envelope.check(&root.roots, &root.keys);
        checked.map_err(|error| error.within("root.json")).map(|()| root)
    }

    /// The version that comes after this one: signed by enough of the keys of both.
    ///
    /// # Errors
    ///
    /// If it is not the very next version, or has not enough signatures of either.
    pub fn next(&self, bytes: &[u8]) -> Result<Self, ManifestError> {
        let within = |error: ManifestError| error.within("root.json");
        let (next, envelope) = Self::parse(bytes).map_err(within)?;
        envelope.check(&self.roots, &self.keys).map_err(within)?;
        envelope.check(&next.roots, &next.keys).map_err(within)?;
        if next.version != self.version.saturating_add(1) {
            let text = format!(
                "root.json: wanted version {}, found {}",
                self.version.saturating_add(1),
                next.version
            );
            return Err(ManifestError::new(Reason::RolledBack, text));
        }
        Ok(next)
    }

    /// Its version.
    #[must_use]
    pub const fn version(&self) -> u64 {
        self.version
    }

    /// When its time is over.
    #[must_use]
    pub const fn expires(&self) -> SystemTime {
        self.expires
    }

    pub(super) fn keys(&self) -> &BTreeMap<String, PublicKey> {
        &self.keys
    }

    fn parse(bytes: &[u8]) -> Result<(Self, Envelope), ManifestError> {
        let mut envelope = Envelope::parse(bytes)?;
        let mut signed = std::mem::take(&mut envelope.signed);
        let Common { version, expires } = Common::take(&mut signed, "root")?;
        let keys = keys(json::object(json::take(&mut signed, "keys")?)?)?;
        let mut roles = json::object(json::take(&mut signed, "roles")?)?;
        let mut role = |name: &str| -> Result<Role, ManifestError> {
            let role = json::object(json::take(&mut roles, name)?)?;
            role_of(role, &keys).map_err(|error| error.within(&format!("role `{name}`")))
        };
        let (roots, targets) = (role("root")?, role("targets")?);
        Ok((Self { keys, roots, targets, version, expires }, envelope))
    }
}

/// The keys that are of a known algorithm. Two ids for one key would count it twice.
fn keys(listed: Object) -> Result<BTreeMap<String, PublicKey>, ManifestError> {
    if listed.len() > MOST_KEYS {
        let text = format!("wanted at most {MOST_KEYS} keys, found {}", listed.len());
        return Err(ManifestError::new(Reason::Limit, text));
    }
    let mut keys: BTreeMap<String, PublicKey> = BTreeMap::new();
    for (id, key) in listed {
        let mut key = json::object(key)?;
        let scheme = json::text(json::take(&mut key, "scheme")?)?;
        let mut value = json::object(json::take(&mut key, "keyval")?)?;
        let public = json::text(json::take(&mut value, "public")?)?;
        let Some(key) = PublicKey::of_scheme(&scheme, &public)? else { continue };
        if keys.values().any(|other| *other == key) {
            return Err(structure("each key once", "one under two ids"));
        }
        keys.insert(id, key);
    }
    Ok(keys)
}

fn role_of(mut role: Object, known: &BTreeMap<String, PublicKey>) -> Result<Role, ManifestError> {
    let listed = json::list(json::take(&mut role, "keyids")?)?;
    let mut keys = Vec::new();
    for id in listed {
        let id = json::text(id)?;
        if keys.contains(&id) {
            return Err(structure("each key id once", "one twice"));
        }
        keys.push(id);
    }
    let threshold = json::number(&json::take(&mut role, "threshold")?, 1)?;
    let usable = keys.iter().filter(|id| known.contains_key(*id)).count() as u64;
    if threshold > usable {
        return Err(structure(&format!("{threshold} keys of P-384 or Ed25519"), usable));
    }
    Ok(Role { keys, threshold })
}

/// A `root.json` that is made.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use letterhead::trust::{Root, RootDraft, SigningKey};
///
/// # fn main() -> Result<(), letterhead::trust::ManifestError> {
/// let (offline, online) = (SigningKey::from_bytes(&[1; 32])?, SigningKey::from_bytes(&[2; 48])?);
/// let year = SystemTime::now() + Duration::from_secs(365 * 86_400);
/// let draft = RootDraft::new(1, year).root_key(offline.public_key()).list_key(online.public_key());
/// let bytes = draft.signed_by(&[&offline]);
/// assert_eq!(Root::read(&bytes)?.version(), 1);
/// // The key of lists is none of roots.
/// assert!(Root::read(&draft.signed_by(&[&online])).is_err());
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct RootDraft {
    version: u64,
    expires: SystemTime,
    root: Vec<PublicKey>,
    targets: Vec<PublicKey>,
    thresholds: (u64, u64),
}

impl RootDraft {
    /// Without a key.
    #[must_use]
    pub const fn new(version: u64, expires: SystemTime) -> Self {
        Self { version, expires, root: Vec::new(), targets: Vec::new(), thresholds: (1, 1) }
    }

    /// A key that may sign the next `root.json`.
    #[must_use]
    pub fn root_key(mut self, key: PublicKey) -> Self {
        self.root.push(key);
        self
    }

    /// A key that may sign lists of files.
    #[must_use]
    pub fn list_key(mut self, key: PublicKey) -> Self {
        self.targets.push(key);
        self
    }

    /// How many keys have to sign the next `root.json`, and how many a list. One each by default.
    #[must_use]
    pub const fn thresholds(mut self, root: u64, list: u64) -> Self {
        self.thresholds = (root, list);
        self
    }

    /// The document, signed by these.
    #[must_use]
    pub fn signed_by(&self, keys: &[&SigningKey]) -> Vec<u8> {
        let ids = |keys: &[PublicKey]| {
            Value::List(keys.iter().map(|key| Value::Text(key.id())).collect())
        };
        let role = |name: &str| {
            let (keys, threshold) = match name {
                "root" => (&self.root, self.thresholds.0),
                _ => (&self.targets, self.thresholds.1),
            };
            let threshold = Value::Integer(i64::try_from(threshold).unwrap_or(i64::MAX));
            let role = [("keyids".to_owned(), ids(keys)), ("threshold".to_owned(), threshold)];
            (name.to_owned(), Value::Object(Object::from(role)))
        };
        let all = self.root.iter().chain(&self.targets);
        let all = all.map(|key| (key.id(), Value::Object(key.document()))).collect();
        let mut signed = Common { version: self.version, expires: self.expires }.members("root");
        signed.insert("consistent_snapshot".to_owned(), Value::Bool(false));
        signed.insert("keys".to_owned(), Value::Object(all));
        signed.insert("roles".to_owned(), Value::Object(ROLES.map(role).into()));
        let mut envelope = Envelope::unsigned(signed);
        for key in keys {
            envelope.sign(key);
        }
        envelope.write()
    }
}
