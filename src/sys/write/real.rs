//! A directory of the machine, written to by system calls.

use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{AtFlags, CWD, Dir, FallocateFlags, FileType, Gid, Mode, OFlags, RenameFlags};
use rustix::fs::{StatVfsMountFlags, Uid, XattrFlags};
use rustix::io::Errno;
use rustix::rand::GetRandomFlags;

use super::ring::Rings;
use super::{Access, Chain, Disk, Ended, Mounted, Onto, lock, mapped};
use crate::sys::again::uninterrupted;
use crate::sys::diagnose::Diagnosis;
use crate::sys::filesystem::Place;
use crate::sys::filter;
use crate::sys::kind::Kind;
use crate::sys::limit::Limit;
use crate::sys::open::{Handle, How, Opened, Symlinks, duplicate};
use crate::sys::operation::Operation;
use crate::sys::probe;
use crate::sys::read::read_at;
use crate::sys::refusal::Refusal;
use crate::sys::root::Root;
use crate::sys::stat::Stat;

/// A directory that is held open: what its path comes to mean later does not matter.
#[derive(Debug)]
pub(crate) struct Directory {
    /// One that can be synced, so not only named.
    descriptor: OwnedFd,
    rings: Rings,
    /// Whether what is made is for the directory's group, too.
    shared: AtomicBool,
    /// The same directory, for readers that do not wait.
    root: Root,
}

/// For this process only, at once whatever it is, and itself rather than what it links to.
const SAFE: OFlags =
    OFlags::CLOEXEC.union(OFlags::NOFOLLOW).union(OFlags::NONBLOCK).union(OFlags::NOCTTY);

/// Heads hold cookies: what is made is its owner's alone, unless it is shared.
const OWN: Mode = Mode::from_raw_mode(0o600);

/// The same for the directory's group, whatever the umask.
const SHARED: Mode = Mode::from_raw_mode(0o660);

impl Directory {
    /// Opens `path`, which the process's owner chose: its own symbolic links are followed.
    pub(crate) fn open(path: &Path) -> Result<Self, Refusal> {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        let opened = uninterrupted(|| rustix::fs::openat(CWD, path, flags, Mode::empty()));
        let descriptor = opened.map_err(refused(Operation::Open))?;
        let root = Root::of(duplicate(&descriptor)?, probe::memory());
        Ok(Self { descriptor, rings: Rings::default(), shared: AtomicBool::new(false), root })
    }

    /// Lets the directory's group read and write what is made from now on.
    pub(crate) fn share_with_group(&self) {
        self.shared.store(true, Ordering::Relaxed);
    }

    fn is_shared(&self) -> bool {
        self.shared.load(Ordering::Relaxed)
    }

    /// A file that was made now, or may have been: the umask may have taken the group's part away. Of a file
    /// of somebody else that is theirs to decide.
    fn made(&self, file: OwnedFd) -> OwnedFd {
        if self.is_shared() {
            let _ = uninterrupted(|| rustix::fs::fchmod(&file, SHARED));
        }
        file
    }

    /// Whether the filesystem is known to answer without a network or a daemon.
    pub(crate) fn is_local(&self) -> bool {
        self.root.place() != Place::Elsewhere
    }

    /// Opens a regular file for reading, if that takes no time. `None` says nothing of the name.
    pub(crate) fn open_now(&self, name: &str) -> Option<Handle> {
        let how = How { symlinks: Symlinks::None, no_atime: false };
        match self.root.resolve_cached(name.as_bytes(), how)? {
            Opened::File(handle) => Some(handle),
            Opened::Directory(_) => None,
        }
    }

    /// A file of this directory, with the first look at it.
    pub(crate) fn handle(&self, file: OwnedFd, stat: Stat) -> Handle {
        Handle::of(file, stat, self.root.place_of(stat.identity.dev))
    }

    fn openat(&self, name: &str, flags: OFlags, operation: Operation) -> Result<OwnedFd, Refusal> {
        Refusal::unless_a_path(name.as_bytes())?;
        let open = || rustix::fs::openat(&self.descriptor, name, flags | SAFE, OWN);
        uninterrupted(open).map_err(refused(operation))
    }

    /// As [`openat`](Self::openat), if it is a regular file: a link is not followed, a fifo not waited for.
    fn open_file(
        &self,
        name: &str,
        flags: OFlags,
        operation: Operation,
    ) -> Result<OwnedFd, Refusal> {
        match self.openat(name, flags, operation) {
            Ok(file) => {
                let kind = Stat::of(&file)?.kind;
                if kind == Kind::Regular { Ok(file) } else { Err(Refusal::no_file(kind)) }
            }
            Err(refusal) if refusal.is_absence() => Err(refusal),
            // By the number alone a link is a loop, a socket no device, and a device on some mounts forbidden.
            Err(refusal) => match self.look(name) {
                Ok(stat) if stat.kind != Kind::Regular => Err(Refusal::no_file(stat.kind)),
                Ok(_) | Err(_) => Err(refusal),
            },
        }
    }
}

const fn refused(operation: Operation) -> impl FnOnce(Errno) -> Refusal {
    move |errno| Refusal::errno(operation, errno)
}

/// How long a file may become. Beyond that the kernel does not only refuse, it sends a signal that
/// ends the process.
fn limit() -> u64 {
    Limit::FileSize.now()
}

impl Disk for Directory {
    type File = OwnedFd;

    fn mounted(&self) -> Result<Mounted, Refusal> {
        let stat = uninterrupted(|| rustix::fs::fstatvfs(&self.descriptor));
        let stat = stat.map_err(refused(Operation::Mount))?;
        Ok(Mounted {
            read_only: stat.f_flag.contains(StatVfsMountFlags::RDONLY),
            // A tmpfs without a limit, and some filesystems of others, count nothing.
            free: (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize)),
            longest: limit(),
        })
    }

    fn open(&self, name: &str, access: Access) -> Result<OwnedFd, Refusal> {
        let (flags, operation) = match access {
            Access::Read => (OFlags::RDONLY, Operation::Resolve),
            Access::Write => (OFlags::RDWR, Operation::Modify),
        };
        self.open_file(name, flags, operation)
    }

    fn open_lock(&self, name: &str) -> Result<OwnedFd, Refusal> {
        let flags = OFlags::RDWR | OFlags::CREATE;
        self.open_file(name, flags, Operation::Lock).map(|file| self.made(file))
    }

    fn create_unnamed(&self) -> Result<OwnedFd, Refusal> {
        let flags = OFlags::RDWR | OFlags::TMPFILE | OFlags::CLOEXEC;
        let open = || rustix::fs::openat(&self.descriptor, ".", flags, OWN);
        uninterrupted(open).map(|file| self.made(file)).map_err(refused(Operation::Create))
    }

    fn create(&self, name: &str) -> Result<OwnedFd, Refusal> {
        let flags = OFlags::RDWR | OFlags::CREATE | OFlags::EXCL;
        self.openat(name, flags, Operation::Create).map(|file| self.made(file))
    }

    fn reserve(&self, file: &OwnedFd, offset: u64, length: u64) -> Result<(), Refusal> {
        if length == 0 {
            return Ok(());
        }
        if offset.saturating_add(length) > limit() {
            return Err(Refusal::errno(Operation::Reserve, Errno::FBIG));
        }
        let mode = FallocateFlags::KEEP_SIZE;
        uninterrupted(|| rustix::fs::fallocate(file, mode, offset, length))
            .map_err(refused(Operation::Reserve))
    }

    fn write(&self, file: &OwnedFd, bytes: &[u8], offset: u64) -> Result<usize, Refusal> {
        if bytes.is_empty() {
            return Ok(0);
        }
        let room = usize::try_from(limit().saturating_sub(offset)).unwrap_or(usize::MAX);
        let bytes = bytes.get(..room).unwrap_or(bytes);
        if bytes.is_empty() {
            return Err(Refusal::errno(Operation::Write, Errno::FBIG));
        }
        match uninterrupted(|| rustix::io::pwrite(file, bytes, offset)) {
            // No room, and nothing that says so.
            Ok(0) => Err(Refusal::errno(Operation::Write, Errno::NOSPC)),
            done => done.map_err(refused(Operation::Write)),
        }
    }

    fn ring(&self, file: &OwnedFd, chain: &mut Chain<'_>) -> Result<Ended, Refusal> {
        let answers = match self.rings.run(file.as_fd(), &chain.within(limit())?) {
            Ok(answers) => answers,
            Err(errno) => return Ok(Ended::Elsewhere(errno)),
        };
        chain.settle(&answers)
    }

    fn map(&self, file: &OwnedFd, chain: &Chain<'_>) -> Result<(), Refusal> {
        mapped::write(file, chain)
    }

    fn read(&self, file: &OwnedFd, buffer: &mut [u8], offset: u64) -> Result<usize, Refusal> {
        read_at(file, buffer, offset)
    }

    fn resize(&self, file: &OwnedFd, length: u64) -> Result<(), Refusal> {
        if length > limit() {
            return Err(Refusal::errno(Operation::Resize, Errno::FBIG));
        }
        uninterrupted(|| rustix::fs::ftruncate(file, length)).map_err(refused(Operation::Resize))
    }

    fn sync_data(&self, file: &OwnedFd) -> Result<(), Refusal> {
        rustix::fs::fdatasync(file).map_err(refused(Operation::Sync))
    }

    fn sync_all(&self, file: &OwnedFd) -> Result<(), Refusal> {
        rustix::fs::fsync(file).map_err(refused(Operation::Sync))
    }

    fn sync_directory(&self) -> Result<(), Refusal> {
        rustix::fs::fsync(&self.descriptor).map_err(refused(Operation::SyncDirectory))
    }

    fn link(&self, file: &OwnedFd, name: &str) -> Result<(), Refusal> {
        // By its descriptor alone that would need a capability.
        let path = format!("/proc/self/fd/{}", file.as_raw_fd());
        let link =
            || rustix::fs::linkat(CWD, &path, &self.descriptor, name, AtFlags::SYMLINK_FOLLOW);
        uninterrupted(link).map_err(refused(Operation::Link))
    }

    fn rename(&self, from: &str, to: &str, onto: Onto) -> Result<(), Refusal> {
        let here = &self.descriptor;
        let rename = || match onto {
            Onto::Anything => rustix::fs::renameat(here, from, here, to),
            Onto::Nothing => {
                rustix::fs::renameat_with(here, from, here, to, RenameFlags::NOREPLACE)
            }
        };
        uninterrupted(rename).map_err(refused(Operation::Rename))
    }

    fn remove(&self, name: &str) -> Result<(), Refusal> {
        uninterrupted(|| rustix::fs::unlinkat(&self.descriptor, name, AtFlags::empty()))
            .map_err(refused(Operation::Remove))
    }

    fn try_lock(&self, file: &OwnedFd) -> Result<bool, Refusal> {
        lock::try_lock(file).map_err(refused(Operation::Lock))
    }

    fn unlock(&self, file: &OwnedFd) {
        lock::unlock(file);
    }

    fn stat(&self, file: &OwnedFd) -> Result<Stat, Refusal> {
        Stat::of(file)
    }

    fn look(&self, name: &str) -> Result<Stat, Refusal> {
        Refusal::unless_a_path(name.as_bytes())?;
        let flags = AtFlags::SYMLINK_NOFOLLOW;
        let stat = uninterrupted(|| rustix::fs::statat(&self.descriptor, name, flags));
        Ok(Stat::read(&stat.map_err(refused(Operation::Stat))?))
    }

    fn list(&self) -> Result<Vec<String>, Refusal> {
        let mut names = Vec::new();
        // It has an offset of its own.
        let entries = Dir::read_from(&self.descriptor).map_err(refused(Operation::List))?;
        for entry in entries {
            let entry = entry.map_err(refused(Operation::List))?;
            // A filesystem may not tell what they are.
            let is_file = matches!(entry.file_type(), FileType::RegularFile | FileType::Unknown);
            if let Some(name) = entry.file_name().to_str().ok().filter(|_| is_file) {
                if !matches!(name, "." | "..") {
                    names.push(name.to_owned());
                }
            }
        }
        Ok(names)
    }

    fn resemble(&self, file: &OwnedFd, other: &OwnedFd) -> Result<(), Refusal> {
        let (stat, now) = (Stat::of(other)?, Stat::of(file)?);
        // All that can be had is taken over; the first refusal is reported.
        let owner = if (stat.uid, stat.gid) == (now.uid, now.gid) {
            Ok(())
        } else {
            let (user, group) = (Uid::from_raw(stat.uid), Gid::from_raw(stat.gid));
            let owner = rustix::fs::fchown(file, Some(user), Some(group));
            // A file is given to another user by root alone, to one of one's own groups by its owner.
            owner.or_else(|errno| {
                rustix::fs::fchown(file, None, Some(group))?;
                Err(errno)
            })
        };
        let is_of_group = stat.gid == now.gid || Stat::of(file)?.gid == stat.gid;
        // After the owner, whose change takes bits of it away.
        let mode = if is_of_group { stat.mode } else { without_group(stat.mode) };
        let mode = rustix::fs::fchmod(file, Mode::from_raw_mode(mode));
        let attributes = copy_attributes(other, file);
        owner.and(mode).and(attributes).map_err(refused(Operation::Attributes))
    }

    fn diagnosed(&self, refusal: Refusal, name: &str) -> Refusal {
        let diagnosis = Diagnosis::of(&refusal, &self.root, name.as_bytes());
        refusal.because(diagnosis.as_ref())
    }

    fn why_no_ring(&self, errno: i32) -> Option<String> {
        filter::why_no_ring(errno)
    }

    fn random(&self) -> Result<[u8; 16], Refusal> {
        let mut bytes = [0; 16];
        let filled =
            uninterrupted(|| rustix::rand::getrandom(&mut bytes[..], GetRandomFlags::empty()));
        match filled {
            // So few bytes come at once.
            Ok(16) => Ok(bytes),
            Ok(_) => Err(Refusal::errno(Operation::Create, Errno::IO)),
            Err(errno) => Err(Refusal::errno(Operation::Create, errno)),
        }
    }
}

/// A mode of which another group than the one that it was made for gets no more than everybody has.
const fn without_group(mode: u32) -> u32 {
    (mode & !0o2070) | (mode & (mode << 3) & 0o070)
}

/// Copies extended attributes, as many as can be. A file that has more names than fit is left alone.
fn copy_attributes(from: impl AsFd, to: impl AsFd) -> Result<(), Errno> {
    let mut names = vec![0; 64 << 10];
    let length = match rustix::fs::flistxattr(&from, names.as_mut_slice()) {
        // A filesystem that has none.
        Err(Errno::OPNOTSUPP) => return Ok(()),
        listed => listed?,
    };
    let mut value = vec![0; 64 << 10];
    let mut done = Ok(());
    let names = names.get(..length).unwrap_or_default();
    for name in names.split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let copied = rustix::fs::fgetxattr(&from, name, value.as_mut_slice()).and_then(|length| {
            let value = value.get(..length).unwrap_or_default();
            rustix::fs::fsetxattr(&to, name, value, XattrFlags::empty())
        });
        done = done.and(copied);
    }
    done
}
