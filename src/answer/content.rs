//! The body of an answer whose bytes are in memory.

use std::convert::Infallible;
use std::ops::Range;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http_body::{Body, Frame, SizeHint};

use crate::answer::decide::Plan;
use crate::answer::multipart::Piece;

/// Bytes that are in memory: all of them, or parts with glue between. Nothing is copied.
///
/// Its size is exact, and it never fails.
#[derive(Clone, Debug, Default)]
pub struct Content {
    pieces: Pieces,
    left: u64,
}

#[derive(Clone, Debug)]
enum Pieces {
    One(Bytes),
    Many(std::vec::IntoIter<Bytes>),
}

impl Default for Pieces {
    fn default() -> Self {
        Self::One(Bytes::new())
    }
}

impl Content {
    /// What a plan for `bytes` sends of them.
    pub(crate) fn planned(plan: Plan, bytes: Bytes) -> Self {
        match plan {
            Plan::Nothing => Self::default(),
            Plan::Whole => Self::from(bytes),
            Plan::Part(part) => Self::from(cut(&bytes, &part)),
            Plan::Parts(parts) => {
                let pieces = parts.pieces().map(|piece| match piece {
                    Piece::Glue(glue) => glue,
                    Piece::Content(range) => cut(&bytes, &range),
                });
                let pieces: Vec<_> = pieces.filter(|piece| !piece.is_empty()).collect();
                let left = pieces.iter().map(|piece| piece.len() as u64).sum();
                Self { pieces: Pieces::Many(pieces.into_iter()), left }
            }
        }
    }
}

impl From<Bytes> for Content {
    fn from(bytes: Bytes) -> Self {
        Self { left: bytes.len() as u64, pieces: Pieces::One(bytes) }
    }
}

/// These bytes, or as many of them as there are.
fn cut(bytes: &Bytes, range: &Range<u64>) -> Bytes {
    let within = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
    let (start, end) = (within(range.start), within(range.end));
    bytes.slice(start..end.max(start))
}

impl Body for Content {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        let piece = match &mut self.pieces {
            Pieces::One(bytes) => Some(std::mem::take(bytes)).filter(|bytes| !bytes.is_empty()),
            Pieces::Many(pieces) => pieces.next(),
        };
        let sent = piece.as_ref().map_or(0, Bytes::len) as u64;
        self.left = self.left.saturating_sub(sent);
        Poll::Ready(piece.map(|piece| Ok(Frame::data(piece))))
    }

    fn is_end_stream(&self) -> bool {
        self.left == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.left)
    }
}
