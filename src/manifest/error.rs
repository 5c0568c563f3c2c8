//! Why a document is not believed.

use std::error::Error as StdError;
use std::fmt;

/// Why a list of files, or what says who may sign it, is not believed.
///
/// Printed, it says what was wanted and what was found. Nothing in it is a secret: no key, no signature.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ManifestError {
    reason: Reason,
    text: Box<str>,
}

/// The kind of a [`ManifestError`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Reason {
    /// The bytes are no JSON, or a member is there twice.
    Syntax,
    /// It is JSON, and not what the format wants.
    Structure,
    /// It is longer, or has more in it, than is read.
    Limit,
    /// A path that a list cannot have.
    Name,
    /// A key that cannot be read.
    Key,
    /// Fewer valid signatures than there have to be.
    Signature,
    /// Its time is over.
    Expired,
    /// A higher version was seen before, or another list of the same version.
    RolledBack,
    /// It is the list of another tree.
    OtherTree,
    /// It could not be read, or what was to be remembered of it could not be written.
    Unreadable,
}

impl ManifestError {
    pub(crate) fn new(reason: Reason, text: impl Into<Box<str>>) -> Self {
        Self { reason, text: text.into() }
    }

    /// The same, about a part that is named.
    pub(crate) fn within(self, part: &str) -> Self {
        Self { text: format!("{part}: {}", self.text).into(), ..self }
    }

    /// What kind of a reason it is.
    #[must_use]
    pub const fn reason(&self) -> Reason {
        self.reason
    }
}

impl Reason {
    /// One word for it, for counters.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Structure => "structure",
            Self::Limit => "limit",
            Self::Name => "name",
            Self::Key => "key",
            Self::Signature => "signature",
            Self::Expired => "expired",
            Self::RolledBack => "rolled-back",
            Self::OtherTree => "other-tree",
            Self::Unreadable => "unreadable",
        }
    }
}

/// What was wanted, and what was found.
pub(super) fn structure(wanted: &str, found: impl fmt::Display) -> ManifestError {
    ManifestError::new(Reason::Structure, format!("wanted {wanted}, found {found}"))
}

impl fmt::Display for ManifestError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for ManifestError {}
