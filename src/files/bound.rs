//! How many files a sender may have open.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::choose::Miss;
use super::look::{Look, Manner};
use super::sender::FileSender;
use super::source::{Name, rule};
use crate::sys::Refusal;

impl FileSender {
    /// Has files open for no more than so many responses at once, of this sender and its clones. With 0, the
    /// default, for as many as the process may have.
    ///
    /// Beyond it a request is answered as if the process had no descriptor left: 503 with `Retry-After: 1`, unless
    /// [`recovery`](Self::recovery) has it otherwise for `EMFILE`, and [`on_refusal`](Self::on_refusal)
    /// hears of it. Nobody waits: a client that downloads slowly may hold its file for hours. What is kept in memory is
    /// served all the same.
    ///
    /// A response has one file open while it is sent, and up to three while it is looked for. The
    /// [page](Self::error_page) of an error answer is read besides.
    #[must_use]
    pub fn open_files(self, most: usize) -> Self {
        self.with(|settings| settings.bound = (most > 0).then(|| Bound::new(most)))
    }
}

/// A number of responses.
pub(super) struct Bound {
    most: usize,
    open: AtomicUsize,
}

/// Leave to have a file open, given back when it is dropped.
pub(super) struct Leave(Arc<Bound>);

impl Bound {
    fn new(most: usize) -> Arc<Self> {
        Arc::new(Self { most, open: AtomicUsize::new(0) })
    }

    fn leave(self: &Arc<Self>) -> Option<Leave> {
        if self.open.fetch_add(1, Ordering::Relaxed) >= self.most {
            self.open.fetch_sub(1, Ordering::Relaxed);
            return None;
        }
        Some(Leave(Arc::clone(self)))
    }
}

impl Drop for Leave {
    fn drop(&mut self) {
        self.0.open.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Look<'_> {
    /// Asks for leave to have a file open, unless it has it.
    pub(super) fn take_leave(&mut self, name: impl FnOnce() -> Name) -> Result<(), Miss> {
        let Some(bound) = self.settings.bound.as_ref().filter(|_| self.leave.is_none()) else {
            return Ok(());
        };
        self.leave = bound.leave();
        if self.leave.is_some() {
            return Ok(());
        }
        if self.manner == Manner::Inline {
            return Err(Miss::Wait);
        }
        let refusal = Refusal::too_many_open();
        let ruling = rule(self.settings, &name(), &refusal, u32::MAX, false);
        Err(Miss::Refused(refusal, ruling))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_more_leave_is_given_than_there_is() {
        let bound = Bound::new(2);
        let first = bound.leave();
        let second = bound.leave();
        assert!(first.is_some() && second.is_some());
        assert!(bound.leave().is_none() && bound.leave().is_none());
        drop(first);
        let third = bound.leave();
        assert!(third.is_some() && bound.leave().is_none());
        drop((second, third));
        assert_eq!(bound.open.load(Ordering::Relaxed), 0);
    }
}
