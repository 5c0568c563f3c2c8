//! Whether a filter of system calls (seccomp) refuses a call whatever it is asked about.
//!
//! A filter sees numbers, not files: a call for a descriptor that nobody has comes to the kernel, which says
//! `EBADF`, or else the filter says what it says to all.
#![allow(unsafe_code, reason = "calls that are made in order to be refused have no safe form")]

use std::io::Read as _;
use std::os::fd::{AsFd, AsRawFd as _};

use rustix::io::Errno;

use super::operation::Operation;

/// A call by its number, with what it is asked.
struct Call(&'static str, libc::c_long, [usize; 6]);

/// No descriptor.
const NOBODY: usize = usize::MAX;

/// The call for this operation that a filter refuses with `errno`, if there is one.
pub(super) fn filtered(operation: Operation, errno: i32) -> Option<&'static str> {
    let refused = |call: &Call| answer(call) == errno;
    calls(operation).into_iter().find(refused).map(|call| call.0)
}

/// What denies a ring: a filter, or a setting of the machine.
#[allow(dead_code, reason = "only a store writes by rings")]
pub(super) fn why_no_ring(errno: i32) -> Option<String> {
    // Of no entries, and with no place for what is said of it.
    let setup = Call("io_uring_setup", libc::SYS_io_uring_setup, [0; 6]);
    let setting = std::fs::read_to_string("/proc/sys/kernel/io_uring_disabled");
    let setting = setting.unwrap_or_default();
    if errno == libc::EPERM && matches!(setting.trim(), "1" | "2") {
        return Some(format!("kernel.io_uring_disabled is {}", setting.trim()));
    }
    let is_filtered = answer(&setup) == errno && errno != libc::ENOSYS;
    is_filtered.then(|| format!("a filter of system calls (seccomp) answers {}", setup.0))
}

/// The error number of a call; 0 for one that the kernel has understood, and found to be about nothing.
fn answer(call: &Call) -> i32 {
    let Call(_, number, w) = *call;
    // Addresses are of constants that outlive the call; nothing is written, as the descriptor is nobody's, no
    // flag is known, or the place is null, for which the kernel refuses before it writes.
    // SAFETY: such a call changes nothing.
    let done = unsafe { libc::syscall(number, w[0], w[1], w[2], w[3], w[4], w[5]) };
    if done >= 0 {
        return 0;
    }
    match std::io::Error::last_os_error().raw_os_error().unwrap_or(0) {
        libc::EBADF | libc::EINVAL | libc::EFAULT => 0,
        errno => errno,
    }
}

/// The calls that are made for an operation, each for nobody's descriptor.
fn calls(operation: Operation) -> Vec<Call> {
    let name = c"x".as_ptr() as usize;
    let number = |flags: libc::c_int| flags.unsigned_abs() as usize;
    let safe = libc::O_CLOEXEC | libc::O_NOFOLLOW | libc::O_NONBLOCK | libc::O_NOCTTY;
    let open = |flags: libc::c_int| {
        Call("openat", libc::SYS_openat, [NOBODY, name, number(flags), 0o666, 0, 0])
    };
    let of = |call, number, second, third| Call(call, number, [NOBODY, second, third, 0, 0, 0]);
    let fsync = || of("fsync", libc::SYS_fsync, 0, 0);
    let fcntl = |command: libc::c_int| of("fcntl", libc::SYS_fcntl, number(command), 0);
    let pair = |call, number, flags| Call(call, number, [NOBODY, name, NOBODY, name, flags, 0]);
    match operation {
        Operation::Open | Operation::Resolve => vec![open(libc::O_RDONLY | safe)],
        Operation::Stat => vec![of("fstat", libc::SYS_fstat, 0, 0)],
        Operation::Read => vec![of("pread64", libc::SYS_pread64, 0, 0)],
        Operation::List => vec![of("getdents64", libc::SYS_getdents64, 0, 0)],
        Operation::Lease => vec![fcntl(libc::F_SETLEASE)],
        Operation::Watch => vec![
            Call("inotify_init1", libc::SYS_inotify_init1, [NOBODY; 6]),
            of("inotify_add_watch", libc::SYS_inotify_add_watch, name, 1),
        ],
        Operation::Mount => vec![of("fstatfs", libc::SYS_fstatfs, 0, 0)],
        Operation::Modify => vec![open(libc::O_RDWR | safe)],
        Operation::Create => vec![
            open(libc::O_RDWR | libc::O_TMPFILE | libc::O_CLOEXEC),
            open(libc::O_RDWR | libc::O_CREAT | libc::O_EXCL | safe),
        ],
        Operation::Lock => {
            vec![open(libc::O_RDWR | libc::O_CREAT | safe), fcntl(libc::F_OFD_SETLK)]
        }
        Operation::Reserve => vec![of("fallocate", libc::SYS_fallocate, 1, 0)],
        Operation::Write => vec![of("pwrite64", libc::SYS_pwrite64, name, 1)],
        Operation::Map => {
            let flags = [number(libc::PROT_READ), number(libc::MAP_SHARED), NOBODY, 0];
            let [prot, shared, nobody, offset] = flags;
            vec![Call("mmap", libc::SYS_mmap, [0, 1, prot, shared, nobody, offset])]
        }
        Operation::Resize => vec![of("ftruncate", libc::SYS_ftruncate, 0, 0)],
        Operation::Sync => vec![fsync(), of("fdatasync", libc::SYS_fdatasync, 0, 0)],
        Operation::SyncDirectory => vec![fsync()],
        Operation::Link => vec![pair("linkat", libc::SYS_linkat, number(libc::AT_SYMLINK_FOLLOW))],
        Operation::Rename => vec![
            pair("renameat2", libc::SYS_renameat2, 1),
            #[cfg(any(target_arch = "x86_64", target_arch = "aarch64"))]
            pair("renameat", libc::SYS_renameat, 0),
        ],
        Operation::Remove => vec![of("unlinkat", libc::SYS_unlinkat, name, 0)],
        Operation::Attributes => vec![
            of("fchmod", libc::SYS_fchmod, 0, 0),
            of("fchown", libc::SYS_fchown, NOBODY, NOBODY),
            of("fsetxattr", libc::SYS_fsetxattr, name, 0),
        ],
        Operation::Thread => vec![Call("clone3", libc::SYS_clone3, [0; 6])],
    }
}

/// Asks for a permission by effective ids, as an open would; nothing is opened, so modules that judge opens
/// alone are not asked.
pub(super) fn access(descriptor: impl AsFd, bits: i32) -> Result<(), Errno> {
    let descriptor = descriptor.as_fd().as_raw_fd();
    let flags = libc::AT_EACCESS | libc::AT_EMPTY_PATH;
    let (call, empty) = (libc::SYS_faccessat2, c"".as_ptr());
    // SAFETY: the descriptor is borrowed, and the kernel reads an empty path.
    let done = unsafe { libc::syscall(call, descriptor, empty, bits, flags) };
    if done == 0 {
        return Ok(());
    }
    Err(Errno::from_io_error(&std::io::Error::last_os_error()).unwrap_or(Errno::NOSYS))
}

/// Whether this kernel has Landlock, and has it on.
pub(super) fn has_landlock() -> bool {
    /// `LANDLOCK_CREATE_RULESET_VERSION`.
    const VERSION: libc::c_uint = 1;
    let (number, none) = (libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>());
    // SAFETY: with no attributes and this flag the kernel only tells its version.
    unsafe { libc::syscall(number, none, 0_usize, VERSION) > 0 }
}

/// The mounts that this thread sees.
pub(super) fn mounts() -> Option<String> {
    /// With every container of a large machine.
    const MOST: u64 = 4 << 20;
    let mut text = String::new();
    let file = std::fs::File::open("/proc/thread-self/mountinfo").ok()?;
    file.take(MOST).read_to_string(&mut text).ok()?;
    Some(text)
}
