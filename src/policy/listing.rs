//! The lines of a policy, for the command and other displays.

use std::fmt;

use super::Policy;
use super::rule::{Act, How, Rule, Write};
use super::value::Value;

/// One line of a policy that changes a field, as [`Policy::lines`] has it.
///
/// Printed, it is as it could stand in the file: `@default X-Frame-Options: DENY`, the name in lower case.
#[derive(Clone, Copy)]
pub struct PolicyLine<'a> {
    pub(super) rule: &'a Rule,
    pub(super) write: &'a Write,
}

impl Policy {
    /// Every line that changes a field, block by block in the order of the file; in a block, what `!`
    /// takes away stands first. `@require` and `@forbid` change nothing and are not among them.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::policy::{Dialect, Policy};
    ///
    /// let text = "/blog/:year/*\n  X-Year: :year\n  ! Server\n";
    /// let policy = Policy::parse("_headers", text, Dialect::Cloudflare)?;
    /// let lines: Vec<_> = policy.lines().collect();
    /// assert_eq!((lines[0].number(), lines[0].to_string().as_str()), (3, "! server"));
    /// assert_eq!((lines[1].pattern(), lines[1].to_string().as_str()), ("/blog/:year/*", "x-year: :year"));
    /// # Ok::<_, letterhead::policy::PolicyErrors>(())
    /// ```
    pub fn lines(&self) -> impl Iterator<Item = PolicyLine<'_>> {
        let of = |rule| move |write| PolicyLine { rule, write };
        self.rules.iter().flat_map(move |rule| rule.writes.iter().map(of(rule)))
    }
}

impl PolicyLine<'_> {
    /// The number of the line in its file, from 1.
    #[must_use]
    pub const fn number(&self) -> usize {
        self.write.line
    }

    /// The number of the line that began its block.
    #[must_use]
    pub const fn block(&self) -> usize {
        self.rule.line
    }

    /// The pattern of its block, as it was written.
    #[must_use]
    pub fn pattern(&self) -> &str {
        &self.rule.pattern.written
    }

    /// What it does: `set`, `default`, `append`, `merge` or `remove`.
    #[must_use]
    pub const fn operation(&self) -> &'static str {
        match &self.write.act {
            Act::RemoveAll(_) | Act::Change(_, How::Remove) => "remove",
            Act::Change(_, How::Set(_)) => "set",
            Act::Change(_, How::Default(_)) => "default",
            Act::Change(_, How::Append(_)) => "append",
            Act::Change(_, How::Merge(_)) => "merge",
        }
    }

    /// The field in lower case; if it ends in a star, all whose names begin so.
    #[must_use]
    pub fn field(&self) -> String {
        match &self.write.act {
            Act::Change(target, _) => target.name.as_str().to_owned(),
            Act::RemoveAll(start) => format!("{start}*"),
        }
    }

    /// The value, with its captures by their names; `None` for a line that takes a field away.
    #[must_use]
    pub fn value(&self) -> Option<String> {
        match &self.write.act {
            Act::RemoveAll(_) | Act::Change(_, How::Remove) => None,
            Act::Change(
                _,
                How::Set(value) | How::Default(value) | How::Append(value) | How::Merge(value),
            ) => Some(self.text(value)),
        }
    }

    fn text(&self, value: &Value) -> String {
        value.text(&self.rule.pattern.names)
    }
}

impl fmt::Display for PolicyLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sign = match &self.write.act {
            Act::Change(_, How::Set(_)) => "",
            Act::Change(_, How::Remove) if self.write.is_first => "! ",
            Act::RemoveAll(_) | Act::Change(_, How::Remove) => "@remove ",
            Act::Change(_, How::Default(_)) => "@default ",
            Act::Change(_, How::Append(_)) => "@append ",
            Act::Change(_, How::Merge(_)) => "@merge ",
        };
        write!(f, "{sign}{}", self.field())?;
        match self.value() {
            Some(value) => write!(f, ": {value}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for PolicyLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {self}", self.write.line)
    }
}
