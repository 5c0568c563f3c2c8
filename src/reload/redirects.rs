//! A `_redirects` file and the redirects that are in force because of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;

use super::PolicyFileError;
use super::file::name_of;
use super::followed::{Followed, Missing, Reload, Reloaded};
use crate::policy::{PolicyErrors, Redirect, Redirects};

/// [Redirects] that are read from a file, and read again when it changes.
///
/// A version is taken whole or not at all, as of a [`PolicyFile`](super::PolicyFile). Without a file nothing leads
/// elsewhere, until there is one. A file that is gone later changes nothing; an empty one has no redirects.
///
/// # Examples
///
/// ```
/// use letterhead::RedirectsFile;
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = std::env::temp_dir().join(format!("letterhead-doc-moved-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let file = RedirectsFile::open_if_there(directory.join("_redirects"))?;
/// assert!(file.find("/old", None).is_none());
///
/// std::fs::write(file.path(), "/old /new 301\n")?;
/// assert!(file.reload()?.is_new());
/// assert!(file.find("/old", None).is_some());
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct RedirectsFile {
    shared: Arc<Shared>,
}

struct Shared {
    followed: Followed,
    name: Arc<str>,
    current: ArcSwap<Version>,
}

struct Version {
    redirects: Redirects,
    number: u64,
}

impl RedirectsFile {
    /// Reads the file, if there is one.
    ///
    /// # Errors
    ///
    /// [`PolicyFileError`] if it cannot be read, is longer than 1 MiB or no UTF-8, or if any line of it is wrong.
    pub fn open_if_there(path: impl Into<PathBuf>) -> Result<Self, PolicyFileError> {
        let (followed, text) = Followed::open(path.into(), Missing::Awaited)?;
        let name = name_of(followed.path());
        let wrong = |errors: PolicyErrors| PolicyFileError::lines(followed.path(), errors);
        let redirects =
            Redirects::parse(Arc::clone(&name), &text.unwrap_or_default()).map_err(wrong)?;
        let current = ArcSwap::from_pointee(Version { redirects, number: 1 });
        Ok(Self { shared: Arc::new(Shared { followed, name, current }) })
    }

    /// Where a request leads, by the version that is in force; as [`Redirects::find`].
    #[must_use]
    pub fn find(&self, path: &str, query: Option<&str>) -> Option<Redirect> {
        self.shared.current.load().redirects.find(path, query)
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
    /// As [`open_if_there`](Self::open_if_there); what was in force stays.
    pub fn reload(&self) -> Result<Reloaded, PolicyFileError> {
        self.shared.followed.reload(self)
    }
}

impl Reload for RedirectsFile {
    fn followed(&self) -> &Followed {
        &self.shared.followed
    }

    fn version(&self) -> u64 {
        self.shared.current.load().number
    }

    fn take(&self, text: &str) -> Result<u64, PolicyFileError> {
        let wrong = |errors: PolicyErrors| PolicyFileError::lines(self.path(), errors);
        let redirects = Redirects::parse(Arc::clone(&self.shared.name), text).map_err(wrong)?;
        // One at a time: the file is locked while a version is taken.
        let number = self.version() + 1;
        self.shared.current.store(Arc::new(Version { redirects, number }));
        Ok(number)
    }
}

impl fmt::Debug for RedirectsFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("RedirectsFile")
            .field("path", &self.path())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
