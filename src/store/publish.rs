//! A new file gets its name: its bytes are on the disk before, the name is after.

use super::disk_ops::{DiskOps, Failure};
use super::error::{Damage, Kind, StoreError, Unfit};
use super::format::{ImageInput, Kept, Layout, Place, encode, status_fits};
use super::lock::{DirectoryLock, Lock, Locked, same};
use super::notice::count;
use super::payload_writer::PayloadWriter;
use super::slots::Held;
use super::writing::Padded;
use super::{Strategy, Writing};
use crate::sys::write::{Access, Disk, Flush, Onto};
use crate::sys::{Operation, Stat};

/// What was published.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub struct Published {
    /// The generation of the head.
    pub generation: u64,
    /// How it was written.
    pub strategy: Strategy,
    /// By which calls the head was written in the end.
    pub writing: Writing,
    /// Whether it is known to outlive a loss of power. If not, the name is there, and the kernel would
    /// not say that it is on the disk.
    pub durable: bool,
}

/// What has the name already.
pub(super) struct Existing<'a, D: Disk> {
    file: Hold<'a, D>,
    pub(super) stat: Stat,
    /// Its head, or why it is not believed.
    pub(super) held: Result<Held, StoreError>,
}

enum Hold<'a, D: Disk> {
    Locked(Locked<'a, D>),
    /// It may not be written to, so nobody like us changes it in place either.
    Open(D::File),
}

/// What the head of the new file is to be, by what has the name: the head and its generation.
pub(super) type Plan<'a, D> =
    &'a dyn Fn(Option<&Existing<'_, D>>) -> Result<(Kept, u64), StoreError>;

impl<D: Disk> Hold<'_, D> {
    fn file(&self) -> &D::File {
        match self {
            Self::Locked(locked) => &locked.file,
            Self::Open(file) => file,
        }
    }
}

impl<D: Disk> Existing<'_, D> {
    pub(super) fn file(&self) -> &D::File {
        self.file.file()
    }

    pub(super) fn generation(&self) -> u64 {
        self.held.as_ref().map_or(0, |held| held.slot.generation)
    }

    fn is(&self, other: &Self) -> bool {
        same(&self.stat, &other.stat) && self.generation() == other.generation()
    }
}

impl<D: Disk> DiskOps<D> {
    /// Writes the head, and gives the file its name.
    pub(super) fn publish(
        &self,
        name: &str,
        mut writer: PayloadWriter<D>,
        plan: Plan<'_, D>,
    ) -> Result<Published, StoreError> {
        writer.complete()?;
        // All that takes long is done before the lock; under it only what was overtaken is done again.
        let before = self.existing(name)?;
        let before_now = before.as_ref();
        let mut ready = self.prepare(name, &mut writer, before_now, plan, DirectoryLock::Free)?;
        let directory = self.lock_directory()?;
        let now = self.lock_existing(name)?;
        let overtaken = match (&before, &now) {
            (Some(before), Some(now)) => !before.is(now),
            (None, None) => false,
            _ => true,
        };
        let (now_seen, held) = (now.as_ref(), DirectoryLock::Held);
        if overtaken {
            ready = self.prepare(name, &mut writer, now_seen, plan, held)?;
        }
        let onto = if now.is_some() { Onto::Anything } else { Onto::Nothing };
        let mut strategy = match onto {
            Onto::Nothing if writer.temp.is_unnamed() => Strategy::Anonymous,
            Onto::Nothing | Onto::Anything => Strategy::Replace,
        };
        if self.give_name(&mut writer.temp, name, onto)?.is_some() {
            writer = self.copy_named(name, &writer, held)?;
            ready = self.prepare(name, &mut writer, now_seen, plan, held)?;
            strategy = Strategy::Replace;
            if let Some(fault) = self.give_name(&mut writer.temp, name, onto)? {
                return Err(self.end(fault));
            }
        }
        if let Some(now) = &now {
            self.memory.forget(&now.stat);
        }
        drop((now, directory));
        count(if onto == Onto::Nothing { &self.counts.created } else { &self.counts.replaced });
        let (generation, writing) = ready;
        let durable = self.attempt(name, D::sync_directory).is_ok();
        if durable {
            if let Ok(stat) = self.attempt(name, |disk| disk.stat(writer.temp.file())) {
                self.memory.mark_durable(&stat, writer.payload().id, generation, 0);
            }
        }
        Ok(Published { generation, strategy, writing, durable })
    }

    /// Writes both slots, and waits until all of the file is on the disk. The generation of the head, and by
    /// which calls it was written.
    fn prepare(
        &self,
        name: &str,
        writer: &mut PayloadWriter<D>,
        existing: Option<&Existing<'_, D>>,
        plan: Plan<'_, D>,
        directory: DirectoryLock,
    ) -> Result<(u64, Writing), StoreError> {
        let (head, next) = plan(existing)?;
        if !status_fits(head.status, writer.payload().length) {
            return Err(Unfit::Status(head.status).into());
        }
        let mut image = self.image(name, writer.layout, writer, &head, next)?;
        if image.len() as u64 > writer.layout.longest() {
            let layout = roomy(image.len()).ok_or(Unfit::Long)?;
            *writer = self.copy_with_layout(name, writer, layout, directory)?;
            image = self.image(name, layout, writer, &head, next)?;
        }
        let image = Padded::new(&image);
        for last in [false, true] {
            match self.finish(name, writer, existing, &image)? {
                Ok(writing) => return Ok((next, writing)),
                // What a failed sync left is nothing to build on; the payload may still be read back.
                Err(fault) if fault.is_next() && !last => {
                    *writer = self.copy_named(name, writer, directory)?;
                }
                Err(fault) => return Err(self.end(fault)),
            }
        }
        Err(Kind::Restless.into())
    }

    /// Writes what is not in the file yet, the head twice, and waits for the disk. By which calls, or a fault
    /// of the sync.
    fn finish(
        &self,
        name: &str,
        writer: &mut PayloadWriter<D>,
        existing: Option<&Existing<'_, D>>,
        image: &Padded,
    ) -> Result<Result<Writing, Failure>, StoreError> {
        let layout = writer.layout;
        let slots = || [0, 1].into_iter().flat_map(|slot| image.in_slot(layout, slot));
        let resemble = |writer: &PayloadWriter<D>| {
            if let Some(existing) = existing {
                // What cannot be taken over is reported, and does without.
                let _ =
                    self.attempt(name, |disk| disk.resemble(writer.temp.file(), existing.file()));
            }
        };
        let by = self.settings.writing;
        let done = if by == Writing::Positional {
            for (bytes, offset) in slots() {
                self.write(name, writer.temp.file(), bytes, offset)?;
            }
            self.truncate(name, writer)?;
            resemble(writer);
            self.attempt(name, |disk| disk.sync_all(writer.temp.file())).map(|()| by)
        } else {
            // What is asked for at once ends with the sync; a mapping has to be within the length.
            self.make_room(name, writer)?;
            resemble(writer);
            let stretches = std::iter::once(writer.tail()).chain(slots());
            self.commit(name, writer.temp.file(), by, stretches, Flush::All)
        };
        match done {
            Err(fault) if fault.refusal.operation() != Operation::Sync => Err(self.end(fault)),
            Ok(_) => {
                writer.tail_is_written();
                Ok(done)
            }
            Err(_) => Ok(done),
        }
    }

    /// The image of a head.
    fn image(
        &self,
        name: &str,
        layout: Layout,
        writer: &PayloadWriter<D>,
        head: &Kept,
        generation: u64,
    ) -> Result<Vec<u8>, StoreError> {
        let place = Place { store: self.settings.id, name: name.to_owned() };
        let payload = writer.payload();
        let draft = ImageInput { layout, payload: &payload, generation, place: &place, head };
        Ok(encode(&draft, self.settings.keys.signer()).ok_or(Unfit::Long)?)
    }

    /// What has the name, without a lock.
    pub(super) fn existing(&self, name: &str) -> Result<Option<Existing<'_, D>>, StoreError> {
        match self.attempt(name, |disk| disk.open(name, Access::Read)) {
            Ok(file) => {
                let stat = self.require(name, |disk| disk.stat(&file))?;
                self.known(name, Hold::Open(file), stat).map(Some)
            }
            Err(fault) if fault.errno() == libc::ENOENT => Ok(None),
            Err(fault) => Err(self.end(fault)),
        }
    }

    /// What has the name, locked against changes in place.
    pub(super) fn lock_existing(&self, name: &str) -> Result<Option<Existing<'_, D>>, StoreError> {
        match self.lock(name, |disk| disk.open(name, Access::Write))? {
            Lock::Held(locked) => {
                let stat = locked.stat;
                self.known(name, Hold::Locked(locked), stat).map(Some)
            }
            Lock::Not(fault) if fault.errno() == libc::ENOENT => Ok(None),
            Lock::Not(fault) if fault.is_next() => self.existing(name),
            Lock::Not(fault) => Err(self.end(fault)),
        }
    }

    fn known<'a>(
        &self,
        name: &str,
        file: Hold<'a, D>,
        stat: Stat,
    ) -> Result<Existing<'a, D>, StoreError> {
        let held = match &file {
            // Nobody else writes: one look is enough.
            Hold::Locked(locked) => self.slots(name, &locked.file).and_then(|slots| {
                let damage = Damage::of(&slots);
                slots.into_held().ok_or(damage.into())
            }),
            Hold::Open(file) => self.settle(name, file).map(|(held, _)| held),
        };
        let held = match held {
            Ok(held) => self.trust(name, &held, &stat).map(|_| held),
            // What is damaged or cannot be read any more can still be replaced or removed.
            Err(error) if error.is_damaged() => Err(error),
            Err(error) if error.refused().is_some_and(|(_, errno)| errno == libc::EIO) => {
                Err(error)
            }
            Err(error) => return Err(error),
        };
        Ok(Existing { file, stat, held })
    }
}

/// A layout for an image, with room for it to grow.
pub(super) fn roomy(image: usize) -> Option<Layout> {
    let grown = image.saturating_add(image / 4).saturating_add(512);
    Layout::holding(grown).or_else(|| Layout::holding(image))
}
