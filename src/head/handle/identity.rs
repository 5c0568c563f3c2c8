//! Which request, and which call of a named layer, a handle came with.

use std::panic::Location;
use std::sync::Arc;

use super::Head;
use crate::head::attempts::Attempt;
use crate::head::calls::CallId;
use crate::head::copies::clones_extensions;
use crate::head::shared::Shared;
use crate::head::write::Origin;
use crate::ledger::LayerName;

impl Clone for Head {
    #[track_caller]
    fn clone(&self) -> Self {
        let mut head = self.handle();
        head.origin.copied |= self.placed && clones_extensions(Location::caller());
        head
    }
}

impl Drop for Head {
    fn drop(&mut self) {
        if self.placed {
            self.shared.attempts.leave(self.origin.attempt);
        }
    }
}

impl Head {
    /// Another handle of the same head.
    pub(crate) fn handle(&self) -> Self {
        let Self { layer, call, origin, .. } = *self;
        Self { shared: Arc::clone(&self.shared), layer, call, origin, placed: false }
    }

    /// Begins an attempt: what is written with this handle from now on belongs to it. There is none
    /// if there were too many.
    #[inline]
    pub(crate) fn start_attempt(&mut self) -> (Arc<Shared>, Option<Attempt>) {
        let attempt = self.shared.attempts.start(self.origin.attempt);
        if let Some(attempt) = attempt {
            // A copy goes on while the request that it was made of may stay where it is.
            if self.placed {
                self.shared.attempts.leave(self.origin.attempt);
            }
            self.origin = Origin { attempt, ..Origin::default() };
            self.placed = true;
        } else {
            // It counts as part of the call around it: a copy and its original are one attempt.
            self.shared.attempts.leave(self.origin.attempt);
        }
        (Arc::clone(&self.shared), attempt)
    }

    /// Whether what was written in the course of `attempt` is for the response that this handle is
    /// about, as far as can be known.
    pub(super) fn counts(&self, attempt: Attempt) -> bool {
        let (attempts, own) = (&self.shared.attempts, self.origin.attempt);
        attempts.is_within(own, attempt) || attempts.is_current(attempt, own, &[])
    }

    /// Who else has this head, if somebody watches it.
    pub(crate) fn watched(&self) -> Option<&Arc<Shared>> {
        self.shared.is_watched().then_some(&self.shared)
    }

    /// The call that the request came through last, if it is one of this layer.
    pub(crate) fn call_of(&self, layer: &LayerName) -> Option<CallId> {
        self.call.filter(|_| self.layer == layer.number())
    }

    /// The call of a named layer that the request came through last.
    pub(crate) const fn call(&self) -> Option<CallId> {
        self.call
    }

    /// The request comes through a call of this layer.
    pub(crate) const fn set_call(&mut self, call: CallId, layer: &LayerName) {
        (self.call, self.layer) = (Some(call), layer.number());
    }
}
