//! The body of a stored response: a chunk at a time, read on the blocking pool if it is not in memory.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::error::StoreError;
use super::payload::Reader;
use crate::answer::{Content, Plan};
use crate::stream::Chunks;

/// The payload of a stored response, parts of it, or an error answer.
///
/// Its size is exact. It fails if the payload turns out to be another than the one that the head is of:
/// then what was sent is no whole response, and the server breaks it off. The last bytes of a payload
/// that is held against its digest are given only when it agrees.
pub struct StoreBody(Rest);

enum Rest {
    /// All of it is in memory.
    Memory(Content),
    Chunks(Chunks<Reader>),
}

impl StoreBody {
    pub(super) const fn empty() -> Self {
        Self(Rest::Chunks(Chunks::empty()))
    }

    pub(super) fn text(bytes: Bytes) -> Self {
        Self(Rest::Chunks(Chunks::memory(bytes)))
    }

    /// What a plan sends of bytes that are in memory.
    pub(super) fn planned(plan: Plan, bytes: Bytes) -> Self {
        Self(Rest::Memory(Content::planned(plan, bytes)))
    }

    /// A body of `length` bytes of which the first have been read.
    pub(super) fn begun(first: Bytes, reader: Reader, length: u64) -> Self {
        Self(Rest::Chunks(Chunks::begun(first, reader, length)))
    }

    /// How many bytes are still to come, if they can be had.
    fn length(&self) -> Option<u64> {
        match &self.0 {
            Rest::Memory(content) => content.size_hint().exact(),
            Rest::Chunks(chunks) => chunks.length(),
        }
    }
}

impl Body for StoreBody {
    type Data = Bytes;
    type Error = StoreError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, StoreError>>> {
        match &mut self.0 {
            Rest::Memory(content) => {
                let frame = Pin::new(content).poll_frame(cx);
                frame.map(|frame| frame.map(|sent| sent.map_err(|never| match never {})))
            }
            Rest::Chunks(chunks) => {
                let bytes = chunks.poll_bytes(cx);
                bytes.map(|next| next.map(|bytes| bytes.map(Frame::data)))
            }
        }
    }

    fn is_end_stream(&self) -> bool {
        match &self.0 {
            Rest::Memory(content) => content.size_hint().exact() == Some(0),
            Rest::Chunks(chunks) => chunks.is_over(),
        }
    }

    fn size_hint(&self) -> SizeHint {
        self.length().map_or_else(SizeHint::default, SizeHint::with_exact)
    }
}

impl fmt::Debug for StoreBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let left = match &self.0 {
            Rest::Memory(content) => content.size_hint().exact().unwrap_or(0),
            Rest::Chunks(chunks) => chunks.left(),
        };
        f.debug_struct("StoreBody").field("left", &left).finish_non_exhaustive()
    }
}
