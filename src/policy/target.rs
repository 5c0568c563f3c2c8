//! Where a redirect leads: a path of the same site, or a URL, with captures of the path asked for.

use super::dialect::MAX_LINE;
use super::error::Fault;
use super::text::Captures;
use super::uri;
use super::value::{Part, parts};

/// The target of one line, taken apart.
#[derive(Clone, Debug)]
pub(super) struct Target {
    /// `https://` and a host, without a slash.
    origin: Option<Box<str>>,
    path: Vec<Part>,
    query: Option<Vec<Part>>,
    fragment: Option<Vec<Part>>,
}

impl Target {
    /// Takes a target apart; `names` are those of the pattern's captures.
    pub(super) fn parse(text: &str, names: &[Box<str>]) -> Result<Self, Fault> {
        let (rest, fragment) = split(text, '#');
        let (rest, query) = split(rest, '?');
        let (origin, path) = match rest.strip_prefix("https://") {
            Some(rest) => {
                let (host, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
                check_host(host, text, names)?;
                let origin = format!("https://{}", host.to_ascii_lowercase());
                (Some(origin.into()), if path.is_empty() { "/" } else { path })
            }
            None if rest.starts_with('/') => (None, rest),
            None => {
                let wanted = "a path that begins with / or a URL that begins with https://";
                return Err(Fault::text(wanted, text));
            }
        };
        let encoded = |text: &str, kept: &[u8]| {
            let encoded = |part| match part {
                Part::Text(text) => Part::Text(uri::encoded(&text, kept).into()),
                Part::Capture(slot) => Part::Capture(slot),
            };
            parts(text, names).into_iter().map(encoded).collect()
        };
        let path = encoded(path, b"");
        let query = query.map(|query| encoded(query, b"?"));
        let fragment = fragment.map(|fragment| encoded(fragment, b"?#"));
        Ok(Self { origin, path, query, fragment })
    }

    /// Whether it names a host.
    pub(super) const fn has_host(&self) -> bool {
        self.origin.is_some()
    }

    /// The path for a request that captured this.
    ///
    /// A path of the same site has no empty segments and none of dots: with two slashes in front it
    /// would name a host.
    pub(super) fn path(&self, captures: &Captures<'_>) -> String {
        let mut path = String::new();
        fill(&mut path, &self.path, captures, str::to_owned);
        if self.has_host() { path } else { uri::resolved(&path) }
    }

    /// The path, and its own query or else that of the request.
    pub(super) fn path_and_query(&self, captures: &Captures<'_>, query: Option<&str>) -> String {
        let mut target = self.path(captures);
        match (&self.query, query) {
            (Some(own), _) => {
                target.push('?');
                fill(&mut target, own, captures, as_value);
            }
            (None, Some(query)) => {
                target.push('?');
                target.push_str(&uri::encoded(query, b"?"));
            }
            (None, None) => {}
        }
        target
    }

    /// The whole of it, for `Location`.
    pub(super) fn location(&self, captures: &Captures<'_>, query: Option<&str>) -> String {
        let mut location = self.origin.as_deref().unwrap_or_default().to_owned();
        location.push_str(&self.path_and_query(captures, query));
        if let Some(fragment) = &self.fragment {
            location.push('#');
            fill(&mut location, fragment, captures, str::to_owned);
        }
        location
    }
}

fn split(text: &str, mark: char) -> (&str, Option<&str>) {
    text.split_once(mark).map_or((text, None), |(before, after)| (before, Some(after)))
}

/// Whoever chooses a part of the host chooses where the redirect leads.
fn check_host(host: &str, whole: &str, names: &[Box<str>]) -> Result<(), Fault> {
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
    let (name, port) = split(host, ':');
    if parts(host, names).iter().any(|part| matches!(part, Part::Capture(_))) {
        return Err(Fault::text("a host without captures, which the client chooses", whole));
    }
    let is_port = |port: &str| port.parse::<u16>().is_ok();
    if name.is_empty() || !name.bytes().all(is_host) || !port.is_none_or(is_port) {
        return Err(Fault::text("a host of letters, digits, dots and hyphens", whole));
    }
    Ok(())
}

fn fill(out: &mut String, parts: &[Part], captures: &Captures<'_>, coded: fn(&str) -> String) {
    for part in parts {
        // What is longer than a line may be leads nowhere, and need not be whole.
        if out.len() > MAX_LINE {
            return;
        }
        match part {
            Part::Text(text) => out.push_str(text),
            Part::Capture(slot) => out.push_str(&coded(captures.get(*slot).unwrap_or(&""))),
        }
    }
}

/// A capture as the value of a query's parameter: it begins no other one.
fn as_value(capture: &str) -> String {
    let mut out = String::with_capacity(capture.len());
    for letter in capture.chars() {
        match letter {
            '&' => out.push_str("%26"),
            '+' => out.push_str("%2B"),
            ';' => out.push_str("%3B"),
            '=' => out.push_str("%3D"),
            other => out.push(other),
        }
    }
    out
}
