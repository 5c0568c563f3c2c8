//! A block of a file: which responses it is about, and what it does to their fields.

use http::header::HeaderName;

use super::fields::Nature;
use super::pattern::Pattern;
use super::value::Value;
use super::when::When;

/// One block.
#[derive(Clone, Debug)]
pub(super) struct Rule {
    /// The line of the pattern.
    pub(super) line: usize,
    pub(super) pattern: Pattern,
    pub(super) when: When,
    /// What `!` takes away first, then the rest in the order of its lines.
    pub(super) writes: Vec<Write>,
}

/// What one line does.
#[derive(Clone, Debug)]
pub(super) struct Write {
    pub(super) line: usize,
    /// It comes before the rest of its block: `!`.
    pub(super) is_first: bool,
    pub(super) act: Act,
}

#[derive(Clone, Debug)]
pub(super) enum Act {
    /// One field.
    Change(Target, How),
    /// Takes away every field whose name begins so.
    RemoveAll(Box<str>),
}

/// A field, and what is to be asked before it is changed.
#[derive(Clone, Debug)]
pub(super) struct Target {
    pub(super) name: HeaderName,
    /// The number of the field among all that the file names.
    pub(super) number: usize,
    pub(super) nature: Nature,
}

/// How a field is changed.
#[derive(Clone, Debug)]
pub(super) enum How {
    /// `! name` or `@remove name`: takes it away.
    Remove,
    /// `name: value`: takes the place of what the response had, and joins what the policy itself gave before.
    Set(Value),
    /// `@default`: only where there is none.
    Default(Value),
    /// `@append`: the members that are not there yet.
    Append(Value),
    /// `@merge`: what both say, the stricter of both where that can be said.
    Merge(Value),
}
