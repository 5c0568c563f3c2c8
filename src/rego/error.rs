//! Why a text is no deny policy: file, line, what was wanted and what was found.

use std::error::Error as StdError;
use std::fmt;

/// Why a text was not taken for a policy. Printed, it is one line: `deny.rego:7: wanted .., found ..`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RegoError {
    file: String,
    line: Option<u32>,
    text: String,
}

impl RegoError {
    pub(super) fn new(file: &str, line: Option<u32>, text: impl Into<String>) -> Self {
        Self { file: file.to_owned(), line, text: text.into() }
    }

    /// From the report of the parser or the compiler, which is a drawing of several lines.
    pub(super) fn of_report(file: &str, report: &str) -> Self {
        let place = report.split_once("--> ").and_then(|(_, rest)| rest.strip_prefix(file));
        let digits = place.and_then(|rest| rest.strip_prefix(':')?.split(':').next());
        let line = digits.and_then(|digits| digits.parse().ok());
        let last = report.trim().lines().last().unwrap_or_default();
        let said = last.strip_prefix("error: ").unwrap_or(last);
        Self::new(file, line, format!("wanted Rego, found an error: {said}"))
    }

    /// What the text is called, as it was given.
    #[must_use]
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The line, from 1, where it is about one.
    #[must_use]
    pub const fn line(&self) -> Option<u32> {
        self.line
    }
}

impl fmt::Display for RegoError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.line {
            Some(line) => write!(f, "{}:{line}: {}", self.file, self.text),
            None => write!(f, "{}: {}", self.file, self.text),
        }
    }
}

impl StdError for RegoError {}
