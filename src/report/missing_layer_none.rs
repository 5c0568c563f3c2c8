//! Nobody is told of handlers that want a head where there is none: the feature that tells is off.

use crate::error::Error;

/// Tells nobody.
pub(crate) const fn tell_of_missing_layer(_route: Option<&str>, _path: &str, _error: &Error) {}
