//! What a request asks of a sender.

use std::os::fd::OwnedFd;
use std::time::SystemTime;

use http::header::{ACCEPT, HeaderMap};
use http::{Request, Uri, Version};

use super::listing::{Form, Ticket};
use super::options::{CHUNK, SPAN, TURN};
use super::path::FilePath;
use super::settings::Settings;
use crate::answer::Asked;
use crate::field::list;

/// What a request asks of a sender.
pub(super) struct FileRequest {
    pub(super) asked: Asked,
    pub(super) target: Target,
    pub(super) now: SystemTime,
    /// How much is read before the head is sent, of a file that is not read whole by that.
    pub(super) first: usize,
    /// How much is read at once behind that.
    pub(super) chunk: usize,
    /// Whose look into a directory counts.
    pub(super) ticket: Ticket,
}

/// What is to be sent.
pub(super) enum Target {
    /// What a path names; `None`: it can name nothing. With what a client said, unless it is a handler that
    /// asks for the path.
    Path(Option<FilePath>, Option<PathRequest>),
    /// A file that is open, and the name to tell its type by.
    File(OwnedFd, Box<str>),
}

/// What the answer depends on where the request's path names no file.
pub(super) struct PathRequest {
    /// The target of the request, for which a directory may be a redirection.
    pub(super) uri: Uri,
    /// In which form a list would be; `None` where there can be none.
    pub(super) form: Option<Form>,
    /// Whether it is a browser that goes to a page; known only where there is a fallback for that.
    pub(super) goes_to_page: bool,
}

impl FileRequest {
    /// How many bytes of so many are read before the head is sent. A file of which that is not all is
    /// left to the kernel, and not kept.
    pub(super) fn first_of(&self, length: u64) -> u64 {
        let first = if length < SPAN { CHUNK } else { self.first };
        first as u64
    }

    /// How many bytes of so many are read first. What is in memory as a whole is so at once.
    pub(super) fn first_read_of(&self, length: u64) -> u64 {
        let first = self.first_of(length);
        if length > first { first.min(self.chunk as u64) } else { first }
    }

    /// Whether a file that is open will do: it is to be sent whole, and as much of it as may be by the
    /// kernel.
    pub(super) fn takes_open(&self) -> bool {
        self.first < CHUNK && self.asked.wants_whole()
    }
}

impl PathRequest {
    pub(super) fn of<B>(settings: &Settings, request: &Request<B>) -> Self {
        let (uri, fields) = (request.uri().clone(), request.headers());
        let is_directory = uri.path().is_empty() || uri.path().ends_with('/');
        // With a slash to come there is nothing yet but a redirection.
        let is_listed = settings.lookup.listed > 0 && (is_directory || !settings.lookup.slash);
        let goes_to_page = settings.lookup.fallback.is_some() && takes_pages(fields);
        Self { uri, form: is_listed.then(|| Form::of(fields)), goes_to_page }
    }
}

/// How much is read at once for a response by this version: on HTTP/2 others are sent on the same connection by turns.
pub(super) fn chunk_for(version: Version) -> usize {
    if version == Version::HTTP_2 { TURN } else { CHUNK }
}

/// Whether a page is among what the client takes (RFC 9110, section 12.5.1), by its own name.
pub(super) fn takes_pages(fields: &HeaderMap) -> bool {
    let mut lines = fields.get_all(ACCEPT).iter();
    lines.any(|line| line.as_bytes().split(|byte| *byte == b',').any(is_page))
}

fn is_page(member: &[u8]) -> bool {
    let mut parts = member.split(|byte| *byte == b';');
    let is_html =
        parts.next().map(list::trim).is_some_and(|t| t.eq_ignore_ascii_case(b"text/html"));
    is_html
        && !parts
            .map(list::pair)
            .any(|(name, value)| name.eq_ignore_ascii_case(b"q") && value.is_some_and(is_zero))
}

/// A weight that says "not at all" (RFC 9110, section 12.4.2).
fn is_zero(weight: &[u8]) -> bool {
    matches!(weight, b"0" | b"0." | b"0.0" | b"0.00" | b"0.000")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_browser_that_goes_to_a_page_is_told_from_one_that_loads_something() {
        let check = |lines: &[&str], expected| {
            let mut fields = HeaderMap::new();
            for line in lines {
                fields.append(ACCEPT, line.parse().expect("a value"));
            }
            assert_eq!(takes_pages(&fields), expected, "{lines:?}");
        };
        // Firefox, Chromium, Safari.
        check(&["text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"], true);
        check(&["application/xml, TEXT/HTML ; level=1 ; q=0.5"], true);
        check(&["image/png", "text/html"], true);
        // What is loaded by a page, and programs.
        for line in ["*/*", "text/*", "image/avif,image/webp,*/*;q=0.8", "text/css,*/*;q=0.1"] {
            check(&[line], false);
        }
        for line in ["", "text/htmlx", "application/json", "text/html;q=0", "text/html; Q=0.000"] {
            check(&[line], false);
        }
        check(&["text/html;q=0.001"], true);
        check(&[], false);
    }
}
