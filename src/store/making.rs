//! A payload on its way into a file that nobody sees yet.

use sha2::{Digest as _, Sha256};

use super::Writing;
use super::desk::Desk;
use super::error::{Damage, Kind, StoreError};
use super::format::{Layout, Payload};
use super::temp::Temp;
use crate::sys::write::{Disk, read_only};

/// Room is reserved in steps where the length is not known: the first, and the longest.
const STEPS: [u64; 2] = [64 << 10, 8 << 20];

/// How much is copied at once.
const CHUNK: usize = 256 << 10;

/// The longest end of a payload that is kept in memory, to be written together with the head.
const TAIL: usize = 256 << 10;

/// A file whose payload is being written.
#[derive(Debug)]
pub(super) struct Making<D: Disk> {
    pub(super) temp: Temp<D>,
    pub(super) layout: Layout,
    id: [u8; 16],
    hasher: Sha256,
    written: u64,
    /// What of that is not in the file yet.
    tail: Vec<u8>,
    /// How long it will be, if that is known.
    expected: Option<u64>,
    /// Up to where there is room; `None`: it cannot be reserved here.
    reserved: Option<u64>,
}

impl<D: Disk> Making<D> {
    /// The payload as it was written so far.
    pub(super) fn payload(&self) -> Payload {
        let digest = self.hasher.clone().finalize().into();
        Payload { id: self.id, length: self.written, digest }
    }

    /// Whether all of what was announced came.
    pub(super) fn complete(&self) -> Result<(), StoreError> {
        match self.expected {
            Some(wanted) if wanted != self.written => {
                Err(Kind::Length { wanted, found: self.written }.into())
            }
            _ => Ok(()),
        }
    }

    /// The end of the payload that is still to be written, and where.
    pub(super) fn tail(&self) -> (&[u8], u64) {
        (&self.tail, self.file_end())
    }

    /// The tail is in the file, and on the disk.
    pub(super) fn tail_is_written(&mut self) {
        self.tail = Vec::new();
    }

    /// Where the payload ends as far as it is in the file.
    fn file_end(&self) -> u64 {
        self.file_length().saturating_sub(self.tail.len() as u64)
    }

    pub(super) const fn file_length(&self) -> u64 {
        self.layout.payload().saturating_add(self.written)
    }
}

impl<D: Disk> Desk<D> {
    /// Begins a file. Room for all of it is reserved first, so that what ends for want of room ends
    /// here.
    pub(super) fn begin(
        &self,
        name: &str,
        layout: Layout,
        expected: Option<u64>,
    ) -> Result<Making<D>, StoreError> {
        self.writable(name)?;
        let id = self.must(name, D::random)?;
        let temp = self.temp(name, Directory::Free)?;
        self.fill(name, temp, layout, expected, id)
    }

    /// A file that is being made, in `temp`: with room, and nothing in it.
    fn fill(
        &self,
        name: &str,
        temp: Temp<D>,
        layout: Layout,
        expected: Option<u64>,
        id: [u8; 16],
    ) -> Result<Making<D>, StoreError> {
        let (hasher, written, reserved) = (Sha256::new(), 0, Some(0));
        let tail = Vec::new();
        let mut making = Making { temp, layout, id, hasher, written, tail, expected, reserved };
        // What is kept in memory first may be all that there is.
        let steps = expected.is_none() && self.settings.writing != Writing::Ring;
        self.reserve(name, &mut making, expected.unwrap_or(0), steps)?;
        Ok(making)
    }

    /// Refuses at once what a mount that is read-only would refuse in the end.
    pub(super) fn writable(&self, name: &str) -> Result<(), StoreError> {
        match self.ask(name, D::mounted) {
            Ok(mounted) if mounted.read_only => Err(self.give_up(name, read_only())),
            // Whoever cannot ask finds out by writing.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Sees to it that there is room for this many bytes of payload; in `steps`, for some that may follow.
    fn reserve(
        &self,
        name: &str,
        making: &mut Making<D>,
        payload: u64,
        steps: bool,
    ) -> Result<(), StoreError> {
        let Some(reserved) = making.reserved else { return Ok(()) };
        let mut wanted = making.layout.payload().saturating_add(payload);
        if reserved >= wanted {
            return Ok(());
        }
        if steps {
            let step = reserved.clamp(STEPS[0], STEPS[1]);
            wanted = wanted.max(reserved.saturating_add(step));
        }
        let length = wanted.saturating_sub(reserved);
        match self.ask(name, |disk| disk.reserve(making.temp.file(), reserved, length)) {
            Ok(()) => making.reserved = Some(wanted),
            Err(fault) if fault.is_next() => {
                making.reserved = None;
                // The payload makes its own room as it comes; the head comes last, and has to find some.
                let zeros = vec![0; usize::try_from(making.layout.payload()).unwrap_or(0)];
                if reserved == 0 {
                    self.write(name, making.temp.file(), &zeros, 0)?;
                }
            }
            Err(fault) => return Err(self.end(fault)),
        }
        Ok(())
    }

    /// Writes more of the payload.
    pub(super) fn append(
        &self,
        name: &str,
        making: &mut Making<D>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let written = making.written.saturating_add(bytes.len() as u64);
        if let Some(wanted) = making.expected.filter(|expected| written > *expected) {
            return Err(Kind::Length { wanted, found: written }.into());
        }
        making.hasher.update(bytes);
        if self.settings.writing != Writing::Ring {
            return self.write_through(name, making, bytes);
        }
        if making.tail.len().saturating_add(bytes.len()) <= TAIL {
            making.tail.extend_from_slice(bytes);
            making.written = written;
            return Ok(());
        }
        let tail = std::mem::take(&mut making.tail);
        making.written = making.written.saturating_sub(tail.len() as u64);
        self.write_through(name, making, &tail)?;
        let (front, end) = bytes.split_at(bytes.len().saturating_sub(TAIL));
        self.write_through(name, making, front)?;
        making.tail = end.to_vec();
        making.written = written;
        Ok(())
    }

    /// Writes more of the payload into the file, where nothing of it is kept in memory.
    fn write_through(
        &self,
        name: &str,
        making: &mut Making<D>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let written = making.written.saturating_add(bytes.len() as u64);
        let steps = making.expected.is_none();
        self.reserve(name, making, written, steps)?;
        self.write(name, making.temp.file(), bytes, making.file_length())?;
        making.written = written;
        Ok(())
    }

    /// Writes all of the bytes.
    pub(super) fn write(
        &self,
        name: &str,
        file: &D::File,
        bytes: &[u8],
        offset: u64,
    ) -> Result<(), StoreError> {
        self.try_write(name, file, bytes, offset).map_err(|fault| self.end(fault))
    }

    pub(super) fn try_write(
        &self,
        name: &str,
        file: &D::File,
        bytes: &[u8],
        offset: u64,
    ) -> Result<(), super::desk::Fault> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = offset.saturating_add((bytes.len() - rest.len()) as u64);
            let written = self.ask(name, |disk| disk.write(file, rest, at))?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Cuts the file to its length, where it is not known to have it, and gives back what was reserved
    /// for nothing.
    pub(super) fn trim(&self, name: &str, making: &Making<D>) -> Result<(), StoreError> {
        let end = making.file_length();
        if making.written > 0 && making.reserved.is_none_or(|reserved| reserved == end) {
            return Ok(());
        }
        self.must(name, |disk| disk.resize(making.temp.file(), end))
    }

    /// Before the tail is written: room for it, and none that was reserved for nothing.
    pub(super) fn make_room(&self, name: &str, making: &mut Making<D>) -> Result<(), StoreError> {
        let (end, file_end) = (making.file_length(), making.file_end());
        if making.reserved.is_some_and(|reserved| reserved > end) {
            self.must(name, |disk| disk.resize(making.temp.file(), file_end))?;
            making.reserved = Some(file_end);
        }
        self.reserve(name, making, making.written, false)?;
        self.trim(name, making)
    }

    /// The same payload in another new file with this layout, where possible without a name.
    pub(super) fn recast(
        &self,
        name: &str,
        making: &Making<D>,
        layout: Layout,
        directory: Directory,
    ) -> Result<Making<D>, StoreError> {
        let temp = self.temp(name, directory)?;
        self.copy(name, &Source::of(making), making.payload(), temp, layout)
    }

    /// The same in another new file that has a name of its own.
    pub(super) fn rename(
        &self,
        name: &str,
        making: &Making<D>,
        directory: Directory,
    ) -> Result<Making<D>, StoreError> {
        let temp = self.named_temp(name, directory)?;
        self.copy(name, &Source::of(making), making.payload(), temp, making.layout)
    }

    /// Copies a payload into a new file, and looks whether it is the one that it should be.
    pub(super) fn copy(
        &self,
        name: &str,
        from: &Source<'_, D>,
        payload: Payload,
        temp: Temp<D>,
        layout: Layout,
    ) -> Result<Making<D>, StoreError> {
        let mut copy = self.fill(name, temp, layout, Some(payload.length), payload.id)?;
        let mut buffer = vec![0; CHUNK];
        let length = payload.length.saturating_sub(from.tail.len() as u64);
        while copy.written < length {
            let left = length.saturating_sub(copy.written);
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
            let buffer = buffer.get_mut(..wanted).unwrap_or_default();
            let at = from.start.saturating_add(copy.written);
            let read = self.must(name, |disk| disk.read(from.file, buffer, at))?;
            if read == 0 {
                return Err(Damage::Payload.into());
            }
            self.append(name, &mut copy, buffer.get(..read).unwrap_or_default())?;
        }
        self.append(name, &mut copy, from.tail)?;
        if copy.payload() != payload {
            return Err(Damage::Payload.into());
        }
        Ok(copy)
    }
}

/// Where a payload is: in a file from an offset on, and its end perhaps in memory.
pub(super) struct Source<'a, D: Disk> {
    pub(super) file: &'a D::File,
    pub(super) start: u64,
    pub(super) tail: &'a [u8],
}

impl<'a, D: Disk> Source<'a, D> {
    fn of(making: &'a Making<D>) -> Self {
        Self { file: making.temp.file(), start: making.layout.payload(), tail: &making.tail }
    }
}

/// Whether the caller has the directory's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Directory {
    Free,
    Locked,
}
