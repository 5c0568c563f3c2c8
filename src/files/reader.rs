//! What of a plan is still to be sent, and where its bytes come from: a file or memory.

use std::ops::Range;

use bytes::Bytes;

use super::close;
use super::counts::Counters;
use super::failed::{FileError, Trouble, Why};
use super::options::CHUNK;
use super::source::Source;
use crate::answer::Plan;
use crate::stream::{Away, ByteSource, Remaining};
use crate::sys::Lost;

/// Where bytes come from, and what of them is still to be sent.
pub(super) struct Reader {
    pub(super) origin: Origin,
    pub(super) remaining: Remaining,
    /// How much is read at once: now, and behind the first bytes.
    chunk: usize,
    rest: usize,
}

pub(super) enum Origin {
    File(Source),
    Memory(Bytes),
}

impl Reader {
    /// What `plan` says of a file that is `size` bytes long. The first read is one of `first` bytes
    /// at most, further ones of `rest`.
    pub(super) fn new(source: Source, plan: &Plan, size: u64, first: u64, rest: usize) -> Self {
        let chunk = usize::try_from(first).unwrap_or(CHUNK);
        Self { chunk, rest, ..Self::of(Origin::File(source), plan, size) }
    }

    /// What comes behind `first`, of a file that is `size` bytes long.
    pub(super) fn behind(first: &Bytes, source: Source, size: u64, chunk: usize) -> Self {
        let plan = Plan::Part(first.len() as u64..size);
        Self { chunk, rest: chunk, ..Self::of(Origin::File(source), &plan, size) }
    }

    pub(super) fn of(origin: Origin, plan: &Plan, size: u64) -> Self {
        Self { origin, remaining: Remaining::of(plan, size), chunk: CHUNK, rest: CHUNK }
    }

    /// The first bytes of the body, with the first ones of the file read: if those are not in front,
    /// they are kept. It blocks.
    pub(super) fn first(&mut self) -> Result<Bytes, Trouble> {
        let Self { origin, remaining, chunk, rest } = self;
        let first = remaining.first(|part| origin.read(&part, *chunk, false))?;
        *chunk = *rest;
        Ok(first)
    }

    /// As [`first`](Self::first), of what is in memory; `None`: ask on the blocking pool.
    pub(super) fn try_first(&mut self) -> Option<Bytes> {
        let Self { origin, remaining, chunk, rest } = self;
        let first = remaining.first(|part| origin.try_read(&part, *chunk)).ok()?;
        *chunk = *rest;
        Some(first)
    }

    /// Whether to close it may wait for a network or a daemon, or for a disk.
    fn may_wait(&self) -> bool {
        matches!(&self.origin, Origin::File(source) if close::may_wait(&source.handle))
    }

    fn counters(&self) -> Option<&Counters> {
        match &self.origin {
            Origin::File(source) => Some(source.counters()),
            Origin::Memory(_) => None,
        }
    }
}

impl ByteSource for Reader {
    type Error = FileError;
    type Owner = ();

    fn try_next(&mut self) -> Result<Option<Bytes>, Away> {
        let Self { origin, remaining, chunk, .. } = self;
        let next = remaining.next(|part| origin.try_read(&part, *chunk));
        if let Some(counters) = self.counters() {
            if next.is_ok() { &counters.inline_chunks } else { &counters.pooled_chunks }.add();
        }
        next
    }

    fn next(&mut self) -> Result<Option<Bytes>, FileError> {
        let Self { origin, remaining, chunk, .. } = self;
        let next = remaining.next(|part| origin.read(&part, *chunk, true));
        next.map_err(|trouble| FileError(Why::Trouble(trouble)))
    }

    fn is_done(&self) -> bool {
        self.remaining.is_done()
    }

    fn owner(&self) {}

    fn lost((): &(), lost: Lost) -> FileError {
        FileError(Why::of(lost))
    }

    fn gone() -> FileError {
        FileError(Why::Task)
    }

    fn finish(self: Box<Self>) {
        self.abandon();
    }

    fn abandon(self: Box<Self>) {
        if self.may_wait() {
            close::spawn_close(self);
        }
    }
}

impl Origin {
    /// Some bytes of a part, no more than `most`. It blocks.
    fn read(&mut self, part: &Range<u64>, most: usize, committed: bool) -> Result<Bytes, Trouble> {
        let wanted = wanted(part, most);
        match self {
            Self::File(source) => source.read(part.start, wanted, committed),
            Self::Memory(bytes) => Ok(slice(bytes, part.start, wanted)),
        }
    }

    /// The same, of what is in memory.
    fn try_read(&mut self, part: &Range<u64>, most: usize) -> Result<Bytes, Away> {
        let wanted = wanted(part, most);
        match self {
            Self::File(source) => source.try_read(part.start, wanted).ok_or(Away),
            Self::Memory(bytes) => Ok(slice(bytes, part.start, wanted)),
        }
    }
}

fn wanted(part: &Range<u64>, most: usize) -> usize {
    let left = part.end.saturating_sub(part.start);
    usize::try_from(left).unwrap_or(usize::MAX).min(most)
}

/// A part of what is in memory. A plan that goes beyond its end would never come to its own.
fn slice(bytes: &Bytes, offset: u64, wanted: usize) -> Bytes {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(start..start.saturating_add(wanted).min(bytes.len()))
}
