//! A parsed policy, and which of its blocks are about a request.

use std::borrow::Cow;
use std::fmt;
use std::sync::Arc;

use super::error::PolicyErrors;
use super::expectations::Expectations;
use super::gate::{Ends, Gate};
use super::parse::Parser;
use super::pattern::fold;
use super::rule::Rule;
use super::{Dialect, uri};

/// Which fields which responses get: a `_headers` file, parsed.
///
/// It is immutable; share it in an [`Arc`].
///
/// # Examples
///
/// ```
/// use letterhead::policy::{Dialect, Policy};
///
/// let text = "\
/// /*
///   X-Content-Type-Options: nosniff
/// /assets/*
///   Cache-Control: public, max-age=31536000, immutable
/// ";
/// let policy = Policy::parse("_headers", text, Dialect::Cloudflare)?;
/// assert_eq!(policy.name(), "_headers");
/// # Ok::<_, letterhead::policy::PolicyErrors>(())
/// ```
pub struct Policy {
    pub(super) name: Arc<str>,
    pub(super) dialect: Dialect,
    pub(super) rules: Vec<Rule>,
    /// The blocks with one path, by that path and then by their place.
    exact: Vec<(Box<str>, usize)>,
    /// The places of all other blocks, and which paths they can be about.
    open: Vec<(Gate, usize)>,
    /// Some block asks for the host.
    pub(super) has_hosts: bool,
    expectations: Expectations,
    /// The lines that are longer than Cloudflare takes.
    pub(super) long_lines: Vec<usize>,
    /// Some block asks for the media type.
    pub(super) is_by_type: bool,
    /// Some block asks for a named layer.
    pub(crate) is_by_layer: bool,
}

impl Policy {
    /// Reads the text of a file; `name` is what errors and the ledger call it, as `_headers`.
    ///
    /// # Errors
    ///
    /// Every bad line. One is enough for the file to be refused: half a policy is none.
    pub fn parse(
        name: impl Into<Arc<str>>,
        text: &str,
        dialect: Dialect,
    ) -> Result<Self, PolicyErrors> {
        let name = name.into();
        let parser = Parser::read(Arc::clone(&name), text, dialect);
        if !parser.errors.is_empty() {
            return Err(PolicyErrors(parser.errors));
        }
        Ok(Self::of(name, dialect, parser))
    }

    /// A policy of the lines that are right.
    pub(super) fn of(name: Arc<str>, dialect: Dialect, parser: Parser) -> Self {
        let Parser { rules, expectations, long_lines, .. } = parser;
        let mut exact = Vec::new();
        let mut open = Vec::new();
        for (place, rule) in rules.iter().enumerate() {
            match rule.pattern.exact() {
                Some(path) => exact.push((path.into(), place)),
                None => open.push((rule.pattern.gate(), place)),
            }
        }
        exact.sort();
        let has_hosts = rules.iter().any(|rule| rule.pattern.has_host());
        let is_by_type = rules.iter().any(|rule| rule.when.is_by_type());
        let is_by_layer = rules.iter().any(|rule| rule.when.is_by_layer());
        Self {
            name,
            dialect,
            rules,
            exact,
            open,
            has_hosts,
            expectations,
            long_lines,
            is_by_type,
            is_by_layer,
        }
    }

    /// The name that it was parsed with.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// What it requires of heads and forbids; it is judged with the rules of the layer.
    pub(crate) const fn expectations(&self) -> &Expectations {
        &self.expectations
    }

    /// The name, for entries of the ledger.
    pub(crate) fn shared_name(&self) -> Arc<str> {
        Arc::clone(&self.name)
    }

    /// The path in the form in which this policy's patterns are.
    pub(super) fn path<'t>(&self, path: &'t str) -> Cow<'t, str> {
        let path = uri::canonical(path);
        match (self.dialect, path) {
            (Dialect::Cloudflare, path) => path,
            (Dialect::Netlify, Cow::Borrowed(path)) => fold(path),
            (Dialect::Netlify, Cow::Owned(path)) => Cow::Owned(fold(&path).into_owned()),
        }
    }

    /// The places of the blocks that may be about a path, in order; those of one path are.
    pub(super) fn candidates(&self, path: &str) -> impl Iterator<Item = usize> {
        let from = self.exact.partition_point(|(known, _)| **known < *path);
        let exact = self.exact.get(from..).unwrap_or_default().iter();
        let mut exact = exact.take_while(move |(known, _)| **known == *path).peekable();
        let ends = Ends::of(path);
        let open = self.open.iter().filter(move |(gate, _)| gate.admits(ends));
        let mut open = open.map(|(_, place)| *place).peekable();
        std::iter::from_fn(move || match (exact.peek(), open.peek()) {
            (Some((_, one)), Some(other)) if *one < *other => exact.next().map(|(_, place)| *place),
            (Some(_), None) => exact.next().map(|(_, place)| *place),
            (_, Some(_)) => open.next(),
            (None, None) => None,
        })
    }
}

impl fmt::Debug for Policy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Policy")
            .field("name", &self.name)
            .field("dialect", &self.dialect)
            .field("rules", &self.rules.len())
            .finish_non_exhaustive()
    }
}
