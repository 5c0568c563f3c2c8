//! Where a client finds more about its response.

use http::header::{HeaderName, HeaderValue};

/// Where debuggers look for the page of a response.
pub(crate) const PAGE_LINK: HeaderName = HeaderName::from_static("x-debug-token-link");

/// The page of a response, for the client that may look at it; see [`Reporter::page`](super::Reporter::page).
///
/// The response carries it as `x-debug-token-link`, the field in which debuggers look for such a page. A response that a
/// cache for several users may keep carries none, whoever asked; see [`when_silent`](Self::when_silent).
#[derive(Clone, Debug)]
pub struct PageLink {
    pub(crate) url: HeaderValue,
    pub(crate) timing: bool,
    pub(crate) when_silent: bool,
}

impl PageLink {
    /// A page with this URL, or path of the same host; `None` if it is not visible ASCII without quotes and
    /// backslashes, as URLs are (RFC 3986).
    #[must_use]
    pub fn new(url: &str) -> Option<Self> {
        let is_plain = |byte: u8| byte.is_ascii_graphic() && byte != b'"' && byte != b'\\';
        let url = Some(url).filter(|url| !url.is_empty() && url.bytes().all(is_plain))?;
        let url = HeaderValue::from_str(url).ok()?;
        Some(Self { url, timing: false, when_silent: false })
    }

    /// Names the page in `Server-Timing` (W3C), too, as `page;desc="URL"`: there the network panel of a browser shows it.
    #[must_use]
    pub const fn in_server_timing(mut self, on: bool) -> Self {
        self.timing = on;
        self
    }

    /// Also links the page where the response says nothing to caches: neither `Cache-Control` nor `Expires`.
    ///
    /// A cache may keep such a response by its own rules (RFC 9111, section 4.2.2), so this is for clients between which and
    /// the server there is none. Without it only a response with `private` or `no-store` has a link.
    #[must_use]
    pub const fn when_silent(mut self, on: bool) -> Self {
        self.when_silent = on;
        self
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_is_visible_and_needs_no_escape() {
        for url in ["/_head/request-1", "https://host:1/a?b=%22#c"] {
            assert!(PageLink::new(url).is_some_and(|link| link.url == url), "{url}");
        }
        for url in ["", "/a b", "/a\"b", "/a\\b", "/caf\u{e9}", "/a\r\nb: c"] {
            assert!(PageLink::new(url).is_none(), "{url:?}");
        }
    }
}
