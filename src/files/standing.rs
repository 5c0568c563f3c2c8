//! How much may be said of a version: whether it has validators, and which.

use super::dates;
use super::look::{Halt, Look, Manner, Wait};
use super::proof::{self, Settled, Writers};
use super::sender::OnChange;
use super::source::Name;
use crate::sys::{Handle, Place};

/// What may be said of a version.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// Nobody writes to it, as far as that can be known: a strong tag, a date, ranges.
    Settled,
    /// It is old enough, but somebody has it open for writing: a weak tag against which no condition
    /// holds, and ranges.
    BeingWritten,
    /// It may only grow, and perhaps does: a weak tag, and ranges.
    Growing,
    /// Its bytes may not be the last ones of its time: no validators, and so no ranges.
    Unsettled,
}

impl Look<'_> {
    /// What may be said of an opened file, before it is read.
    pub(super) fn standing(
        &self,
        file: &Name,
        handle: &Handle,
        on_change: OnChange,
    ) -> Result<Standing, Halt> {
        let settings = self.settings;
        let version = handle.stat().identity;
        let is_old = dates::age(handle.stat(), self.want.now) >= settings.settle_of(&version);
        if !is_old && settings.settled == Settled::ByAge {
            return Ok(Standing::doubtful(Standing::Unsettled, on_change));
        }
        if is_old && settings.asked_of.has(&version) {
            return Ok(Standing::Settled);
        }
        let writers = self.writers(file, handle, is_old)?;
        let is_settled = match writers {
            Writers::None => true,
            Writers::NoneYet | Writers::Unknown { .. } => is_old,
            Writers::There => false,
        };
        if !is_settled {
            let doubt = if is_old { Standing::BeingWritten } else { Standing::Unsettled };
            return Ok(Standing::doubtful(doubt, on_change));
        }
        let is_final = match writers {
            Writers::Unknown { is_lasting } => {
                settings.shared.counters.by_age.add();
                is_lasting
            }
            // Where the times do not tell of every write, a later one may make no other version.
            Writers::None | Writers::NoneYet | Writers::There => handle.place() == Place::Disk,
        };
        if is_old && is_final {
            settings.asked_of.add(&version);
        }
        Ok(Standing::Settled)
    }

    fn writers(&self, file: &Name, handle: &Handle, is_old: bool) -> Result<Writers, Halt> {
        let wait = Halt::Wait(Wait { is_shared: false });
        match self.manner {
            // Of a young file it may be decided to ask again in a while.
            Manner::Inline if !is_old => Err(wait),
            Manner::Inline => {
                proof::writers_at_once(self.settings, handle, self.want.now).ok_or(wait)
            }
            Manner::Blocking => {
                proof::writers(self.settings, file, handle, self.want.now).map_err(Halt::Trouble)
            }
        }
    }
}

impl Standing {
    /// Of a file that may be written to, by what it is said to be written for.
    fn doubtful(self, on_change: OnChange) -> Self {
        match on_change {
            OnChange::Abort => self,
            OnChange::AllowGrowth => Self::Growing,
        }
    }
}
