//! The digest by which the kernel has sealed a file (fs-verity), and will check each page of it that is read.
//!
//! A sealed file cannot be written to any more, and a page that is not as it was sealed is not read: `EIO`.

use std::os::fd::{AsFd as _, AsRawFd as _};

use rustix::io::Errno;

use super::filesystem::Place;
use super::open::Handle;
use super::probe::Devices;

/// `FS_VERITY_HASH_ALG_SHA256`.
const SHA256: u16 = 1;

/// `struct fsverity_digest`, with room for a SHA-256.
#[repr(C)]
struct Digest {
    algorithm: u16,
    size: u16,
    bytes: [u8; 32],
}

/// `FS_IOC_MEASURE_VERITY`: `_IOWR('f', 134, struct fsverity_digest)`, whose digest has no length there.
const MEASURE: rustix::ioctl::Opcode = rustix::ioctl::opcode::read_write::<[u16; 2]>(b'f', 134);

/// Devices whose filesystem seals nothing.
static WITHOUT: Devices = Devices::none();

/// How a file is sealed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Seal {
    /// By this SHA-256: of the file's tree of digests, its length and how both were made.
    Sha256([u8; 32]),
    /// By another digest than a SHA-256; a longer one is `EOVERFLOW`.
    Other,
    /// It is not, where it could be (`ENODATA`).
    Open,
    /// It is not: the filesystem was made without seals, or the kernel was (`EOPNOTSUPP`).
    Off,
    /// The filesystem has no seals (`ENOTTY`).
    Unknown,
    /// That could not be found out.
    Errno(i32),
}

/// How this file is sealed. It does not wait: the kernel had the digest when the file was opened.
///
/// Only filesystems of this machine are asked: to others (FUSE, from Linux 6.10 on) the kernel hands the question on, and what would
/// answer is no kernel that checks pages.
pub(crate) fn seal_of(file: &Handle) -> Seal {
    if file.place() != Place::Disk {
        return Seal::Unknown;
    }
    let device = file.stat().identity.dev;
    if WITHOUT.has(device) {
        return Seal::Unknown;
    }
    let seal = measured(file);
    if matches!(seal, Seal::Off | Seal::Unknown) {
        WITHOUT.add(device);
    }
    seal
}

#[expect(unsafe_code, reason = "a call that rustix does not have")]
fn measured(file: &Handle) -> Seal {
    let mut digest = Digest { algorithm: 0, size: 32, bytes: [0; 32] };
    let descriptor = file.as_fd().as_raw_fd();
    #[allow(
        clippy::cast_lossless,
        clippy::unnecessary_cast,
        reason = "its type is the C library's"
    )]
    let measure = MEASURE as _;
    // SAFETY: the descriptor is borrowed for the call, which writes at most `size` bytes behind the two numbers.
    let done = unsafe { libc::ioctl(descriptor, measure, &raw mut digest) };
    if done == 0 {
        let is_ours = digest.algorithm == SHA256 && digest.size == 32;
        return if is_ours { Seal::Sha256(digest.bytes) } else { Seal::Other };
    }
    let errno = std::io::Error::last_os_error().raw_os_error().map(Errno::from_raw_os_error);
    refused(errno.unwrap_or(Errno::IO))
}

/// What the kernel means by a refusal.
fn refused(errno: Errno) -> Seal {
    match errno {
        Errno::NODATA => Seal::Open,
        Errno::OPNOTSUPP => Seal::Off,
        Errno::NOTTY => Seal::Unknown,
        Errno::OVERFLOW => Seal::Other,
        other => Seal::Errno(other.raw_os_error()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::sys::{How, Opened, Root, Symlinks};

    fn opened(directory: &str, name: &[u8]) -> Option<Handle> {
        let root = Root::open(std::path::Path::new(directory)).ok()?;
        let how = How { symlinks: Symlinks::Beneath, no_atime: false };
        match root.resolve(name, how) {
            Ok(Opened::File(handle)) => Some(handle),
            Ok(Opened::Directory(_)) | Err(_) => None,
        }
    }

    #[test]
    fn each_refusal_has_its_meaning() {
        let cases = [
            (Errno::NODATA, Seal::Open),
            (Errno::OPNOTSUPP, Seal::Off),
            (Errno::NOTTY, Seal::Unknown),
            (Errno::OVERFLOW, Seal::Other),
            (Errno::PERM, Seal::Errno(libc::EPERM)),
        ];
        for (errno, expected) in cases {
            assert_eq!(refused(errno), expected, "{errno}");
        }
    }

    /// In a directory with the files `open`, `sealed`, and `longer`, which is sealed by a SHA-512.
    #[test]
    fn the_kernel_says_how_a_file_is_sealed() {
        let Ok(directory) = std::env::var("LETTERHEAD_SEALS") else {
            return crate::skip::place("sealed files in the directory LETTERHEAD_SEALS");
        };
        let seal = |name: &[u8]| opened(&directory, name).as_ref().map(measured);
        assert_eq!(seal(b"open"), Some(Seal::Open));
        assert_eq!(seal(b"longer"), Some(Seal::Other));
        assert!(matches!(seal(b"sealed"), Some(Seal::Sha256(_))));
    }

    /// The kernel's own refusals: of a filesystem that has no seals, and of this one, whatever it is.
    #[test]
    fn a_file_that_is_not_sealed_says_so() {
        let proc = opened("/proc/self", b"status");
        assert_eq!(proc.as_ref().map(measured), Some(Seal::Unknown), "procfs has no seals");
        let here = opened(env!("CARGO_MANIFEST_DIR"), b"Cargo.toml");
        let seal = here.as_ref().map(measured);
        assert!(matches!(seal, Some(Seal::Open | Seal::Off | Seal::Unknown)), "{seal:?}");
        assert!(matches!(here.as_ref().map(seal_of), Some(Seal::Open | Seal::Unknown | Seal::Off)));
    }
}
