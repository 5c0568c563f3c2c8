//! A payload that is being sent: read by position, and held against its digest or its head.

use std::ops::Range;
use std::sync::Arc;

use bytes::Bytes;
use sha2::{Digest as _, Sha256};

use super::Verify;
use super::disk_ops::DiskOps;
use super::error::{Damage, Kind, StoreError};
use super::stored_head::StoredHead;
use super::task::lost;
use crate::answer::Plan;
use crate::stream::{Away, ByteSource, CHUNK, Remaining};
use crate::sys::write::Directory;
use crate::sys::{Handle, Lost, Moment, Stat, detached, read_at};

/// How much is held against a digest where others wait for the thread.
const MOST_HASHED: usize = 128 << 10;

/// What of a payload is still to be sent.
pub(super) struct Reader {
    file: PayloadFile,
    remaining: Remaining,
}

/// An open file with a payload, held against its digest or its head.
struct PayloadFile {
    ops: Arc<DiskOps<Directory>>,
    name: Box<str>,
    handle: Handle,
    stored: Arc<StoredHead>,
    /// The last look at the file that was good enough.
    last_stat: Stat,
    /// All of the payload goes through it, if it is to be held against its digest.
    hasher: Option<Sha256>,
    /// It is known that this version agrees with it.
    is_checked: bool,
    /// What was read with the head, from the beginning of the file on.
    begun: Bytes,
}

impl Reader {
    /// What `plan` says of a payload; with `verified` it is held against its digest if all of it is sent.
    pub(super) fn new(
        ops: Arc<DiskOps<Directory>>,
        name: &str,
        handle: Handle,
        stored: Arc<StoredHead>,
        plan: &Plan,
        verified: bool,
    ) -> Self {
        let remaining = Remaining::of(plan, stored.payload.length);
        let hasher = (verified && matches!(plan, Plan::Whole)).then(Sha256::new);
        let last_stat = *handle.stat();
        let is_checked = !verified && ops.settings.verify == Verify::Once;
        let (name, begun) = (name.into(), Bytes::new());
        let file = PayloadFile { ops, name, handle, stored, last_stat, hasher, is_checked, begun };
        Self { file, remaining }
    }

    /// With the bytes from the beginning of the file on that were read with its head.
    pub(super) fn with(&mut self, begun: Bytes) -> &mut Self {
        self.file.begun = begun;
        self
    }

    /// The first bytes of the body, with the first ones of the payload read: if those are not in
    /// front, they are kept. It blocks.
    pub(super) fn first(&mut self) -> Result<Bytes, StoreError> {
        let Self { file, remaining } = self;
        remaining.first(|part| file.read_or_report(&part))
    }

    /// As [`first`](Self::first), of what is in memory.
    pub(super) fn try_first(&mut self) -> Result<Bytes, Away> {
        let Self { file, remaining } = self;
        let first = remaining.first(|part| file.try_read(&part).ok_or(Away));
        file.begun = Bytes::new();
        first
    }

    /// Whether what came first was all of the payload, and is known to agree with its digest.
    pub(super) fn is_whole(&self, first: &Bytes) -> bool {
        self.file.is_checked && first.len() as u64 == self.file.stored.payload.length
    }

    /// What is sent.
    pub(super) const fn stored(&self) -> &Arc<StoredHead> {
        &self.file.stored
    }

    /// Of which version of the file.
    pub(super) const fn stat(&self) -> &Stat {
        self.file.handle.stat()
    }
}

impl ByteSource for Reader {
    type Error = StoreError;
    type Owner = Arc<DiskOps<Directory>>;

    fn try_next(&mut self) -> Result<Option<Bytes>, Away> {
        let Self { file, remaining } = self;
        remaining.next(|part| file.try_read(&part).ok_or(Away))
    }

    fn next(&mut self) -> Result<Option<Bytes>, StoreError> {
        let Self { file, remaining } = self;
        remaining.next(|part| file.read_or_report(&part))
    }

    fn is_done(&self) -> bool {
        self.remaining.is_done()
    }

    fn owner(&self) -> Self::Owner {
        Arc::clone(&self.file.ops)
    }

    fn lost(ops: &Self::Owner, why: Lost) -> StoreError {
        lost(ops, why)
    }

    fn gone() -> StoreError {
        Kind::Gone.into()
    }

    fn abandon(self: Box<Self>) {
        // If the file has lost its name meanwhile, its room is given back here, which may take its time.
        detached(move || drop(self));
    }
}

impl PayloadFile {
    /// How many bytes are wanted of a part, and where they are in the file.
    fn wanted(&self, part: &Range<u64>) -> (usize, u64) {
        let left = part.end.saturating_sub(part.start);
        let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
        (wanted, self.stored.start.saturating_add(part.start))
    }

    fn read_or_report(&mut self, part: &Range<u64>) -> Result<Bytes, StoreError> {
        self.read(part).map_err(|error| self.ops.reject(&self.name, error))
    }

    /// Some bytes of a part. It blocks.
    fn read(&mut self, part: &Range<u64>) -> Result<Bytes, StoreError> {
        let (wanted, offset) = self.wanted(part);
        let mut bytes = self.ops.buffers.take(wanted);
        let wanted = bytes.len();
        let file = &self.handle;
        let read = self.ops.require(&self.name, |_| read_at(file, &mut bytes, offset))?;
        if read < wanted {
            return Err(Damage::Payload.into());
        }
        if self.hasher.is_none() {
            self.is_the_same()?;
        }
        if !self.agrees(part, &bytes) {
            return Err(Damage::Payload.into());
        }
        Ok(bytes.into_bytes())
    }

    /// The same, of what is in memory.
    fn try_read(&mut self, part: &Range<u64>) -> Option<Bytes> {
        let (wanted, offset) = self.wanted(part);
        if self.hasher.is_some() && wanted > MOST_HASHED {
            return None;
        }
        let at = usize::try_from(offset).ok()?;
        let bytes = if self.begun.len() >= at.saturating_add(wanted) {
            self.begun.slice(at..at + wanted)
        } else {
            let mut bytes = self.ops.buffers.take(wanted);
            self.handle.try_fill_at(&mut bytes, offset).then(|| bytes.into_bytes())?
        };
        let is_same =
            || Stat::of(&self.handle).is_ok_and(|now| looked(&now) == looked(&self.last_stat));
        let is_good = self.hasher.is_some() || is_same();
        (is_good && self.agrees(part, &bytes)).then_some(bytes)
    }

    /// Whether the next bytes of a part may be let go. The last of a payload that is
    /// checked may if all of it agrees with its digest.
    fn agrees(&mut self, part: &Range<u64>, bytes: &[u8]) -> bool {
        let is_last = part.start.saturating_add(bytes.len() as u64) >= part.end;
        if let Some(hasher) = &self.hasher {
            // Those that do not agree are not taken.
            let mut hasher = hasher.clone();
            hasher.update(bytes);
            if is_last {
                let payload = &self.stored.payload;
                if payload.digest != <[u8; 32]>::from(hasher.finalize()) {
                    return false;
                }
                self.ops.memory.mark_checked(self.handle.stat(), payload.id);
                (self.hasher, self.is_checked) = (None, true);
            } else {
                self.hasher = Some(hasher);
            }
        }
        true
    }

    /// The file has not changed since, or only its head has: the payload of a head is what it was.
    fn is_the_same(&mut self) -> Result<(), StoreError> {
        let now = self.ops.require(&self.name, |_| Stat::of(&self.handle))?;
        // A name that is gone or taken over changes nothing of what is open.
        if looked(&now) != looked(&self.last_stat) {
            let (held, _) = self.ops.settle(&self.name, self.handle.descriptor())?;
            if held.slot.payload != self.stored.payload {
                return Err(Damage::Payload.into());
            }
            if held.slot.file_length() != now.identity.size {
                let (wanted, found) = (held.slot.file_length(), now.identity.size);
                return Err(Kind::Damaged(Damage::Length { wanted, found }).into());
            }
            self.last_stat = now;
        }
        Ok(())
    }
}

/// What would be another, had the file been written to.
const fn looked(stat: &Stat) -> (u64, Moment) {
    (stat.identity.size, stat.identity.mtime)
}
