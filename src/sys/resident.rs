//! Whether a stretch of a file is in the page cache, so that nobody has to wait for a disk.

use std::os::fd::{AsFd, AsRawFd as _};
use std::sync::OnceLock;

use super::filesystem::Place;
use super::open::Handle;
use super::read::Tried;

/// `cachestat`, which has this number on every architecture (Linux 6.5).
const CACHESTAT: libc::c_long = 451;

#[repr(C)]
struct Range {
    at: u64,
    length: u64,
}

/// Counts of pages.
#[repr(C)]
#[derive(Default)]
struct Found {
    cached: u64,
    dirty: u64,
    in_writeback: u64,
    evicted: u64,
    recently_evicted: u64,
}

impl Handle {
    /// Whether all of this stretch is in memory. A kernel that cannot say does not have it.
    pub(crate) fn is_at_hand(&self, at: u64, length: u64) -> bool {
        match self.place() {
            Place::Memory => true,
            Place::Elsewhere => false,
            Place::Disk => {
                let Some(page) = page() else { return false };
                let end = at.saturating_add(length);
                let pages = end.div_ceil(page).saturating_sub(at / page);
                // A page may be there before its bytes are; they come in order, and the last one tells.
                cached(self, &Range { at, length }) == Some(pages)
                    && match self.try_read_at(&mut [0], end.saturating_sub(1)) {
                        Ok(Tried::Hit(read)) => read == 1,
                        Ok(Tried::Unsupported) => true,
                        Ok(Tried::WouldBlock) | Err(_) => false,
                    }
            }
        }
    }
}

/// How long a page is. (What rustix does to find that out crashes under valgrind.)
#[expect(unsafe_code, reason = "a call that rustix does not have")]
fn page() -> Option<u64> {
    static PAGE: OnceLock<Option<u64>> = OnceLock::new();
    *PAGE.get_or_init(|| {
        // SAFETY: it reads nothing but a constant of the system.
        let length = unsafe { libc::sysconf(libc::_SC_PAGESIZE) };
        u64::try_from(length).ok().filter(|length| *length > 0)
    })
}

/// How many pages of this stretch the page cache has.
#[expect(unsafe_code, reason = "a call that rustix does not have")]
fn cached(file: impl AsFd, range: &Range) -> Option<u64> {
    let mut found = Found::default();
    let descriptor = file.as_fd().as_raw_fd();
    // SAFETY: the descriptor is borrowed for the call, which reads `range` and writes `found`, laid out as its own.
    let done = unsafe {
        libc::syscall(CACHESTAT, descriptor, std::ptr::from_ref(range), &raw mut found, 0)
    };
    (done == 0).then_some(found.cached)
}
