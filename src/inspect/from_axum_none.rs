//! Without axum there is nothing of it in the extensions.

use std::net::SocketAddr;

use http::{Extensions, Uri};

/// Nothing is known.
pub(super) fn addr(_extensions: &Extensions) -> Option<SocketAddr> {
    None
}

/// Nothing is known.
pub(super) fn original(_extensions: &Extensions) -> Option<&Uri> {
    None
}
