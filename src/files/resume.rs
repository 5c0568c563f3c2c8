//! Ranges that would put two versions into one file of the client's.

use http::StatusCode;

use super::context::Context;
use super::dates;
use crate::answer::Facts;
use crate::head::ErrorAnswer;
use crate::sys::Stat;

/// Whether the client asks for the rest of a file that was changed lately, and does not say of which version.
pub(super) fn resumes_blindly(context: &Context<'_>, facts: &Facts, stat: &Stat) -> bool {
    !context.settings.versions.blind.is_zero()
        && context.request.asked.resumes_blindly(facts)
        && dates::age(stat, context.request.now) < context.settings.versions.blind
}

/// The state of the resource is not the one that the client may have met (RFC 9110, section 15.5.10). No 503: aria2
/// waits after one, and asks again.
pub(super) fn refused() -> ErrorAnswer {
    ErrorAnswer::new(StatusCode::CONFLICT)
}
