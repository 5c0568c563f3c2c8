//! A payload on its way into a file that nobody sees yet.

use sha2::{Digest as _, Sha256};

use super::Writing;
use super::disk_ops::DiskOps;
use super::error::{Damage, Kind, StoreError};
use super::format::{Layout, Payload};
use super::lock::DirectoryLock;
use super::temp::Temp;
use crate::stream::CHUNK;
use crate::sys::write::{Disk, read_only};
use crate::sys::{self, Operation};

/// Room is reserved in steps while a payload comes: the first, and the longest. Between them it is for as much
/// again as has come.
const STEPS: [u64; 2] = [64 << 10, 8 << 20];

/// The longest end of a payload that is kept in memory, to be written together with the head.
const TAIL: usize = 256 << 10;

/// A file whose payload is being written.
#[derive(Debug)]
pub(super) struct PayloadWriter<D: Disk> {
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

impl<D: Disk> PayloadWriter<D> {
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

impl<D: Disk> DiskOps<D> {
    /// Begins a file. What there is no room for is refused here, before any of it has come. The room itself is
    /// reserved as it comes: whoever only announces much would have it otherwise.
    pub(super) fn begin(
        &self,
        name: &str,
        layout: Layout,
        expected: Option<u64>,
    ) -> Result<PayloadWriter<D>, StoreError> {
        self.writable(name, expected.map(|length| layout.payload().saturating_add(length)))?;
        self.may_be_given(name)?;
        let id = self.require(name, D::random)?;
        let temp = self.temp(name, DirectoryLock::Free)?;
        // Of an end that is not known, what is kept in memory first may be all that there is.
        let steps = expected.is_some() || self.settings.writing != Writing::Ring;
        self.start(name, temp, layout, expected, id, if steps { Room::Steps } else { Room::Head })
    }

    /// Refuses a name at once that something else than a file has.
    fn may_be_given(&self, name: &str) -> Result<(), StoreError> {
        match self.disk.look(name) {
            Ok(stat) if stat.kind != sys::Kind::Regular => {
                Err(self.reject(name, Kind::NotAFile(stat.kind).into()))
            }
            // Whoever cannot look finds out when the name is given.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// A file that is being made, in `temp`: with room, and nothing in it.
    fn start(
        &self,
        name: &str,
        temp: Temp<D>,
        layout: Layout,
        expected: Option<u64>,
        id: [u8; 16],
        room: Room,
    ) -> Result<PayloadWriter<D>, StoreError> {
        let (hasher, written, reserved) = (Sha256::new(), 0, Some(0));
        let tail = Vec::new();
        let mut writer =
            PayloadWriter { temp, layout, id, hasher, written, tail, expected, reserved };
        let payload = if room == Room::All { expected.unwrap_or(0) } else { 0 };
        self.reserve(name, &mut writer, payload, room == Room::Steps)?;
        Ok(writer)
    }

    /// Refuses at once what a mount that is read-only would refuse in the end, and a file of this length if there
    /// is less room.
    pub(super) fn writable(&self, name: &str, length: Option<u64>) -> Result<(), StoreError> {
        let asked = self.attempt(name, |disk| {
            let mounted = disk.mounted()?;
            mounted.holds(length.unwrap_or(0)).map(|()| mounted)
        });
        match asked {
            Ok(mounted) if mounted.read_only => Err(self.give_up(name, read_only())),
            Err(fault) if fault.refusal.operation() == Operation::Reserve && !fault.is_next() => {
                Err(self.end(fault))
            }
            // Whoever cannot ask finds out by writing.
            Ok(_) | Err(_) => Ok(()),
        }
    }

    /// Sees to it that there is room for this many bytes of payload; in `steps`, for some that may follow.
    fn reserve(
        &self,
        name: &str,
        writer: &mut PayloadWriter<D>,
        payload: u64,
        steps: bool,
    ) -> Result<(), StoreError> {
        let Some(reserved) = writer.reserved else { return Ok(()) };
        let wanted = writer.layout.payload().saturating_add(payload);
        if reserved >= wanted {
            return Ok(());
        }
        let length = wanted.saturating_sub(reserved);
        if steps {
            // Behind the end there is nothing to come.
            let left =
                writer.expected.map_or(u64::MAX, |expected| expected.saturating_sub(payload));
            let more = payload.clamp(STEPS[0], STEPS[1]).min(left);
            let ahead = length.saturating_add(more);
            // If there is no room for what may follow, there may be for what is here.
            if more > 0 && self.disk.reserve(writer.temp.file(), reserved, ahead).is_ok() {
                writer.reserved = Some(wanted.saturating_add(more));
                return Ok(());
            }
        }
        match self.attempt(name, |disk| disk.reserve(writer.temp.file(), reserved, length)) {
            Ok(()) => writer.reserved = Some(wanted),
            Err(fault) if fault.is_next() => {
                writer.reserved = None;
                // The payload makes its own room as it comes; the head comes last, and has to find some.
                let zeros = vec![0; usize::try_from(writer.layout.payload()).unwrap_or(0)];
                if reserved == 0 {
                    self.write(name, writer.temp.file(), &zeros, 0)?;
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
        writer: &mut PayloadWriter<D>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let written = writer.written.saturating_add(bytes.len() as u64);
        if let Some(wanted) = writer.expected.filter(|expected| written > *expected) {
            return Err(Kind::Length { wanted, found: written }.into());
        }
        writer.hasher.update(bytes);
        if self.settings.writing != Writing::Ring {
            return self.write_through(name, writer, bytes);
        }
        if writer.tail.len().saturating_add(bytes.len()) <= TAIL {
            writer.tail.extend_from_slice(bytes);
            writer.written = written;
            return Ok(());
        }
        let tail = std::mem::take(&mut writer.tail);
        writer.written = writer.written.saturating_sub(tail.len() as u64);
        self.write_through(name, writer, &tail)?;
        let (front, end) = bytes.split_at(bytes.len().saturating_sub(TAIL));
        self.write_through(name, writer, front)?;
        writer.tail = end.to_vec();
        writer.written = written;
        Ok(())
    }

    /// Writes more of the payload into the file, where nothing of it is kept in memory.
    fn write_through(
        &self,
        name: &str,
        writer: &mut PayloadWriter<D>,
        bytes: &[u8],
    ) -> Result<(), StoreError> {
        let written = writer.written.saturating_add(bytes.len() as u64);
        self.reserve(name, writer, written, true)?;
        self.write(name, writer.temp.file(), bytes, writer.file_length())?;
        writer.written = written;
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
    ) -> Result<(), super::disk_ops::Failure> {
        let mut rest = bytes;
        while !rest.is_empty() {
            let at = offset.saturating_add((bytes.len() - rest.len()) as u64);
            let written = self.attempt(name, |disk| disk.write(file, rest, at))?;
            rest = rest.get(written..).unwrap_or_default();
        }
        Ok(())
    }

    /// Cuts the file to its length, where it is not known to have it, and gives back what was reserved
    /// for nothing.
    pub(super) fn truncate(&self, name: &str, writer: &PayloadWriter<D>) -> Result<(), StoreError> {
        let end = writer.file_length();
        if writer.written > 0 && writer.reserved.is_none_or(|reserved| reserved == end) {
            return Ok(());
        }
        self.require(name, |disk| disk.resize(writer.temp.file(), end))
    }

    /// Before the tail is written: room for it, and none that was reserved for nothing.
    pub(super) fn make_room(
        &self,
        name: &str,
        writer: &mut PayloadWriter<D>,
    ) -> Result<(), StoreError> {
        let (end, file_end) = (writer.file_length(), writer.file_end());
        if writer.reserved.is_some_and(|reserved| reserved > end) {
            self.require(name, |disk| disk.resize(writer.temp.file(), file_end))?;
            writer.reserved = Some(file_end);
        }
        self.reserve(name, writer, writer.written, false)?;
        self.truncate(name, writer)
    }

    /// The same payload in another new file with this layout, where possible without a name.
    pub(super) fn copy_with_layout(
        &self,
        name: &str,
        writer: &PayloadWriter<D>,
        layout: Layout,
        directory: DirectoryLock,
    ) -> Result<PayloadWriter<D>, StoreError> {
        let temp = self.temp(name, directory)?;
        self.copy(name, &Source::of(writer), writer.payload(), temp, layout)
    }

    /// The same in another new file that has a name of its own.
    pub(super) fn copy_named(
        &self,
        name: &str,
        writer: &PayloadWriter<D>,
        directory: DirectoryLock,
    ) -> Result<PayloadWriter<D>, StoreError> {
        let temp = self.named_temp(name, directory)?;
        self.copy(name, &Source::of(writer), writer.payload(), temp, writer.layout)
    }

    /// Copies a payload into a new file, and looks whether it is the one that it should be.
    pub(super) fn copy(
        &self,
        name: &str,
        from: &Source<'_, D>,
        payload: Payload,
        temp: Temp<D>,
        layout: Layout,
    ) -> Result<PayloadWriter<D>, StoreError> {
        // All of it is there.
        let mut copy =
            self.start(name, temp, layout, Some(payload.length), payload.id, Room::All)?;
        let mut buffer = vec![0; CHUNK];
        let length = payload.length.saturating_sub(from.tail.len() as u64);
        while copy.written < length {
            let left = length.saturating_sub(copy.written);
            let wanted = usize::try_from(left).unwrap_or(usize::MAX).min(CHUNK);
            let buffer = buffer.get_mut(..wanted).unwrap_or_default();
            let at = from.start.saturating_add(copy.written);
            let read = self.require(name, |disk| disk.read(from.file, buffer, at))?;
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
    fn of(writer: &'a PayloadWriter<D>) -> Self {
        Self { file: writer.temp.file(), start: writer.layout.payload(), tail: &writer.tail }
    }
}

/// For how much of a file room is reserved before anything is written to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    /// Its head.
    Head,
    /// Its head and the first bytes of its payload.
    Steps,
    /// As many bytes as are expected.
    All,
}
