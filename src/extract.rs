//! `Head` as an axum extractor.

use std::convert::Infallible;

use axum_core::extract::{FromRequestParts, OptionalFromRequestParts};
use axum_core::response::{IntoResponse, Response};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use crate::error::Error;
use crate::head::{ErrorAnswer, Head, replace};

/// Rejects with a 500 that names the missing layer to the log, not to the client.
impl<S: Sync> FromRequestParts<S> for Head {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Self::Rejection> {
        Self::of(&parts.extensions)
    }
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
