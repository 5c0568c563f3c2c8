//! What a panic in code of others becomes.

use crate::caught::{Payload, discard, message};
use crate::error::Kind;

/// The first of two panics, if there was one; the other is forgotten.
pub(crate) fn first_panic(
    polled: Result<(), Payload>,
    dropped: Result<(), Payload>,
) -> Option<Payload> {
    match (polled, dropped) {
        (Ok(()), Ok(())) => None,
        (Err(payload), Ok(())) | (Ok(()), Err(payload)) => Some(payload),
        (Err(payload), Err(second)) => {
            discard(second);
            Some(payload)
        }
    }
}

pub(crate) fn panicked(payload: &Payload) -> Kind {
    Kind::Panic(message(payload.as_ref()).to_owned())
}
