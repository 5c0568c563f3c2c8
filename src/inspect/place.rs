//! Where the pages stand in the application, and which of them is asked for.

use http::Request;

use super::from_axum;

/// A page, and what stands before it in every link.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Place {
    /// Without a slash at the end; empty at the root.
    pub(super) base: String,
    pub(super) page: Page,
    /// The URL says that JSON is asked for.
    pub(super) json: bool,
}

/// What there is to see.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Page {
    List,
    Exchange(u64),
    /// An exchange by the number of its request.
    Request(u64),
    Events,
    Style,
    Script,
    /// Signed trees.
    Trust,
    /// A form for the token.
    Token,
    Unknown,
}

impl Place {
    /// Reads the path of a request, whether `mount` was taken off it or not.
    pub(super) fn of<B>(request: &Request<B>, mount: &str) -> Self {
        let own = request.uri().path();
        let original = from_axum::original(request.extensions()).map(http::Uri::path);
        let (rest, base) = match (under(own, mount), original) {
            (Some(rest), None) => (rest, own.strip_suffix(rest).unwrap_or(mount)),
            (Some(rest), Some(original)) => (rest, before(original, rest, mount)),
            // axum says that nothing was taken off: the path is not one of the pages'.
            (None, Some(original)) if original == own => {
                return Self { base: mount.to_owned(), page: Page::Unknown, json: false };
            }
            (None, Some(original)) => (own, before(original, own, mount)),
            (None, None) => (own, mount),
        };
        let base = base.trim_end_matches('/');
        // Two slashes at the beginning would be a host; browsers take a backslash for one.
        let base = match base.trim_start_matches(['/', '\\']) {
            "" => String::new(),
            base => format!("/{base}"),
        };
        let name = rest.trim_matches('/');
        let (name, json) = name.strip_suffix(".json").map_or((name, false), |name| (name, true));
        let page = match name {
            "" if !json => Page::List,
            "index" => Page::List,
            "events" if !json => Page::Events,
            "style.css" if !json => Page::Style,
            "script.js" if !json => Page::Script,
            "trust" => Page::Trust,
            "token" if !json => Page::Token,
            name => match name.strip_prefix(REQUEST) {
                Some(rest) => number(rest).map_or(Page::Unknown, Page::Request),
                None => number(name).map_or(Page::Unknown, Page::Exchange),
            },
        };
        Self { base, page, json }
    }
}

/// What stands before the number of a request.
const REQUEST: &str = "request-";

/// The path of the page of a request, where the pages stand at `mount`.
pub(super) fn of_request(mount: &str, number: u64) -> String {
    format!("{mount}/{REQUEST}{number}")
}

/// A number as the pages write it.
fn number(name: &str) -> Option<u64> {
    let plain = name.bytes().all(|byte| byte.is_ascii_digit()) && !name.starts_with('0');
    if plain { name.parse().ok() } else { None }
}

/// What is left of a path behind `mount`.
fn under<'a>(path: &'a str, mount: &str) -> Option<&'a str> {
    let rest = path.strip_prefix(mount)?;
    (rest.is_empty() || rest.starts_with('/')).then_some(rest)
}

/// What stands in a path before `rest`.
fn before<'a>(path: &'a str, rest: &str, mount: &'a str) -> &'a str {
    if rest == "/" {
        return path;
    }
    path.strip_suffix(rest).unwrap_or(mount)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(path: &str, base: &str, page: Page, json: bool) {
        let request = Request::builder().uri(path).body(()).expect("a request");
        let expected = Place { base: base.to_owned(), page, json };
        assert_eq!(Place::of(&request, "/_head"), expected, "{path}");
    }

    #[test]
    fn a_path_is_read_with_and_without_its_prefix() {
        for prefix in ["/_head", ""] {
            let check = |rest: &str, page, json| {
                check(&format!("{prefix}{rest}"), "/_head", page, json);
            };
            check("/", Page::List, false);
            check("/index.json", Page::List, true);
            check("/42", Page::Exchange(42), false);
            check("/42/", Page::Exchange(42), false);
            check("/42.json", Page::Exchange(42), true);
            check("/request-42", Page::Request(42), false);
            check("/request-42.json", Page::Request(42), true);
            check("/events", Page::Events, false);
            check("/style.css", Page::Style, false);
            check("/script.js", Page::Script, false);
            check("/token", Page::Token, false);
            check("/trust", Page::Trust, false);
            check("/trust.json", Page::Trust, true);
            for unknown in [
                "/request-",
                "/request-042",
                "/042",
                "/0",
                "/+1",
                "/-1",
                "/1.5",
                "/99999999999999999999",
                "/a",
                "/events.json",
            ] {
                check(unknown, Page::Unknown, unknown == "/events.json");
            }
        }
        check("/_head", "/_head", Page::List, false);
        check("/_header", "/_head", Page::Unknown, false);
    }
}
