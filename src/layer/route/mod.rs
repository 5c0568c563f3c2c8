//! The route that a request took and the path that it came with, where the framework knows them.

use std::sync::Arc;

use http::{Extensions, Request};

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

/// The path as the client asked for it: a nested router sees only the rest of it.
#[cfg(feature = "axum")]
pub(crate) fn path<B>(request: &Request<B>) -> Arc<str> {
    let original = request.extensions().get::<axum::extract::OriginalUri>();
    original.map_or(request.uri(), |original| &original.0).path().into()
}

/// The path.
#[cfg(not(feature = "axum"))]
pub(crate) fn path<B>(request: &Request<B>) -> Arc<str> {
    request.uri().path().into()
}
