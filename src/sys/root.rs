//! A root directory: held open, so that everything else is asked relative to it.
#![cfg_attr(not(test), expect(dead_code, reason = "the fast path is not there yet"))]

use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::Path;

use rustix::fs::{CWD, Mode, OFlags};

use super::again::uninterrupted;
use super::door;
use super::filesystem::{Filesystem, Place};
use super::operation::Operation;
use super::probe::{self, Memory, Probes};
use super::refusal::Refusal;
use super::stat::Stat;

/// A directory under which files are found. Whatever its path comes to mean later, this stays
/// the directory that was opened.
#[derive(Debug)]
pub(crate) struct Root {
    directory: OwnedFd,
    /// Where the files of its own filesystem are, and which device that is.
    place: Place,
    hides_writers: bool,
    caches_no_links: bool,
    device: Option<u64>,
    memory: &'static Memory,
}

impl Root {
    /// Opens `path`, which the process's owner chose: its own symbolic links are followed.
    pub(crate) fn open(path: &Path) -> Result<Self, Refusal> {
        Self::with(path, probe::memory())
    }

    /// As [`open`](Self::open), with a memory of probes of its own.
    pub(super) fn with(path: &Path, memory: &'static Memory) -> Result<Self, Refusal> {
        // Naming it is enough: what may be searched but not listed is a good root.
        let flags = door::PASS | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let directory = uninterrupted(|| rustix::fs::openat(CWD, path, flags, Mode::empty()));
        match directory {
            Ok(directory) => Ok(Self::of(directory, memory)),
            Err(errno) => Err(Refusal::errno(Operation::Open, errno)),
        }
    }

    /// A directory that is open.
    pub(super) fn of(directory: OwnedFd, memory: &'static Memory) -> Self {
        let filesystem = Filesystem::of(&directory).ok();
        let place = filesystem.map_or(Place::Elsewhere, Filesystem::place);
        let hides_writers = filesystem.is_none_or(Filesystem::hides_writers);
        let caches_no_links = filesystem.is_some_and(Filesystem::caches_no_links);
        let device = Stat::of(&directory).ok().map(|stat| stat.identity.dev);
        Self { directory, place, hides_writers, caches_no_links, device, memory }
    }

    /// One look at the directory itself, to compare with what its path names now.
    pub(crate) fn stat(&self) -> Result<Stat, Refusal> {
        Stat::of(self)
    }

    /// What was found out about this kernel so far.
    pub(crate) fn probes(&self) -> Probes {
        self.memory.probes()
    }

    /// Where the files are that are on the filesystem of the root itself.
    pub(crate) const fn place(&self) -> Place {
        self.place
    }

    /// Whether files on the root's own filesystem may be written where nobody here hears of it.
    pub(crate) const fn hides_writers(&self) -> bool {
        self.hides_writers
    }

    /// Whether no path with a symbolic link in it is in the kernel's cache, as far as that says.
    pub(crate) const fn caches_no_links(&self) -> bool {
        self.caches_no_links
    }

    /// Where a file of this device is.
    pub(super) fn place_of(&self, device: u64) -> Place {
        if self.device == Some(device) { self.place } else { Place::Elsewhere }
    }

    pub(super) const fn memory(&self) -> &'static Memory {
        self.memory
    }
}

impl AsFd for Root {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.directory.as_fd()
    }
}
