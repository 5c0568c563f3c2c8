//! Which fields are kept, and how they are written: lines of HTTP/1.

use http::header::{
    CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, DATE, HeaderMap, HeaderName, HeaderValue, TE,
    TRAILER, TRANSFER_ENCODING, UPGRADE,
};
use http::{Response, StatusCode};

use super::Kept;
use crate::field::{list, nature};

/// What is of one connection or one moment, or what the sender of the payload says itself
/// (RFC 9110, sections 6.6.1, 7.6.1 and 8.6).
const DROPPED: [HeaderName; 8] =
    [CONNECTION, CONTENT_LENGTH, CONTENT_RANGE, DATE, TE, TRAILER, TRANSFER_ENCODING, UPGRADE];

/// Whether a field of this name is kept.
pub(crate) fn keepable(name: &HeaderName) -> bool {
    !DROPPED.contains(name)
        && name != HeaderName::from_static("keep-alive")
        && !name.as_str().starts_with("proxy-")
}

/// What of a response's head is kept.
pub(crate) fn kept<B>(response: &Response<B>) -> Kept {
    let connection = list::names(response.headers(), &CONNECTION);
    let mut fields = HeaderMap::new();
    for (name, value) in response.headers() {
        if keepable(name) && !connection.contains(name) {
            let _ = fields.try_append(name.clone(), value.clone());
        }
    }
    Kept { status: response.status(), fields }
}

/// Adds what came after the content: trailer fields that the head has no line of.
pub(crate) fn fold_trailers(head: &mut Kept, trailers: &HeaderMap) {
    let mut folded = HeaderMap::new();
    for (name, value) in trailers {
        let welcome = keepable(name) && nature::may_be_trailer(name);
        if welcome && !head.fields.contains_key(name) {
            let _ = folded.try_append(name.clone(), value.clone());
        }
    }
    for (name, value) in &folded {
        let _ = head.fields.try_append(name.clone(), value.clone());
    }
}

/// Whether a response of this status may be kept, with a payload of this length: it is a final one,
/// whole, and has content only where it may (RFC 9110, section 6.4.1).
pub(crate) fn status_fits(status: StatusCode, length: u64) -> bool {
    match status {
        StatusCode::PARTIAL_CONTENT
        | StatusCode::NOT_MODIFIED
        | StatusCode::RANGE_NOT_SATISFIABLE => false,
        StatusCode::NO_CONTENT | StatusCode::RESET_CONTENT => length == 0,
        status => status.as_u16() >= 200,
    }
}

/// The fields as lines: a name in lower case, a colon and a space, the value, a line end.
pub(super) fn lines(fields: &HeaderMap) -> Vec<u8> {
    let mut lines = Vec::new();
    for (name, value) in fields {
        lines.extend_from_slice(name.as_str().as_bytes());
        lines.extend_from_slice(b": ");
        lines.extend_from_slice(value.as_bytes());
        lines.extend_from_slice(b"\r\n");
    }
    lines
}

/// Reads lines as [`lines`] writes them; `None` for any others.
pub(super) fn parse(mut lines: &[u8]) -> Option<HeaderMap> {
    let mut fields = HeaderMap::new();
    while !lines.is_empty() {
        let (line, rest) = cut(lines, *b"\r\n")?;
        let (name, value) = cut(line, *b": ")?;
        let parsed = HeaderName::from_bytes(name).ok()?;
        if parsed.as_str().as_bytes() != name || !keepable(&parsed) {
            return None;
        }
        let value = HeaderValue::from_bytes(value).ok()?;
        fields.try_append(parsed, value).ok()?;
        lines = rest;
    }
    Some(fields)
}

/// What is before the first of these two bytes, and what is behind both.
fn cut(bytes: &[u8], both: [u8; 2]) -> Option<(&[u8], &[u8])> {
    let found = bytes.iter().position(|byte| *byte == both[0])?;
    let (before, rest) = bytes.split_at_checked(found)?;
    Some((before, rest.strip_prefix(&both)?))
}
