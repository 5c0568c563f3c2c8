//! What is wrong with a file, line by line.

use std::borrow::Cow;
use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// One bad line of a file: what was wanted there, and what was found.
///
/// Printed, it is one line: `_headers:7: wanted a field name, found "X Y"`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyError {
    pub(super) file: Arc<str>,
    pub(super) line: usize,
    pub(super) fault: Fault,
}

/// What is wrong with a line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Fault {
    pub(super) wanted: Cow<'static, str>,
    pub(super) found: String,
}

/// The longest piece of a file that is shown.
const MOST_SHOWN: usize = 80;

impl Fault {
    /// Found some text of the file, which is put between quotes and cut.
    pub(super) fn text(wanted: impl Into<Cow<'static, str>>, found: &str) -> Self {
        let mut shown = String::from("\"");
        for letter in found.chars().take(MOST_SHOWN) {
            match letter {
                '"' | '\\' => shown.extend(['\\', letter]),
                _ if letter.is_control() => shown.extend(letter.escape_default()),
                _ => shown.push(letter),
            }
        }
        shown.push_str(if found.chars().nth(MOST_SHOWN).is_some() { "...\"" } else { "\"" });
        Self { wanted: wanted.into(), found: shown }
    }

    /// Found something that is said in words.
    pub(super) fn words(wanted: impl Into<Cow<'static, str>>, found: impl Into<String>) -> Self {
        Self { wanted: wanted.into(), found: found.into() }
    }
}

impl PolicyError {
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

    /// What was wanted.
    #[must_use]
    pub fn wanted(&self) -> &str {
        &self.fault.wanted
    }

    /// What was found in its place; text of the file is in quotes, and cut if it is long.
    #[must_use]
    pub fn found(&self) -> &str {
        &self.fault.found
    }
}

impl fmt::Display for PolicyError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { file, line, fault: Fault { wanted, found } } = self;
        write!(f, "{file}:{line}: wanted {wanted}, found {found}")
    }
}

/// Every bad line of a file, which is refused as a whole.
///
/// Printed, it is one line for each.
///
/// # Examples
///
/// ```
/// use letterhead::policy::{Dialect, Policy};
///
/// let text = "/*\n  X Frame: DENY\n  Content-Length: 0\n";
/// let errors = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap_err();
/// assert_eq!(errors.iter().map(|error| error.line()).collect::<Vec<_>>(), [2, 3]);
/// assert!(errors.to_string().starts_with("_headers:2: wanted a field name"));
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PolicyErrors(pub(super) Vec<PolicyError>);

impl PolicyErrors {
    /// The bad lines, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, PolicyError> {
        self.0.iter()
    }
}

impl<'a> IntoIterator for &'a PolicyErrors {
    type Item = &'a PolicyError;
    type IntoIter = std::slice::Iter<'a, PolicyError>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for PolicyErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, error) in self.0.iter().enumerate() {
            f.write_str(if at > 0 { "\n" } else { "" })?;
            error.fmt(f)?;
        }
        Ok(())
    }
}

impl StdError for PolicyErrors {}
impl StdError for PolicyError {}
