//! Response heads on disk, before their payloads.
#![allow(dead_code, unused_imports, reason = "the store itself is not there yet")]

mod desk;
mod error;
mod format;
#[cfg(test)]
mod golden;
mod lock;
mod making;
mod memory;
mod notice;
mod publish;
mod read;
mod remove;
mod sign;
mod slots;
mod temp;
#[cfg(test)]
mod tests;
mod update;

pub use error::StoreError;
pub use format::{Algorithm, Flaw};
pub use notice::{Notice, Statistics};
pub use publish::Published;
pub use read::State;
pub use sign::{KeyRing, Signed, SigningKey, Unsigned, VerifyingKey};

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

/// When a payload is held against the digest in its head.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Verify {
    /// Whenever all of it is sent: the last bytes are held back until it agrees. Ranges are not.
    #[default]
    Whole,
    /// As [`Whole`](Self::Whole), but once for each version of the file in this process.
    Once,
    /// Always: for a range, all of it is read first.
    Always,
}
