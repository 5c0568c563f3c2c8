//! Which fields of a request become part of a stored head.

use http::header::{HeaderMap, HeaderName, HeaderValue, LAST_MODIFIED};

/// What a request says of its content, when that was last changed, and every `x-head-NAME` as `NAME`.
pub(crate) fn stored(request: &HeaderMap) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in request {
        let describes = name.as_str().starts_with("content-") && name != "content-length";
        if describes || *name == LAST_MODIFIED {
            fields.append(name.clone(), value.clone());
        }
    }
    for (name, value) in asked(request) {
        if !value.is_empty() {
            fields.append(name, value);
        }
    }
    fields
}

/// Changes a head by the `x-head-NAME` of a request: one without a value takes the field away.
pub(crate) fn change(head: &mut HeaderMap, request: &HeaderMap) {
    for (name, _) in asked(request) {
        head.remove(name);
    }
    for (name, value) in asked(request) {
        if !value.is_empty() {
            head.append(name, value);
        }
    }
}

fn asked(request: &HeaderMap) -> impl Iterator<Item = (HeaderName, HeaderValue)> {
    request.iter().filter_map(|(name, value)| {
        let name = name.as_str().strip_prefix("x-head-")?;
        Some((HeaderName::try_from(name).ok()?, value.clone()))
    })
}
