//! How a test has a file leave the page cache.

use std::fs::File;
use std::os::fd::{AsFd, AsRawFd as _};
use std::thread;
use std::time::{Duration, Instant};

use rustix::fs::{Advice, fadvise};

/// How long somebody else may hold a page: compaction and the disk's queue let go sooner.
const PATIENCE: Duration = Duration::from_secs(5);
/// The same on every architecture, since Linux 6.5.
const CACHESTAT: libc::c_long = 451;

/// Writes the file to the disk and has the kernel drop its pages.
///
/// `POSIX_FADV_DONTNEED` passes over a page, of any size, that anybody else refers to just then, and
/// says nothing of it. So this asks how many are left, and asks again. `false` if pages stay: they always
/// do on a filesystem that is the page cache itself.
pub(crate) fn leaves_memory(file: impl AsFd) -> bool {
    let file = File::from(file.as_fd().try_clone_to_owned().expect("a descriptor more"));
    // A file of `memfd_create` or of a read-only mount has nothing to be written.
    let _ = file.sync_all();
    let start = Instant::now();
    loop {
        fadvise(&file, 0, None, Advice::DontNeed).expect("advice is taken");
        match pages(&file) {
            // A kernel that cannot be asked is believed.
            None | Some(0) => return true,
            Some(_) if start.elapsed() > PATIENCE => return false,
            Some(_) => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// How many pages of the file are in the page cache.
#[expect(unsafe_code, reason = "a call that rustix does not have")]
fn pages(file: &File) -> Option<u64> {
    // From the first byte to the end; and what the kernel fills in, the cached pages first.
    let (range, mut found) = ([0_u64; 2], [0_u64; 5]);
    // SAFETY: the descriptor is borrowed for the call, which reads two numbers and writes five.
    let done = unsafe {
        libc::syscall(CACHESTAT, file.as_raw_fd(), range.as_ptr(), found.as_mut_ptr(), 0)
    };
    (done == 0).then_some(found[0])
}
