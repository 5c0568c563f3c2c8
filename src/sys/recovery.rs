//! The table of recovery: what is done about an error number, and why.

use std::fmt;
use std::time::Duration;

use http::StatusCode;

use super::Meaning;
use super::operation::Operation;
use super::refusal::Refusal;

/// How long a client is asked to wait where trying again may help.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// The first pause before a retry; each further one is twice as long. Three of them (7 ms) stay well
/// within the time that a response head is held.
const PAUSE: Duration = Duration::from_millis(1);

/// What is done about a refusal of the kernel.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Decision {
    /// The same call is made again.
    Retry {
        /// After this pause.
        after: Duration,
    },
    /// The path is resolved anew. What was sent already has to be of the same version.
    ReResolve,
    /// The next strategy is used: a plain read instead of one that does not wait, a walk instead of
    /// one call, no proof instead of a lease, a file with a name instead of one without, a new file
    /// instead of a change in place.
    Next,
    /// The response is an error answer. Once the head is committed this is [`Abort`](Self::Abort).
    Answer {
        /// Its status.
        status: StatusCode,
        /// When the client may try again.
        retry_after: Option<Duration>,
    },
    /// The response is broken off, and never ended cleanly.
    Abort,
}

/// A [`Decision`] and its reason.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ruling {
    decision: Decision,
    reason: &'static str,
}

/// What becomes of each failure: operation by error number, with bounds and reasons.
///
/// It is total: every number has an answer. Before the commit that is a status in the end, after it
/// an abort; retries, new resolutions and other strategies come first where they can help, each no
/// more often than [`attempts`](Self::attempts).
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use letterhead::{Decision, Operation, Recovery};
///
/// // Do not tell who may not read that a file is there.
/// let hidden = Decision::Answer { status: StatusCode::NOT_FOUND, retry_after: None };
/// let recovery = Recovery::standard().on(Operation::Resolve, libc::EACCES, hidden);
///
/// assert_eq!(recovery.decide(Operation::Resolve, libc::EACCES, 0, false).decision(), hidden);
/// // A stale handle is resolved anew, twice; then the client may try again in a second.
/// let ruling = recovery.decide(Operation::Read, libc::ESTALE, 2, false);
/// assert_eq!(ruling.to_string(), "503, retry after 1 s: it may be had in a moment");
/// // Once the head is out there is no other status to be had.
/// let ruling = recovery.decide(Operation::Read, libc::EIO, 0, true);
/// assert_eq!(ruling.decision(), Decision::Abort);
/// ```
#[derive(Clone, Debug)]
pub struct Recovery {
    rows: Vec<Row>,
    attempts: u32,
}

#[derive(Clone, Copy, Debug)]
struct Row {
    operation: Operation,
    errno: i32,
    decision: Decision,
}

impl Recovery {
    /// The table that is used where no other is given.
    #[must_use]
    pub const fn standard() -> Self {
        Self { rows: Vec::new(), attempts: 3 }
    }

    /// Decides one row otherwise. A later call for the same row replaces an earlier one.
    ///
    /// A sync that failed is never made again, as the kernel may have dropped what was to be written and would
    /// say of the second one that all is well: [`Decision::Retry`] for [`Operation::Sync`] or
    /// [`Operation::SyncDirectory`] counts as [`Decision::Next`], unless a signal came in between (`EINTR`).
    #[must_use]
    pub fn on(mut self, operation: Operation, errno: i32, decision: Decision) -> Self {
        self.rows.retain(|row| (row.operation, row.errno) != (operation, errno));
        self.rows.push(Row { operation, errno, decision });
        self
    }

    /// How often anything is tried again in a row, at most; the default is 3. Bytes that could be read
    /// begin a new count.
    #[must_use]
    pub const fn attempts(mut self, most: u32) -> Self {
        self.attempts = most;
        self
    }

    /// What is done about `errno`, as [`raw_os_error`](std::io::Error::raw_os_error) has it, after
    /// `attempt` earlier tries to recover, and with the head `committed` or not.
    #[must_use]
    pub fn decide(
        &self,
        operation: Operation,
        errno: i32,
        attempt: u32,
        committed: bool,
    ) -> Ruling {
        self.rule(operation, errno, attempt, committed, Meaning::at(operation, errno))
    }

    /// As [`decide`](Self::decide), with what the refusal knows beyond its number.
    pub(crate) fn judge(&self, refusal: &Refusal, attempt: u32, committed: bool) -> Ruling {
        let (operation, errno) = (refusal.operation(), refusal.raw_os_error());
        self.rule(operation, errno, attempt, committed, refusal.meaning())
    }

    fn rule(
        &self,
        operation: Operation,
        errno: i32,
        attempt: u32,
        committed: bool,
        meaning: Meaning,
    ) -> Ruling {
        let own = self.rows.iter().find(|row| (row.operation, row.errno) == (operation, errno));
        let (decision, reason, most) = match own {
            Some(row) if row.syncs_again() => (Decision::Next, SYNCED, self.attempts),
            Some(row) => (row.decision, "the application says so", self.attempts),
            None => match standard(operation, errno, attempt, committed) {
                Some(row) => row,
                None => return last(operation, meaning, committed),
            },
        };
        match decision {
            Decision::Answer { .. } if committed => last(operation, meaning, committed),
            Decision::Answer { .. } | Decision::Abort => Ruling { decision, reason },
            // What is left then is less to say, and nothing to be tried again; that needs no bound.
            Decision::Next if operation.is_a_question() => Ruling { decision, reason },
            Decision::Retry { .. } | Decision::ReResolve | Decision::Next => {
                if attempt < most.min(self.attempts) {
                    return Ruling { decision, reason };
                }
                last(operation, meaning, committed)
            }
        }
    }
}

/// The rows that try something before they give up: what, why, and how often at most.
fn standard(
    operation: Operation,
    errno: i32,
    attempt: u32,
    committed: bool,
) -> Option<(Decision, &'static str, u32)> {
    use Operation::{Lease, List, Open, Read, Resolve, Stat, Watch};
    if let Some(row) = writing::standard(operation, errno, attempt) {
        return Some(row);
    }
    let pause = Decision::Retry { after: PAUSE.saturating_mul(1 << attempt.min(10)) };
    let at_once = Decision::Retry { after: Duration::ZERO };
    Some(match (operation, errno) {
        (Watch, _) => (Decision::Next, "without events each request looks at the name itself", 1),
        (Lease, _) => {
            (Decision::Next, "without a lease the age of the last change counts alone", 1)
        }
        (_, libc::EINTR) => (at_once, "a signal came in between", 3),
        // After the commit the version has to be the same, which a second try cannot change.
        (_, libc::ESTALE) if committed => (Decision::ReResolve, STALE, 1),
        (_, libc::ESTALE) => (Decision::ReResolve, STALE, 2),
        (Resolve, libc::ENOSYS) => (Decision::Next, "the kernel has no openat2", 1),
        (Read, libc::EAGAIN) if attempt == 0 => {
            (Decision::Next, "the bytes are not in the page cache", 1)
        }
        (Read, libc::EOPNOTSUPP) => (Decision::Next, "the filesystem cannot read at once", 1),
        (Open | Resolve | Stat | List | Read, libc::EAGAIN) => {
            (pause, "a rename or a lease came in between", 3)
        }
        // A client that has half of the file is worth a few milliseconds; one that has nothing yet
        // hears at once that it may come again.
        (Read, libc::ENOMEM | libc::EBUSY) if committed => (pause, "it may pass", 3),
        _ => return None,
    })
}

impl Operation {
    /// Whether what follows can do without it.
    const fn is_a_question(self) -> bool {
        matches!(
            self,
            Self::Lease | Self::Watch | Self::Mount | Self::SyncDirectory | Self::Attributes
        )
    }
}

impl Operation {
    /// Whether it is about something that is to be made, changed or taken away.
    const fn changes(self) -> bool {
        match self {
            Self::Modify
            | Self::Create
            | Self::Reserve
            | Self::Write
            | Self::Map
            | Self::Resize
            | Self::Sync
            | Self::SyncDirectory
            | Self::Link
            | Self::Rename
            | Self::Remove
            | Self::Lock
            | Self::Attributes => true,
            Self::Open
            | Self::Resolve
            | Self::Stat
            | Self::Read
            | Self::List
            | Self::Lease
            | Self::Watch
            | Self::Mount
            | Self::Thread => false,
        }
    }
}

impl Row {
    /// Whether a sync that failed would be made again.
    const fn syncs_again(&self) -> bool {
        let is_sync = matches!(self.operation, Operation::Sync | Operation::SyncDirectory);
        is_sync && matches!(self.decision, Decision::Retry { .. }) && self.errno != libc::EINTR
    }
}

const SYNCED: &str =
    "a sync that failed is not made again: the next one would say that all is well";

const STALE: &str = "the file server forgot the handle; the path may lead to it again";

/// What is left when there is nothing to try.
const fn last(operation: Operation, meaning: Meaning, committed: bool) -> Ruling {
    let reason = match meaning {
        Meaning::NotFound if operation.changes() => "there is no such place to write to",
        Meaning::NotFound => "there is no such file to be had",
        Meaning::Forbidden if operation.changes() => "this process may not write it",
        Meaning::Busy if operation.changes() => "it may be written in a moment",
        Meaning::Forbidden => "it is there, and may not be had",
        Meaning::Busy => "it may be had in a moment",
        Meaning::NoRoom => "there is no room",
        Meaning::Broken => "this is not the client's fault",
    };
    if committed {
        return Ruling { decision: Decision::Abort, reason };
    }
    let retry_after = match meaning {
        Meaning::Busy => Some(RETRY_AFTER),
        Meaning::NotFound | Meaning::Forbidden | Meaning::NoRoom | Meaning::Broken => None,
    };
    Ruling { decision: Decision::Answer { status: meaning.status(), retry_after }, reason }
}

impl Ruling {
    /// Something else is done, for a reason that is not the kernel's.
    pub(crate) const fn next(reason: &'static str) -> Self {
        Self { decision: Decision::Next, reason }
    }

    /// What is done.
    #[must_use]
    pub const fn decision(&self) -> Decision {
        self.decision
    }

    /// Why, in a few words, for the report; clients never see it.
    #[must_use]
    pub const fn reason(&self) -> &'static str {
        self.reason
    }
}

impl Default for Recovery {
    fn default() -> Self {
        Self::standard()
    }
}

impl fmt::Display for Decision {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Retry { after } if after.is_zero() => f.write_str("retry at once"),
            Self::Retry { after } => write!(f, "retry in {} ms", after.as_millis()),
            Self::ReResolve => f.write_str("re-resolve"),
            Self::Next => f.write_str("next strategy"),
            Self::Answer { status, retry_after: None } => f.write_str(status.as_str()),
            Self::Answer { status, retry_after: Some(after) } => {
                write!(f, "{}, retry after {} s", status.as_str(), after.as_secs())
            }
            Self::Abort => f.write_str("abort"),
        }
    }
}

impl fmt::Display for Ruling {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.decision, self.reason)
    }
}

mod writing;
#[cfg(test)]
mod tests;
