//! Bytes of an open file, always by position: readers share no offset.
#![cfg_attr(not(test), expect(dead_code, reason = "the fast path is not there yet"))]

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::again::uninterrupted;
use super::door;
use super::filesystem::Place;
use super::open::Handle;
use super::operation::Operation;
use super::probe::{self, Memory};
use super::refusal::Refusal;

/// What a read that would not wait came to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Tried {
    /// That many bytes were at hand. Fewer than asked for is not the end of the file; none is.
    Hit(usize),
    /// They are not at hand (and on their way now): ask where waiting is allowed. So is an end
    /// before the known size, which some kernels report falsely and only a plain read confirms.
    WouldBlock,
    /// This filesystem cannot tell. It is remembered for its device.
    Unsupported,
}

/// Fills `buffer` from `offset` on. Fewer bytes than that are the end of the file.
pub(crate) fn read_at(file: impl AsFd, buffer: &mut [u8], offset: u64) -> Result<usize, Refusal> {
    let mut filled = 0;
    while let Some(rest) = buffer.get_mut(filled..).filter(|rest| !rest.is_empty()) {
        let at = offset.saturating_add(filled as u64);
        match uninterrupted(|| rustix::io::pread(&file, &mut *rest, at)) {
            Ok(0) => break,
            Ok(read) => filled += read,
            Err(errno) => return Err(Refusal::errno(Operation::Read, errno)),
        }
    }
    Ok(filled)
}

/// Appends up to `wanted` bytes from `offset` on to `bytes`, into room that is not zeroed first.
/// Fewer are the end of the file. What was appended before a refusal stays.
pub(crate) fn append_at(
    file: impl AsFd,
    bytes: &mut Vec<u8>,
    wanted: usize,
    offset: u64,
) -> Result<usize, Refusal> {
    let start = bytes.len();
    bytes.reserve_exact(wanted);
    while bytes.len() - start < wanted {
        let at = offset.saturating_add((bytes.len() - start) as u64);
        match uninterrupted(|| rustix::io::pread(&file, rustix::buffer::spare_capacity(bytes), at))
        {
            Ok(0) => break,
            Ok(_) => {}
            Err(errno) => return Err(Refusal::errno(Operation::Read, errno)),
        }
    }
    // A vector may have had more room than was asked for.
    bytes.truncate(start + wanted);
    Ok(bytes.len() - start)
}

impl Handle {
    /// Reads into `buffer` what is in memory at `offset`, and never waits for a disk.
    ///
    /// Of a file that may be behind a network or a daemon it reads nothing: there the kernel may
    /// wait, whatever the flags say.
    pub(crate) fn try_read_at(&self, buffer: &mut [u8], offset: u64) -> Result<Tried, Refusal> {
        self.try_read_with(buffer, offset, probe::memory())
    }

    /// Fills `buffer` with what is in memory at `offset`; `false` if not all of it is.
    pub(crate) fn try_fill_at(&self, buffer: &mut [u8], offset: u64) -> bool {
        match self.try_read_at(buffer, offset) {
            Ok(Tried::Hit(read)) => read == buffer.len(),
            Ok(Tried::WouldBlock | Tried::Unsupported) | Err(_) => false,
        }
    }

    pub(super) fn try_read_with(
        &self,
        buffer: &mut [u8],
        offset: u64,
        memory: &Memory,
    ) -> Result<Tried, Refusal> {
        let identity = &self.stat().identity;
        let known_end = offset >= identity.size || buffer.is_empty();
        match self.place() {
            Place::Disk if memory.knows_nowait(identity.dev) => {}
            Place::Disk | Place::Elsewhere => return Ok(Tried::Unsupported),
            // It has no disk to wait for, and most such filesystems do not know `RWF_NOWAIT`.
            Place::Memory => {
                return Ok(match read_at(self, buffer, offset)? {
                    0 if !known_end => Tried::WouldBlock,
                    read => Tried::Hit(read),
                });
            }
        }
        match door::pread_nowait(self, buffer, offset) {
            Ok(0) if !known_end => Ok(Tried::WouldBlock),
            Ok(read) => Ok(Tried::Hit(read)),
            Err(Errno::AGAIN | Errno::INTR) => Ok(Tried::WouldBlock),
            // `EPERM` is what a container's filter may say of a call that it does not know.
            Err(Errno::OPNOTSUPP | Errno::NOSYS | Errno::PERM) => {
                memory.has_no_nowait(identity.dev);
                Ok(Tried::Unsupported)
            }
            Err(errno) => Err(Refusal::errno(Operation::Read, errno)),
        }
    }
}
