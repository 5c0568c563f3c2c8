//! Values of a policy: as they are written, or with captures of the pattern in them.

use http::header::{CACHE_CONTROL, HeaderName, HeaderValue};

use super::dialect::MAX_LINE;
use super::error::Fault;
use super::text::Captures;
use crate::field::cache_control::is_targeted;

/// What a line gives to its field.
#[derive(Clone, Debug)]
pub(super) enum Value {
    Fixed(HeaderValue),
    Filled(Vec<Part>),
}

/// A part of a value that has captures.
#[derive(Clone, Debug)]
pub(super) enum Part {
    Text(Box<str>),
    /// The capture at this place.
    Capture(usize),
}

impl Value {
    /// Reads the value of `field`; `names` are those of the pattern's captures, if the dialect fills them in.
    pub(super) fn parse(field: &HeaderName, text: &str, names: &[Box<str>]) -> Result<Self, Fault> {
        let Ok(value) = HeaderValue::from_bytes(text.as_bytes()) else {
            return Err(Fault::text("a value without control characters", text));
        };
        let parts = parts(text, names);
        if !parts.iter().any(|part| matches!(part, Part::Capture(_))) {
            return Ok(Self::Fixed(value));
        }
        if takes_no_capture(field) {
            let wanted = format!("a value of {field} without captures, which the client chooses");
            return Err(Fault::text(wanted, text));
        }
        Ok(Self::Filled(parts))
    }

    /// The value for a request that captured this; `None` if that is no value, or one longer than a line.
    pub(super) fn with(&self, captures: &Captures<'_>) -> Option<HeaderValue> {
        match self {
            Self::Fixed(value) => Some(value.clone()),
            Self::Filled(parts) => {
                let mut text = Vec::with_capacity(128);
                for part in parts {
                    match part {
                        Part::Text(part) => text.extend_from_slice(part.as_bytes()),
                        Part::Capture(slot) => {
                            text.extend_from_slice(captures.get(*slot)?.as_bytes());
                        }
                    }
                    // A long path that is captured many times would make a head that nobody reads.
                    if text.len() > MAX_LINE {
                        return None;
                    }
                }
                HeaderValue::from_maybe_shared(bytes::Bytes::from(text)).ok()
            }
        }
    }
}

impl Value {
    /// The value as it was written; `names` are those of the pattern's captures.
    pub(super) fn text(&self, names: &[Box<str>]) -> String {
        match self {
            Self::Fixed(value) => String::from_utf8_lossy(value.as_bytes()).into_owned(),
            Self::Filled(parts) => {
                let mut text = String::new();
                for part in parts {
                    match part {
                        Part::Text(part) => text.push_str(part),
                        Part::Capture(slot) => {
                            text.push(':');
                            text.push_str(names.get(*slot).map_or("", |name| name));
                        }
                    }
                }
                text
            }
        }
    }
}

/// A text with a capture wherever a colon and one of `names` stand.
pub(super) fn parts(text: &str, names: &[Box<str>]) -> Vec<Part> {
    let mut parts = Vec::new();
    let (mut from, mut at) = (0, 0);
    while let Some(colon) = text[at..].find(':').map(|colon| at + colon) {
        at = colon + 1;
        let Some(slot) = longest(names, &text[at..]) else { continue };
        if from < colon {
            parts.push(Part::Text(text[from..colon].into()));
        }
        parts.push(Part::Capture(slot));
        at += names[slot].len();
        from = at;
    }
    if from < text.len() {
        parts.push(Part::Text(text[from..].into()));
    }
    parts
}

/// The longest of `names` that `text` begins with.
fn longest(names: &[Box<str>], text: &str) -> Option<usize> {
    let known = names.iter().enumerate().filter(|(_, name)| text.starts_with(&***name));
    known.max_by_key(|(_, name)| name.len()).map(|(slot, _)| slot)
}

/// Whether a part of the path that a client chooses must not get into the field: it would open what the field
/// closes, say who may keep or read the response, or lead elsewhere.
fn takes_no_capture(field: &HeaderName) -> bool {
    const FAMILIES: [&str; 6] = [
        "access-control-",
        "content-security-policy",
        "cross-origin-",
        "permissions-policy",
        "x-accel-",
        "x-sendfile",
    ];
    let name = field.as_str();
    FAMILIES.iter().any(|start| name.starts_with(start))
        || *field == CACHE_CONTROL
        || is_targeted(field)
        || matches!(name, "set-cookie" | "set-cookie2" | "location" | "refresh" | "vary")
        || matches!(name, "content-encoding" | "content-type" | "x-content-type-options")
        || matches!(name, "referrer-policy" | "strict-transport-security" | "x-frame-options")
        || matches!(name, "nel" | "report-to" | "reporting-endpoints" | "timing-allow-origin")
        || matches!(name, "alt-svc" | "clear-site-data" | "origin-agent-cluster")
        || matches!(name, "service-worker-allowed" | "www-authenticate" | "x-xss-protection")
}
