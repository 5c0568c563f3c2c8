//! What may become of a call on the disk that is made up.

use rustix::io::Errno;

use crate::sys::Operation;

/// Where the machine or a process stops.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stop {
    Never,
    /// Before the call of this number.
    Before(u64),
    /// In the middle of it, if it writes more than a sector; else before it.
    Within(u64),
}

/// What a failed sync leaves in the page cache.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Loss {
    /// The new bytes, which look as if they were on the disk.
    Kept,
    /// What was on the disk.
    Dropped,
    /// As `Dropped`, and some of it was written.
    Partial,
}

/// Decides which call is refused: its number, the operation.
pub(super) type Refuse = Box<dyn FnMut(u64, Operation) -> Option<Errno> + Send>;
