//! The body of a file's response: its chunks, at the pace that the sender says.

use std::fmt;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use super::failed::{FileError, Trouble, Why};
use super::pace::Pace;
use super::reader::{Origin, Reader};
use crate::answer::Plan;
use crate::stream::Chunks;

/// The bytes of a file, or of an error answer.
///
/// Its size is exact. It fails if the file becomes another version, is cut short, or cannot be read:
/// then what was sent is no whole response, and the server breaks it off.
pub struct FileBody {
    pub(super) chunks: Chunks<Reader>,
    /// How fast it may be taken, and has to be.
    pub(super) pace: Option<Box<Pace>>,
}

impl FileBody {
    const fn of(chunks: Chunks<Reader>) -> Self {
        Self { chunks, pace: None }
    }

    pub(super) const fn empty() -> Self {
        Self::of(Chunks::empty())
    }

    /// Bytes from memory.
    pub(super) fn memory(bytes: Bytes) -> Self {
        Self::of(Chunks::memory(bytes))
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
        let reader = Reader::of(Origin::Memory(bytes.clone()), plan, bytes.len() as u64);
        Self::of(Chunks::of(reader, length))
    }

    /// Bytes that are made as they are asked for, `length` in all.
    pub(super) fn made(
        chunks: impl Iterator<Item = Bytes> + Send + Sync + 'static,
        length: u64,
    ) -> Self {
        Self::of(Chunks::made(chunks, length))
    }

    /// A body of `length` bytes of which the first have been read.
    pub(super) fn begun(first: Bytes, reader: Reader, length: u64) -> Self {
        Self::of(Chunks::begun(first, reader, length))
    }

    /// A body that fails at once.
    pub(super) const fn broken(trouble: Trouble) -> Self {
        Self::of(Chunks::broken(FileError(Why::Trouble(trouble))))
    }

    /// The same, at this pace.
    pub(super) fn set_pace(&mut self, pace: Box<Pace>) {
        self.pace = Some(pace);
    }

    /// Bytes that wait for their time.
    fn waiting(&self) -> u64 {
        self.pace.as_ref().map_or(0, |pace| pace.waiting())
    }
}

impl Drop for FileBody {
    fn drop(&mut self) {
        if let Some(mut pace) = self.pace.take() {
            pace.resume(&mut self.chunks);
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
        let Self { chunks, pace } = &mut *self;
        let polled = match pace {
            None => chunks.poll_bytes(cx),
            Some(pace) => pace.poll(chunks, cx),
        };
        polled.map(|next| next.map(|bytes| bytes.map(Frame::data)))
    }

    fn is_end_stream(&self) -> bool {
        self.chunks.is_over() && self.waiting() == 0
    }

    fn size_hint(&self) -> SizeHint {
        let length = self.chunks.length();
        length.map_or_else(SizeHint::default, |left| SizeHint::with_exact(left + self.waiting()))
    }
}

impl fmt::Debug for FileBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileBody").field("left", &self.chunks.left()).finish_non_exhaustive()
    }
}
