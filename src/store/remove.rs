//! A name is taken away, and what writers that are gone left behind.

use std::time::{Duration, SystemTime};

use super::disk_ops::DiskOps;
use super::error::StoreError;
use super::lock::LOCK;
use super::notice::{Notice, count};
use super::read::check_name;
use super::temp::is_temporary;
use super::update::expect_existing;
use crate::sys::write::{Access, Disk};

impl<D: Disk> DiskOps<D> {
    /// Removes a file; with `expected` only if its head has this generation. Whether that is known to
    /// outlive a loss of power.
    pub(super) fn remove(&self, name: &str, expected: Option<u64>) -> Result<bool, StoreError> {
        check_name(name)?;
        self.writable(name, None)?;
        let directory = self.lock_directory()?;
        // Who changes the head in place is waited for: an update that was acknowledged is not of a file
        // that was gone.
        let existing = self.lock_existing(name)?;
        expect_existing(expected, existing.as_ref())?;
        self.require(name, |disk| disk.remove(name))?;
        if let Some(existing) = &existing {
            self.memory.forget(&existing.stat);
        }
        drop((existing, directory));
        count(&self.counts.removed);
        Ok(self.attempt(name, D::sync_directory).is_ok())
    }

    /// The names in the store, sorted.
    pub(super) fn list(&self) -> Result<Vec<String>, StoreError> {
        let mut names = self.require("", D::list)?;
        names.retain(|name| check_name(name).is_ok());
        names.sort();
        Ok(names)
    }

    /// Removes files on their way into the store that no writer holds and that are older than this.
    /// How many there were.
    pub(super) fn sweep(&self, age: Duration, now: SystemTime) -> Result<usize, StoreError> {
        let _directory = self.lock_directory()?;
        let mut swept = 0;
        for file in self.require(LOCK, D::list)?.into_iter().filter(|name| is_temporary(name)) {
            let Ok(open) = self.attempt(&file, |disk| disk.open(&file, Access::Write)) else {
                continue;
            };
            let Ok(stat) = self.attempt(&file, |disk| disk.stat(&open)) else { continue };
            let modified = stat.identity.mtime.time();
            let old = modified.and_then(|modified| now.duration_since(modified).ok());
            if old.is_none_or(|old| old < age) {
                continue;
            }
            // Its writer has the lock as long as it lives.
            if !self.attempt(&file, |disk| disk.try_lock(&open)).unwrap_or(false) {
                continue;
            }
            if self.attempt(&file, |disk| disk.remove(&file)).is_ok() {
                swept += 1;
                count(&self.counts.swept);
                self.report(|| Notice::Swept { file: file.clone() });
            }
        }
        Ok(swept)
    }
}
