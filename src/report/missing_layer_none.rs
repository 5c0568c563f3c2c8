//! Handlers without a layer are not logged: the feature `tracing` is off.

use crate::error::Error;

/// Says nothing.
pub(crate) const fn tell_of_missing_layer(_route: Option<&str>, _path: &str, _error: &Error) {}
