//! A payload that is being sent: read by position, and held against its digest or its head.

use std::ops::Range;
use std::os::fd::OwnedFd;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::desk::Desk;
use super::error::{Damage, Kind, StoreError};
use super::read::Found;
use super::scrub::CHUNK;
use crate::answer::{Piece, Plan};
use crate::sys::Stat;
use crate::sys::write::{Directory, Disk as _};

/// An open file, and what of it is still to be sent.
pub(super) struct Reader {
    desk: Arc<Desk<Directory>>,
    name: Arc<str>,
    found: Found<OwnedFd>,
    /// The last look at the file that was good enough.
    seen: Stat,
    pieces: std::vec::IntoIter<Piece>,
    part: Range<u64>,
    /// All of the payload goes through it, if it is to be held against its digest.
    hasher: Option<Sha256>,
    /// What was read before it was its turn.
    ahead: Option<Bytes>,
}

impl Reader {
    /// What `plan` says of a payload; with `verified` it is held against its digest if all of it is sent.
    pub(super) fn new(
        desk: Arc<Desk<Directory>>,
        name: &str,
        found: Found<OwnedFd>,
        plan: &Plan,
        verified: bool,
    ) -> Self {
        let whole = 0..found.held.slot.payload.length;
        let (pieces, part, hasher) = match plan {
            Plan::Nothing => (Vec::new(), 0..0, None),
            Plan::Whole => (Vec::new(), whole, verified.then(Sha256::new)),
            Plan::Part(part) => (Vec::new(), part.clone(), None),
            Plan::Parts(parts) => (parts.pieces().collect(), 0..0, None),
        };
        let seen = found.stat;
        let pieces = pieces.into_iter();
        Self { desk, name: name.into(), found, seen, pieces, part, hasher, ahead: None }
    }

    /// The first bytes of the body, with the first ones of the payload read: if those are not in
    /// front, they are kept.
    pub(super) fn first(&mut self) -> Result<Bytes, StoreError> {
        let is_glue = self.part.is_empty();
        let first = self.next()?.unwrap_or_default();
        if is_glue {
            self.ahead = self.next()?;
        }
        Ok(first)
    }

    /// Whether there is nothing more to come.
    pub(super) fn is_done(&self) -> bool {
        self.ahead.is_none() && self.part.is_empty() && self.pieces.as_slice().is_empty()
    }

    /// The next bytes, or `None` behind the last. It blocks.
    pub(super) fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        if let Some(ahead) = self.ahead.take() {
            return Ok(Some(ahead));
        }
        loop {
            if !self.part.is_empty() {
                return self.read().map(Some).map_err(|error| self.desk.reject(&self.name, error));
            }
            match self.pieces.next() {
                Some(Piece::Glue(glue)) if glue.is_empty() => {}
                Some(Piece::Glue(glue)) => return Ok(Some(glue)),
                Some(Piece::Content(part)) => self.part = part,
                None => return Ok(None),
            }
        }
    }

    fn read(&mut self) -> Result<Bytes, StoreError> {
        let left = self.part.end.saturating_sub(self.part.start);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
        let offset = self.found.held.slot.layout.payload().saturating_add(self.part.start);
        let mut bytes = vec![0; wanted];
        let file = &self.found.file;
        let read = self.desk.must(&self.name, |disk| disk.read(file, &mut bytes, offset))?;
        if read < wanted {
            return Err(Damage::Payload.into());
        }
        self.part.start = self.part.start.saturating_add(wanted as u64);
        match &mut self.hasher {
            Some(hasher) => {
                hasher.update(&bytes);
                if self.part.is_empty() {
                    self.agree()?;
                }
            }
            None => self.is_the_same()?,
        }
        Ok(Bytes::from(bytes))
    }

    /// The last bytes are there, and are let go only now.
    fn agree(&mut self) -> Result<(), StoreError> {
        let digest = self.hasher.take().map(|hasher| <[u8; 32]>::from(hasher.finalize()));
        let payload = &self.found.held.slot.payload;
        if digest != Some(payload.digest) {
            return Err(Damage::Payload.into());
        }
        self.desk.memory.is_checked(&self.found.stat, payload.id);
        Ok(())
    }

    /// The file has not changed since, or only its head has: the payload of a head is what it was.
    fn is_the_same(&mut self) -> Result<(), StoreError> {
        let file = &self.found.file;
        let now = self.desk.must(&self.name, |disk| disk.stat(file))?;
        // A name that is gone or taken over changes nothing of what is open.
        let looked = |stat: &Stat| (stat.identity.size, stat.identity.mtime);
        if looked(&now) != looked(&self.seen) {
            let (held, _) = self.desk.settle(&self.name, file)?;
            if held.slot.payload != self.found.held.slot.payload {
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
