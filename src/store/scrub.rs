//! Every file is looked at to its last byte; what can be mended is, the rest is reported or put aside.

use std::sync::Arc;
use std::time::Duration;

use sha2::{Digest as _, Sha256};

use super::disk_ops::DiskOps;
use super::error::{Damage, Kind, StoreError};
use super::format::Payload;
use super::notice::Notice;
use super::read::{Found, SlotState, check_name};
use super::sign::Distrust;
use super::store::Store;
use super::task::{blocking, locking};
use crate::stream::CHUNK;
use crate::sys::write::{Disk, Onto};

/// What a [scrub](super::Store::scrub) does beyond looking.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Scrub {
    pub(super) payloads: bool,
    pub(super) repair: bool,
    pub(super) quarantine: bool,
}

/// What a [scrub](super::Store::scrub) found.
#[derive(Clone, Debug, Default)]
#[non_exhaustive]
pub struct Scrubbed {
    /// Files that are sound, those that were repaired included.
    pub sound: u64,
    /// Files whose slots were made equal again.
    pub repaired: Vec<String>,
    /// Files that cannot be served, or whose slots cannot be made equal again, and why.
    pub bad: Vec<(String, StoreError)>,
    /// Those of them that were put aside, with the name that they have now.
    pub quarantined: Vec<(String, String)>,
    /// Files of writers that are gone, removed.
    pub swept: usize,
    /// Why nothing was changed, though it was asked for: the mount is read-only, or this process may not write to
    /// the directory. Each file was looked at all the same.
    pub unrepaired: Option<StoreError>,
}

impl Scrub {
    /// Reads heads and payloads, makes slots equal where one is not whole, and changes nothing else.
    #[must_use]
    pub const fn new() -> Self {
        Self { payloads: true, repair: true, quarantine: false }
    }

    /// Reads heads only.
    #[must_use]
    pub const fn heads_only(mut self) -> Self {
        self.payloads = false;
        self
    }

    /// Changes nothing.
    #[must_use]
    pub const fn without_repair(mut self) -> Self {
        self.repair = false;
        self
    }

    pub(super) const fn changing_nothing(self) -> Self {
        Self { repair: false, quarantine: false, ..self }
    }

    /// Puts aside what is damaged or forged: it gets a hidden name in the same directory. What another key
    /// signed, or another store wrote, is only reported: that may be a matter of settings.
    #[must_use]
    pub const fn quarantine(mut self) -> Self {
        self.quarantine = true;
        self
    }
}

impl Store {
    /// Looks at every file, to its last byte if `scrub` has it so, and mends what can be mended.
    ///
    /// # Errors
    ///
    /// The directory cannot be read. What is wrong with a file is in the answer.
    pub async fn scrub(&self, scrub: Scrub) -> Result<Scrubbed, StoreError> {
        let (mut scrub, mut scrubbed) = (scrub, Scrubbed::default());
        if scrub.repair || scrub.quarantine {
            let ops = Arc::clone(&self.ops);
            let swept = match blocking(ops, |ops| ops.writable("", None)).await {
                Ok(()) if scrub.repair => self.sweep(Duration::from_secs(3600)).await,
                done => done.map(|()| 0),
            };
            match swept {
                Ok(swept) => scrubbed.swept = swept,
                // What may not be written to can be read all the same.
                Err(error) if error.is_denied() => {
                    scrub = scrub.changing_nothing();
                    scrubbed.unrepaired = Some(error);
                }
                Err(error) => return Err(error),
            }
        }
        for name in self.list().await? {
            let (ops, owned) = (Arc::clone(&self.ops), name.clone());
            match locking(ops, move |ops| ops.check(&owned, scrub)).await {
                Ok(repaired) => {
                    scrubbed.sound += 1;
                    if repaired {
                        scrubbed.repaired.push(name);
                    }
                }
                // Removed meanwhile.
                Err(error) if error.is_not_found() => {}
                Err(error) => {
                    if scrub.quarantine && error.may_be_put_aside() {
                        let (ops, owned) = (Arc::clone(&self.ops), name.clone());
                        if let Some(file) = locking(ops, move |ops| ops.quarantine(&owned)).await? {
                            scrubbed.quarantined.push((name.clone(), file));
                        }
                    }
                    scrubbed.bad.push((name, error));
                }
            }
        }
        Ok(scrubbed)
    }
}

impl Default for Scrub {
    fn default() -> Self {
        Self::new()
    }
}

impl<D: Disk> DiskOps<D> {
    /// Looks at one file. Whether its slots were made equal again.
    pub(super) fn check(&self, name: &str, scrub: Scrub) -> Result<bool, StoreError> {
        let found = self.find(name, None)?;
        if scrub.payloads {
            self.verify_payload(name, &found).map_err(|error| self.reject(name, error))?;
        }
        Ok(scrub.repair && found.state != SlotState::Equal && self.repair(name)?)
    }

    /// Reads all of a payload, and holds it against its head.
    pub(super) fn verify_payload(
        &self,
        name: &str,
        found: &Found<D::File>,
    ) -> Result<(), StoreError> {
        let Payload { id, length, digest } = found.held.slot.payload;
        let start = found.held.slot.layout.payload();
        let (mut hasher, mut at) = (Sha256::new(), 0);
        let mut buffer = vec![0; CHUNK];
        while at < length {
            let left = usize::try_from(length.saturating_sub(at)).unwrap_or(usize::MAX);
            let buffer = buffer.get_mut(..left.min(CHUNK)).unwrap_or_default();
            let offset = start.saturating_add(at);
            let read = self.require(name, |disk| disk.read(&found.file, buffer, offset))?;
            if read == 0 {
                return Err(Damage::Payload.into());
            }
            hasher.update(buffer.get(..read).unwrap_or_default());
            at = at.saturating_add(read as u64);
        }
        if digest != <[u8; 32]>::from(hasher.finalize()) {
            return Err(Damage::Payload.into());
        }
        self.memory.mark_checked(&found.stat, id);
        Ok(())
    }

    /// Whether the first byte of the payload can be had, if it has one.
    pub(super) fn first_byte(&self, name: &str, found: &Found<D::File>) -> Result<(), StoreError> {
        if found.held.slot.payload.length > 0 {
            let start = found.held.slot.layout.payload();
            let read = self.require(name, |disk| disk.read(&found.file, &mut [0], start))?;
            if read == 0 {
                return Err(Damage::Payload.into());
            }
        }
        Ok(())
    }

    /// Puts a file aside that cannot be served, if it is still the same when nobody else can change it. The
    /// name that it has then.
    pub(super) fn quarantine(&self, name: &str) -> Result<Option<String>, StoreError> {
        check_name(name)?;
        let Ok(before) = self.attempt(name, |disk| disk.look(name)) else { return Ok(None) };
        // To read a payload may take long; writers do not wait for that.
        let verdict = self.check(name, Scrub::new().without_repair());
        if !verdict.as_ref().is_err_and(StoreError::is_beyond_repair) {
            return Ok(None);
        }
        let directory = self.lock_directory()?;
        let existing = self.lock_existing(name)?;
        // Somebody has put another there, or changed it: it is looked at the next time.
        if !self.attempt(name, |disk| disk.look(name)).is_ok_and(|now| now == before) {
            return Ok(None);
        }
        let aside = self.require(name, |disk| {
            let random = u128::from_be_bytes(disk.random()?);
            let aside = format!(".letterhead-{random:032x}.bad");
            disk.rename(name, &aside, Onto::Anything)?;
            Ok(aside)
        })?;
        if let Some(existing) = &existing {
            self.memory.forget(&existing.stat);
        }
        drop((existing, directory));
        // Whether that outlives a loss of power is no matter: it would be found again.
        let _ = self.attempt(name, D::sync_directory);
        self.report(|| Notice::Quarantined { name: name.to_owned(), file: aside.clone() });
        Ok(Some(aside))
    }
}

impl StoreError {
    /// Whether this process may not write there, whatever the file.
    pub(super) fn is_denied(&self) -> bool {
        let denied = |(_, errno)| matches!(errno, libc::EROFS | libc::EACCES | libc::EPERM);
        self.refused().is_some_and(denied)
    }

    /// Whether the bytes themselves are wrong, by their own account.
    fn is_beyond_repair(&self) -> bool {
        matches!(self.kind(), Kind::Damaged(_) | Kind::Distrusted(Distrust::Forged(_)))
    }

    pub(super) fn may_be_put_aside(&self) -> bool {
        self.is_beyond_repair()
    }
}
