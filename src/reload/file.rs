//! The file and the policy that is in force because of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::PolicyFileError;
use super::followed::{Followed, Missing, Reload, Reloaded};
use crate::layer::PolicyHandle;
use crate::policy::{Dialect, Policy};

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
    followed: Followed,
    name: Arc<str>,
    dialect: Dialect,
    handle: PolicyHandle,
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
        Self::read(path.into(), dialect, Missing::Refused)
    }

    /// The same, where the file may come later: without one the policy is empty, until there is one. A file that is gone
    /// later changes nothing; an empty one is an empty policy.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open), but for a file that is not there. A link that leads nowhere is an error.
    pub fn open_if_there(
        path: impl Into<PathBuf>,
        dialect: Dialect,
    ) -> Result<Self, PolicyFileError> {
        Self::read(path.into(), dialect, Missing::Awaited)
    }

    fn read(path: PathBuf, dialect: Dialect, missing: Missing) -> Result<Self, PolicyFileError> {
        let (followed, text) = Followed::open(path, missing)?;
        let name = name_of(followed.path());
        let policy = parse(followed.path(), &name, &text.unwrap_or_default(), dialect)?;
        let handle = PolicyHandle::new(policy);
        Ok(Self { shared: Arc::new(Shared { followed, name, dialect, handle }) })
    }

    /// What a layer takes: it always has the policy that is in force.
    #[must_use]
    pub fn handle(&self) -> PolicyHandle {
        self.shared.handle.clone()
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        self.shared.followed.path()
    }

    /// Reads the file again, as it is now. It blocks for as long as the file takes to be read.
    ///
    /// # Errors
    ///
    /// As [`open`](Self::open); the policy that was in force stays.
    pub fn reload(&self) -> Result<Reloaded, PolicyFileError> {
        self.shared.followed.reload(self)
    }
}

impl Reload for PolicyFile {
    fn followed(&self) -> &Followed {
        &self.shared.followed
    }

    fn version(&self) -> u64 {
        self.shared.handle.version()
    }

    fn take(&self, text: &str) -> Result<u64, PolicyFileError> {
        let Shared { name, dialect, handle, .. } = &*self.shared;
        Ok(handle.replace(parse(self.path(), name, text, *dialect)?))
    }
}

/// What errors and the ledger call the file.
pub(super) fn name_of(path: &Path) -> Arc<str> {
    let name = path.file_name();
    name.map_or_else(|| path.to_string_lossy(), |name| name.to_string_lossy()).into()
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
            .field("path", &self.path())
            .field("version", &self.shared.handle.version())
            .finish_non_exhaustive()
    }
}
