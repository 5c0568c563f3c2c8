//! `Head` as an axum extractor.

use std::convert::Infallible;

use axum::extract::{MatchedPath, OriginalUri};
use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode, Uri};

use crate::error::Error;
use crate::head::{ErrorAnswer, Head, replace};
use crate::report::tell_of_missing_layer;

/// Rejects with a terse 500 where there is no layer. The [`Error`] says what to do about it; with the feature `tracing`
/// it is logged in an event with the target `letterhead` and the level `WARN`, once for each route, with the fields `route`,
/// `path` and `remedy`. The client learns nothing of it.
impl<S: Sync> FromRequestParts<S> for Head {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions).inspect_err(|error| {
            let route = parts.extensions.get::<MatchedPath>().map(MatchedPath::as_str);
            tell_of_missing_layer(route, uri(parts).path(), error);
        })
    }
}

/// The target as the client asked for it: a nested router sees only the rest of it.
fn uri(parts: &Parts) -> &Uri {
    parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0)
}

/// `Option<Head>`: `None` where there is no layer.
impl<S: Sync> OptionalFromRequestParts<S> for Head {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _state: &S,
    ) -> Result<Option<Self>, Self::Rejection> {
        Ok(Self::of(&parts.extensions).ok())
    }
}

/// A terse 500; the text of the error is not sent. It is in the response's extensions, for a
/// layer that logs.
impl IntoResponse for Error {
    fn into_response(self) -> Response {
        let mut response = Response::new(axum_core::body::Body::empty());
        let answer = ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
        let (mut status, mut fields) = (StatusCode::OK, http::HeaderMap::<HeaderValue>::new());
        let content = replace(&mut status, &mut fields, answer, &|_| true);
        *response.status_mut() = status;
        *response.headers_mut() = fields;
        *response.body_mut() = content.into();
        response.extensions_mut().insert(self);
        response
    }
}
