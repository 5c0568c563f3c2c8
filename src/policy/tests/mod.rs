//! Files, exchanges and the heads that come of both, as tables beside this file.

mod explain;
mod heads;
mod originals;
mod redirects;
mod refusals;

use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::*;

/// What most requests ask for costs no allocation.
#[test]
fn a_path_in_canonical_form_is_not_copied() {
    for path in ["/", "/a", "/a/b.html", "/a-b_c~d/", "/a.b/c..d", "/a:b;c=d,e@f", "/.well-known"] {
        let canonical = uri::canonical(path);
        let is_borrowed = matches!(canonical, std::borrow::Cow::Borrowed(_));
        assert_eq!(is_borrowed, !path.starts_with("/."), "{path}");
        assert_eq!(canonical, path);
    }
}

/// The dialect that a title begins with, and the title.
fn dialect(title: &str) -> Dialect {
    if title.starts_with("netlify: ") { Dialect::Netlify } else { Dialect::Cloudflare }
}

/// The parts of a table: each a line that begins with the mark, and the lines behind it.
fn parts<'a>(text: &'a str, mark: &str) -> Vec<(&'a str, &'a str)> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(at) = find(rest, mark) {
        let part = &rest[at + mark.len()..];
        let end = find(part, mark).unwrap_or(part.len());
        let (title, body) = part[..end].split_once('\n').expect("a title");
        parts.push((title, body));
        rest = &part[end..];
    }
    parts
}

/// Where the first line begins that begins with `mark`.
fn find(text: &str, mark: &str) -> Option<usize> {
    if text.starts_with(mark) { Some(0) } else { text.find(&format!("\n{mark}")).map(|at| at + 1) }
}

/// `name: value` lines as fields.
fn fields(text: &str) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for line in text.lines().filter(|line| !line.is_empty()) {
        let (name, value) = line.split_once(": ").expect("a field");
        let name = HeaderName::from_bytes(name.as_bytes()).expect("a name");
        fields.append(name, HeaderValue::from_bytes(value.as_bytes()).expect("a value"));
    }
    fields
}

/// Fields as sorted lines.
fn lines(fields: &HeaderMap) -> String {
    let line = |(name, value): (&HeaderName, &HeaderValue)| {
        format!("{name}: {}\n", String::from_utf8_lossy(value.as_bytes()))
    };
    let mut lines: Vec<_> = fields.iter().map(line).collect();
    lines.sort();
    lines.concat()
}
