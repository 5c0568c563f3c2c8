//! Fields that a policy requires or forbids, in the form in which rules judge them.

use std::ops::RangeInclusive;

use http::header::HeaderName;

use super::Dialect;
use super::error::Fault;
use super::rule::Rule;
use crate::rules::Expect;

/// What a policy requires of heads and forbids, for the [rules](crate::Rules) that judge them.
#[derive(Clone, Debug, Default)]
pub(crate) struct Expectations {
    pub(crate) required: Vec<Expect>,
    pub(crate) forbidden: Vec<Expect>,
}

/// A line with `@require` or `@forbid`.
#[derive(Clone, Debug)]
pub(super) struct Demand {
    pub(super) line: usize,
    pub(super) field: HeaderName,
    pub(super) is_required: bool,
}

impl Expectations {
    /// Adds what a line of `rule` demands, if rules can judge it: by status and by the path as it came.
    pub(super) fn add(
        &mut self,
        demand: &Demand,
        rule: &Rule,
        dialect: Dialect,
    ) -> Result<(), Fault> {
        let (path, wanted) = match dialect {
            Dialect::Cloudflare => (
                rule.pattern.as_glob(),
                "@require and @forbid in a block that is chosen by a path with at most one star, and \
                 by status= alone",
            ),
            // Rules do not leave letter case and slashes at the end out of account.
            Dialect::Netlify => (
                rule.pattern.as_glob().filter(|path| **path == *"/*"),
                "@require and @forbid in a block of /*, and by status= alone",
            ),
        };
        let Some(path) = path.filter(|_| rule.when.is_at_most_by_status()) else {
            return Err(Fault::text(wanted, &rule.pattern.written));
        };
        let all: &[RangeInclusive<u16>] = &[100..=999];
        let expected = if demand.is_required { &mut self.required } else { &mut self.forbidden };
        for statuses in rule.when.statuses.as_deref().unwrap_or(all) {
            let expect = Expect::field(demand.field.clone()).on_status(statuses.clone());
            expected.push(expect.on_path(path.clone()));
        }
        Ok(())
    }
}
