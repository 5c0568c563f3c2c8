//! A file that has no name in the store yet: without any, or with one that only sweeping looks for.

use std::fmt::Write as _;
use std::sync::Arc;

use super::disk_ops::{DiskOps, Failure};
use super::error::{Kind, StoreError};
use super::lock::DirectoryLock;
use crate::sys::Refusal;
use crate::sys::write::{Disk, Onto};

/// What the name of such a file begins and ends with.
const AFFIXES: [&str; 2] = [".letterhead-", ".tmp"];

/// A file that becomes one of the store, or goes with this value.
#[derive(Debug)]
pub(super) struct Temp<D: Disk> {
    disk: Arc<D>,
    file: D::File,
    /// Its own name, if it has one.
    name: Option<String>,
}

impl<D: Disk> Drop for Temp<D> {
    fn drop(&mut self) {
        if let Some(name) = self.name.take() {
            // What cannot be removed now is left to be swept.
            let _ = self.disk.remove(&name);
        }
    }
}

impl<D: Disk> Temp<D> {
    pub(super) const fn file(&self) -> &D::File {
        &self.file
    }

    pub(super) const fn is_unnamed(&self) -> bool {
        self.name.is_none()
    }
}

/// Whether a name is one that a file has on its way into a store.
pub(super) fn is_temporary(name: &str) -> bool {
    name.starts_with(AFFIXES[0]) && name.ends_with(AFFIXES[1])
}

/// A name that nobody else has.
pub(super) fn temporary_name<D: Disk>(disk: &D) -> Result<String, Refusal> {
    let mut name = AFFIXES[0].to_owned();
    for byte in disk.random()? {
        let _ = write!(name, "{byte:02x}");
    }
    name.push_str(AFFIXES[1]);
    Ok(name)
}

impl<D: Disk> DiskOps<D> {
    /// A file without a name, or where that cannot be, one with a name of its own.
    pub(super) fn temp(&self, name: &str, directory: DirectoryLock) -> Result<Temp<D>, StoreError> {
        match self.attempt(name, D::create_unnamed) {
            Ok(file) => Ok(Temp { disk: Arc::clone(&self.disk), file, name: None }),
            Err(fault) if fault.is_next() => self.named_temp(name, directory),
            Err(fault) => Err(self.end(fault)),
        }
    }

    /// A file with a name of its own. It is locked before anybody who sweeps can see it.
    pub(super) fn named_temp(
        &self,
        name: &str,
        directory: DirectoryLock,
    ) -> Result<Temp<D>, StoreError> {
        let _locked = match directory {
            DirectoryLock::Free => Some(self.lock_directory()?),
            DirectoryLock::Held => None,
        };
        let (file, own) = self.require(name, |disk| {
            let own = temporary_name(disk)?;
            Ok((disk.create(&own)?, own))
        })?;
        let temp = Temp { disk: Arc::clone(&self.disk), file, name: Some(own) };
        // A lock that is not to be had is no reason to give up: it is young, so it is not swept.
        let _ = self.attempt(name, |disk| disk.try_lock(temp.file()));
        Ok(temp)
    }

    /// Gives it the name; the directory is locked. `Ok(Some(_))`: this file cannot get it, another one may.
    pub(super) fn give_name(
        &self,
        temp: &mut Temp<D>,
        name: &str,
        onto: Onto,
    ) -> Result<Option<Failure>, StoreError> {
        if temp.is_unnamed() {
            if onto == Onto::Nothing {
                return match self.attempt(name, |disk| disk.link(temp.file(), name)) {
                    Ok(()) => Ok(None),
                    Err(fault) if fault.is_next() => Ok(Some(fault)),
                    Err(fault) if fault.errno() == libc::EEXIST => Err(Kind::Exists.into()),
                    Err(fault) => Err(self.end(fault)),
                };
            }
            // No call replaces a name by a file that has none: first it gets one of its own.
            let _ = self.attempt(name, |disk| disk.try_lock(temp.file()));
            let own = self.attempt(name, |disk| {
                let own = temporary_name(disk)?;
                disk.link(temp.file(), &own)?;
                Ok(own)
            });
            match own {
                Ok(own) => temp.name = Some(own),
                Err(fault) if fault.is_next() => return Ok(Some(fault)),
                Err(fault) => return Err(self.end(fault)),
            }
        }
        let own = temp.name.clone().unwrap_or_default();
        match self.attempt(name, |disk| disk.rename(&own, name, onto)) {
            Ok(()) => {}
            // The directory has changed its project since the file was made.
            Err(fault) if fault.is_next() && fault.errno() == libc::EXDEV => {
                return Ok(Some(fault));
            }
            Err(fault) if fault.is_next() && onto == Onto::Nothing => {
                // Who gives names holds the lock that we hold.
                match self.attempt(name, |disk| disk.look(name)) {
                    Ok(_) => return Err(Kind::Exists.into()),
                    Err(fault) if fault.errno() == libc::ENOENT => {}
                    Err(fault) => return Err(self.end(fault)),
                }
                self.require(name, |disk| disk.rename(&own, name, Onto::Anything))?;
            }
            Err(fault) if fault.errno() == libc::EEXIST => return Err(Kind::Exists.into()),
            Err(fault) => return Err(self.end(fault)),
        }
        temp.name = None;
        self.disk.unlock(temp.file());
        Ok(None)
    }
}
