//! Heads on their way into a file, and the sync behind them, by the calls that were chosen.

use std::ops::Range;
use std::sync::atomic::Ordering;

use super::Writing;
use super::disk_ops::{DiskOps, Failure};
use super::format::{BLOCK, Layout};
use super::notice::Notice;
use crate::sys::Operation;
use crate::sys::write::{Chain, Disk, Ended, Flush};

/// An image as it is written into a slot: with zeros behind it up to a whole block.
pub(super) struct Padded(Vec<u8>);

impl Padded {
    pub(super) fn new(image: &[u8]) -> Self {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let mut bytes = image.to_vec();
        bytes.resize(image.len().div_ceil(block) * block, 0);
        Self(bytes)
    }

    /// Its stretches in a slot, the first block last.
    pub(super) fn in_slot(&self, layout: Layout, slot: usize) -> [(&[u8], u64); 2] {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let (first, rest) = self.0.split_at(block.min(self.0.len()));
        [(rest, layout.rest(slot)), (first, Layout::first(slot))]
    }
}

impl<D: Disk> DiskOps<D> {
    /// Writes stretches in their order, then waits for the disk. By which calls it was done in the end.
    pub(super) fn commit<'a>(
        &self,
        name: &str,
        file: &D::File,
        by: Writing,
        stretches: impl IntoIterator<Item = (&'a [u8], u64)>,
        flush: Flush,
    ) -> Result<Writing, Failure> {
        let mut chain = Chain::new(stretches, flush);
        match by {
            // What is not waited for is one call anyway.
            Writing::Ring if flush != Flush::Nothing => loop {
                match self.attempt(name, |disk| disk.ring(file, &mut chain))? {
                    Ended::Whole => return Ok(Writing::Ring),
                    // What was behind the short write was not begun.
                    Ended::Short => {}
                    Ended::Elsewhere(errno) => {
                        self.without(Writing::Ring, errno);
                        break;
                    }
                }
            },
            Writing::Mapped => match self.attempt(name, |disk| disk.map(file, &chain)) {
                Ok(()) => return Ok(Writing::Mapped),
                Err(fault) if fault.refusal.operation() == Operation::Map && fault.is_next() => {}
                Err(fault) => return Err(fault),
            },
            Writing::Positional | Writing::Ring => {}
        }
        for (bytes, offset) in chain.writes() {
            self.try_write(name, file, bytes, *offset)?;
        }
        match flush {
            Flush::Nothing => {}
            Flush::Data => self.attempt(name, |disk| disk.sync_data(file))?,
            Flush::All => self.attempt(name, |disk| disk.sync_all(file))?,
        }
        Ok(Writing::Positional)
    }

    /// Sees to it that all blocks are there that a mapping would be written to. By which calls it is to be
    /// written then.
    pub(super) fn mappable(
        &self,
        name: &str,
        file: &D::File,
        part: Range<u64>,
    ) -> Result<Writing, Failure> {
        let length = part.end.saturating_sub(part.start);
        match self.attempt(name, |disk| disk.reserve(file, part.start, length)) {
            Ok(()) => Ok(Writing::Mapped),
            // Whether they are cannot be known.
            Err(fault) if fault.is_next() => Ok(Writing::Positional),
            Err(fault) => Err(fault),
        }
    }

    fn without(&self, writing: Writing, errno: i32) {
        if !self.without_reported.swap(true, Ordering::Relaxed) {
            let diagnosis = self.disk.why_no_ring(errno);
            self.report(|| Notice::Without { writing, errno, diagnosis });
        }
    }
}
