//! The file and the policy that is in force because of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::PolicyFileError;
use super::version::{Found, read};
use crate::layer::PolicyHandle;
use crate::policy::{Dialect, Policy};
use crate::sys::Identity;

/// A [policy](Policy) that is read from a file, and read again when it changes.
///
/// A version is taken whole or not at all: while a line of it is wrong, the policy before it stays in force.
/// Each response has one version, the one that was in force when its head was committed
/// ([`Receipt::policy_version`](crate::Receipt::policy_version)).
///
/// # Examples
///
/// ```
/// use letterhead::{LetterheadLayer, PolicyFile};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = std::env::temp_dir().join(format!("letterhead-doc-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let path = directory.join("_headers");
/// std::fs::write(&path, "/*\n  X-Content-Type-Options: nosniff\n")?;
/// let file = PolicyFile::open(&path)?;
/// let layer = LetterheadLayer::new().policy(file.handle());
///
/// // A version that is wrong changes nothing, and says where.
/// std::fs::write(&path, "/*\n  Content-Length: 5\n")?;
/// assert!(file.reload().is_err());
/// assert_eq!(file.handle().version(), 1);
///
/// std::fs::write(&path, "/*\n  X-Content-Type-Options: nosniff\n  X-Frame-Options: DENY\n")?;
/// assert_eq!(file.reload()?.version(), 2);
/// # let _ = layer;
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct PolicyFile {
    shared: Arc<Shared>,
}

struct Shared {
    path: PathBuf,
    name: Arc<str>,
    dialect: Dialect,
    handle: PolicyHandle,
    /// Held over a reading, so that an older version never comes after a newer one.
    read: Mutex<Read>,
}

/// What was read last.
struct Read {
    identity: Option<Identity>,
    /// What is in force.
    text: String,
}

/// What came of a reading.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Reloaded {
    version: u64,
    is_new: bool,
}

impl Reloaded {
    /// The number of the version that is in force now; the first is 1.
    #[must_use]
    pub const fn version(self) -> u64 {
        self.version
    }

    /// Whether the text was another one than before.
    #[must_use]
    pub const fn is_new(self) -> bool {
        self.is_new
    }
}

impl PolicyFile {
    /// Reads the file, in Cloudflare's dialect.
    ///
    /// # Errors
    ///
    /// [`PolicyFileError`] if the file cannot be read, is longer than 1 MiB or no UTF-8, or if any line of it
    /// is wrong.
    pub fn open(path: impl Into<PathBuf>) -> Result<Self, PolicyFileError> {
        Self::open_as(path, Dialect::default())
    }

    /// Reads the file in this dialect.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open).
    pub fn open_as(path: impl Into<PathBuf>, dialect: Dialect) -> Result<Self, PolicyFileError> {
        let path = path.into();
        let name: Arc<str> = path
            .file_name()
            .map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy())
            .into();
        let (identity, text) = match read(&path, None, false)? {
            Found::Version(identity, text) => (Some(identity), text),
            // It changed at each reading, so there is no whole version.
            Found::Same | Found::Unsettled => return Err(PolicyFileError::unsettled(&path)),
        };
        let policy = parse(&path, &name, &text, dialect)?;
        let handle = PolicyHandle::new(policy);
        let read = Mutex::new(Read { identity, text });
        Ok(Self { shared: Arc::new(Shared { path, name, dialect, handle, read }) })
    }

    /// What a layer takes: it always has the policy that is in force.
    #[must_use]
    pub fn handle(&self) -> PolicyHandle {
        self.shared.handle.clone()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.shared.path
    }

    /// Reads the file again, as it is now. It blocks for as long as the file takes to be read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); the policy that was in force stays.
    pub fn reload(&self) -> Result<Reloaded, PolicyFileError> {
        match self.look(false)? {
            Some(reloaded) => Ok(reloaded),
            None => Err(PolicyFileError::unsettled(&self.shared.path)),
        }
    }

    /// Takes what stands under the name, unless it is known. `None`: somebody is writing to it, so ask again.
    pub(super) fn look(&self, wait: bool) -> Result<Option<Reloaded>, PolicyFileError> {
        let Shared { path, name, dialect, handle, .. } = &*self.shared;
        let mut last = self.last();
        let known = last.identity.filter(|_| wait);
        let (identity, text) = match read(path, known.as_ref(), wait)? {
            Found::Version(identity, text) => (identity, text),
            Found::Same => {
                return Ok(Some(Reloaded { version: handle.version(), is_new: false }));
            }
            Found::Unsettled => return Ok(None),
        };
        // A version that is wrong is reported once, not at each look.
        last.identity = Some(identity);
        let is_new = text != last.text;
        let version = if is_new {
            let version = handle.replace(parse(path, name, &text, *dialect)?);
            last.text = text;
            version
        } else {
            handle.version()
        };
        Ok(Some(Reloaded { version, is_new }))
    }

    fn last(&self) -> MutexGuard<'_, Read> {
        self.shared.read.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(
    path: &Path,
    name: &Arc<str>,
    text: &str,
    dialect: Dialect,
) -> Result<Policy, PolicyFileError> {
    Policy::parse(Arc::clone(name), text, dialect)
        .map_err(|errors| PolicyFileError::lines(path, errors))
}

impl fmt::Debug for PolicyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("PolicyFile")
            .field("path", &self.shared.path)
            .field("version", &self.shared.handle.version())
            .finish_non_exhaustive()
    }
}
