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
#![cfg_attr(not(test), expect(dead_code, reason = "the fast path is not there yet"))]

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::door;
use super::filesystem::Filesystem;
use super::open::Handle;
use super::stat::{Kind, Stat};

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
    /// A duplicate of the descriptor gave the lease back meanwhile, so this look had none.
    Shared,
    /// Some other error number.
    Errno(i32),
}

impl Handle {
    /// Takes a lease, looks, gives it back. A writer that comes in between waits that long.
    ///
    /// The lease is never held beyond this call, and its signal is one that does nothing. It belongs
    /// to the descriptor, so two threads would share it: hence `&mut`.
    pub(crate) fn prove(&mut self) -> Proof {
        if self.stat().kind != Kind::Regular {
            return Proof::NotPossible(Obstacle::Kind);
        }
        match Filesystem::of(&*self) {
            Ok(filesystem) if filesystem.hides_writers() => {
                return Proof::NotPossible(Obstacle::Filesystem);
            }
            Ok(_) => {}
            Err(refusal) => return Proof::NotPossible(Obstacle::Errno(refusal.raw_os_error())),
        }
        match door::lease_in_silence(&*self).and_then(|()| door::lease(&*self, true)) {
            Ok(()) => {}
            Err(Errno::AGAIN) => return Proof::WriterThere,
            Err(Errno::ACCESS) => return Proof::NotPossible(Obstacle::Owner),
            Err(errno) => return Proof::NotPossible(Obstacle::Errno(errno.raw_os_error())),
        }
        let lease = Lease(&*self);
        let stat = Stat::of(&*self);
        match (lease.give_back(), stat) {
            (Ok(()), Ok(stat)) => Proof::Proved(stat),
            (Err(Errno::AGAIN), _) => Proof::NotPossible(Obstacle::Shared),
            (Err(errno), _) => Proof::NotPossible(Obstacle::Errno(errno.raw_os_error())),
            (Ok(()), Err(refusal)) => Proof::NotPossible(Obstacle::Errno(refusal.raw_os_error())),
        }
    }
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
