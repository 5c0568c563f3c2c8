//! How much may be said of a version: whether it has validators, and which.

use super::options::OnChange;

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

impl Standing {
    /// Of a file that may be written to, by what it is said to be written for.
    pub(super) fn doubtful(self, on_change: OnChange) -> Self {
        match on_change {
            OnChange::Abort => self,
            OnChange::AllowGrowth => Self::Growing,
        }
    }
}
