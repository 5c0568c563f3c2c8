//! `Vary`: the request fields that an answer depends on (RFC 9110, section 12.5.5).

use http::header::{ACCEPT_ENCODING, HeaderMap, HeaderName, HeaderValue, VARY};

use super::list;

/// Adds a name to `Vary`, unless it is there or everything is.
pub(crate) fn vary(fields: &mut HeaderMap, name: HeaderName) {
    match fields.get(VARY) {
        None => {
            let _ = fields.try_insert(VARY, HeaderValue::from(name));
            return;
        }
        Some(first) if first == name.as_str() => return,
        Some(_) => {}
    }
    if list::lists(fields, &VARY, "*") || list::lists(fields, &VARY, name.as_str()) {
        return;
    }
    let mut names = list::names(fields, &VARY);
    names.push(name);
    let _ = fields.try_insert(VARY, list::value(&names));
}

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
