//! Lines of a `_headers` file, each recognised by how it begins.

use super::Dialect;
use super::error::Fault;

/// What a line is, without the blanks around it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Line<'a> {
    /// Nothing, or a comment.
    Empty,
    /// The pattern that begins a block.
    Pattern(&'a str),
    /// `@when`, with its conditions.
    When(&'a str),
    /// A line that does something to a field: what it does, the name, and the value if there is one.
    Field(Operation, &'a str, &'a str),
}

/// What a line does to a field.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Operation {
    Set,
    /// `! name`.
    Detach,
    Default,
    Append,
    Merge,
    Remove,
    Require,
    Forbid,
}

impl Operation {
    /// The word behind `@`.
    fn of(word: &str) -> Option<Self> {
        match word {
            "default" => Some(Self::Default),
            "append" => Some(Self::Append),
            "merge" => Some(Self::Merge),
            "remove" => Some(Self::Remove),
            "require" => Some(Self::Require),
            "forbid" => Some(Self::Forbid),
            _ => None,
        }
    }

    const fn has_value(self) -> bool {
        match self {
            Self::Set | Self::Default | Self::Append | Self::Merge => true,
            Self::Detach | Self::Remove | Self::Require | Self::Forbid => false,
        }
    }
}

impl<'a> Line<'a> {
    /// Reads a line.
    pub(super) fn parse(line: &'a str, dialect: Dialect) -> Result<Self, Fault> {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            return Ok(Self::Empty);
        }
        if let Some(command) = line.strip_prefix('@') {
            return Self::command(line, command);
        }
        if is_pattern(line, dialect) {
            return Ok(Self::Pattern(line));
        }
        if let Some(name) = line.strip_prefix("! ").filter(|name| !name.contains(':')) {
            return Ok(Self::Field(Operation::Detach, name.trim(), ""));
        }
        if line.starts_with('!') {
            return Err(Fault::text("! and a blank before a field name alone", line));
        }
        let (name, value) = pair(line)?;
        Ok(Self::Field(Operation::Set, name, value))
    }

    fn command(line: &'a str, command: &'a str) -> Result<Self, Fault> {
        let (word, rest) = command.split_once(char::is_whitespace).unwrap_or((command, ""));
        let rest = rest.trim();
        if word == "when" {
            return Ok(Self::When(rest));
        }
        let Some(operation) = Operation::of(word) else {
            let wanted = "@when, @default, @append, @merge, @remove, @require or @forbid";
            return Err(Fault::text(wanted, line));
        };
        if operation.has_value() {
            let (name, value) = pair(rest)?;
            return Ok(Self::Field(operation, name, value));
        }
        if rest.contains(':') {
            return Err(Fault::text(format!("a field name alone behind @{word}"), rest));
        }
        Ok(Self::Field(operation, rest, ""))
    }
}

/// A name and a value around the first colon.
fn pair(text: &str) -> Result<(&str, &str), Fault> {
    let Some((name, value)) = text.split_once(':') else {
        return Err(Fault::text("a field and its value with a colon between them", text));
    };
    let value = value.trim();
    if value.is_empty() {
        return Err(Fault::text("a value behind the colon", text));
    }
    Ok((name.trim(), value))
}

/// Whether a line is meant for a pattern: it begins with a slash, or with a scheme and `://`.
fn is_pattern(line: &str, dialect: Dialect) -> bool {
    let has_scheme = || {
        let first = line.split(char::is_whitespace).next().unwrap_or_default();
        first.find("://").is_some_and(|at| at > 0)
    };
    match dialect {
        Dialect::Cloudflare => line.starts_with('/') || has_scheme(),
        Dialect::Netlify => {
            let begins = |scheme: &str| {
                line.get(..scheme.len()).is_some_and(|start| start.eq_ignore_ascii_case(scheme))
            };
            line.starts_with('/') || begins("https://") || begins("http://")
        }
    }
}
