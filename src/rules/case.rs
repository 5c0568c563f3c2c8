//! A head while it is judged, as each rule sees it.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName};

use super::{Expect, Rule, Rules};
use crate::ledger::Ledger;

/// What is required and forbidden besides what the rules say: by a header policy.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Expected<'a> {
    pub(crate) required: &'a [Expect],
    pub(crate) forbidden: &'a [Expect],
}

/// A head while it is judged.
pub(crate) struct Case<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) expected: Vec<Expected<'a>>,
    pub(crate) path: &'a str,
    pub(crate) status: &'a mut StatusCode,
    pub(crate) fields: &'a mut HeaderMap,
    pub(crate) ledger: &'a mut Ledger,
}

impl Case<'_> {
    /// Whether an action on this field was asked for by name.
    pub(crate) fn is_asked_for(&self, rule: Rule, field: &HeaderName) -> bool {
        self.rules.has_for_field(rule, field)
    }
}
