//! What of a plan is still to be sent.

use std::ops::Range;

use bytes::Bytes;

use crate::answer::{Piece, Plan};

/// The parts of some content that are still to be sent, and what goes between them.
pub(crate) struct Remaining {
    pieces: std::vec::IntoIter<Piece>,
    /// The rest of the part that is being sent.
    part: Range<u64>,
    /// What was read before it was its turn.
    ahead: Option<Bytes>,
}

impl Remaining {
    /// All that `plan` says of content that is `size` bytes long.
    pub(crate) fn of(plan: &Plan, size: u64) -> Self {
        let (pieces, part) = match plan {
            Plan::Nothing => (Vec::new(), 0..0),
            Plan::Whole => (Vec::new(), 0..size),
            Plan::Part(part) => (Vec::new(), part.clone()),
            Plan::Parts(parts) => (parts.pieces().collect(), 0..0),
        };
        Self { pieces: pieces.into_iter(), part, ahead: None }
    }

    /// Whether there is nothing more to come.
    pub(crate) fn is_done(&self) -> bool {
        self.ahead.is_none() && self.part.is_empty() && self.pieces.as_slice().is_empty()
    }

    /// The content that comes next, unless something else does.
    #[allow(dead_code, reason = "where the kernel sends no files, nobody asks")]
    pub(crate) fn stretch(&self) -> Option<Range<u64>> {
        (self.ahead.is_none() && !self.part.is_empty()).then(|| self.part.clone())
    }

    /// Takes so many bytes of that content as sent.
    pub(crate) fn skip(&mut self, length: u64) {
        self.part.start = self.part.start.saturating_add(length);
    }

    /// The first bytes, with the first ones of the content read: if those are not in front, they are kept.
    pub(crate) fn first<E>(
        &mut self,
        mut read: impl FnMut(Range<u64>) -> Result<Bytes, E>,
    ) -> Result<Bytes, E> {
        let is_glue = self.part.is_empty();
        let first = self.next(&mut read)?.unwrap_or_default();
        if is_glue {
            self.ahead = self.next(&mut read)?;
        }
        Ok(first)
    }

    /// The next bytes, or `None` behind the last. `read` gives some of a part, from its start on.
    pub(crate) fn next<E>(
        &mut self,
        read: impl FnOnce(Range<u64>) -> Result<Bytes, E>,
    ) -> Result<Option<Bytes>, E> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            if !self.part.is_empty() {
                let bytes = read(self.part.clone())?;
                self.skip(bytes.len() as u64);
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
}
