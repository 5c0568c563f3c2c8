//! The body of a stored response: a chunk at a time, read where blocking is allowed if it is not in memory.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::error::StoreError;
use super::payload::Reader;
use super::task::Task;
use crate::answer::{Content, Plan};
use crate::sys::detached;

/// The payload of a stored response, parts of it, or an error answer.
///
/// Its size is exact. It fails if the payload turns out to be another than the one that the head is of:
/// then what was sent is no whole response, and the server breaks it off. The last bytes of a payload
/// that is held against its digest are given only when it agrees.
pub struct StoreBody {
    state: State,
    left: u64,
}

enum State {
    Ended,
    /// All of it is in memory.
    Memory(Content),
    /// Bytes that are there.
    Ready(Bytes, Option<Box<Reader>>),
    Idle(Box<Reader>),
    Reading(Task<Read>),
    Broken(StoreError),
}

/// What comes back from where reading may block.
type Read = (Option<Box<Reader>>, Result<Option<Bytes>, StoreError>);

impl StoreBody {
    pub(super) const fn empty() -> Self {
        Self { state: State::Ended, left: 0 }
    }

    pub(super) fn text(bytes: Bytes) -> Self {
        Self { left: bytes.len() as u64, state: State::Ready(bytes, None) }
    }

    /// What a plan sends of bytes that are in memory.
    pub(super) fn planned(plan: Plan, bytes: Bytes) -> Self {
        let content = Content::planned(plan, bytes);
        Self { left: content.size_hint().exact().unwrap_or(0), state: State::Memory(content) }
    }

    /// A body of `length` bytes of which the first have been read.
    pub(super) fn begun(first: Bytes, reader: Reader, length: u64) -> Self {
        let reader = Some(reader).filter(|reader| !reader.is_done());
        Self { state: State::Ready(first, reader.map(Box::new)), left: length }
    }
}

impl Body for StoreBody {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        loop {
            match std::mem::replace(&mut self.state, State::Ended) {
                State::Ended => return Poll::Ready(None),
                State::Broken(error) => return Poll::Ready(Some(Err(error))),
                State::Memory(mut content) => {
                    let frame = Pin::new(&mut content).poll_frame(cx);
                    self.left = content.size_hint().exact().unwrap_or(0);
                    if self.left > 0 {
                        self.state = State::Memory(content);
                    }
                    return frame
                        .map(|frame| frame.map(|sent| sent.map_err(|never| match never {})));
                }
                State::Ready(bytes, reader) => {
                    self.left = self.left.saturating_sub(bytes.len() as u64);
                    if let Some(reader) = reader.filter(|_| self.left > 0) {
                        self.state = State::Idle(reader);
                    }
                    if !bytes.is_empty() {
                        return Poll::Ready(Some(Ok(Frame::data(bytes))));
                    }
                }
                State::Idle(mut reader) => {
                    if let Ok(next) = reader.try_next() {
                        let reader = Some(reader).filter(|reader| !reader.is_done());
                        self.state = next.map_or(State::Ended, |bytes| State::Ready(bytes, reader));
                        continue;
                    }
                    let desk = Arc::clone(reader.desk());
                    self.state = State::Reading(Task::new(&desk, move || {
                        let read = reader.next();
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
                        Ok((_, Err(error))) | Err(error) => State::Broken(error),
                    };
                }
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        matches!(self.state, State::Ended | State::Memory(_)) && self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        match self.state {
            State::Broken(_) => SizeHint::default(),
            State::Ended
            | State::Memory(_)
            | State::Ready(..)
            | State::Idle(_)
            | State::Reading(_) => SizeHint::with_exact(self.left),
        }
    }
}

impl Drop for StoreBody {
    fn drop(&mut self) {
        let (State::Ready(_, Some(reader)) | State::Idle(reader)) =
            std::mem::replace(&mut self.state, State::Ended)
        else {
            return;
        };
        // The client has left in the middle. If the file has lost its name meanwhile, its room is given
        // back here, which may take its time.
        detached(move || drop(reader));
    }
}

impl fmt::Debug for StoreBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("StoreBody").field("left", &self.left).finish_non_exhaustive()
    }
}
