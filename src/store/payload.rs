//! A payload that is being sent: read by position, and held against its digest or its head.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Verify;
use super::desk::Desk;
use super::error::{Damage, Kind, StoreError};
use super::inline::fill_now;
use super::scrub::CHUNK;
use super::told::Told;
use crate::answer::{Piece, Plan};
use crate::sys::write::Directory;
use crate::sys::{Handle, Moment, Stat, read_at};

/// How much is held against a digest where others wait for the thread.
const MOST_HASHED: usize = 128 << 10;

/// An open file, and what of it is still to be sent.
pub(super) struct Reader {
    desk: Arc<Desk<Directory>>,
    name: Box<str>,
    file: Handle,
    told: Arc<Told>,
    /// The last look at the file that was good enough.
    seen: Stat,
    pieces: std::vec::IntoIter<Piece>,
    part: Range<u64>,
    /// All of the payload goes through it, if it is to be held against its digest.
    hasher: Option<Sha256>,
    /// It is known that this version agrees with it.
    is_checked: bool,
    /// What was read before it was its turn.
    ahead: Option<Bytes>,
    /// What was read with the head, from the beginning of the file on.
    begun: Bytes,
}

/// They are not at hand, or not as they should be: ask where waiting is allowed. Nothing was taken.
#[derive(Debug)]
pub(super) struct Away;

impl Reader {
    pub(super) const fn desk(&self) -> &Arc<Desk<Directory>> {
        &self.desk
    }

    /// What `plan` says of a payload; with `verified` it is held against its digest if all of it is sent.
    pub(super) fn new(
        desk: Arc<Desk<Directory>>,
        name: &str,
        file: Handle,
        told: Arc<Told>,
        plan: &Plan,
        verified: bool,
    ) -> Self {
        let (pieces, part, hasher) = match plan {
            Plan::Nothing => (Vec::new(), 0..0, None),
            Plan::Whole => (Vec::new(), 0..told.payload.length, verified.then(Sha256::new)),
            Plan::Part(part) => (Vec::new(), part.clone(), None),
            Plan::Parts(parts) => (parts.pieces().collect(), 0..0, None),
        };
        let (seen, pieces) = (*file.stat(), pieces.into_iter());
        let is_checked = !verified && desk.settings.verify == Verify::Once;
        let (name, ahead, begun) = (name.into(), None, Bytes::new());
        Self { desk, name, file, told, seen, pieces, part, hasher, is_checked, ahead, begun }
    }

    /// With the bytes from the beginning of the file on that were read with its head.
    pub(super) fn with(&mut self, begun: Bytes) -> &mut Self {
        self.begun = begun;
        self
    }

    /// The first bytes of the body, with the first ones of the payload read: if those are not in
    /// front, they are kept. It blocks.
    pub(super) fn first(&mut self) -> Result<Bytes, StoreError> {
        self.begin(Self::next)
    }

    /// As [`first`](Self::first), of what is in memory.
    pub(super) fn try_first(&mut self) -> Result<Bytes, Away> {
        let first = self.begin(Self::try_next);
        self.begun = Bytes::new();
        first
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
        Ok(first)
    }

    /// Whether there is nothing more to come.
    pub(super) fn is_done(&self) -> bool {
        self.ahead.is_none() && self.part.is_empty() && self.pieces.as_slice().is_empty()
    }

    /// Whether what came first was all of the payload, and is known to agree with its digest.
    pub(super) fn is_whole(&self, first: &Bytes) -> bool {
        self.is_checked && first.len() as u64 == self.told.payload.length
    }

    /// What is sent.
    pub(super) const fn told(&self) -> &Arc<Told> {
        &self.told
    }

    /// Of which version of the file.
    pub(super) const fn stat(&self) -> &Stat {
        self.file.stat()
    }

    /// The next bytes, or `None` behind the last. It blocks.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        self.advance(|reader| {
            reader.read().map_err(|error| reader.desk.reject(&reader.name, error))
        })
    }

    /// As [`next`](Self::next), of what is in memory.
    pub(super) fn try_next(&mut self) -> Result<Option<Bytes>, Away> {
        self.advance(|reader| reader.try_read().ok_or(Away))
    }

    fn advance<E>(
        &mut self,
        read: impl FnOnce(&mut Self) -> Result<Bytes, E>,
    ) -> Result<Option<Bytes>, E> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            if !self.part.is_empty() {
                return read(self).map(Some);
            }
            match self.pieces.next() {
                Some(Piece::Glue(glue)) if glue.is_empty() => {}
                Some(Piece::Glue(glue)) => return Ok(Some(glue)),
                Some(Piece::Content(part)) => self.part = part,
                None => return Ok(None),
            }
        }
    }

    /// How many bytes are wanted next, and where they are in the file.
    fn wanted(&self) -> (usize, u64) {
        let left = self.part.end.saturating_sub(self.part.start);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
        (wanted, self.told.start.saturating_add(self.part.start))
    }

    fn read(&mut self) -> Result<Bytes, StoreError> {
        let (wanted, offset) = self.wanted();
        let mut bytes = self.desk.buffers.take(wanted);
        let wanted = bytes.len();
        let file = &self.file;
        let read = self.desk.must(&self.name, |_| read_at(file, &mut bytes, offset))?;
        if read < wanted {
            return Err(Damage::Payload.into());
        }
        if self.hasher.is_none() {
            self.is_the_same()?;
        }
        if !self.agrees(&bytes) {
            return Err(Damage::Payload.into());
        }
        Ok(bytes.into_bytes())
    }

    fn try_read(&mut self) -> Option<Bytes> {
        let (wanted, offset) = self.wanted();
        if self.hasher.is_some() && wanted > MOST_HASHED {
            return None;
        }
        let at = usize::try_from(offset).ok()?;
        let bytes = if self.begun.len() >= at.saturating_add(wanted) {
            self.begun.slice(at..at + wanted)
        } else {
            let mut bytes = self.desk.buffers.take(wanted);
            fill_now(&self.file, &mut bytes, offset).then(|| bytes.into_bytes())?
        };
        let is_same = || Stat::of(&self.file).is_ok_and(|now| looked(&now) == looked(&self.seen));
        let is_good = self.hasher.is_some() || is_same();
        (is_good && self.agrees(&bytes)).then_some(bytes)
    }

    /// Whether the next bytes may be let go; if so, they are taken. The last of a payload that is
    /// checked may if all of it agrees with its digest.
    fn agrees(&mut self, bytes: &[u8]) -> bool {
        let next = self.part.start.saturating_add(bytes.len() as u64);
        let is_last = next >= self.part.end;
        if let Some(hasher) = &self.hasher {
            // Those that do not agree are not taken.
            let mut hasher = hasher.clone();
            hasher.update(bytes);
            if is_last {
                let payload = &self.told.payload;
                if payload.digest != <[u8; 32]>::from(hasher.finalize()) {
                    return false;
                }
                self.desk.memory.is_checked(self.file.stat(), payload.id);
                (self.hasher, self.is_checked) = (None, true);
            } else {
                self.hasher = Some(hasher);
            }
        }
        self.part.start = next;
        true
    }

    /// The file has not changed since, or only its head has: the payload of a head is what it was.
    fn is_the_same(&mut self) -> Result<(), StoreError> {
        let now = self.desk.must(&self.name, |_| Stat::of(&self.file))?;
        // A name that is gone or taken over changes nothing of what is open.
        if looked(&now) != looked(&self.seen) {
            let (held, _) = self.desk.settle(&self.name, self.file.descriptor())?;
            if held.slot.payload != self.told.payload {
                return Err(Damage::Payload.into());
            }
            if held.slot.file_length() != now.identity.size {
                let (wanted, found) = (held.slot.file_length(), now.identity.size);
                return Err(Kind::Damaged(Damage::Length { wanted, found }).into());
            }
            self.seen = now;
        }
        Ok(())
    }
}

/// What would be another, had the file been written to.
const fn looked(stat: &Stat) -> (u64, Moment) {
    (stat.identity.size, stat.identity.mtime)
}
