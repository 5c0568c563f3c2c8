//! A head is changed: in place where that can be, by a new file with the same payload where not.

use super::disk_ops::{DiskOps, Failure};
use super::error::{Damage, Kind, StoreError, Unfit};
use super::format::{ImageInput, Kept, Place, encode, status_fits};
use super::lock::{DirectoryLock, Lock, Locked};
use super::notice::{Notice, count};
use super::payload_writer::Source;
use super::publish::{Existing, Published, roomy};
use super::read::check_name;
use super::sign::{Distrust, Unsigned};
use super::slots::{Held, Slots};
use super::writing::Padded;
use super::{Strategy, Writing};
use crate::sys::write::{Access, Disk, Flush};

/// How often it is begun again because the file was replaced meanwhile.
const MOST_STARTS: u32 = 16;

/// How an attempt to change in place ended.
enum Step {
    Done(Published),
    /// Only a new file can have this head. With the checksum of the image that was tried in place:
    /// it may be what is found there now.
    Replace(Option<[u8; 32]>),
    /// Another file has the name now.
    Again,
}

impl<D: Disk> DiskOps<D> {
    /// Gives a file another head; with `expected` only if it has this generation.
    pub(super) fn update(
        &self,
        name: &str,
        expected: Option<u64>,
        head: &Kept,
    ) -> Result<Published, StoreError> {
        check_name(name)?;
        self.writable(name, None)?;
        for _ in 0..MOST_STARTS {
            match self.update_in_place(name, expected, head)? {
                Step::Done(published) => return Ok(published),
                Step::Again => {}
                Step::Replace(own) => match self.update_by_replacing(name, expected, head, own) {
                    Err(error) if matches!(error.kind(), Kind::Restless) => {}
                    done => return done,
                },
            }
        }
        Err(Kind::Restless.into())
    }

    fn update_in_place(
        &self,
        name: &str,
        expected: Option<u64>,
        head: &Kept,
    ) -> Result<Step, StoreError> {
        let locked = match self.lock(name, |disk| disk.open(name, Access::Write))? {
            Lock::Held(locked) => locked,
            Lock::Not(fault) if fault.is_next() => return Ok(Step::Replace(None)),
            Lock::Not(fault) if fault.is_stale() => return Ok(Step::Again),
            Lock::Not(fault) if fault.errno() == libc::ENOENT && expected.is_some() => {
                let wanted = expected.unwrap_or(0);
                return Err(Kind::Changed { wanted, found: None }.into());
            }
            Lock::Not(fault) => return Err(self.end(fault)),
        };
        let (held, equal) = self.held(name, &locked)?;
        expect(expected, Some(held.slot.generation))?;
        let image = self.next_image(name, &held, head)?;
        let fits = image.len() as u64 <= held.slot.layout.longest();
        if !fits || self.memory.is_retired(&locked.stat) {
            return Ok(Step::Replace(None));
        }
        let generation = next(held.slot.generation)?;
        let durable = self.memory.durable_slot(&locked.stat, &held);
        let durable = durable.filter(|slot| equal || *slot == held.at);
        match self.write_in_place(name, &locked, &held, durable, (&image, generation)) {
            Ok((writing, durable)) => {
                count(&self.counts.updated_in_place);
                let strategy = Strategy::InPlace;
                Ok(Step::Done(Published { generation, strategy, writing, durable }))
            }
            Err(fault) if fault.is_next() => {
                Ok(Step::Replace(image.get(8..40).and_then(|sum| sum.try_into().ok())))
            }
            Err(fault) => Err(self.end(fault)),
        }
    }

    /// What a locked file has: nobody else writes, so one read is enough. And whether both slots have it.
    fn held(&self, name: &str, locked: &Locked<'_, D>) -> Result<(Held, bool), StoreError> {
        let slots = self.slots(name, &locked.file)?;
        if slots.is_foreign() {
            // Somebody who knows more wrote one: it is not ours to write over.
            return Err(self.reject(name, Damage::of(&slots).into()));
        }
        let equal = matches!(slots, Slots::Equal(_));
        let held = match slots {
            Slots::Equal(held) | Slots::Newer(held) | Slots::One(held, _) => held,
            slots @ (Slots::Contradict | Slots::None(_)) => {
                return Err(self.reject(name, Damage::of(&slots).into()));
            }
        };
        // What is not believed must not be signed again.
        self.trust(name, &held, &locked.stat).map_err(|error| self.reject(name, error))?;
        Ok((held, equal))
    }

    fn next_image(&self, name: &str, held: &Held, head: &Kept) -> Result<Vec<u8>, StoreError> {
        let slot = &held.slot;
        let signs = self.settings.keys.signer().is_some();
        if signs && slot.signature.is_none() && self.settings.unsigned != Unsigned::Adopted {
            return Err(self.reject(name, Kind::Distrusted(Distrust::Unadopted).into()));
        }
        if !status_fits(head.status, slot.payload.length) {
            return Err(Unfit::Status(head.status).into());
        }
        let place = Place { store: self.settings.id, name: slot.place.name.clone() };
        debug_assert!(place.name.is_empty() || place.name == name, "it was looked at");
        let draft = ImageInput {
            layout: slot.layout,
            payload: &slot.payload,
            generation: next(slot.generation)?,
            place: &place,
            head,
        };
        Ok(encode(&draft, self.settings.keys.signer()).ok_or(Unfit::Long)?)
    }

    /// Writes the slot that is not needed, waits for the disk, then writes the other.
    ///
    /// One slot is on the disk and stays untouched until the new head is there: if it is not known to be,
    /// it is written once more as it is and waited for. To wait alone would not do: a sync that failed,
    /// of another process perhaps, may have left pages that look clean and are not on the disk. The same
    /// goes for the name: whoever gave it may have been stopped before it was on the disk.
    ///
    /// By which calls, and whether the name is known to be on the disk.
    fn write_in_place(
        &self,
        name: &str,
        locked: &Locked<'_, D>,
        held: &Held,
        durable: Option<usize>,
        (image, generation): (&[u8], u64),
    ) -> Result<(Writing, bool), Failure> {
        let (file, stat) = (&locked.file, &locked.stat);
        let (layout, payload) = (held.slot.layout, held.slot.payload.id);
        let retire = |fault: Failure| {
            self.memory.retire(stat);
            self.report(|| Notice::Retired { name: name.to_owned() });
            fault
        };
        let by = match self.settings.writing {
            Writing::Mapped => self.mappable(name, file, 0..layout.payload())?,
            by @ (Writing::Positional | Writing::Ring) => by,
        };
        let write = |slot, image: &Padded, flush| {
            self.commit(name, file, by, image.in_slot(layout, slot), flush)
        };
        let (durable, named) = if let Some(slot) = durable {
            (slot, true)
        } else {
            write(held.at, &Padded::new(&held.image), Flush::Data).map_err(retire)?;
            let synced = self.attempt(name, D::sync_directory).is_ok();
            // A name that an earlier sync failed to keep is kept by no later one.
            (held.at, synced && !self.memory.names_are_doubted())
        };
        let spare = 1 - durable;
        let image = Padded::new(image);
        let by = write(spare, &image, Flush::Data).map_err(|fault| {
            self.take_back(file, held, spare);
            retire(fault)
        })?;
        if named {
            self.memory.mark_durable(stat, payload, generation, spare);
        }
        // The new head is on the disk; that its twin is not yet shows to nobody.
        let _ = write(durable, &image, Flush::Nothing);
        Ok((by, named))
    }

    /// A head that was refused is not to be read by anybody, though it may be whole in the page cache: its slot
    /// gets the old one again, as far as the kernel allows. Nobody relies on its being on the disk.
    fn take_back(&self, file: &D::File, held: &Held, slot: usize) {
        let image = Padded::new(&held.image);
        for (mut bytes, mut offset) in image.in_slot(held.slot.layout, slot).into_iter().rev() {
            // What refuses this has just refused the other, and that was reported.
            while let Ok(written @ 1..) = self.disk.write(file, bytes, offset) {
                bytes = bytes.get(written..).unwrap_or_default();
                offset = offset.saturating_add(written as u64);
            }
        }
    }

    fn update_by_replacing(
        &self,
        name: &str,
        expected: Option<u64>,
        head: &Kept,
        own: Option<[u8; 32]>,
    ) -> Result<Published, StoreError> {
        let found = self.find(name, None)?;
        let slot = &found.held.slot;
        let image = self.next_image(name, &found.held, head)?;
        let fits = image.len() as u64 <= slot.layout.longest();
        let layout = if fits { slot.layout } else { roomy(image.len()).ok_or(Unfit::Long)? };
        let from = Source { file: &found.file, start: slot.layout.payload(), tail: &[] };
        let writer =
            self.copy(name, &from, slot.payload, self.temp(name, DirectoryLock::Free)?, layout);
        let writer = writer
            .map_err(|error| if error.is_damaged() { self.reject(name, error) } else { error })?;
        let plan = |existing: Option<&Existing<'_, D>>| {
            let held = existing.and_then(|existing| existing.held.as_ref().ok());
            if own.is_none() || own != held.map(|held| held.slot.checksum) {
                expect_existing(expected, existing)?;
            }
            match held {
                Some(held) if held.slot.payload == slot.payload => {
                    Ok((head.clone(), next(held.slot.generation)?))
                }
                // Another payload: this head was not meant for it until it is looked at again.
                _ => Err(Kind::Restless.into()),
            }
        };
        self.publish(name, writer, &plan)
    }

    /// Makes the two slots equal again. Whether there was something to do.
    pub(super) fn repair(&self, name: &str) -> Result<bool, StoreError> {
        let locked = match self.lock(name, |disk| disk.open(name, Access::Write))? {
            Lock::Held(locked) => locked,
            Lock::Not(fault) => return Err(self.end(fault)),
        };
        if let Slots::Equal(_) = self.slots(name, &locked.file)? {
            return Ok(false);
        }
        let (held, _) = self.held(name, &locked)?;
        if self.memory.is_retired(&locked.stat) {
            return Ok(false);
        }
        self.write_in_place(name, &locked, &held, None, (&held.image, held.slot.generation))
            .map_err(|fault| self.end(fault))?;
        count(&self.counts.repaired);
        self.report(|| Notice::Repaired { name: name.to_owned() });
        Ok(true)
    }
}

/// Whether the generation is the one that the caller wanted.
fn expect(expected: Option<u64>, found: Option<u64>) -> Result<(), StoreError> {
    match expected {
        Some(wanted) if found != Some(wanted) => Err(Kind::Changed { wanted, found }.into()),
        _ => Ok(()),
    }
}

/// The same of what has a name. One whose head is not believed has none, and it is said why: that is not
/// as if nothing were there.
pub(super) fn expect_existing<D: Disk>(
    expected: Option<u64>,
    existing: Option<&Existing<'_, D>>,
) -> Result<(), StoreError> {
    match existing.map(|existing| &existing.held) {
        Some(Err(error)) if expected.is_some() => Err(error.clone()),
        Some(Ok(held)) => expect(expected, Some(held.slot.generation)),
        Some(Err(_)) | None => expect(expected, None),
    }
}

/// The generation that follows. Behind the last one there is none, and two heads of one generation would
/// contradict each other.
pub(super) fn next(generation: u64) -> Result<u64, StoreError> {
    generation.checked_add(1).ok_or(Damage::Generation.into())
}
