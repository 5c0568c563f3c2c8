//! Reading a head: the slots, what they say together, and whether that is to be believed.

use super::disk_ops::{DiskOps, Failure};
use super::error::{Damage, Kind, StoreError};
use super::format::Flaw;
use super::notice::{Notice, count};
use super::sign::Signed;
use super::slots::{Held, Raw, Slots};
use crate::sys::Stat;
use crate::sys::write::{Access, Disk};

/// How often the slots are read while none is whole. In one read both can be torn, if the writer
/// went from one to the other meanwhile; at any moment only one is.
const MOST_READS: u32 = 64;

/// How often they are read until a slot that is not whole is taken for damaged.
const ENOUGH_READS: u32 = 16;

/// How often a name is followed again.
const MOST_STARTS: u32 = 4;

/// A head that is believed, and its file.
#[derive(Debug)]
pub(super) struct Found<F> {
    pub(super) file: F,
    pub(super) stat: Stat,
    pub(super) held: Held,
    pub(super) state: SlotState,
    pub(super) signed: Signed,
}

/// How it stands with the two slots.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum SlotState {
    /// Both are the same, as they are at rest.
    Equal,
    /// One is newer: somebody updates, or was stopped while doing so.
    Unequal,
    /// One is not whole.
    OneBad,
}

impl<D: Disk> DiskOps<D> {
    /// Opens a file and reads its head. It takes no lock.
    pub(super) fn find(
        &self,
        name: &str,
        least: Option<u64>,
    ) -> Result<Found<D::File>, StoreError> {
        check_name(name)?;
        for _ in 0..MOST_STARTS {
            match self.attempt(name, |disk| disk.open(name, Access::Read)) {
                Ok(file) => match self.look(name, &file) {
                    Ok(stat) => return self.believe(name, file, stat, least),
                    Err(fault) if fault.is_stale() => {}
                    Err(fault) => return Err(self.end(fault)),
                },
                Err(fault) if fault.is_stale() => {}
                Err(fault) => return Err(self.end(fault)),
            }
        }
        Err(Kind::Restless.into())
    }

    fn look(&self, name: &str, file: &D::File) -> Result<Stat, Failure> {
        self.attempt(name, |disk| disk.stat(file))
    }

    /// Reads the head of an open file, and believes it or not.
    pub(super) fn believe(
        &self,
        name: &str,
        file: D::File,
        stat: Stat,
        least: Option<u64>,
    ) -> Result<Found<D::File>, StoreError> {
        let (held, state) = self.settle(name, &file).map_err(|error| self.reject(name, error))?;
        let signed = self.trust(name, &held, &stat).and_then(|signed| match least {
            Some(wanted) if held.slot.generation < wanted => {
                Err(Kind::Older { wanted, found: held.slot.generation }.into())
            }
            _ => Ok(signed),
        });
        let signed = signed.map_err(|error| self.reject(name, error))?;
        count(&self.counts.read);
        Ok(Found { file, stat, held, state, signed })
    }

    /// Reads until the slots say something.
    pub(super) fn settle(
        &self,
        name: &str,
        file: &D::File,
    ) -> Result<(Held, SlotState), StoreError> {
        let mut reads = 1;
        let mut raw = self.raw(name, file)?;
        let mut slots = raw.judge();
        loop {
            match slots {
                Slots::Equal(held) => return Ok((held, SlotState::Equal)),
                Slots::Newer(held) => return Ok((held, SlotState::Unequal)),
                // No writer makes a slot unreadable.
                Slots::One(held, flaw) if reads >= ENOUGH_READS || flaw == Flaw::Unreadable => {
                    count(&self.counts.bad_slots);
                    let slot = 1 - held.at;
                    self.report(|| Notice::BadSlot { name: name.to_owned(), slot, flaw });
                    return Ok((held, SlotState::OneBad));
                }
                Slots::None(flaws) if reads >= MOST_READS => {
                    return Err(Damage::Slots(flaws).into());
                }
                Slots::Contradict if reads >= MOST_READS => {
                    return Err(Damage::Contradiction.into());
                }
                // A writer may be at work.
                Slots::One(..) | Slots::None(_) | Slots::Contradict => {
                    self.disk.give_way();
                }
            }
            reads += 1;
            let again = self.raw(name, file)?;
            // The same bytes say the same.
            if again != raw {
                slots = again.judge();
                raw = again;
            }
        }
    }

    /// Reads both slots, once.
    pub(super) fn slots(&self, name: &str, file: &D::File) -> Result<Slots, StoreError> {
        Ok(self.raw(name, file)?.judge())
    }

    fn raw(&self, name: &str, file: &D::File) -> Result<Raw, StoreError> {
        Raw::read(|offset, length| {
            let mut bytes = vec![0; length];
            let read = self.require(name, |disk| disk.read(file, &mut bytes, offset))?;
            bytes.truncate(read);
            Ok(bytes)
        })
    }

    /// Whether a head that is whole is the one of this file, by somebody who is trusted.
    pub(super) fn trust(&self, name: &str, held: &Held, stat: &Stat) -> Result<Signed, StoreError> {
        let slot = &held.slot;
        let (wanted, found) = (slot.file_length(), stat.identity.size);
        if wanted != found {
            return Err(Damage::Length { wanted, found }.into());
        }
        if slot.place.store != self.settings.id {
            let hex = |id: &[u8; 16]| format!("the store {:032x}", u128::from_be_bytes(*id));
            let (wanted, found) = (hex(&self.settings.id), hex(&slot.place.store));
            return Err(Kind::Foreign { wanted, found }.into());
        }
        if !slot.place.name.is_empty() && slot.place.name != name {
            let (wanted, found) = (format!("{name:?}"), format!("{:?}", slot.place.name));
            return Err(Kind::Foreign { wanted, found }.into());
        }
        // An image that was believed once is believed again: its checksum names it.
        let signature = slot.signature.as_ref();
        if let Some(key) = signature.and_then(|_| self.memory.signer(&slot.checksum)) {
            return Ok(Signed::By(key));
        }
        match self.settings.keys.judge(slot, &held.image, self.settings.unsigned) {
            Ok(Signed::By(key)) => {
                self.memory.mark_signed(slot.checksum, key.clone());
                Ok(Signed::By(key))
            }
            Ok(signed) => Ok(signed),
            Err(distrust) => Err(Kind::Distrusted(distrust).into()),
        }
    }
}

/// A name that a file in a store can have: one component of a path, not hidden.
pub(super) fn check_name(name: &str) -> Result<(), StoreError> {
    let odd = |byte: u8| matches!(byte, 0 | b'/');
    if name.is_empty() || name.starts_with('.') || name.len() > 255 || name.bytes().any(odd) {
        return Err(Kind::Name(name.to_owned()).into());
    }
    Ok(())
}
