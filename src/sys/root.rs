//! A root directory: held open, so that everything else is asked relative to it.
#![cfg_attr(not(test), expect(dead_code, reason = "the fast path is not there yet"))]

use std::ffi::OsString;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt as _;
use std::path::{Component, Path, PathBuf};
use std::sync::OnceLock;

use rustix::fs::{AtFlags, CWD, Mode, OFlags};

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
    /// The path that it was opened by, from `/` on, unless somebody else opened it.
    path: Option<PathBuf>,
    /// What it is called, see [`names`](Self::names).
    names: OnceLock<Vec<Vec<u8>>>,
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
            Ok(directory) => {
                // A relative path is one of now: the process may go elsewhere.
                let path = std::path::absolute(path).ok();
                Ok(Self { path, ..Self::of(directory, memory) })
            }
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
        let (path, names) = (None, OnceLock::new());
        Self { directory, place, hides_writers, caches_no_links, device, memory, path, names }
    }

    /// By which paths, from `/` on, links may mean this directory: the one that it was opened by, and its own without
    /// links. Both are found out once: what the directory is called later is for other roots.
    pub(super) fn names(&self) -> &[Vec<u8>] {
        self.names.get_or_init(|| {
            let given = self.path.clone();
            // Only the kernel knows what is behind `..`.
            let climbs = |path: &PathBuf| path.components().any(|c| c == Component::ParentDir);
            let real = door::path_of(self).or_else(|| self.canonical());
            let given = given.filter(|path| !climbs(path)).map(|p| OsString::from(p).into_vec());
            given.into_iter().chain(real).collect()
        })
    }

    /// The path without links, if it still leads here.
    fn canonical(&self) -> Option<Vec<u8>> {
        let path = self.path.as_ref()?.canonicalize().ok()?;
        let there = rustix::fs::stat(&path).ok()?;
        let (there, here) = (Stat::read(&there).identity, self.stat().ok()?.identity);
        let is_here = (there.dev, there.ino) == (here.dev, here.ino);
        is_here.then(|| OsString::from(path).into_vec())
    }

    /// One look at the directory itself, to compare with what its path names now.
    pub(crate) fn stat(&self) -> Result<Stat, Refusal> {
        Stat::of(self)
    }

    /// One look at a whole path, without opening it: **a proof of equality only**.
    ///
    /// The kernel follows symbolic links here, out of the root too. An identity that equals that
    /// of a file opened beneath the root earlier shows that this file still has the name; any
    /// other answer is no more than a reason to [resolve](Root::resolve) again.
    pub(crate) fn glance(&self, relative: &[u8]) -> Result<Stat, Refusal> {
        Refusal::unless_a_path(relative)?;
        let path = if relative.is_empty() { b"." } else { relative };
        rustix::fs::statat(self, path, AtFlags::empty())
            .map(|stat| Stat::read(&stat))
            .map_err(|errno| Refusal::errno(Operation::Stat, errno))
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
