//! A conflict: which rule, which field, both writers, and what was done.

use std::borrow::Cow;
use std::fmt;

use http::StatusCode;
use http::header::HeaderName;

use super::{Action, Rule, Rules};
use crate::field::class;
use crate::ledger::{Lines, Secrecy, Shown, Values, Writer};

/// What became of a conflict.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Resolution {
    /// The head went out as it was.
    Reported,
    /// The head was changed as the action says.
    Resolved,
    /// The response became a 500.
    Rejected,
    /// It ended the test; see [`Rules::strict`](crate::Rules::strict).
    Failed,
}

impl Resolution {
    /// The word for it, in lower case.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Reported => "reported",
            Self::Resolved => "resolved",
            Self::Rejected => "rejected",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for Resolution {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Two writers of one head who are at odds, or a head that breaks a rule.
///
/// Printed, it is one line that names both writers; secret values are left out.
#[derive(Clone, Debug)]
pub struct Conflict {
    pub(crate) rule: Rule,
    pub(crate) field: Option<HeaderName>,
    pub(crate) first: Option<Writer>,
    pub(crate) second: Option<Writer>,
    pub(crate) before: Values,
    pub(crate) after: Values,
    pub(crate) secrecy: Secrecy,
    pub(crate) statuses: Option<(StatusCode, StatusCode)>,
    pub(crate) detail: Option<Cow<'static, str>>,
    /// What was in a head that was replaced.
    pub(crate) lost: Lines,
    /// What may be put in where something is missing.
    pub(crate) offer: Values,
    /// The second write was made before the first, and was stated again at the commit.
    pub(crate) restated: bool,
    /// Which line of the ledger it is about.
    pub(crate) entry: Option<usize>,
    pub(crate) action: Action,
    pub(crate) settled: Resolution,
}

impl Conflict {
    pub(crate) const fn new(rule: Rule) -> Self {
        Self {
            rule,
            field: None,
            first: None,
            second: None,
            before: Values::None,
            after: Values::None,
            secrecy: Secrecy::Open,
            statuses: None,
            detail: None,
            lost: Lines(Vec::new()),
            offer: Values::None,
            restated: false,
            entry: None,
            action: Action::Report,
            settled: Resolution::Reported,
        }
    }

    /// With strict rules, what is not put right or rejected ends the test.
    pub(crate) fn ends_a_test(&mut self, rules: &Rules) {
        if rules.is_strict() && self.settled == Resolution::Reported {
            self.settled = Resolution::Failed;
        }
    }

    /// The rule that was broken.
    #[must_use]
    pub const fn rule(&self) -> Rule {
        self.rule
    }

    /// The field it is about; `None` for a status or a whole head.
    #[must_use]
    pub const fn field(&self) -> Option<&HeaderName> {
        self.field.as_ref()
    }

    /// Who wrote first, where two were at odds.
    #[must_use]
    pub const fn first(&self) -> Option<&Writer> {
        self.first.as_ref()
    }

    /// Who wrote last, or alone.
    #[must_use]
    pub const fn second(&self) -> Option<&Writer> {
        self.second.as_ref()
    }

    /// What stood there before.
    #[must_use]
    pub fn before(&self) -> Shown<'_> {
        Shown::new(self.before.as_slice(), self.secrecy, false)
    }

    /// What stood there after.
    #[must_use]
    pub fn after(&self) -> Shown<'_> {
        Shown::new(self.after.as_slice(), self.secrecy, false)
    }

    /// The two statuses, for [`Rule::StatusChanged`].
    #[must_use]
    pub const fn statuses(&self) -> Option<(StatusCode, StatusCode)> {
        self.statuses
    }

    /// The specification and section that defines the field, where the
    /// [table of fields](crate::guide::fields) knows it.
    #[must_use]
    pub fn defined_in(&self) -> Option<&'static str> {
        self.field.as_ref().and_then(class::defined)
    }

    /// More about it, in words.
    #[must_use]
    pub fn detail(&self) -> Option<&str> {
        self.detail.as_deref()
    }

    /// What the rules said to do.
    #[must_use]
    pub const fn action(&self) -> Action {
        self.action
    }

    /// What was done.
    #[must_use]
    pub const fn settled(&self) -> Resolution {
        self.settled
    }
}

impl fmt::Display for Conflict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.rule)?;
        if let Some(field) = &self.field {
            write!(f, " {field}")?;
        }
        match (&self.first, &self.second) {
            (Some(first), Some(second)) if self.restated => {
                write!(f, ": {second}, then {first}, and at the commit {second} again")?;
            }
            (Some(first), Some(second)) => write!(f, ": {first}, then {second}")?,
            (None, Some(one)) | (Some(one), None) => write!(f, ": {one}")?,
            (None, None) => {}
        }
        if let Some((was, is)) = self.statuses {
            write!(f, "; {} became {}", was.as_u16(), is.as_u16())?;
        }
        match (self.before().is_empty(), self.after().is_empty()) {
            (true, true) => {}
            (true, false) => write!(f, "; `{}`", self.after())?,
            (false, _) => write!(f, "; `{}` became `{}`", self.before(), self.after())?,
        }
        if let Some(detail) = &self.detail {
            write!(f, "; {detail}")?;
        }
        write!(f, "; {}", self.settled)?;
        if self.settled == Resolution::Resolved { write!(f, " ({})", self.action) } else { Ok(()) }
    }
}
