//! Why bytes of a file could not be had, and why the rest of one could not be sent.

use std::error::Error as StdError;
use std::fmt;
use std::time::Duration;

use crate::sys::{Change, Lost, Recovery, Refusal, Ruling};

/// Why bytes could not be had.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file is another version now.
    Changed(Change),
    /// Its end comes earlier than its length says, and it has not changed: no file of a disk.
    Short,
    /// The kernel refused, and this was decided about it.
    Refused(Refusal, Ruling),
    /// It is not as it is listed; it may be in so long a time.
    #[allow(dead_code, reason = "a list is an option")]
    Untrusted(Duration),
}

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

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(change) => write!(
                f,
                "wanted the rest of the version that was opened, found {}",
                match change {
                    Change::Same | Change::Explained => "it",
                    Change::Unexplained => "a change that nothing explains",
                    Change::Grew => "a longer file",
                    Change::Written => "a file that was written to",
                    Change::Another => "another file",
                }
            ),
            Self::Short => f.write_str("wanted as many bytes as the file has, found fewer"),
            Self::Untrusted(_) => {
                f.write_str("wanted the bytes that the signed list has, found others")
            }
            Self::Refused(refusal, ruling) => write!(f, "{refusal}: {ruling}"),
        }
    }
}

impl StdError for Trouble {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        match self {
            Self::Changed(_) | Self::Short | Self::Untrusted(_) => None,
            Self::Refused(refusal, _) => Some(refusal),
        }
    }
}
