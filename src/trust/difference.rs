//! In what a directory differs from a list, or a list from another.

use std::fmt;

use crate::manifest::{Entry, Manifest};

/// One difference between a list of files and what is there.
///
/// Printed, it is one line: the path, what was wanted and what was found.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Difference {
    /// It is listed, and not there.
    Missing(String),
    /// It is there, and not listed. The path need not be UTF-8.
    Extra(Vec<u8>),
    /// It is listed, and there is something else than a file that could be sent.
    Kind(String),
    /// Its length is another one.
    Length {
        /// The path.
        path: String,
        /// As it is listed.
        wanted: u64,
        /// As it is.
        found: u64,
    },
    /// Its length is the same, and its content another one.
    Digest {
        /// The path.
        path: String,
        /// The SHA-256 as it is listed.
        wanted: [u8; 32],
        /// As it is.
        found: [u8; 32],
    },
    /// Its content is the same, and the digests of its blocks are not: whoever made the list did not make them of this content.
    Blocks(String),
    /// Its content is the same, and its media type or another pinned field is not.
    Pinned(String),
    /// It could not be read, for this reason.
    Unreadable(String, String),
}

impl Difference {
    /// The path that it is about.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        match self {
            Self::Missing(path)
            | Self::Kind(path)
            | Self::Length { path, .. }
            | Self::Digest { path, .. }
            | Self::Blocks(path)
            | Self::Pinned(path)
            | Self::Unreadable(path, _) => path.as_bytes(),
            Self::Extra(path) => path,
        }
    }

    /// Of one file: what is there against what is listed; `None`: nothing.
    pub(super) fn of(path: &str, wanted: &Entry, found: &Entry) -> Option<Self> {
        let named = || path.to_owned();
        if wanted.length() != found.length() {
            let (wanted, found) = (wanted.length(), found.length());
            return Some(Self::Length { path: named(), wanted, found });
        }
        if wanted.sha256() != found.sha256() {
            let (wanted, found) = (*wanted.sha256(), *found.sha256());
            return Some(Self::Digest { path: named(), wanted, found });
        }
        if !wanted.blocks().is_empty()
            && !found.blocks().is_empty()
            && wanted.blocks() != found.blocks()
        {
            return Some(Self::Blocks(named()));
        }
        None
    }

    /// Everything in which a list differs from an earlier one, in the order of the paths.
    #[must_use]
    pub fn between(earlier: &Manifest, later: &Manifest) -> Vec<Self> {
        let missing = earlier.entries().filter(|(path, _)| later.get(path).is_none());
        let mut all: Vec<_> = missing.map(|(path, _)| Self::Missing(path.to_owned())).collect();
        for (path, found) in later.entries() {
            match earlier.get(path) {
                None => all.push(Self::Extra(path.as_bytes().to_vec())),
                Some(wanted) => {
                    let has_other_fields = wanted.media_type() != found.media_type()
                        || !wanted.fields().eq(found.fields());
                    let pinned = || has_other_fields.then(|| Self::Pinned(path.to_owned()));
                    all.extend(Self::of(path, wanted, found).or_else(pinned));
                }
            }
        }
        all.sort_by(|one, other| one.path().cmp(other.path()));
        all
    }
}

/// The first 16 of 64 digits: enough to tell two apart by eye.
fn short(digest: &[u8; 32]) -> String {
    let start = digest.first_chunk().copied().unwrap_or_default();
    format!("{:016x}", u64::from_be_bytes(start))
}

impl fmt::Display for Difference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path().escape_ascii())?;
        match self {
            Self::Missing(_) => f.write_str("missing"),
            Self::Extra(_) => f.write_str("extra"),
            Self::Kind(_) => f.write_str("wanted a file, found something else"),
            Self::Length { wanted, found, .. } => {
                write!(f, "wanted {wanted} bytes, found {found}")
            }
            Self::Digest { wanted, found, .. } => {
                write!(f, "wanted sha256 {}.., found {}..", short(wanted), short(found))
            }
            Self::Blocks(_) => f.write_str("wanted the digests of its blocks, found others"),
            Self::Pinned(_) => f.write_str("wanted the same type and fields, found others"),
            Self::Unreadable(_, error) => write!(f, "cannot be read: {error}"),
        }
    }
}
