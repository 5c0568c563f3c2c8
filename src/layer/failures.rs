//! What failed before the commit of a head, written down once.

use http::StatusCode;

use crate::error::{Error, WithCauses};
use crate::head::{Note, Record, Shared};

/// Notes what failed before the commit of a head.
pub(crate) fn note_failure(shared: &Shared, error: Error) {
    let mut state = shared.lock();
    let record = state.record();
    if record.failure.is_none() {
        record.failure = Some(error);
        return;
    }
    drop(state);
    // The first failure is the cause; what failed while it was answered is a note.
    let note = Note::AlsoFailed(WithCauses(&error).to_string());
    shared.lock().record().notes.push(note);
}

/// A failure that was answered further in is not this response's if this one is a success: the
/// service was called again, or for a part of it only. Of a remote call the status does not tell.
pub(super) fn note_other_attempt(is_call: bool, status: Option<StatusCode>, record: &mut Record) {
    let is_success = status.is_some_and(|status| status.as_u16() < 400);
    if is_success && !is_call {
        if let Some(failure) = record.failure.take() {
            record.notes.push(Note::AlsoFailed(WithCauses(&failure).to_string()));
        }
    }
}
