//! A momentary read lease, which proves that nobody has the file open for writing.
//!
//! A write that began before the file was opened cannot be seen in its times: they were set when it
//! began. The kernel gives a read lease only while no writer is there, one that mapped the file
//! included, and lets none in until it is given back. So a look under a lease is a look at a file
//! that is not being written.
//!
//! A write that begins after the look is seen by its modification time only if the clock of the
//! filesystem has moved on since the last one: before Linux 6.13 it moves every 1 to 10 ms. A file
//! whose modification time is that near to the look is not settled by it.

use std::os::fd::AsFd;
use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::door;
use super::filesystem::Filesystem;
use super::kind::Kind;
use super::open::Handle;
use super::operation::Operation;
use super::refusal::Refusal;
use super::stat::Stat;

/// A tick of the kernel's coarse clock is 10 ms at most, and so is one of the filesystems that count
/// in hundredths.
const TICKS: Duration = Duration::from_millis(20);

/// Filesystems that count whole seconds, or two of them.
const SECONDS: Duration = Duration::from_secs(2);

/// What the kernel said about writers.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Proof {
    /// None was there when this look was taken.
    Proved(Stat),
    /// One is there.
    WriterThere,
    /// It could not be asked.
    NotPossible(Obstacle),
}

/// Why there is no proof to be had.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Obstacle {
    /// Leases are for regular files.
    Kind,
    /// The filesystem does not see every writer.
    Filesystem,
    /// The file is somebody else's, and this process lacks `CAP_LEASE`.
    Owner,
    /// The descriptor itself is open for writing: one that somebody else opened.
    Writable,
    /// A duplicate of the descriptor gave the lease back meanwhile, so this look had none.
    Shared,
    /// Some other error number.
    Errno(i32),
}

impl Handle {
    /// Takes a lease, looks, gives it back. A writer that comes in between waits that long.
    ///
    /// The lease is never held beyond this call, and its signal is one that does nothing.
    pub(crate) fn prove(&self) -> Proof {
        if self.stat().kind != Kind::Regular {
            return Proof::NotPossible(Obstacle::Kind);
        }
        let hides = match Filesystem::of(self) {
            Ok(filesystem) if filesystem.hides_every_writer() => {
                return Proof::NotPossible(Obstacle::Filesystem);
            }
            Ok(filesystem) => filesystem.hides_writers(),
            Err(refusal) => return Proof::NotPossible(Obstacle::Errno(refusal.raw_os_error())),
        };
        match self.prove_again() {
            // A writer above would have been found; one below may be there.
            Proof::Proved(_) if hides => Proof::NotPossible(Obstacle::Filesystem),
            proof @ (Proof::Proved(_) | Proof::WriterThere | Proof::NotPossible(_)) => proof,
        }
    }

    /// As [`prove`](Self::prove), of a file whose filesystem knows of every writer. If the descriptor is used by several
    /// threads at once, some of them get [`Obstacle::Shared`].
    pub(crate) fn prove_again(&self) -> Proof {
        match door::lease_in_silence(self).and_then(|()| door::lease(self, true)) {
            Ok(()) => {}
            Err(Errno::AGAIN) if self.is_writable() => {
                return Proof::NotPossible(Obstacle::Writable);
            }
            Err(Errno::AGAIN) => return Proof::WriterThere,
            Err(Errno::ACCESS) => return Proof::NotPossible(Obstacle::Owner),
            Err(errno) => return Proof::NotPossible(Obstacle::Errno(errno.raw_os_error())),
        }
        let lease = Lease(self);
        let stat = Stat::of(self);
        match (lease.give_back(), stat) {
            (Ok(()), Ok(stat)) => Proof::Proved(stat),
            (Err(Errno::AGAIN), _) => Proof::NotPossible(Obstacle::Shared),
            (Err(errno), _) => Proof::NotPossible(Obstacle::Errno(errno.raw_os_error())),
            (Ok(()), Err(refusal)) => Proof::NotPossible(Obstacle::Errno(refusal.raw_os_error())),
        }
    }
}

impl Obstacle {
    /// What a refusal with the same meaning would be.
    pub(crate) fn refusal(self) -> Refusal {
        Refusal::errno(
            Operation::Lease,
            match self {
                Self::Kind => Errno::INVAL,
                Self::Filesystem => Errno::OPNOTSUPP,
                Self::Owner => Errno::ACCESS,
                Self::Shared => Errno::AGAIN,
                Self::Writable => Errno::BADF,
                Self::Errno(errno) => Errno::from_raw_os_error(errno),
            },
        )
    }
}

/// A writer that is there, as a refusal.
pub(crate) fn writer_there() -> Refusal {
    Refusal::errno(Operation::Lease, Errno::AGAIN)
}

impl Handle {
    /// Whether this descriptor is a writer of its own.
    fn is_writable(&self) -> bool {
        let flags = rustix::fs::fcntl_getfl(self).unwrap_or(OFlags::RDONLY);
        flags.intersects(OFlags::WRONLY | OFlags::RDWR)
    }

    /// Whether a write that begins at `now` would give the file another time than the one of the
    /// first look.
    pub(crate) fn tells_later_writes(&self, now: SystemTime) -> bool {
        let identity = &self.stat().identity;
        let Some(last) = identity.mtime.max(identity.ctime).time() else { return false };
        let whole_seconds = identity.mtime.nanos == 0 && identity.ctime.nanos == 0;
        if !whole_seconds && has_fine_times() && Filesystem::of(self).is_ok_and(Filesystem::is_fine)
        {
            return true;
        }
        let wanted = if whole_seconds { SECONDS } else { TICKS };
        now.duration_since(last).is_ok_and(|age| age > wanted)
    }
}

/// Whether this kernel gives a file that was looked at a new time with the next write, however soon:
/// Linux 6.13 and later.
fn has_fine_times() -> bool {
    static FINE: OnceLock<bool> = OnceLock::new();
    *FINE.get_or_init(|| {
        rustix::system::uname().release().to_str().is_ok_and(|release| version(release) >= (6, 13))
    })
}

/// The first two numbers of a release.
fn version(release: &str) -> (u32, u32) {
    let mut numbers = release.split(|c: char| !c.is_ascii_digit()).map(|n| n.parse().unwrap_or(0));
    (numbers.next().unwrap_or(0), numbers.next().unwrap_or(0))
}

/// A lease that is given back whatever happens.
struct Lease<T: AsFd>(T);

impl<T: AsFd> Lease<T> {
    fn give_back(self) -> Result<(), Errno> {
        let done = door::lease(&self.0, false);
        std::mem::forget(self);
        done
    }
}

impl<T: AsFd> Drop for Lease<T> {
    fn drop(&mut self) {
        let _ = door::lease(&self.0, false);
    }
}

#[cfg(test)]
mod tests {
    use super::version;

    #[test]
    fn a_release_begins_with_two_numbers() {
        for (release, expected) in [
            ("6.13.0", (6, 13)),
            ("6.18.44-fc-v657", (6, 18)),
            ("5.4", (5, 4)),
            ("10.0-rc1", (10, 0)),
            ("odd", (0, 0)),
            ("", (0, 0)),
        ] {
            assert_eq!(version(release), expected, "{release}");
        }
        assert!(version("6.9.1") < (6, 13));
    }
}
