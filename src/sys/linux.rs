//! What only Linux has: openat2, reads that do not wait, leases, attributes and labels.

use std::io::IoSliceMut;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};

use rustix::fs::inotify::{self, CreateFlags, ReadFlags, WatchFlags};
use rustix::fs::{AtFlags, CWD, Mode, OFlags, ResolveFlags};
use rustix::fs::{StatxAttributes, StatxFlags};
use rustix::io::{Errno, ReadWriteFlags};

use super::again::uninterrupted;
use super::platform::{Attributes, Happened, Left, Marked, Reach};

pub(super) use super::filter::{access, filtered, has_landlock, mounts};

/// How a directory is opened that is only passed through: named, not read.
pub(super) const PASS: OFlags = OFlags::PATH;

/// Leaves the access time alone; refused with `EPERM` for a file of somebody else.
pub(super) const NO_ATIME: OFlags = OFlags::NOATIME;

/// Error numbers that other unixes do not have.
pub(super) const ERRNOS: [(i32, &str); 4] = [
    (libc::ENODATA, "ENODATA"),
    (libc::ENOKEY, "ENOKEY"),
    (libc::EREMOTEIO, "EREMOTEIO"),
    (libc::EUCLEAN, "EUCLEAN"),
];

pub(super) fn openat2(
    root: impl AsFd,
    path: &[u8],
    flags: OFlags,
    reach: Reach,
) -> Result<OwnedFd, Errno> {
    let mut resolve = ResolveFlags::NO_MAGICLINKS;
    resolve.set(ResolveFlags::BENEATH, reach.beneath);
    resolve.set(ResolveFlags::NO_SYMLINKS, !reach.links);
    resolve.set(ResolveFlags::CACHED, reach.cached);
    resolve.set(ResolveFlags::NO_XDEV, reach.near);
    rustix::fs::openat2(root, path, flags, Mode::empty(), resolve)
}

/// Names a directory that is always there, in a way that needs no permission.
pub(super) fn probe_openat2(cached: bool) -> Result<(), Errno> {
    let here = rustix::fs::openat(CWD, "/", PASS | OFlags::CLOEXEC, Mode::empty())?;
    let reach = Reach { beneath: true, links: true, cached, near: cached };
    uninterrupted(|| openat2(&here, b".", PASS | OFlags::CLOEXEC, reach)).map(drop)
}

/// Reads what is in the page cache, and nothing else.
pub(super) fn pread_nowait(
    descriptor: impl AsFd,
    buffer: &mut [u8],
    offset: u64,
) -> Result<usize, Errno> {
    // The kernel takes this one offset for "wherever the descriptor stands".
    if offset == u64::MAX {
        return Err(Errno::INVAL);
    }
    let buffers = &mut [IoSliceMut::new(buffer)];
    rustix::io::preadv2(descriptor, buffers, offset, ReadWriteFlags::NOWAIT)
}

/// The magic number of the filesystem.
#[expect(clippy::allow_attributes, reason = "the kernel's type differs between architectures")]
#[allow(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    clippy::unnecessary_cast,
    reason = "every magic number has 32 bits and no sign"
)]
pub(super) fn filesystem(descriptor: impl AsFd) -> Result<u32, Errno> {
    rustix::fs::fstatfs(descriptor).map(|filesystem| filesystem.f_type as u32)
}

/// The path of what the descriptor names, as the kernel has it now.
pub(super) fn path_of(descriptor: impl AsFd) -> Option<Vec<u8>> {
    let path = format!("/proc/thread-self/fd/{}", descriptor.as_fd().as_raw_fd());
    let path = rustix::fs::readlink(path, Vec::new()).ok()?.into_bytes();
    // What was removed, or is not below this process's root, has no such path.
    (path.starts_with(b"/") && !path.ends_with(b" (deleted)")).then_some(path)
}

/// Takes (`true`) or gives back a read lease.
pub(super) fn lease(descriptor: impl AsFd, taken: bool) -> Result<(), Errno> {
    let kind = if taken { libc::F_RDLCK } else { libc::F_UNLCK };
    set(descriptor, libc::F_SETLEASE, kind)
}

/// Chooses the signal by which a lease's holder hears of a writer: `SIGURG`, which does nothing
/// unless somebody waits for it. Unchosen it were `SIGIO`, which ends the process.
pub(super) fn lease_in_silence(descriptor: impl AsFd) -> Result<(), Errno> {
    // The same number on every Linux; libc has it for some of them only.
    const F_SETSIG: libc::c_int = 10;
    set(descriptor, F_SETSIG, libc::SIGURG)
}

/// `fcntl` with a number; rustix has no call for these two commands.
#[expect(unsafe_code, reason = "a call that rustix does not have")]
fn set(descriptor: impl AsFd, command: libc::c_int, value: libc::c_int) -> Result<(), Errno> {
    let descriptor = descriptor.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed, so it is open, and both commands take an int by value.
    let done = unsafe { libc::fcntl(descriptor, command, value) };
    if done >= 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}

/// Immutable and append-only, where the filesystem says so. It needs no permission for the file.
pub(super) fn attributes(descriptor: impl AsFd) -> Option<Attributes> {
    let stat = rustix::fs::statx(descriptor, "", AtFlags::EMPTY_PATH, StatxFlags::empty()).ok()?;
    let known = stat.stx_attributes_mask & stat.stx_attributes;
    Some(Attributes {
        immutable: known.contains(StatxAttributes::IMMUTABLE),
        append_only: known.contains(StatxAttributes::APPEND),
    })
}

/// What the filesystem has left for this process.
pub(super) fn left(descriptor: impl AsFd) -> Left {
    let Ok(stat) = rustix::fs::fstatvfs(descriptor) else { return Left::default() };
    // A filesystem that does not count inodes has none to run out of; nor one that counts no blocks.
    let inodes = (stat.f_files > 0).then_some(stat.f_favail);
    let bytes = (stat.f_blocks > 0).then(|| stat.f_bavail.saturating_mul(stat.f_frsize));
    Left { bytes, inodes }
}

/// The extended attribute `name` of what the descriptor names, up to the size of `value`.
pub(super) fn attribute(
    descriptor: impl AsFd,
    name: &str,
    value: &mut [u8],
) -> Result<usize, Errno> {
    // A descriptor that only names a file has no attributes of its own; its entry here has.
    let path = format!("/proc/thread-self/fd/{}", descriptor.as_fd().as_raw_fd());
    rustix::fs::getxattr(path, name, value)
}

/// What changes a file, or moves its change time.
const OF_FILE: WatchFlags = WatchFlags::MODIFY
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::CLOSE_WRITE)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE_SELF);

/// What changes where names in a directory lead, or the directory itself. What is written to the files
/// in it come from watches of their own.
const OF_DIRECTORY: WatchFlags = WatchFlags::CREATE
    .union(WatchFlags::DELETE)
    .union(WatchFlags::MOVE)
    .union(WatchFlags::ATTRIB)
    .union(WatchFlags::MOVE_SELF)
    .union(WatchFlags::DELETE_SELF);

/// A queue of events.
pub(super) fn events() -> Result<OwnedFd, Errno> {
    inotify::init(CreateFlags::CLOEXEC)
}

/// Watches what a descriptor is open for, under whatever name. A watch that is there already gets more events,
/// and nothing less: one name may take for a directory what another one knows to be a file.
pub(super) fn watch(events: impl AsFd, descriptor: impl AsFd, what: Marked) -> Result<i32, Errno> {
    let flags = match what {
        Marked::File => OF_FILE,
        Marked::Directory => OF_DIRECTORY,
    };
    let path = format!("/proc/thread-self/fd/{}", descriptor.as_fd().as_raw_fd());
    inotify::add_watch(events, path, flags | WatchFlags::MASK_ADD)
}

/// Watches something that is always there, to be removed again.
pub(super) fn watch_waker(events: impl AsFd) -> Result<i32, Errno> {
    inotify::add_watch(events, "/", WatchFlags::DELETE_SELF)
}

pub(super) fn unwatch(events: impl AsFd, watch: i32) -> Result<(), Errno> {
    inotify::remove_watch(events, watch)
}

/// Reads events, and waits for them, until `on_event` says that it is enough.
pub(super) fn read_events(
    events: impl AsFd,
    mut on_event: impl FnMut(i32, Happened) -> bool,
) -> Result<(), Errno> {
    let mut buffer = vec![std::mem::MaybeUninit::uninit(); 64 * 1024];
    let mut reader = inotify::Reader::new(events, &mut buffer);
    loop {
        let event = match reader.next() {
            Ok(event) => event,
            Err(Errno::INTR) => continue,
            Err(errno) => return Err(errno),
        };
        let happened = if event.events().contains(ReadFlags::QUEUE_OVERFLOW) {
            Happened::Lost
        } else if event.events().intersects(ReadFlags::IGNORED | ReadFlags::UNMOUNT) {
            Happened::Over
        } else {
            Happened::Changed
        };
        if on_event(event.wd(), happened) {
            return Ok(());
        }
    }
}
