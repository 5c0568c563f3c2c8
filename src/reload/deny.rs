//! A file of deny rules and the rule that is in force because of it.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use super::PolicyFileError;
use super::followed::{Followed, Missing, Reload, Reloaded};
use crate::caught::{caught, discard, message};
use crate::error::BoxError;
use crate::head::deny::{Deny, DenyHandle};

/// A [deny rule](Deny) that is read from a file, and read again when it changes.
///
/// A version is taken whole or not at all: while it is wrong, the rule before it stays in force.
///
/// # Examples
///
/// With the feature `rego` it is `DenyFile::open("deny.rego", |text| Rego::parse("deny.rego", text))`. Any other rule that
/// is made of a text will do; here a list of fields that may not leave the house:
///
/// ```
/// use letterhead::deny::FinalHead;
/// use letterhead::{DenyFile, LetterheadLayer};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// # let directory = std::env::temp_dir().join(format!("letterhead-doc-deny-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// # let path = directory.join("never.txt");
/// # std::fs::write(&path, "x-internal\n")?;
/// let file = DenyFile::open(&path, |text| {
///     let names = text.lines().map(str::parse).collect::<Result<Vec<http::HeaderName>, _>>()?;
///     Ok::<_, http::header::InvalidHeaderName>(move |head: &FinalHead<'_>| {
///         let found = names.iter().find(|name| head.fields().contains_key(*name));
///         found.map(|name| format!("{name} leaves the house"))
///     })
/// })?;
/// let layer = LetterheadLayer::new().deny(file.handle());
///
/// // A version that is wrong changes nothing.
/// std::fs::write(&path, "no name\n")?;
/// assert!(file.reload().is_err());
/// std::fs::write(&path, "x-internal\nserver\n")?;
/// assert_eq!(file.reload()?.version(), 2);
/// # let _ = layer;
/// # std::fs::remove_dir_all(&directory)?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct DenyFile {
    shared: Arc<Shared>,
}

/// Makes a rule of a text, and puts it in force.
type Take = Box<dyn Fn(&str) -> Result<(), BoxError> + Send + Sync>;

struct Shared {
    followed: Followed,
    handle: DenyHandle,
    take: Take,
    version: AtomicU64,
}

impl DenyFile {
    /// Reads the file; `parse` makes a rule of its text, here and whenever it changes.
    ///
    /// # Errors
    ///
    /// [`PolicyFileError`] if the file cannot be read, is longer than 1 MiB or no UTF-8, or if `parse` fails or panics.
    pub fn open<D, E>(
        path: impl Into<PathBuf>,
        parse: impl Fn(&str) -> Result<D, E> + Send + Sync + 'static,
    ) -> Result<Self, PolicyFileError>
    where
        D: Deny,
        E: Into<BoxError>,
    {
        let (followed, text) = Followed::open(path.into(), Missing::Refused)?;
        let rule = contained(|| parse(&text.unwrap_or_default()).map_err(Into::into));
        let rule = rule.map_err(|error| PolicyFileError::wrong(followed.path(), error))?;
        let handle = DenyHandle::new(rule);
        let in_force = handle.clone();
        let take = move |text: &str| {
            in_force.replace(parse(text).map_err(Into::into)?);
            Ok(())
        };
        let (take, version) = (Box::new(take), AtomicU64::new(1));
        Ok(Self { shared: Arc::new(Shared { followed, handle, take, version }) })
    }

    /// What a layer takes: it always has the rule that is in force.
    #[must_use]
    pub fn handle(&self) -> DenyHandle {
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
    /// As [`open`](Self::open); the rule that was in force stays.
    pub fn reload(&self) -> Result<Reloaded, PolicyFileError> {
        self.shared.followed.reload(self)
    }
}

impl Reload for DenyFile {
    fn followed(&self) -> &Followed {
        &self.shared.followed
    }

    fn version(&self) -> u64 {
        self.shared.version.load(Ordering::Acquire)
    }

    fn take(&self, text: &str) -> Result<u64, PolicyFileError> {
        let Shared { take, version, .. } = &*self.shared;
        contained(|| take(text)).map_err(|error| PolicyFileError::wrong(self.path(), error))?;
        // One at a time: the file is locked while a version is taken.
        Ok(version.fetch_add(1, Ordering::AcqRel) + 1)
    }
}

/// A panic is an error like any other: a parser of others has met a text that it was not made for.
fn contained<T>(work: impl FnOnce() -> Result<T, BoxError>) -> Result<T, BoxError> {
    caught(work).unwrap_or_else(|payload| {
        let text = format!("panicked: {}", message(payload.as_ref()));
        discard(payload);
        Err(text.into())
    })
}

impl fmt::Debug for DenyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenyFile")
            .field("path", &self.path())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
