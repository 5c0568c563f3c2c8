//! Locks that hold across processes, taken with patience, on the file that has the name.

use std::thread::sleep;
use std::time::{Duration, Instant};

use super::disk_ops::{DiskOps, Failure};
use super::error::{Kind, StoreError};
use crate::sys::write::Disk;
use crate::sys::{Refusal, Stat};

/// The file by which whoever gives, takes over or takes away a name keeps others from doing so.
pub(super) const LOCK: &str = ".letterhead.lock";

/// Pauses between two tries: short at first, as a change in place takes a fraction of a millisecond.
const PAUSES: [Duration; 2] = [Duration::from_micros(50), Duration::from_millis(5)];

/// How often a file is opened again because another has its name by the time that it is locked.
const MOST_STARTS: u32 = 1000;

/// An open file whose lock is held until this is dropped.
#[derive(Debug)]
pub(super) struct Locked<'a, D: Disk> {
    disk: &'a D,
    pub(super) file: D::File,
    pub(super) stat: Stat,
}

impl<D: Disk> Drop for Locked<'_, D> {
    fn drop(&mut self) {
        self.disk.unlock(&self.file);
    }
}

/// What became of an attempt to lock.
#[derive(Debug)]
pub(super) enum Lock<'a, D: Disk> {
    Held(Locked<'a, D>),
    /// It could not be opened to be locked, and this was decided.
    Not(Failure),
}

/// Whether the caller has the directory's lock.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum DirectoryLock {
    Free,
    Held,
}

impl<D: Disk> DiskOps<D> {
    /// Locks the directory against others who change its names.
    pub(super) fn lock_directory(&self) -> Result<Locked<'_, D>, StoreError> {
        match self.lock(LOCK, |disk| disk.open_lock(LOCK))? {
            Lock::Held(locked) => Ok(locked),
            Lock::Not(fault) => Err(match fault.refusal.not_a_file() {
                Some(kind) => Kind::NotALock(kind).into(),
                None => self.end(fault),
            }),
        }
    }

    /// Opens and locks; and once more if meanwhile another file has the name. A lock on a file that
    /// was replaced protects nothing.
    pub(super) fn lock(
        &self,
        name: &str,
        open: impl Fn(&D) -> Result<D::File, Refusal>,
    ) -> Result<Lock<'_, D>, StoreError> {
        let begun = Instant::now();
        for _ in 0..MOST_STARTS {
            let file = match self.attempt(name, &open) {
                Ok(file) => file,
                Err(fault) => return Ok(Lock::Not(fault)),
            };
            self.wait(name, &file, begun)?;
            let stat = self.require(name, |disk| disk.stat(&file))?;
            let locked = Locked { disk: &*self.disk, file, stat };
            match self.attempt(name, |disk| disk.look(name)) {
                Ok(now) if same(&now, &locked.stat) => return Ok(Lock::Held(locked)),
                Ok(_) => {}
                // Removed meanwhile: opening it will say so, or make it again.
                Err(fault) if fault.errno() == libc::ENOENT || fault.is_stale() => {}
                Err(fault) => return Err(self.end(fault)),
            }
        }
        Err(Kind::Restless.into())
    }

    fn wait(&self, name: &str, file: &D::File, begun: Instant) -> Result<(), StoreError> {
        let mut pause = PAUSES[0];
        while !self.require(name, |disk| disk.try_lock(file))? {
            let waited = begun.elapsed();
            if waited >= self.settings.patience {
                return Err(self.locked_out(name, waited));
            }
            sleep(pause);
            pause = pause.saturating_mul(2).min(PAUSES[1]);
        }
        Ok(())
    }
}

/// Whether the two are looks at one file. While it is open its number is not given to another.
pub(super) fn same(one: &Stat, other: &Stat) -> bool {
    (one.identity.dev, one.identity.ino) == (other.identity.dev, other.identity.ino)
}
