//! The head of a 200 that is sent again and again: only its date changes.

use std::time::SystemTime;

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, DATE, ETAG, HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED};
use http::{Response, StatusCode};

use crate::answer::facts::Facts;
use crate::field::date::Date;

/// The digest of the representation (RFC 9530, section 3).
pub(crate) const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");

/// The fields of a 200, with a date that is to be replaced.
#[derive(Clone, Debug)]
pub(crate) struct Again {
    fields: HeaderMap,
    /// Before that, the clock was set back: `Last-Modified` would be another.
    modified: Option<SystemTime>,
}

impl Again {
    /// Keeps what was answered of `facts`, and the bytes that go with it: those from here on, in one piece of
    /// memory with the values that are theirs alone. `None` if there is no date.
    pub(crate) fn packed(
        mut fields: HeaderMap,
        facts: &Facts,
        bytes: &[u8],
    ) -> Option<(Self, Bytes)> {
        *fields.get_mut(DATE)? = HeaderValue::from_static("");
        let bytes = packed(bytes, &mut fields);
        Some((Self { fields, modified: facts.last_modified }, bytes))
    }

    /// The head at the time `now`; `None` if it has to be made anew.
    pub(crate) fn at(&self, now: SystemTime) -> Option<Response<()>> {
        if self.modified.is_some_and(|modified| now < modified) {
            return None;
        }
        let date = Date::of(now).value()?;
        let mut head = Response::new(());
        *head.status_mut() = StatusCode::OK;
        head.headers_mut().clone_from(&self.fields);
        // There is one: nothing has to grow.
        *head.headers_mut().get_mut(DATE)? = date;
        Some(head)
    }
}

/// Bytes, with the values behind them that nothing else has: in one piece of memory, so that a replay counts
/// references in one place, not in one for each value.
fn packed(bytes: &[u8], fields: &mut HeaderMap) -> Bytes {
    const OWN: [HeaderName; 4] = [CONTENT_LENGTH, ETAG, LAST_MODIFIED, REPR_DIGEST];
    // What was read may be in a buffer that is much larger, and is wanted back.
    let mut all = Vec::with_capacity(bytes.len() + 192);
    all.extend_from_slice(bytes);
    for value in OWN.iter().filter_map(|name| fields.get(name)) {
        all.extend_from_slice(value.as_bytes());
    }
    let mut values = Bytes::from(all);
    let bytes = values.split_to(bytes.len());
    for value in OWN {
        let Some(value) = fields.get_mut(value) else { continue };
        // They were values before.
        if let Ok(moved) = HeaderValue::from_maybe_shared(values.split_to(value.len())) {
            *value = moved;
        }
    }
    bytes
}
