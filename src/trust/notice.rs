//! What an operator has to know of a tree that is held against its list.

use std::fmt;
use std::time::SystemTime;

use crate::manifest::{Entry, ManifestError};

/// What an operator has to know; see [`Trust::on_notice`](super::Trust::on_notice).
///
/// Printed, it is one line, and has no key in it and no content.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// This list is in force from now on.
    Loaded {
        /// Of which tree.
        tree: String,
        /// Its version.
        version: u64,
        /// How many files it has.
        files: usize,
    },
    /// A list was not taken; the one before stays in force.
    Refused(ManifestError),
    /// A file is not as it is listed. It is answered with 503 and not read again until it is another version, the list is, or
    /// somebody [resets](crate::FileSender::reset_breakers) it.
    Mismatch(Mismatch),
    /// A file that was not as listed is so again.
    Recovered {
        /// Its path below the root.
        path: Box<[u8]>,
    },
    /// A file is there, was asked for, and is not listed. Each is named once for each list.
    Unlisted {
        /// Its path below the root.
        path: Box<[u8]>,
    },
    /// So many files are not as they are listed that nothing of the tree is served any more.
    Stopped {
        /// How many.
        files: usize,
    },
    /// The time of the list will be over soon.
    Expiring {
        /// When.
        at: SystemTime,
    },
    /// The time of the list is over.
    Expired {
        /// Since when.
        at: SystemTime,
        /// Whether the tree is served all the same.
        is_served: bool,
    },
}

/// A file that is not as it is listed.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Mismatch {
    /// Its path below the root.
    pub path: Box<[u8]>,
    /// Length and SHA-256 as they are listed; of a block those of the block.
    pub wanted: (u64, [u8; 32]),
    /// Length and SHA-256 as they were found. With another length nothing was read.
    pub found: (u64, Option<[u8; 32]>),
    /// Which block of the file it is, from 0 on, if it was read by blocks.
    pub block: Option<u64>,
    /// When it was found.
    pub since: SystemTime,
}

impl Mismatch {
    pub(crate) fn new(
        path: &[u8],
        entry: &Entry,
        found: (u64, Option<[u8; 32]>),
        since: SystemTime,
    ) -> Self {
        let wanted = (entry.length(), *entry.sha256());
        Self { path: path.into(), wanted, found, block: None, since }
    }
}

/// Calls a callback, whose panic is nobody's but its own.
pub(crate) fn contained_notice(callback: &(dyn Fn(&Notice) + Send + Sync), notice: &Notice) {
    crate::caught::contained(|| callback(notice));
}

struct Hex<'a>(&'a [u8; 32]);

impl fmt::Display for Hex<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Display for Mismatch {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: ", self.path.escape_ascii())?;
        if let Some(block) = self.block {
            write!(f, "block {block}: ")?;
        }
        let ((wanted, sum), (found, found_sum)) = (&self.wanted, &self.found);
        match found_sum {
            Some(found_sum) => {
                write!(f, "wanted sha256 {}, found {}", Hex(sum), Hex(found_sum))
            }
            None => write!(f, "wanted {wanted} bytes, found {found}"),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let seconds = |at: &SystemTime| {
            at.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default().as_secs()
        };
        match self {
            Self::Loaded { tree, version, files } => {
                write!(
                    f,
                    "version {version} of tree `{}` is in force: {files} files",
                    tree.escape_debug()
                )
            }
            Self::Refused(error) => write!(f, "refused, what was before stays: {error}"),
            Self::Mismatch(mismatch) => write!(f, "{mismatch}: not served"),
            Self::Recovered { path } => write!(f, "{}: as listed again", path.escape_ascii()),
            Self::Unlisted { path } => write!(f, "{}: not listed", path.escape_ascii()),
            Self::Stopped { files } => {
                write!(f, "{files} files are not as listed: nothing of the tree is served")
            }
            Self::Expiring { at } => {
                write!(f, "the time of the list ends soon, at {} s since 1970", seconds(at))
            }
            Self::Expired { at, is_served } => {
                let what =
                    if *is_served { "it is served all the same" } else { "nothing is served" };
                write!(f, "the time of the list ended at {} s since 1970: {what}", seconds(at))
            }
        }
    }
}
