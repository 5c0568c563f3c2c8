//! A policy in Rego as a deny rule.

use std::sync::Arc;
use std::time::Duration;

use super::error::RegoError;
use super::input::input;
use super::machine::{self, Limits};
use super::{answer, text::Text};
use crate::head::deny::{Deny, FinalHead, Verdict};

/// A deny rule in Rego, the language of Open Policy Agent; [the guide](crate::guide::deny) has its input and limits.
///
/// Clones share the text. Each thread compiles it once, when it first judges a head.
///
/// # Examples
///
/// ```
/// use letterhead::{LetterheadLayer, Rego};
///
/// # fn main() -> Result<(), letterhead::RegoError> {
/// let rules = Rego::parse("deny.rego", r#"
/// package letterhead
///
/// deny contains msg if {
///     some line in input.fields["cache-control"]
///     contains(line, "public")
///     input.fields["set-cookie"]
///     msg := sprintf("%s sets a cookie on a response that caches share", [input.request.path])
/// }
/// "#)?;
/// let layer = LetterheadLayer::new().deny(rules);
/// # let _ = layer;
///
/// let error = Rego::parse("deny.rego", r#"
/// package letterhead
/// deny contains "late" if time.now_ns() > 0
/// "#).unwrap_err();
/// assert_eq!(error.line(), Some(3));
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct Rego {
    text: Arc<Text>,
    limits: Limits,
    fails_open: bool,
}

impl Rego {
    /// A policy of Rego 1.0, whose rule is `deny contains msg if { .. }`. `file` is what errors call it.
    ///
    /// # Errors
    ///
    /// The text cannot be parsed or compiled, has no such rule, or calls a builtin that is not let in.
    pub fn parse(file: impl Into<String>, text: impl Into<String>) -> Result<Self, RegoError> {
        Self::new(file.into(), text.into(), false)
    }

    /// A policy in the form before Rego 1.0, whose rule is `deny[msg] { .. }`.
    ///
    /// # Errors
    ///
    /// As those of [`parse`](Self::parse).
    pub fn parse_v0(file: impl Into<String>, text: impl Into<String>) -> Result<Self, RegoError> {
        Self::new(file.into(), text.into(), true)
    }

    fn new(file: String, content: String, is_v0: bool) -> Result<Self, RegoError> {
        let text = Text { file, content, is_v0 };
        text.program()?;
        let limits = Limits { instructions: 20_000, time: Duration::from_millis(250) };
        Ok(Self { text: Arc::new(text), limits, fails_open: false })
    }

    /// How many instructions the judgement of one head may take; 20,000 if nothing is said.
    #[must_use]
    pub const fn max_instructions(mut self, instructions: usize) -> Self {
        self.limits.instructions = instructions;
        self
    }

    /// How long the judgement of one head may take; 250 ms if nothing is said. The clock is read every eight
    /// instructions. It is the clock on the wall, so a thread that the system lets wait spends it, too: a short time denies
    /// good heads on a machine under load.
    #[must_use]
    pub const fn max_time(mut self, time: Duration) -> Self {
        self.limits.time = time;
        self
    }

    /// Whether a head goes out about which nothing could be decided, because a limit was reached or an operation
    /// failed; `false` if nothing is said.
    #[must_use]
    pub const fn fail_open(mut self, on: bool) -> Self {
        self.fails_open = on;
        self
    }
}

impl Deny for Rego {
    fn deny(&self, head: &FinalHead<'_>) -> Verdict {
        let ran = match input(head) {
            Ok(input) => machine::run(&self.text, self.limits, input),
            Err(reason) => Err(reason.to_owned()),
        };
        match ran {
            Ok(answer) => answer::verdict(&answer),
            Err(reason) => Verdict::failed(format!("{}: {reason}", self.text.file)),
        }
    }

    fn fails_open(&self) -> bool {
        self.fails_open
    }
}
