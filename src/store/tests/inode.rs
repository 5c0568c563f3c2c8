//! One file of the made-up disk: what processes see, and what may be on the disk.

use std::collections::{BTreeMap, BTreeSet};

use super::disk::Loss;
use crate::sys::{Identity, Kind, Moment, Stat};

/// What reaches a disk at once.
pub(super) const SECTOR: usize = 512;

pub(super) type Sector = [u8; SECTOR];

/// A file.
#[derive(Clone, Default)]
pub(super) struct Inode {
    /// What processes see.
    pub(super) cache: Vec<u8>,
    /// What is on the disk for certain; what is not there is zero.
    sure: BTreeMap<usize, Sector>,
    pub(super) sure_size: usize,
    /// Sectors of which the disk may have any of these, the oldest first.
    pub(super) maybe: BTreeMap<usize, Vec<Sector>>,
    pub(super) maybe_size: Vec<usize>,
    /// What a sync would write. After one that failed, nothing of what it was to write.
    dirty: BTreeSet<usize>,
    dirty_size: bool,
    writes: i64,
    pub(super) lock: Option<u64>,
}

impl Inode {
    pub(super) fn read(&self, buffer: &mut [u8], offset: u64) -> usize {
        let start = usize::try_from(offset).expect("small").min(self.cache.len());
        let length = buffer.len().min(self.cache.len() - start);
        buffer[..length].copy_from_slice(&self.cache[start..start + length]);
        length
    }

    pub(super) fn write(&mut self, bytes: &[u8], offset: u64) {
        if bytes.is_empty() {
            return;
        }
        let start = usize::try_from(offset).expect("small");
        let end = start + bytes.len();
        if end > self.cache.len() {
            self.set_size(end);
        }
        self.cache[start..end].copy_from_slice(bytes);
        self.writes += 1;
        for at in start / SECTOR..end.div_ceil(SECTOR) {
            self.changed(at);
        }
    }

    /// Bytes stored into a mapping: a page may reach the disk while they are, so with any of them. Whether
    /// all of it is within the file.
    pub(super) fn store(&mut self, bytes: &[u8], offset: u64) -> bool {
        let start = usize::try_from(offset).expect("small");
        if start + bytes.len() > self.cache.len() {
            return false;
        }
        let mut done = 0;
        while done < bytes.len() {
            // To the middle of a sector, or from there to its end.
            let length = (SECTOR / 2 - (start + done) % (SECTOR / 2)).min(bytes.len() - done);
            self.write(&bytes[done..done + length], offset + done as u64);
            done += length;
        }
        true
    }

    pub(super) fn resize(&mut self, length: u64) {
        let length = usize::try_from(length).expect("small");
        if length != self.cache.len() {
            self.set_size(length);
            self.writes += 1;
        }
    }

    fn set_size(&mut self, size: usize) {
        self.cache.resize(size, 0);
        if self.maybe_size.is_empty() {
            self.maybe_size.push(self.sure_size);
        }
        self.maybe_size.push(size);
        self.dirty_size = true;
    }

    fn cached(&self, at: usize) -> Sector {
        let mut sector = [0; SECTOR];
        let start = (at * SECTOR).min(self.cache.len());
        let end = ((at + 1) * SECTOR).min(self.cache.len());
        sector[..end - start].copy_from_slice(&self.cache[start..end]);
        sector
    }

    fn changed(&mut self, at: usize) {
        let now = self.cached(at);
        let sure = self.sure.get(&at).copied().unwrap_or([0; SECTOR]);
        let maybe = self.maybe.entry(at).or_insert_with(|| vec![sure]);
        if !maybe.contains(&now) {
            maybe.push(now);
        }
        if maybe.len() == 1 {
            // The disk has just this, whether it is written once more or not.
            self.maybe.remove(&at);
        } else {
            self.dirty.insert(at);
        }
    }

    /// All that was to be written was written.
    pub(super) fn synced(&mut self) {
        for at in std::mem::take(&mut self.dirty) {
            self.sure.insert(at, self.cached(at));
            self.maybe.remove(&at);
        }
        if std::mem::take(&mut self.dirty_size) {
            self.sure_size = self.cache.len();
            self.maybe_size.clear();
        }
    }

    /// A sync failed: the pages count as clean from now on.
    pub(super) fn lost(&mut self, loss: Loss) {
        let dirty = std::mem::take(&mut self.dirty);
        self.dirty_size = false;
        if loss == Loss::Kept {
            return;
        }
        for (nth, at) in dirty.into_iter().enumerate() {
            if loss == Loss::Partial && nth % 2 == 0 {
                self.sure.insert(at, self.cached(at));
            }
            self.maybe.remove(&at);
            // The page is read from the disk again.
            let sure = self.sure.get(&at).copied().unwrap_or([0; SECTOR]);
            let end = ((at + 1) * SECTOR).min(self.cache.len());
            if at * SECTOR < end {
                self.cache[at * SECTOR..end].copy_from_slice(&sure[..end - at * SECTOR]);
            }
        }
    }

    /// A bit of the disk turns.
    pub(super) fn rot(&mut self, offset: usize) {
        self.cache[offset] ^= 1;
        let at = offset / SECTOR;
        for sector in self.sure.get_mut(&at).into_iter().chain(self.maybe.entry(at).or_default()) {
            sector[offset % SECTOR] ^= 1;
        }
        self.maybe.retain(|_, versions| !versions.is_empty());
    }

    /// This file after a loss of power, if the disk had these of the possible contents.
    pub(super) fn after(&self, pick: &mut impl FnMut(usize) -> usize) -> Self {
        let mut sure = self.sure.clone();
        for (at, versions) in &self.maybe {
            sure.insert(*at, versions[pick(versions.len())]);
        }
        let sure_size = match self.maybe_size.as_slice() {
            [] => self.sure_size,
            sizes => sizes[pick(sizes.len())],
        };
        let mut cache = vec![0; sure_size];
        for (at, sector) in &sure {
            let end = ((at + 1) * SECTOR).min(sure_size);
            if at * SECTOR < end {
                cache[at * SECTOR..end].copy_from_slice(&sector[..end - at * SECTOR]);
            }
        }
        Self { cache, sure, sure_size, ..Self::default() }
    }

    pub(super) fn stat(&self, number: usize) -> Stat {
        let moment = Moment { seconds: 1_000 + self.writes, nanos: 0 };
        Stat {
            identity: Identity {
                dev: 1,
                ino: number as u64,
                size: self.cache.len() as u64,
                mtime: moment,
                ctime: moment,
            },
            kind: Kind::Regular,
            mode: 0o644,
            nlink: 1,
            uid: 0,
            gid: 0,
        }
    }
}
