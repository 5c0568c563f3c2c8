//! The body of a file's response: a chunk at a time, each read where blocking is allowed.

use std::fmt;
use std::future::Future;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::closing;
use super::counts::Counters;
use super::failed::{FileError, Why};
use super::pace::Pace;
use super::sender::FileSender;
use super::source::{Source, Trouble};
use crate::answer::{Piece, Plan};
use crate::sys::Task;

/// The bytes of a file, or of an error answer.
///
/// Its size is exact. It fails if the file becomes another version, is cut short, or cannot be read:
/// then what was sent is no whole response, and the server breaks it off.
pub struct FileBody {
    pub(super) state: State,
    pub(super) left: u64,
    /// How fast it may be taken, and has to be.
    pub(super) pace: Option<Box<Pace>>,
}

pub(super) enum State {
    Ended,
    /// Bytes that are there.
    Ready(Bytes, Option<Box<Reader>>),
    Idle(Box<Reader>),
    /// The reader is kept where it is taken from a client that is too slow.
    Parked,
    /// Bytes that are made as they are asked for.
    Made(Box<dyn Iterator<Item = Bytes> + Send + Sync>),
    Reading(Task<Read>),
    Broken(FileError),
}

/// What comes back from where reading may block.
pub(super) type Read = (Option<Box<Reader>>, Result<Option<Bytes>, Trouble>);

/// Where bytes come from, and what of them is still to be sent.
pub(super) struct Reader {
    pub(super) origin: Origin,
    pieces: std::vec::IntoIter<Piece>,
    pub(super) part: Range<u64>,
    /// What was read before it was its turn.
    pub(super) ahead: Option<Bytes>,
    /// How much is read at once.
    chunk: usize,
}

pub(super) enum Origin {
    File(Source),
    Memory(Bytes),
}

/// They are not at hand.
struct Away;

impl Reader {
    /// What `plan` says of a file that is `size` bytes long. The first read is one of `first` bytes
    /// at most.
    pub(super) fn new(source: Source, plan: &Plan, size: u64, first: u64) -> Self {
        let chunk = usize::try_from(first).unwrap_or(FileSender::CHUNK);
        Self { chunk, ..Self::of(Origin::File(source), plan, size) }
    }

    /// What comes behind `first`, of a file that is `size` bytes long.
    pub(super) fn behind(first: &Bytes, source: Source, size: u64) -> Self {
        Self::of(Origin::File(source), &Plan::Part(first.len() as u64..size), size)
    }

    fn of(origin: Origin, plan: &Plan, size: u64) -> Self {
        let (pieces, part) = match plan {
            Plan::Nothing => (Vec::new(), 0..0),
            Plan::Whole => (Vec::new(), 0..size),
            Plan::Part(part) => (Vec::new(), part.clone()),
            Plan::Parts(parts) => (parts.pieces().collect(), 0..0),
        };
        Self { origin, pieces: pieces.into_iter(), part, ahead: None, chunk: FileSender::CHUNK }
    }

    /// The first bytes of the body, with the first ones of the file read: if those are not in front,
    /// they are kept. It blocks.
    pub(super) fn first(&mut self) -> Result<Bytes, Trouble> {
        self.begin(|reader| reader.next(false))
    }

    /// As [`first`](Self::first), of what is in memory; `None`: ask where waiting is allowed.
    pub(super) fn try_first(&mut self) -> Option<Bytes> {
        self.begin(Self::try_next).ok()
    }

    fn begin<E>(
        &mut self,
        mut next: impl FnMut(&mut Self) -> Result<Option<Bytes>, E>,
    ) -> Result<Bytes, E> {
        let is_glue = self.part.is_empty();
        let first = next(self)?.unwrap_or_default();
        if is_glue {
            self.ahead = next(self)?;
        }
        self.chunk = FileSender::CHUNK;
        Ok(first)
    }

    /// Whether there is nothing more to come.
    pub(super) fn is_done(&self) -> bool {
        self.ahead.is_none() && self.part.is_empty() && self.pieces.as_slice().is_empty()
    }

    /// The next bytes, or `None` behind the last. It blocks.
    fn next(&mut self, committed: bool) -> Result<Option<Bytes>, Trouble> {
        self.advance(|origin, offset, wanted| match origin {
            Origin::File(source) => source.read(offset, wanted, committed),
            Origin::Memory(bytes) => Ok(slice(bytes, offset, wanted)),
        })
    }

    /// As [`next`](Self::next), of what is in memory.
    fn try_next(&mut self) -> Result<Option<Bytes>, Away> {
        self.advance(|origin, offset, wanted| match origin {
            Origin::File(source) => source.try_read(offset, wanted).ok_or(Away),
            Origin::Memory(bytes) => Ok(slice(bytes, offset, wanted)),
        })
    }

    fn advance<E>(
        &mut self,
        read: impl FnOnce(&mut Origin, u64, usize) -> Result<Bytes, E>,
    ) -> Result<Option<Bytes>, E> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            let left = self.part.end.saturating_sub(self.part.start);
            if left > 0 {
                let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(self.chunk);
                let bytes = read(&mut self.origin, self.part.start, wanted)?;
                self.part.start = self.part.start.saturating_add(bytes.len() as u64);
                return Ok(Some(bytes));
            }
            match self.pieces.next() {
                Some(Piece::Glue(glue)) if glue.is_empty() => {}
                Some(Piece::Glue(glue)) => return Ok(Some(glue)),
                Some(Piece::Content(part)) => self.part = part,
                None => return Ok(None),
            }
        }
    }

    /// Whether to close it may wait for a network or a daemon, or for a disk.
    fn may_wait(&self) -> bool {
        matches!(&self.origin, Origin::File(source) if closing::may_wait(&source.handle))
    }

    /// It, if there is more to come.
    fn unless_done(self: Box<Self>) -> Option<Box<Self>> {
        if !self.is_done() {
            return Some(self);
        }
        if self.may_wait() {
            closing::elsewhere(self);
        }
        None
    }

    fn counters(&self) -> Option<&Counters> {
        match &self.origin {
            Origin::File(source) => Some(source.counters()),
            Origin::Memory(_) => None,
        }
    }
}

/// A part of what is in memory. A plan that goes beyond its end would never come to its own.
fn slice(bytes: &Bytes, offset: u64, wanted: usize) -> Bytes {
    let start = usize::try_from(offset).unwrap_or(usize::MAX).min(bytes.len());
    bytes.slice(start..start.saturating_add(wanted).min(bytes.len()))
}

impl FileBody {
    pub(super) const fn empty() -> Self {
        Self { state: State::Ended, left: 0, pace: None }
    }

    /// Bytes from memory.
    pub(super) fn memory(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self::empty();
        }
        Self { left: bytes.len() as u64, state: State::Ready(bytes, None), pace: None }
    }

    /// Of bytes from memory those that `plan` says.
    pub(super) fn planned(plan: &Plan, bytes: &Bytes) -> Self {
        let length = match plan {
            Plan::Nothing => 0,
            Plan::Whole => return Self::memory(bytes.clone()),
            Plan::Part(part) => part.end.saturating_sub(part.start),
            Plan::Parts(parts) => parts.length(),
        };
        if length == 0 {
            return Self::empty();
        }
        let origin = Origin::Memory(bytes.clone());
        let reader = Reader::of(origin, plan, bytes.len() as u64);
        Self { left: length, state: State::Idle(Box::new(reader)), pace: None }
    }

    /// Bytes that are made as they are asked for, `length` in all.
    pub(super) fn made(
        chunks: impl Iterator<Item = Bytes> + Send + Sync + 'static,
        length: u64,
    ) -> Self {
        Self { state: State::Made(Box::new(chunks)), left: length, pace: None }
    }

    /// A body of `length` bytes of which the first have been read.
    pub(super) fn begun(first: Bytes, reader: Reader, length: u64) -> Self {
        let reader = Some(reader).filter(|reader| !reader.is_done());
        Self { state: State::Ready(first, reader.map(Box::new)), left: length, pace: None }
    }

    /// A body that fails at once.
    pub(super) const fn broken(trouble: Trouble) -> Self {
        Self { state: State::Broken(FileError(Why::Trouble(trouble))), left: 0, pace: None }
    }
}

impl FileBody {
    /// The next bytes, as fast as they can be had.
    pub(super) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, FileError>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                // What is left is out of reach, which is no end.
                State::Parked => return Poll::Ready(Some(Err(FileError(Why::Task)))),
                State::Broken(error) => return Poll::Ready(Some(Err(error))),
                State::Ready(bytes, reader) => {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    if let Some(reader) = reader.filter(|_| self.left > 0) {
                        self.state = State::Idle(reader);
                    }
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(Ok(bytes)));
                    }
                }
                State::Made(mut chunks) => {
                    let Some(bytes) = chunks.next() else { return Poll::Ready(None) };
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    if self.left > 0 {
                        self.state = State::Made(chunks);
                    }
                    return Poll::Ready(Some(Ok(bytes)));
                }
                State::Idle(mut reader) => {
                    if let Ok(next) = reader.try_next() {
                        if let Some(counters) = reader.counters() {
                            counters.inline_chunks.add();
                        }
                        let reader = reader.unless_done();
                        self.state = next.map_or(State::Ended, |b| State::Ready(b, reader));
                        continue;
                    }
                    if let Some(counters) = reader.counters() {
                        counters.pooled_chunks.add();
                    }
                    self.state = State::Reading(Task::new(move || {
                        let read = reader.next(true);
                        // A file is closed where that may block.
                        (Some(reader).filter(|reader| !reader.is_done()), read)
                    }));
                }
                State::Reading(mut task) => {
                    let Poll::Ready(done) = Pin::new(&mut task).poll(cx) else {
                        self.state = State::Reading(task);
                        return Poll::Pending;
                    };
                    self.state = match done {
                        Ok((reader, Ok(Some(bytes)))) => State::Ready(bytes, reader),
                        Ok((_, Ok(None))) => State::Ended,
                        Ok((_, Err(trouble))) => State::Broken(FileError(Why::Trouble(trouble))),
                        Err(lost) => State::Broken(FileError(Why::of(lost))),
                    };
                }
            }
        }
    }

    /// The same, taken at this pace.
    pub(super) fn at_pace(&mut self, pace: Box<Pace>) {
        self.pace = Some(pace);
    }

    /// Bytes that wait for their time.
    fn waiting(&self) -> u64 {
        self.pace.as_ref().map_or(0, |pace| pace.waiting())
    }

    /// Hands the reader over while nobody asks for bytes.
    pub(super) fn park(&mut self) -> Option<Box<Reader>> {
        if !matches!(self.state, State::Idle(_)) {
            return None;
        }
        let State::Idle(reader) = std::mem::replace(&mut self.state, State::Parked) else {
            return None;
        };
        Some(reader)
    }

    /// One whose reader is elsewhere.
    #[cfg(test)]
    pub(super) const fn parked(left: u64) -> Self {
        Self { state: State::Parked, left, pace: None }
    }

    /// Takes it back.
    pub(super) fn unpark(&mut self, reader: Box<Reader>) {
        self.state = State::Idle(reader);
    }

    /// Fails from now on.
    pub(super) fn fail(&mut self, why: Why) -> FileError {
        self.state = State::Ended;
        FileError(why)
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        if let Some(mut pace) = self.pace.take() {
            pace.resume(self);
        }
        let (State::Ready(_, Some(reader)) | State::Idle(reader)) =
            std::mem::replace(&mut self.state, State::Ended)
        else {
            return;
        };
        // The client has left in the middle.
        if reader.may_wait() {
            closing::elsewhere(reader);
        }
    }
}

impl Body for FileBody {
    type Data = Bytes;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FileError>>> {
        let polled = match self.pace.take() {
            None => self.poll_bytes(cx),
            Some(mut pace) => {
                let polled = pace.poll(&mut self, cx);
                self.pace = Some(pace);
                polled
            }
        };
        polled.map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended) && self.left + self.waiting() == 0
    }

    fn size_hint(&self) -> SizeHint {
        match self.state {
            State::Broken(_) => SizeHint::default(),
            State::Ended
            | State::Ready(..)
            | State::Idle(_)
            | State::Parked
            | State::Made(_)
            | State::Reading(_) => SizeHint::with_exact(self.left + self.waiting()),
        }
    }
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody").field("left", &self.left).finish_non_exhaustive()
    }
}
