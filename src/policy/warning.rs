//! What a file says that is no error, and hardly meant.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;

use http::header::HeaderName;

use super::dialect::{THEIR_LINE, THEIR_RULES};
use super::doubts;
use super::rule::{Act, How, Rule, Write};
use super::{Dialect, Policy};
use crate::field::class::{self, Shape};

/// A line that is taken as it is, and that may not do what its author thinks.
///
/// Printed, it is one line: `_headers:7: 'unsafe-inline' lets ..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Warning {
    file: Arc<str>,
    line: usize,
    message: String,
}

impl Warning {
    /// The file, as the caller named it.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The number of the line, from 1.
    #[must_use]
    pub const fn line(&self) -> usize {
        self.line
    }

    /// What there is to say of it.
    #[must_use]
    pub fn message(&self) -> &str {
        &self.message
    }
}

impl fmt::Display for Warning {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, message } = self;
        write!(f, "{file}:{line}: {message}")
    }
}

/// A line in its block.
#[derive(Clone, Copy)]
struct Place<'a> {
    rule: &'a Rule,
    write: &'a Write,
    /// Nothing for a line that takes away every field whose name begins so.
    how: Option<&'a How>,
}

impl Policy {
    /// Lines that are hardly meant as they are: values that switch a protection off, lines that never show in a
    /// response because of others, and what Cloudflare would not take. In the order of the file.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::policy::{Dialect, Policy};
    ///
    /// let text = "/*\n  Content-Security-Policy: script-src 'unsafe-inline'\n";
    /// let policy = Policy::parse("_headers", text, Dialect::Cloudflare)?;
    /// assert!(policy.warnings()[0].to_string().starts_with("_headers:2: 'unsafe-inline'"));
    /// # Ok::<_, letterhead::policy::PolicyErrors>(())
    /// ```
    #[must_use]
    pub fn warnings(&self) -> Vec<Warning> {
        let mut warnings = Vec::new();
        let mut warn = |line: usize, message: String| {
            warnings.push(Warning { file: Arc::clone(&self.name), line, message });
        };
        if self.dialect == Dialect::Cloudflare {
            self.beyond_theirs(&mut warn);
        }
        for rule in &self.rules {
            doubts::of_block(rule, &mut warn);
        }
        for (name, places) in self.by_field() {
            self.of_field(name, &places, &mut warn);
        }
        warnings.sort_by_key(Warning::line);
        warnings
    }

    /// What Cloudflare's parser leaves out.
    fn beyond_theirs(&self, warn: &mut impl FnMut(usize, String)) {
        for line in &self.long_lines {
            warn(*line, format!("Cloudflare takes at most {THEIR_LINE} letters in a line"));
        }
        if let Some(rule) = self.rules.get(THEIR_RULES) {
            warn(rule.line, format!("Cloudflare takes at most {THEIR_RULES} blocks"));
        }
        if !self.rules.iter().all(|rule| rule.when.is_empty()) {
            // With conditions the file is none for Cloudflare.
            return;
        }
        let mut last = BTreeMap::new();
        for rule in self.rules.iter().rev() {
            match last.get(&*rule.pattern.written) {
                Some(later) => {
                    let message =
                        "Cloudflare leaves this block out for another one with this pattern";
                    warn(rule.line, format!("{message}, at line {later}; here both apply"));
                }
                None => drop(last.insert(&*rule.pattern.written, rule.line)),
            }
        }
    }

    /// The lines about each field, in the order in which they apply.
    fn by_field(&self) -> BTreeMap<&str, Vec<Place<'_>>> {
        let mut fields: BTreeMap<&str, Vec<Place<'_>>> = BTreeMap::new();
        let writes =
            || self.rules.iter().flat_map(|rule| rule.writes.iter().map(move |w| (rule, w)));
        for (_, write) in writes() {
            if let Act::Change(target, _) = &write.act {
                fields.entry(target.name.as_str()).or_default();
            }
        }
        for (rule, write) in writes() {
            match &write.act {
                Act::Change(target, how) => {
                    let places = fields.entry(target.name.as_str()).or_default();
                    places.push(Place { rule, write, how: Some(how) });
                }
                Act::RemoveAll(start) => {
                    for (_, places) in
                        fields.iter_mut().filter(|(name, _)| name.starts_with(&**start))
                    {
                        places.push(Place { rule, write, how: None });
                    }
                }
            }
        }
        fields
    }

    /// Lines about one field that undo each other.
    fn of_field(&self, name: &str, places: &[Place<'_>], warn: &mut impl FnMut(usize, String)) {
        let is_single = HeaderName::from_bytes(name.as_bytes())
            .is_ok_and(|name| class::of(&name).shape() == Shape::Single);
        for (at, later) in places.iter().enumerate() {
            let line = later.write.line;
            let before = &places[..at];
            match later.how {
                None | Some(How::Remove) => {
                    let undone = before.iter().filter(|one| later.covers(one) && one.gives());
                    for one in undone {
                        let message = format!("it never shows: line {line} takes {name} away");
                        warn(one.write.line, message);
                    }
                }
                Some(How::Default(_)) => {
                    if let Some(one) = before.iter().find(|one| one.covers(later) && one.gives()) {
                        let message =
                            format!("it never shows: line {} gives {name}", one.write.line);
                        warn(line, message);
                    }
                }
                Some(How::Set(_)) => {
                    let is_same_block = |one: &&Place<'_>| one.rule.line == later.rule.line;
                    let sets = |one: &&Place<'_>| matches!(one.how, Some(How::Set(_)));
                    // What was taken away before is joined by nothing.
                    let is_gone = |one: &Place<'_>| !one.gives() && one.covers(later);
                    let from = before.iter().rposition(is_gone).map_or(0, |at| at + 1);
                    let mut sets = before[from..].iter().filter(sets);
                    if self.dialect == Dialect::Netlify {
                        for one in
                            sets.clone().filter(|one| !is_same_block(one) && later.covers(one))
                        {
                            let message = format!("it never shows: line {line} takes its place");
                            warn(one.write.line, message);
                        }
                    }
                    let joins = |one: &&Place<'_>| match self.dialect {
                        Dialect::Cloudflare => later.covers(one) || one.covers(later),
                        Dialect::Netlify => is_same_block(one),
                    };
                    if let Some(one) = sets.find(joins).filter(|_| is_single) {
                        let first = one.write.line;
                        let message =
                            format!("{name} has one value, and line {first} gives it another");
                        warn(line, message);
                    }
                }
                Some(How::Append(_) | How::Merge(_)) => {}
            }
        }
    }
}

impl Place<'_> {
    /// Whether every response that `other` is about is one that this line is about.
    fn covers(&self, other: &Self) -> bool {
        let all = self.rule.when.is_empty() && &*self.rule.pattern.written == "/*";
        let same =
            self.rule.when.is_empty() && self.rule.pattern.written == other.rule.pattern.written;
        all || same || self.rule.line == other.rule.line
    }

    /// Whether the field has a value after it.
    fn gives(&self) -> bool {
        matches!(self.how, Some(How::Set(_) | How::Default(_) | How::Append(_) | How::Merge(_)))
    }
}
