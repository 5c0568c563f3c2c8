//! Heads to which nothing happened, or nothing but plain writes: they are committed without a record of it.

use std::sync::PoisonError;

use http::StatusCode;
use http::header::HeaderMap;

use super::landing::is_error;
use super::shared::{Record, Shared, State};
use super::stage::Life;

impl Shared {
    /// Whether plain writes wait, which all land on a response with this status; nothing if more than that happened to this
    /// head.
    #[inline]
    pub(crate) fn plain_writes(&mut self, status: StatusCode) -> Option<bool> {
        if self.has_attempted() {
            return None;
        }
        if !self.is_used() {
            return Some(false);
        }
        (!is_error(status) && self.state_mut().is_plain()).then_some(true)
    }

    /// Applies the plain writes that wait, in their order. The head is as new afterwards, and keeps the room that they took.
    pub(crate) fn apply_plain(&mut self, fields: &mut HeaderMap) {
        if let Some(record) = &mut self.state_mut().record {
            record.sealing.apply_plain(fields);
        }
        self.reuse();
    }

    fn state_mut(&mut self) -> &mut State {
        self.state.get_mut().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    /// Whether this is a new state but for plain writes.
    fn is_plain(&self) -> bool {
        self.life == Life::Open { flushed: false }
            && !self.nested
            && self.record.as_deref().is_none_or(Record::is_plain)
    }
}
