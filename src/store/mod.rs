//! Response heads on disk, before their payloads, written so that a crash tears nothing.
//!
//! A [`Store`] is a directory; each file in it is one response: its head, twice, then its payload. The head
//! can be changed without touching the payload, and whatever happens meanwhile (a killed process, a
//! loss of power, a full disk, a sync that fails) readers find the old head or the new one, whole and
//! checked. What was acknowledged is on the disk.
//!
//! - [`Store::put`] stores a response, [`Store::upload`] a payload whose head is known only at the end.
//! - [`Store::send`] answers a request, with conditions and ranges, and holds the payload against its
//!   digest before the last bytes leave.
//! - [`Store::modify`] and [`Store::update`] change a head, [`Store::remove`] takes a name away.
//! - [`Store::scrub`] looks at everything, mends what can be mended, and puts aside the rest.
//! - A [`KeyRing`] signs heads and says whose are believed.
//!
//! Several processes may work on one directory; readers take no lock. [The guide](crate::guide::store) has
//! each byte of a file, and how it is written.

// A head and its two slots, as bytes: pure.
mod format;
mod text;
mod sign;
mod slots;
// What is asked of the kernel, and what is remembered of its answers.
mod error;
mod notice;
mod stored_head;
mod memory;
mod disk_ops;
mod lock;
mod temp;
mod task;
// A head is read.
mod read;
mod stored;
// A payload and its head are written.
mod batch;
mod payload_writer;
mod writing;
mod publish;
mod update;
mod upload;
// A store, and what it sends.
mod cache;
#[expect(clippy::module_inception, reason = "the type is named as the module is")]
mod store;
mod settings;
mod payload;
mod body;
mod inline;
mod send;
// What is left behind is found.
mod remove;
mod scrub;
#[cfg(test)]
mod tests;

pub use body::StoreBody;
pub use error::StoreError;
pub use format::{Algorithm, Flaw};
pub use notice::{Notice, Statistics};
pub use publish::Published;
pub use read::SlotState;
pub use scrub::{Scrub, Scrubbed};
pub use send::{StoreFuture, TryStoreFuture};
pub use sign::{KeyRing, Signed, SigningKey, Unsigned, VerifyingKey};
pub use store::Store;
pub use stored::Stored;
pub use upload::Upload;

/// When a name may be given to a new file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum When {
    /// If nothing has it (`If-None-Match: *`).
    New,
    /// Whatever has it; that is replaced.
    Always,
    /// If the head that has it is of this generation; it is replaced. A name that was removed begins at 1
    /// again: [`Stored::payload_id`] tells such files apart.
    Generation(u64),
}

/// How a file or its head was written.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Strategy {
    /// A file without a name got one when all of it was on the disk.
    Anonymous,
    /// A file with a name of its own took over another's, or a new one.
    Replace,
    /// The head was changed where it stands; the payload was not touched.
    InPlace,
}

/// By which calls of the kernel a store writes, where there is a choice; see
/// [`Store::writing`]. The bytes are the same.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Writing {
    /// Each write and each sync is a call of its own (`pwrite`, `fsync`).
    #[default]
    Positional,
    /// The end of a payload, both heads and the sync are asked for in one call (`io_uring`), each linked to the
    /// one before it; and so are the head and the sync of a change in place. Up to 256 KiB of each payload are
    /// kept in memory until then. For this the feature
    /// `io-uring` has to be there, and a kernel that has it and allows it; else each is a call of its
    /// own, which is reported once ([`Notice::Without`]).
    Ring,
    /// Heads are written through a mapping of the file (`mmap`, `msync`), into blocks that are reserved. What the
    /// mapping refuses is written by position, or as [`Recovery`](crate::Recovery) has it for
    /// [`Operation::Map`](crate::Operation::Map).
    Mapped,
}

/// When a payload is held against the digest in its head.
///
/// A head is always checked before it is believed; but for [`Always`](Self::Always) it is remembered for that
/// version of the file, once the file is older than 2 s. What is kept in memory ([`Store::cache`]) was checked
/// before it was kept.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verify {
    /// Whenever all of it is sent: the last bytes are held back until it agrees. Ranges are not.
    #[default]
    Whole,
    /// As [`Whole`](Self::Whole), but once for each version of the file in this process.
    Once,
    /// Always, the head too: for a range, all of it is read first.
    Always,
}
