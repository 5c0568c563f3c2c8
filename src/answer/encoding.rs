//! Answers where a client chooses between codings, and what caches have to know of it.

use std::time::SystemTime;

use http::StatusCode;
use http::header::{ACCEPT_ENCODING, HeaderMap};

use crate::answer::decide::Answer;
use crate::answer::facts::vary;
use crate::answer::head;

/// Adds `accept-encoding` to the `Vary` of an answer, unless it is there.
///
/// Whatever is answered where several codings are offered depends on that field of the request: also
/// a 404 or another error of your own.
///
/// # Examples
///
/// ```
/// use http::HeaderMap;
/// use letterhead::answer::vary_by_encoding;
///
/// let mut fields = HeaderMap::new();
/// fields.insert("vary", "origin".parse().unwrap());
/// vary_by_encoding(&mut fields);
/// assert_eq!(fields["vary"], "origin, accept-encoding");
/// ```
pub fn vary_by_encoding(fields: &mut HeaderMap) {
    vary(fields, ACCEPT_ENCODING);
}

impl Answer {
    /// 406: it is there, but in no coding that the client takes (RFC 9110, section 12.5.3).
    #[must_use]
    pub fn not_acceptable(now: SystemTime) -> Self {
        let mut head = head::bare(StatusCode::NOT_ACCEPTABLE, now);
        vary_by_encoding(head.headers_mut());
        Self::NotAcceptable(head)
    }

    /// 404, where several codings would be offered if there were one.
    #[must_use]
    pub fn not_found(now: SystemTime) -> Self {
        let mut head = head::bare(StatusCode::NOT_FOUND, now);
        vary_by_encoding(head.headers_mut());
        Self::NotFound(head)
    }
}
