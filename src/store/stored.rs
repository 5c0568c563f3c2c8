//! What is known of a stored file once its head was read.

use http::Response;

use super::format::Slot;
use super::read::{Found, SlotState};
use super::sign::Signed;

/// A head that was read and is believed, with what it says of its payload.
#[derive(Clone, Debug)]
pub struct Stored {
    slot: Slot,
    state: SlotState,
    signed: Signed,
}

impl Stored {
    pub(super) fn of<F>(found: Found<F>) -> Self {
        Self { slot: found.held.slot, state: found.state, signed: found.signed }
    }

    /// Status and fields, as they were stored: without length, date and what belongs to one connection.
    #[must_use]
    pub fn head(&self) -> Response<()> {
        let mut response = Response::new(());
        *response.status_mut() = self.slot.head.status;
        response.headers_mut().clone_from(&self.slot.head.fields);
        response
    }

    /// How often the head was changed, and one. It only grows as long as the name is not removed.
    #[must_use]
    pub const fn generation(&self) -> u64 {
        self.slot.generation
    }

    /// The bytes of the payload.
    #[must_use]
    pub const fn length(&self) -> u64 {
        self.slot.payload.length
    }

    /// SHA-256 of the payload, as the head has it.
    #[must_use]
    pub const fn digest(&self) -> &[u8; 32] {
        &self.slot.payload.digest
    }

    /// The payload's id: another payload of the same bytes has another.
    #[must_use]
    pub const fn payload_id(&self) -> &[u8; 16] {
        &self.slot.payload.id
    }

    /// How it stands with the slots.
    #[must_use]
    pub const fn state(&self) -> SlotState {
        self.state
    }

    /// How it stands with the signature.
    #[must_use]
    pub const fn signed(&self) -> &Signed {
        &self.signed
    }
}
