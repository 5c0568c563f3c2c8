//! What a file says that is no error, and hardly meant.

use std::collections::BTreeMap;
use std::fmt;
use std::ops::Bound;
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

/// With how many lines about its field, at most, a line is compared.
const MOST_COMPARED: usize = 1_000;

/// How often lines that take several fields away are counted for one of them.
const MOST_REMOVALS: usize = 100_000;

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
        let mut left = MOST_REMOVALS;
        for (rule, write) in writes() {
            match &write.act {
                Act::Change(target, how) => {
                    let places = fields.entry(target.name.as_str()).or_default();
                    places.push(Place { rule, write, how: Some(how) });
                }
                Act::RemoveAll(start) => {
                    let from = (Bound::Included(&**start), Bound::Unbounded);
                    let about = fields.range_mut::<str, _>(from);
                    let about = about.take_while(|(name, _)| name.starts_with(&**start));
                    for (_, places) in about.take(left) {
                        places.push(Place { rule, write, how: None });
                        left -= 1;
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
        // Of each line it is said once that it never shows.
        let mut shows = vec![true; places.len()];
        for (at, later) in places.iter().enumerate() {
            let line = later.write.line;
            let first = at.saturating_sub(MOST_COMPARED);
            let before = &places[first..at];
            match later.how {
                None | Some(How::Remove) => {
                    let is_hidden = |one: &Place<'_>| one.gives() && later.covers(one);
                    let by = format!("line {line} takes {name} away");
                    hide(before, &mut shows[first..], is_hidden, &by, warn);
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
                    if self.dialect == Dialect::Netlify {
                        let is_hidden = |one: &Place<'_>| {
                            sets(&one) && !is_same_block(&one) && later.covers(one)
                        };
                        let by = format!("line {line} takes its place");
                        hide(&before[from..], &mut shows[first + from..], is_hidden, &by, warn);
                    }
                    let mut sets = before[from..].iter().filter(sets);
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

/// Says of each of the lines `before` that is hidden `by` another one that it is; once.
fn hide(
    before: &[Place<'_>],
    shows: &mut [bool],
    is_hidden: impl Fn(&Place<'_>) -> bool,
    by: &str,
    warn: &mut impl FnMut(usize, String),
) {
    for (one, shows) in before.iter().zip(shows) {
        if *shows && is_hidden(one) {
            *shows = false;
            warn(one.write.line, format!("it never shows: {by}"));
        }
    }
}

impl Place<'_> {
    /// Whether every response that `other` is about is one that this line is about.
    fn covers(&self, other: &Self) -> bool {
        self.rule.line == other.rule.line
            || self.rule.when.is_empty() && self.rule.pattern.includes(&other.rule.pattern)
    }

    /// Whether the field has a value after it.
    fn gives(&self) -> bool {
        matches!(self.how, Some(How::Set(_) | How::Default(_) | How::Append(_) | How::Merge(_)))
    }
}
