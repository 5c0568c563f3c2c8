//! Marks of what is written in one turn of the connection's task.

use std::sync::atomic::{AtomicBool, Ordering};

use super::{H2, Watch};

/// Who writes, and who ends the turn.
#[derive(Debug, Default)]
pub(super) struct TurnMarks {
    /// A turn is under way in which hyper writes HTTP/2.
    gathers: AtomicBool,
    /// Something that was written is not with the socket, or the socket waits for more of it.
    held: AtomicBool,
    /// The next write to the socket is followed by another one at once.
    more: AtomicBool,
}

impl Watch {
    /// A turn begins. On HTTP/2, once a request has come, what is written in it is gathered.
    pub(in crate::serve) fn begin_turn(&self) {
        if self.preface.load(Ordering::Relaxed) == H2
            && self.requests.begun.load(Ordering::Relaxed) > 0
        {
            self.socket.turn.gathers.store(true, Ordering::Relaxed);
        }
    }

    /// It is over. Whether something is held back, for which hyper has to flush again.
    pub(in crate::serve) fn end_turn(&self) -> bool {
        if !self.gathers() {
            return false;
        }
        self.socket.turn.gathers.store(false, Ordering::Relaxed);
        self.socket.turn.held.load(Ordering::Relaxed)
    }

    pub(in crate::serve) fn gathers(&self) -> bool {
        self.socket.turn.gathers.load(Ordering::Relaxed)
    }

    /// Something is held back, or nothing any more.
    pub(in crate::serve) fn holds_back(&self, held: bool) {
        self.socket.turn.held.store(held, Ordering::Relaxed);
    }

    /// Whether the next write to the socket is followed by another one.
    pub(in crate::serve) fn more_follows(&self, more: bool) {
        self.socket.turn.more.store(more, Ordering::Relaxed);
    }

    pub(in crate::serve) fn has_more(&self) -> bool {
        self.socket.turn.more.load(Ordering::Relaxed)
    }
}
