//! `_redirects`: which paths lead elsewhere.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::StatusCode;
use http::header::HeaderValue;

use super::dialect::MAX_LINE;
use super::error::{Fault, PolicyError, PolicyErrors};
use super::gate::{Ends, Gate};
use super::pattern::Pattern;
use super::target::Target;
use super::text::Captures;
use super::{Dialect, uri};

/// The most lines of a `_redirects` file that lead somewhere. Cloudflare documents 2,100.
pub const MAX_REDIRECTS: usize = 10_000;

/// Which paths lead elsewhere: a `_redirects` file, parsed.
///
/// It is what Cloudflare's and Netlify's files have in common: a path, a target and a status in each line;
/// `*` and `:name` in the path, `:splat` and `:name` in the target. Without a status it is 302. The first line
/// that matches counts. Paths are compared as in a [policy](crate::policy::Dialect::Cloudflare).
///
/// # Examples
///
/// ```
/// use letterhead::policy::{Redirect, Redirects};
///
/// let redirects = Redirects::parse("_redirects", "/blog/:year/* /:splat?from=:year 301\n")?;
/// let Some(Redirect::To { status, location, .. }) = redirects.find("/blog/2024/a%20b", None) else {
///     panic!("no redirect");
/// };
/// assert_eq!((status.as_u16(), location.to_str()?), (301, "/a%20b?from=2024"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub struct Redirects {
    name: Arc<str>,
    lines: Vec<Line>,
    /// The lines with one path.
    exact: BTreeMap<Box<str>, usize>,
    /// All other lines, and which paths they can be about.
    open: Vec<(Gate, usize)>,
}

#[derive(Clone, Debug)]
struct Line {
    number: usize,
    pattern: Pattern,
    target: Target,
    status: StatusCode,
}

/// Where a path leads.
#[derive(Clone, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Redirect {
    /// The client is to ask elsewhere.
    To {
        /// 301, 302, 303, 307 or 308.
        status: StatusCode,
        /// A path with a query, or a URL; it never begins with two slashes.
        location: HeaderValue,
        /// The number of the line, from 1.
        line: usize,
    },
    /// The client gets what another path of the site has and sees no redirect: a line with status 200.
    Rewrite {
        /// The path, percent-encoded, and the query if there is one.
        target: String,
        /// The number of the line, from 1.
        line: usize,
    },
}

impl Redirects {
    /// Reads the text of a file; `name` is what errors call it, as `_redirects`.
    ///
    /// # Errors
    ///
    /// Every bad line, and every line with what only one of the dialects has, or neither of them can mean here:
    /// conditions, captures of the query, other hosts to be fetched from, `!` behind the status.
    pub fn parse(name: impl Into<Arc<str>>, text: &str) -> Result<Self, PolicyErrors> {
        let mut redirects =
            Self { name: name.into(), lines: Vec::new(), exact: BTreeMap::new(), open: Vec::new() };
        let mut errors = Vec::new();
        let mut known = BTreeMap::new();
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        for (at, text) in text.split('\n').enumerate() {
            let line = match line(at + 1, text) {
                Ok(Some(line)) => redirects.add(line, &mut known),
                Ok(None) => Ok(()),
                Err(fault) => Err(fault),
            };
            if let Err(fault) = line {
                let file = Arc::clone(&redirects.name);
                errors.push(PolicyError { file, line: at + 1, fault });
            }
        }
        if errors.is_empty() { Ok(redirects) } else { Err(PolicyErrors(errors)) }
    }

    fn add(&mut self, line: Line, known: &mut BTreeMap<Box<str>, usize>) -> Result<(), Fault> {
        let path = line.pattern.written.clone();
        if let Some(first) = known.get(&path) {
            let wanted = format!("a path that line {first} does not have");
            return Err(Fault::text(wanted, &path));
        }
        known.insert(path, line.number);
        if self.lines.len() >= MAX_REDIRECTS {
            return Err(Fault::words(format!("at most {MAX_REDIRECTS} redirects"), "another one"));
        }
        let place = self.lines.len();
        match line.pattern.exact() {
            Some(path) => {
                self.exact.entry(path.into()).or_insert(place);
            }
            None => self.open.push((line.pattern.gate(), place)),
        }
        self.lines.push(line);
        Ok(())
    }

    /// The name that it was parsed with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The number and the status of each line that leads somewhere, in the order of the file.
    #[cfg(test)]
    pub(super) fn numbers(&self) -> impl Iterator<Item = (usize, u16)> {
        self.lines.iter().map(|line| (line.number, line.status.as_u16()))
    }

    /// Where a request for `path` leads; `None` if no line is about it, or if the target would be longer than
    /// [`MAX_LINE`].
    ///
    /// Both are percent-encoded, as they came. What a target does not say of the query is the request's. Captures stay
    /// percent-encoded; a target on the same site has no empty segments and none of dots.
    ///
    /// A rewritten path is not looked up again. Whether a file that exists comes first is the caller's to say:
    /// with Netlify it does, with Cloudflare it does not.
    #[must_use]
    pub fn find(&self, path: &str, query: Option<&str>) -> Option<Redirect> {
        let path = uri::canonical(path);
        let exact = self.exact.get(&*path).copied();
        let mut captures = Captures::default();
        let ends = Ends::of(&path);
        let mut open = self.open.iter().filter(|(gate, _)| gate.admits(ends));
        let line = open.find_map(|(_, place)| {
            let line = self.lines.get(*place).filter(|_| exact.is_none_or(|at| *place < at))?;
            line.pattern.matches(None, &path, &mut captures).then_some(line)
        });
        let line = line.or_else(|| self.lines.get(exact?))?;
        let (status, number) = (line.status, line.number);
        let is_rewrite = status == StatusCode::OK;
        let target = if is_rewrite {
            line.target.path_and_query(&captures, query)
        } else {
            line.target.location(&captures, query)
        };
        if target.len() > MAX_LINE {
            return None;
        }
        if is_rewrite {
            return Some(Redirect::Rewrite { target, line: number });
        }
        let location = HeaderValue::try_from(target).ok()?;
        Some(Redirect::To { status, location, line: number })
    }
}

/// Reads a line; `None` if it is empty, or a comment.
fn line(number: usize, text: &str) -> Result<Option<Line>, Fault> {
    let text = text.trim();
    if text.len() > MAX_LINE {
        let wanted = format!("a line of at most {MAX_LINE} bytes");
        return Err(Fault::words(wanted, format!("{} bytes", text.len())));
    }
    let words: Vec<_> = text.split_whitespace().take_while(|word| !word.starts_with('#')).collect();
    let (from, to, status) = match *words {
        [] => return Ok(None),
        [from, to] => (from, to, "302"),
        [from, to, status] if !to.contains('=') || is_target(to) => (from, to, status),
        [_, parameter, ..] if parameter.contains('=') && !is_target(parameter) => {
            return Err(Fault::text(
                "a path and a target without captures of the query",
                parameter,
            ));
        }
        [.., condition] if condition.contains('=') => {
            return Err(Fault::text("a line without conditions", condition));
        }
        _ => return Err(Fault::text("a path, a target and a status", text)),
    };
    if !from.starts_with('/') {
        return Err(Fault::text("a path that begins with /", from));
    }
    let pattern = Pattern::parse(from, Dialect::Cloudflare)?;
    let target = Target::parse(to, &pattern.names)?;
    let status = code(status)?;
    if status == StatusCode::OK && target.has_host() {
        return Err(Fault::text("a path of this site behind a line with status 200", to));
    }
    if status != StatusCode::OK && is_circle(&pattern, &target) {
        return Err(Fault::text("a target that does not lead to this line again", to));
    }
    Ok(Some(Line { number, pattern, target, status }))
}

fn is_target(word: &str) -> bool {
    word.starts_with('/') || word.contains("://")
}

fn code(text: &str) -> Result<StatusCode, Fault> {
    match text {
        "200" => Ok(StatusCode::OK),
        "301" => Ok(StatusCode::MOVED_PERMANENTLY),
        "302" => Ok(StatusCode::FOUND),
        "303" => Ok(StatusCode::SEE_OTHER),
        "307" => Ok(StatusCode::TEMPORARY_REDIRECT),
        "308" => Ok(StatusCode::PERMANENT_REDIRECT),
        _ if text.contains('=') => Err(Fault::text("a line without conditions", text)),
        _ if text.ends_with('!') => Err(Fault::text(
            "a status without !, for whether files come first is no line's to say",
            text,
        )),
        _ => Err(Fault::text("the status 200, 301, 302, 303, 307 or 308", text)),
    }
}

/// Whether a client that follows the redirect is redirected by the same line.
fn is_circle(pattern: &Pattern, target: &Target) -> bool {
    let path = target.path(&["x"; _]);
    !target.has_host() && pattern.matches(None, &uri::canonical(&path), &mut Captures::default())
}

impl fmt::Debug for Redirects {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Redirects")
            .field("name", &self.name)
            .field("lines", &self.lines.len())
            .finish_non_exhaustive()
    }
}
