//! The route that a request took, where the framework knows it.

use http::Extensions;

/// The matched route, as axum writes it.
#[cfg(feature = "axum")]
pub(crate) fn route(extensions: &Extensions) -> Option<Box<str>> {
    extensions.get::<axum::extract::MatchedPath>().map(|path| path.as_str().into())
}

/// Without axum nobody knows.
#[cfg(not(feature = "axum"))]
pub(crate) fn route(_extensions: &Extensions) -> Option<Box<str>> {
    None
}
