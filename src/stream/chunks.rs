//! Chunks of a source, each read at once where it is in memory, and else on the blocking pool.

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;

use super::Away;
use crate::sys::{Lost, Task};

/// Where bytes come from.
pub(crate) trait ByteSource: Sized + Send + 'static {
    /// Why bytes could not be had.
    type Error: Send;

    /// What an error is made with where the task that read is lost.
    type Owner;

    /// The next bytes, or `None` behind the last, if they are in memory. Else nothing was taken.
    fn try_next(&mut self) -> Result<Option<Bytes>, Away>;

    /// The next bytes, or `None` behind the last. It blocks.
    fn next(&mut self) -> Result<Option<Bytes>, Self::Error>;

    /// Whether there is nothing more to come.
    fn is_done(&self) -> bool;

    fn owner(&self) -> Self::Owner;

    /// The error for a task that was lost.
    fn lost(owner: &Self::Owner, lost: Lost) -> Self::Error;

    /// The error where the source is gone.
    fn gone() -> Self::Error;

    /// Drops it behind its last bytes.
    fn finish(self: Box<Self>) {}

    /// Drops it before.
    fn abandon(self: Box<Self>);
}

/// The bytes that are still to be sent, and who has them.
pub(crate) struct Chunks<S: ByteSource> {
    state: State<S>,
    left: u64,
}

enum State<S: ByteSource> {
    Ended,
    /// Bytes that are there.
    Ready(Bytes, Option<Box<S>>),
    Idle(Box<S>),
    /// The source is kept where it is taken from a client that is too slow.
    Parked,
    /// Bytes that are made as they are asked for.
    Made(Box<dyn Iterator<Item = Bytes> + Send + Sync>),
    Reading(Task<Read<S>>, S::Owner),
    Broken(S::Error),
}

/// What comes back from the blocking pool.
type Read<S> = (Option<Box<S>>, Result<Option<Bytes>, <S as ByteSource>::Error>);

impl<S: ByteSource> Chunks<S> {
    pub(crate) const fn empty() -> Self {
        Self { state: State::Ended, left: 0 }
    }

    /// Bytes from memory.
    pub(crate) fn memory(bytes: Bytes) -> Self {
        if bytes.is_empty() {
            return Self::empty();
        }
        Self { left: bytes.len() as u64, state: State::Ready(bytes, None) }
    }

    /// The `length` bytes of a source of which none has been read.
    pub(crate) fn of(source: S, length: u64) -> Self {
        Self { left: length, state: State::Idle(Box::new(source)) }
    }

    /// `length` bytes of which the first have been read.
    pub(crate) fn begun(first: Bytes, source: S, length: u64) -> Self {
        let source = Some(source).filter(|source| !source.is_done());
        Self { state: State::Ready(first, source.map(Box::new)), left: length }
    }

    /// Bytes that are made as they are asked for, `length` in all.
    pub(crate) fn made(
        chunks: impl Iterator<Item = Bytes> + Send + Sync + 'static,
        length: u64,
    ) -> Self {
        Self { state: State::Made(Box::new(chunks)), left: length }
    }

    /// An error, and nothing else.
    pub(crate) const fn broken(error: S::Error) -> Self {
        Self { state: State::Broken(error), left: 0 }
    }

    /// Whether nothing more comes.
    pub(crate) const fn is_over(&self) -> bool {
        matches!(self.state, State::Ended) && self.left == 0
    }

    /// How many bytes are still to come.
    pub(crate) const fn left(&self) -> u64 {
        self.left
    }

    /// The same, if they can be had.
    pub(crate) const fn length(&self) -> Option<u64> {
        match self.state {
            State::Broken(_) => None,
            State::Ended
            | State::Ready(..)
            | State::Idle(_)
            | State::Parked
            | State::Made(_)
            | State::Reading(..) => Some(self.left),
        }
    }

    /// The next bytes, as fast as they can be had.
    pub(crate) fn poll_bytes(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, S::Error>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                // What is left is out of reach, which is no end.
                State::Parked => return Poll::Ready(Some(Err(S::gone()))),
                State::Broken(error) => return Poll::Ready(Some(Err(error))),
                State::Ready(bytes, source) => {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    if let Some(source) = source.filter(|_| self.left > 0) {
                        self.state = State::Idle(source);
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
                State::Idle(source) => self.state = Self::read(source),
                State::Reading(mut task, owner) => {
                    let Poll::Ready(done) = Pin::new(&mut task).poll(cx) else {
                        self.state = State::Reading(task, owner);
                        return Poll::Pending;
                    };
                    self.state = match done {
                        Ok((source, Ok(Some(bytes)))) => State::Ready(bytes, source),
                        Ok((_, Ok(None))) => State::Ended,
                        Ok((_, Err(error))) => State::Broken(error),
                        Err(lost) => State::Broken(S::lost(&owner, lost)),
                    };
                }
            }
        }
    }

    /// Reads at once, or begins to read on the blocking pool.
    fn read(mut source: Box<S>) -> State<S> {
        if let Ok(next) = source.try_next() {
            let source = if source.is_done() {
                source.finish();
                None
            } else {
                Some(source)
            };
            return next.map_or(State::Ended, |bytes| State::Ready(bytes, source));
        }
        let owner = source.owner();
        let task = Task::new(move || {
            let read = source.next();
            // A file is closed on the blocking pool.
            (Some(source).filter(|source| !source.is_done()), read)
        });
        State::Reading(task, owner)
    }

    /// The source, while nobody reads from it.
    #[allow(dead_code, reason = "where the kernel sends no files, nobody asks")]
    pub(crate) fn idle(&mut self) -> Option<&mut S> {
        if let State::Idle(source) = &mut self.state { Some(source) } else { None }
    }

    /// Counts bytes that were taken from the idle source in another way.
    #[allow(dead_code, reason = "where the kernel sends no files, nobody asks")]
    pub(crate) fn taken(&mut self, length: u64) {
        self.left = self.left.saturating_sub(length);
        if matches!(&self.state, State::Idle(source) if source.is_done()) {
            self.state = State::Ended;
        }
    }

    /// Hands the source over while nobody asks for bytes.
    pub(crate) fn park(&mut self) -> Option<Box<S>> {
        if !matches!(self.state, State::Idle(_)) {
            return None;
        }
        let State::Idle(source) = std::mem::replace(&mut self.state, State::Parked) else {
            return None;
        };
        Some(source)
    }

    /// One whose source is elsewhere.
    #[cfg(test)]
    pub(crate) const fn parked(left: u64) -> Self {
        Self { state: State::Parked, left }
    }

    /// Takes it back.
    pub(crate) fn unpark(&mut self, source: Box<S>) {
        self.state = State::Idle(source);
    }

    /// Ends here, whatever is left.
    pub(crate) fn end(&mut self) {
        self.state = State::Ended;
    }
}

impl<S: ByteSource> Drop for Chunks<S> {
    fn drop(&mut self) {
        let (State::Ready(_, Some(source)) | State::Idle(source)) =
            std::mem::replace(&mut self.state, State::Ended)
        else {
            return;
        };
        // The client has left in the middle.
        source.abandon();
    }
}
