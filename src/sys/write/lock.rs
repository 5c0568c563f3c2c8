//! Locks of an open file: they belong to the descriptor, not to the process, and go with it.

use std::os::fd::{AsFd, AsRawFd};

use rustix::io::Errno;

use crate::sys::again::uninterrupted;

/// Takes the first byte for this open file alone; `false` if another open file has it, of this process
/// or any other. The descriptor has to be writable.
pub(super) fn try_lock(file: impl AsFd) -> Result<bool, Errno> {
    match uninterrupted(|| set(&file, libc::F_WRLCK)) {
        Ok(()) => Ok(true),
        // No other number says so here: the one that POSIX has besides would be a filter's.
        Err(Errno::AGAIN) => Ok(false),
        Err(errno) => Err(errno),
    }
}

/// Gives it back. A child that was forked meanwhile would hold it otherwise.
pub(super) fn unlock(file: impl AsFd) {
    let _ = set(file, libc::F_UNLCK);
}

/// `fcntl` for locks that belong to the open file; rustix has those of the process only, which any
/// other descriptor of the process gives back when it is closed.
#[expect(unsafe_code, reason = "a call that rustix does not have")]
fn set(file: impl AsFd, kind: libc::c_int) -> Result<(), Errno> {
    let short = |number: libc::c_int| libc::c_short::try_from(number).unwrap_or_default();
    let lock = libc::flock {
        l_type: short(kind),
        l_whence: short(libc::SEEK_SET),
        l_start: 0,
        l_len: 1,
        l_pid: 0,
    };
    let descriptor = file.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed, so it is open; the kernel reads one `flock` and writes none.
    let done = unsafe { libc::fcntl(descriptor, libc::F_OFD_SETLK, &raw const lock) };
    if done >= 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::IO))
}
