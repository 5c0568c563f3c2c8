//! Fields that responses to some paths have, written through `Head`.

use http::{HeaderName, HeaderValue, Request};
use letterhead::Head;

/// One field, for the paths of a pattern.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pattern: String,
    name: HeaderName,
    value: HeaderValue,
}

impl Field {
    /// Reads `PATTERN: NAME: VALUE`.
    pub(crate) fn read(text: &str) -> Result<Self, String> {
        let wrong = || format!("--header: wanted 'PATTERN: NAME: VALUE', found `{text}`");
        let mut parts = text.splitn(3, ':').map(str::trim);
        let (Some(pattern), Some(name), Some(value)) = (parts.next(), parts.next(), parts.next())
        else {
            return Err(wrong());
        };
        if !pattern.starts_with(['/', '*']) {
            return Err(wrong() + ": a pattern begins with / or *");
        }
        Ok(Self {
            pattern: pattern.to_owned(),
            name: name.parse().map_err(|_| wrong())?,
            value: value.parse().map_err(|_| wrong())?,
        })
    }

    /// What lets scripts of any origin read files, ranges and validators. `OPTIONS` is answered anyway, so a
    /// preflight has them, too.
    pub(crate) fn cors() -> impl Iterator<Item = Self> {
        [
            ("access-control-allow-origin", "*"),
            ("access-control-allow-methods", "GET, HEAD, OPTIONS"),
            ("access-control-allow-headers", "*"),
            (
                "access-control-expose-headers",
                "accept-ranges, content-encoding, content-length, content-range, etag, repr-digest",
            ),
        ]
        .into_iter()
        .map(|(name, value)| Self {
            pattern: "*".to_owned(),
            name: HeaderName::from_static(name),
            value: HeaderValue::from_static(value),
        })
    }
}

/// Asks for the fields that the request's path has.
pub(crate) fn write<B>(fields: &[Field], request: &Request<B>) {
    let Ok(head) = Head::of(request.extensions()) else { return };
    let path = request.uri().path();
    for field in fields.iter().filter(|field| matches(&field.pattern, path)) {
        let _ = head.insert(field.name.clone(), field.value.clone());
    }
}

/// Whether the path is one of the pattern, in which `*` is any text, with slashes.
fn matches(pattern: &str, path: &str) -> bool {
    let Some((first, rest)) = pattern.split_once('*') else { return pattern == path };
    let Some(mut path) = path.strip_prefix(first) else { return false };
    let (between, last) = rest.rsplit_once('*').unwrap_or(("", rest));
    for part in between.split('*') {
        match path.find(part) {
            Some(at) => path = &path[at + part.len()..],
            None => return false,
        }
    }
    path.ends_with(last)
}
