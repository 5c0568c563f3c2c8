//! Words of OpenTelemetry's conventions for HTTP: methods, versions, and what failed.

use std::borrow::Cow;

use crate::error::Error;
use crate::head::{Outcome, Receipt};

/// What failed, in few words; `None` if nothing did.
pub(super) fn error_type(receipt: &Receipt) -> Option<Cow<'static, str>> {
    match (receipt.outcome(), receipt.status()) {
        (Outcome::Aborted(error), _) => Some(word(error).into()),
        (Outcome::Unwound, _) => Some("panic".into()),
        (Outcome::Dropped, _) => Some("dropped".into()),
        (Outcome::Handed | Outcome::Upgraded, Some(status)) if status.is_server_error() => {
            Some(status.as_str().to_owned().into())
        }
        // An error answer to a remote call may have the status 200.
        (Outcome::Handed | Outcome::Upgraded, Some(status)) if status.is_success() => {
            receipt.failure().map(|error| word(error).into())
        }
        (Outcome::Handed | Outcome::Upgraded, _) => None,
    }
}

/// What failed, in one word.
pub(super) const fn word(error: &Error) -> &'static str {
    if error.is_panic() {
        "panic"
    } else if error.is_length() {
        "length"
    } else if error.is_body() {
        "body"
    } else if error.is_service() {
        "service"
    } else if error.is_hook() {
        "hook"
    } else if error.is_denied() {
        "denied"
    } else if error.is_rejected() {
        "rejected"
    } else {
        "_OTHER"
    }
}
