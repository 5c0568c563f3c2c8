//! The route that a request took and the path that it came with, where the framework knows them.

use std::sync::Arc;

use http::{Extensions, Request, Uri};

/// The matched route, as axum writes it.
#[cfg(feature = "axum")]
pub(crate) fn route(extensions: &Extensions) -> Option<Box<str>> {
    // Where there is nothing but the head, axum has not been.
    let path = (extensions.len() > 1).then(|| extensions.get::<axum::extract::MatchedPath>());
    path.flatten().map(|path| path.as_str().into())
}

/// Without axum nobody knows.
#[cfg(not(feature = "axum"))]
pub(crate) fn route(_extensions: &Extensions) -> Option<Box<str>> {
    None
}

/// The matched route, kept without a copy.
#[cfg(feature = "axum")]
#[derive(Clone, Debug)]
pub(crate) struct Route(axum::extract::MatchedPath);

#[cfg(feature = "axum")]
impl Route {
    pub(crate) fn of(extensions: &Extensions) -> Option<Self> {
        extensions.get().cloned().map(Self)
    }

    pub(crate) fn as_str(&self) -> &str {
        self.0.as_str()
    }
}

/// Without axum there is none.
#[cfg(not(feature = "axum"))]
#[derive(Clone, Debug)]
pub(crate) enum Route {}

#[cfg(not(feature = "axum"))]
impl Route {
    pub(crate) fn of(_extensions: &Extensions) -> Option<Self> {
        None
    }

    pub(crate) fn as_str(&self) -> &str {
        match *self {}
    }
}

/// The target as the client asked for it: a nested router sees only the rest of it.
#[cfg(feature = "axum")]
pub(crate) fn uri<B>(request: &Request<B>) -> &Uri {
    let original = request.extensions().get::<axum::extract::OriginalUri>();
    original.map_or(request.uri(), |original| &original.0)
}

/// The target.
#[cfg(not(feature = "axum"))]
pub(crate) fn uri<B>(request: &Request<B>) -> &Uri {
    request.uri()
}

/// The path as the client asked for it.
pub(crate) fn path<B>(request: &Request<B>) -> Arc<str> {
    uri(request).path().into()
}
