//! Vectors of RFC 9421, keys as openssl writes them, and odd messages.

mod base;
mod keys;
mod vectors;

use http::header::{HeaderMap, HeaderName, HeaderValue};
use http::{Method, StatusCode, Uri};

use super::{Message, Request};

/// A response and its request.
pub(super) struct Exchange {
    pub(super) status: StatusCode,
    pub(super) fields: HeaderMap,
    pub(super) method: Method,
    pub(super) uri: Uri,
    pub(super) authority: Option<String>,
    pub(super) is_secure: bool,
    pub(super) request_fields: HeaderMap,
}

impl Exchange {
    /// A 200 to a `GET` of this URI.
    pub(super) fn of(uri: &str, fields: &[(&str, &str)]) -> Self {
        let uri: Uri = uri.parse().expect("a URI");
        Self {
            status: StatusCode::OK,
            fields: map(fields),
            method: Method::GET,
            authority: uri.authority().map(ToString::to_string),
            is_secure: uri.scheme_str() == Some("https"),
            uri,
            request_fields: HeaderMap::new(),
        }
    }

    pub(super) fn message(&self) -> Message<'_> {
        Message {
            status: self.status,
            fields: &self.fields,
            request: Request {
                method: &self.method,
                uri: &self.uri,
                authority: self.authority.as_deref(),
                is_secure: self.is_secure,
                fields: &self.request_fields,
            },
        }
    }
}

pub(super) fn map(fields: &[(&str, &str)]) -> HeaderMap {
    let mut map = HeaderMap::new();
    for (name, value) in fields {
        let name = HeaderName::try_from(*name).expect("a name");
        map.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    map
}
