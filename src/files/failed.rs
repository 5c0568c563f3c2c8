//! Why the rest of a file could not be sent.

use std::error::Error as StdError;
use std::fmt;

use super::source::Trouble;
use crate::sys::{Lost, Recovery};

/// Why the rest of a file could not be sent.
///
/// Its source is the kernel's refusal, if there was one.
#[derive(Debug)]
pub struct FileError(pub(super) Why);

#[derive(Debug)]
pub(super) enum Why {
    Trouble(Trouble),
    /// The task that read was ended: a panic, or the end of the runtime.
    Task,
    /// The client took fewer bytes a second than these.
    Slow(u64),
}

impl Why {
    /// The head is out: whatever the table of an application says, nothing is left but to break off.
    pub(super) fn of(lost: Lost) -> Self {
        match lost {
            Lost::NoThread(refusal) => {
                let ruling = Recovery::standard().judge(&refusal, u32::MAX, true);
                Self::Trouble(Trouble::Refused(refusal, ruling))
            }
            Lost::Gone => Self::Task,
        }
    }
}

impl fmt::Display for FileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Why::Trouble(trouble) => trouble.fmt(f),
            Why::Task => f.write_str("wanted the rest of a file, found the task that read it gone"),
            Why::Slow(least) => {
                write!(f, "wanted a client that takes {least} bytes a second, found a slower one")
            }
        }
    }
}

impl StdError for FileError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match &self.0 {
            Why::Trouble(trouble) => trouble.source(),
            Why::Task | Why::Slow(_) => None,
        }
    }
}
