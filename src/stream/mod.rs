//! Bytes of what a plan says, a chunk at a time, read at once where they are in memory and else on the blocking pool.

mod buffers;
mod remaining;
mod chunks;

pub(crate) use buffers::{Buffer, Buffers};
pub(crate) use chunks::{ByteSource, Chunks};
pub(crate) use remaining::Remaining;

/// Bytes that are read at once.
pub(crate) const CHUNK: usize = 256 * 1024;

/// They are not in memory, or not as they should be: ask on the blocking pool.
#[derive(Debug)]
pub(crate) struct Away;
