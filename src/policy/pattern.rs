//! Patterns of paths and hosts, taken apart once, and what of a text they capture.

use std::borrow::Cow;

use super::Dialect;
use super::error::Fault;
use super::gate::Gate;
use super::pieces::{Piece, pieces};
use super::text::{Captures, MOST_CAPTURES, Text, assemble};
use super::uri;

/// Which requests a block is about.
#[derive(Clone, Debug)]
pub(super) struct Pattern {
    /// As it was written.
    pub(super) written: Box<str>,
    /// The names of the captures, `splat` among them; the place of each is its number.
    pub(super) names: Vec<Box<str>>,
    host: Option<Text>,
    path: Text,
}

impl Pattern {
    /// Takes apart a line that begins with a slash or with a scheme.
    pub(super) fn parse(line: &str, dialect: Dialect) -> Result<Self, Fault> {
        let (host, path) = split(line, dialect)?;
        if let Some(odd) = path.find(['?', '#']) {
            let wanted = "a path without a query and a fragment, which are not compared";
            return Err(Fault::text(wanted, &path[odd..]));
        }
        let mut names = Vec::new();
        let host = match host {
            Some(host) => Some(host_text(host, &mut names)?),
            None => None,
        };
        let path = path_text(&uri::canonical_pattern(path), dialect, &mut names)?;
        if names.len() > MOST_CAPTURES {
            let wanted = format!("at most {MOST_CAPTURES} placeholders and stars in a pattern");
            return Err(Fault::words(wanted, names.len().to_string()));
        }
        Ok(Self { written: line.into(), names, host, path })
    }

    /// The whole path, if that alone decides.
    pub(super) fn exact(&self) -> Option<&str> {
        match (&self.host, &self.path) {
            (None, Text::Exact(path)) => Some(path),
            _ => None,
        }
    }

    /// Whether every request that `other` is about is one that this is about, as far as that shows.
    pub(super) fn includes(&self, other: &Self) -> bool {
        self.written == other.written || self.host.is_none() && self.path.includes(&other.path)
    }

    /// Whether the host matters.
    pub(super) const fn has_host(&self) -> bool {
        self.host.is_some()
    }

    /// What lets most other paths be passed over.
    pub(super) fn gate(&self) -> Gate {
        self.path.gate()
    }

    /// A path with at most one star, which captures nothing, if that alone decides.
    pub(super) fn as_glob(&self) -> Option<Box<str>> {
        match (&self.host, &self.path) {
            (None, Text::Exact(path)) => Some(path.clone()),
            (None, Text::Around { before, after, .. }) => Some(format!("{before}*{after}").into()),
            (None, Text::Below(before)) if before.is_empty() => Some("/*".into()),
            _ => None,
        }
    }

    /// Whether a request for `path` of `host` is meant; if so, what it captures is in `captures`.
    ///
    /// The path is [canonical](uri::canonical), the host in lower case.
    pub(super) fn matches<'t>(
        &self,
        host: Option<&'t str>,
        path: &'t str,
        captures: &mut Captures<'t>,
    ) -> bool {
        let is_host = match &self.host {
            None => true,
            Some(wanted) => host.is_some_and(|host| wanted.matches(host, captures)),
        };
        is_host && self.path.matches(path, captures)
    }
}

/// The host and the path of a pattern.
fn split(line: &str, dialect: Dialect) -> Result<(Option<&str>, &str), Fault> {
    if line.starts_with('/') {
        return Ok((None, line));
    }
    let url = line.strip_prefix("https://").map(|rest| rest.trim_start_matches('/'));
    match (url, dialect) {
        (Some(url), Dialect::Cloudflare) if !url.is_empty() => {
            let end = url.find('/').unwrap_or(url.len());
            let (host, path) = url.split_at(end);
            Ok((Some(host), if path.is_empty() { "/" } else { path }))
        }
        (_, Dialect::Cloudflare) => {
            Err(Fault::text("a path that begins with / or a URL that begins with https://", line))
        }
        (_, Dialect::Netlify) => Err(Fault::text("a path that begins with /", line)),
    }
}

fn host_text(host: &str, names: &mut Vec<Box<str>>) -> Result<Text, Fault> {
    let host = host.strip_suffix('.').unwrap_or(host);
    let lower = host.to_ascii_lowercase();
    let is_port = |(_, port): (&str, &str)| port.bytes().all(|byte| byte.is_ascii_digit());
    if host.rsplit_once(':').is_some_and(is_port) {
        return Err(Fault::text("a host without a port, which is not compared", host));
    }
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || b"-._*:".contains(&byte);
    if !host.bytes().all(is_host) {
        return Err(Fault::text("a host of letters, digits, dots and hyphens", host));
    }
    // Names keep their letters: it is the rest that is compared in lower case.
    let pieces = pieces(host, Dialect::Cloudflare);
    let has_colon = |piece: &Piece<'_>| matches!(piece, Piece::Text(text) if text.contains(':'));
    if pieces.iter().any(has_colon) {
        return Err(Fault::text("a host of letters, digits, dots and hyphens", host));
    }
    if pieces.iter().all(|piece| matches!(piece, Piece::Text(_))) {
        return Ok(Text::Exact(lower.into()));
    }
    let lowered = pieces.into_iter().map(|piece| match piece {
        Piece::Text(text) => Piece::Text(text.to_ascii_lowercase()),
        other @ (Piece::Name(_) | Piece::Star) => other,
    });
    assemble(lowered.collect(), b'.', host, Some(names))
}

fn path_text(path: &str, dialect: Dialect, names: &mut Vec<Box<str>>) -> Result<Text, Fault> {
    let folded = match dialect {
        Dialect::Cloudflare => return assemble(pieces(path, dialect), b'/', path, Some(names)),
        Dialect::Netlify => fold(path),
    };
    let pieces = pieces(&folded, dialect);
    let stars = pieces.iter().filter(|piece| matches!(piece, Piece::Star)).count();
    let has_names = pieces.iter().any(|piece| matches!(piece, Piece::Name(_)));
    match folded.strip_suffix("/*") {
        Some(before) if stars == 1 && !has_names => Ok(Text::Below(before.into())),
        Some(_) | None if stars > 0 && !has_names => Ok(Text::Glob(folded.into())),
        Some(before) if stars == 1 => {
            // The slash of the star belongs to what is below.
            let text = assemble(self::pieces(before, dialect), b'/', path, None)?;
            Ok(text.and_below())
        }
        Some(_) | None => assemble(pieces, b'/', path, None),
    }
}

/// A path as Netlify compares it: in lower case, without a slash at the end.
pub(super) fn fold(path: &str) -> Cow<'_, str> {
    let path = path.strip_suffix('/').filter(|path| !path.is_empty()).unwrap_or(path);
    uri::lower(path)
}
