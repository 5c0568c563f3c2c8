//! Events of a store, for a callback of the application's.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use super::Writing;
use super::error::StoreError;
use super::format::Flaw;
use super::text::OneLine;
use crate::sys::{Named, Operation, Ruling};

/// Something that an operator may want to know; see [`Store::on_notice`](super::Store::on_notice).
///
/// Printed, it is one line.
#[derive(Clone, Debug)]
#[non_exhaustive]
pub enum Notice {
    /// The kernel refused something, and this was decided about it.
    Refused {
        /// The name in the store; empty where it is about the directory.
        name: String,
        /// What was asked.
        operation: Operation,
        /// The error number.
        errno: i32,
        /// What was decided, and why.
        ruling: Ruling,
        /// Why it was refused, as far as that could be seen; see [`StoreError::diagnosis`].
        diagnosis: Option<String>,
    },
    /// Another writer, of this process or another, kept the lock too long; a change was given up.
    Locked {
        /// The name in the store, or the lock file of the directory; empty where there were so many that wait that
        /// it never came to the lock.
        name: String,
        /// How long it was waited for.
        waited: Duration,
    },
    /// The calls that were chosen to write with are not to be had; each write and each sync is a call of its
    /// own instead. It is reported once.
    Without {
        /// What was chosen.
        writing: Writing,
        /// The error number that says why: `ENOSYS` if the crate was built without it, too.
        errno: i32,
        /// What denies it, as far as that could be seen.
        diagnosis: Option<String>,
    },
    /// One slot is not whole; its twin was used.
    BadSlot {
        /// The name in the store.
        name: String,
        /// Which of the two.
        slot: usize,
        /// What is wrong with it.
        flaw: Flaw,
    },
    /// A file or its head was not believed.
    Rejected {
        /// The name in the store.
        name: String,
        /// Why.
        error: StoreError,
    },
    /// A sync failed: this file's head is not changed in place any more.
    Retired {
        /// The name in the store.
        name: String,
    },
    /// The slots are equal again.
    Repaired {
        /// The name in the store.
        name: String,
    },
    /// What a writer that is gone left behind was removed.
    Swept {
        /// The name of the file.
        file: String,
    },
    /// A file that cannot be served was put aside.
    Quarantined {
        /// The name in the store.
        name: String,
        /// The name that it has now.
        file: String,
    },
}

/// How often what happened since the store was opened, in this process.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Statistics {
    /// Heads that were read and believed.
    pub read: u64,
    /// Files that were given a new name.
    pub created: u64,
    /// Files that took over a name.
    pub replaced: u64,
    /// Heads that were changed in place.
    pub updated_in_place: u64,
    /// Files that were removed.
    pub removed: u64,
    /// Heads of which one slot was not whole.
    pub bad_slots: u64,
    /// Files or heads that were not believed.
    pub rejected: u64,
    /// Syncs that failed.
    pub failed_syncs: u64,
    /// Slots that were made equal again.
    pub repaired: u64,
    /// Files of writers that are gone, removed.
    pub swept: u64,
}

/// The counters behind [`Statistics`].
#[derive(Debug, Default)]
pub(super) struct Counts {
    pub(super) read: AtomicU64,
    pub(super) created: AtomicU64,
    pub(super) replaced: AtomicU64,
    pub(super) updated_in_place: AtomicU64,
    pub(super) removed: AtomicU64,
    pub(super) bad_slots: AtomicU64,
    pub(super) rejected: AtomicU64,
    pub(super) failed_syncs: AtomicU64,
    pub(super) repaired: AtomicU64,
    pub(super) swept: AtomicU64,
}

pub(super) fn count(counter: &AtomicU64) {
    counter.fetch_add(1, Ordering::Relaxed);
}

impl Counts {
    pub(super) fn statistics(&self) -> Statistics {
        let of = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        Statistics {
            read: of(&self.read),
            created: of(&self.created),
            replaced: of(&self.replaced),
            updated_in_place: of(&self.updated_in_place),
            removed: of(&self.removed),
            bad_slots: of(&self.bad_slots),
            rejected: of(&self.rejected),
            failed_syncs: of(&self.failed_syncs),
            repaired: of(&self.repaired),
            swept: of(&self.swept),
        }
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Refused { name, operation, errno, ruling, diagnosis } => {
                let (name, asked) = (OneLine(name), operation.as_str());
                write!(f, "{name}: {asked} refused with {}: {ruling}", Named(*errno))?;
                diagnosis.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            Self::Locked { name, waited } => {
                let (name, waited) = (OneLine(name), waited.as_millis());
                write!(f, "{name}: given up, as another writer has had the lock for {waited} ms")
            }
            Self::Without { writing, errno, diagnosis } => {
                let errno = Named(*errno);
                write!(f, "{writing:?} is not to be had, {errno}: written by position")?;
                diagnosis.as_ref().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            Self::BadSlot { name, slot, flaw } => {
                write!(f, "{}: slot {slot}: {flaw}", OneLine(name))
            }
            Self::Rejected { name, error } => write!(f, "{}: {error}", OneLine(name)),
            Self::Retired { name } => write!(f, "{}: not changed in place any more", OneLine(name)),
            Self::Repaired { name } => write!(f, "{}: both slots are whole again", OneLine(name)),
            Self::Swept { file } => write!(f, "{file}: left behind, removed"),
            Self::Quarantined { name, file } => write!(f, "{}: put aside as {file}", OneLine(name)),
        }
    }
}
