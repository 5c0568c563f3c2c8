//! The judgement on a head that is about to be committed: conflicts found, actions carried out.

use std::collections::HashMap;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::history::{Cast, history};
use super::standing::standing;
use super::{Action, Conflict, Rule, Rules, Settled, merge};
use crate::field::etag;
use crate::field::nature::outlives_content;
use crate::ledger::{Entry, Fate, Ledger, Seen, Stage, Values, Verb, Writer};

/// The most conflicts that one response reports.
const MOST_CONFLICTS: usize = 256;

/// What was found, and whether the response has to become a 500 for it.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) conflicts: Vec<Conflict>,
    pub(crate) rejected: bool,
}

/// A head while it is judged.
pub(crate) struct Case<'a> {
    pub(crate) rules: &'a Rules,
    pub(crate) path: &'a str,
    pub(crate) status: &'a mut StatusCode,
    pub(crate) fields: &'a mut HeaderMap,
    pub(crate) ledger: &'a mut Ledger,
}

/// Judges a head: what was done to it by whom, then what it is.
pub(crate) fn judge(mut case: Case<'_>) -> Judged {
    let mut judged = Judged::default();
    let found = history(case.rules, case.ledger);
    case.carry_out(found, &mut judged);
    // What the first look repaired is not found again by the second.
    let found = standing(&case, Cast::of(case.ledger.entries()));
    case.carry_out(found, &mut judged);
    judged
}

/// Fields whose values are being worked out.
#[derive(Default)]
struct Work {
    /// What was there first; it is decided once for each field.
    kept: HashMap<HeaderName, Vec<HeaderValue>>,
    /// What was joined so far.
    joined: HashMap<HeaderName, Vec<HeaderValue>>,
    status: Option<StatusCode>,
}

impl Case<'_> {
    /// Settles each conflict and changes the head where that is what is to be done.
    fn carry_out(&mut self, found: Vec<Conflict>, judged: &mut Judged) {
        if found.is_empty() {
            return;
        }
        let mut work = Work::default();
        for conflict in found {
            self.settle(conflict, &mut work, judged);
        }
        work.finish(self);
    }

    fn settle(&self, mut conflict: Conflict, work: &mut Work, judged: &mut Judged) {
        let action = self.rules.action(conflict.rule, conflict.field.as_ref());
        if action == Action::Allow || judged.conflicts.len() >= MOST_CONFLICTS {
            return;
        }
        conflict.action = action;
        conflict.settled = match action {
            Action::Allow | Action::Report => Settled::Reported,
            Action::Reject => {
                judged.rejected = true;
                Settled::Rejected
            }
            Action::KeepFirst | Action::KeepLast | Action::Merge => {
                self.resolve(&conflict, action, work)
            }
        };
        judged.conflicts.push(conflict);
    }

    /// Works out what the head should be; `Reported` where the action has no meaning.
    fn resolve(&self, conflict: &Conflict, action: Action, work: &mut Work) -> Settled {
        if conflict.rule == Rule::StatusChanged {
            let Some((was, _)) = conflict.statuses else { return Settled::Reported };
            if action == Action::KeepFirst {
                work.status.get_or_insert(was);
            }
            return if action == Action::Merge { Settled::Reported } else { Settled::Resolved };
        }
        if conflict.rule == Rule::HeadReplaced {
            return self.restore(conflict, action, work);
        }
        let Some(field) = conflict.field.clone() else { return Settled::Reported };
        let (before, after) = (conflict.before.as_slice(), conflict.after.as_slice());
        let shape = self.rules.shape(&field);
        match (conflict.rule, action) {
            (Rule::Overwritten | Rule::ListReplaced | Rule::Removed, Action::KeepFirst)
                if !before.is_empty() =>
            {
                work.kept.entry(field).or_insert_with(|| before.to_vec());
            }
            (Rule::ListReplaced, Action::Merge) => {
                let joined = work.joined.entry(field.clone()).or_insert_with(|| before.to_vec());
                *joined = merge::merge(&field, shape, joined, after);
            }
            // Two values of one field cannot be joined; the last stands.
            (Rule::Overwritten | Rule::ListReplaced | Rule::Removed, Action::KeepLast)
            | (Rule::Overwritten, Action::Merge) => {}
            (Rule::Removed, Action::Merge) if !before.is_empty() => {
                work.joined.entry(field).or_insert_with(|| before.to_vec());
            }
            (Rule::Duplicated, Action::KeepFirst) => {
                let first = before.first().or_else(|| after.first());
                work.kept.entry(field).or_insert_with(|| first.cloned().into_iter().collect());
            }
            (Rule::Duplicated, Action::KeepLast | Action::Merge) => {
                let last = after.last().cloned();
                work.kept.entry(field).or_insert_with(|| last.into_iter().collect());
            }
            (Rule::MemberRepeated, Action::Merge | Action::KeepLast | Action::KeepFirst) => {
                work.joined.entry(field).or_default();
            }
            (Rule::StrongTag, Action::Merge) => {
                let weak = after.iter().map(etag::weaken).collect();
                work.kept.entry(field).or_insert(weak);
            }
            (Rule::Missing, Action::Merge) if conflict.offer.is_some() => {
                work.kept.entry(field).or_insert_with(|| conflict.offer.iter().cloned().collect());
            }
            (Rule::Forbidden, Action::KeepFirst | Action::Merge) => {
                work.kept.entry(field).or_default();
            }
            (_, _) => return Settled::Reported,
        }
        Settled::Resolved
    }
}

impl Case<'_> {
    /// Puts back what a head that was replaced said of policy, where the new one says nothing.
    fn restore(&self, conflict: &Conflict, action: Action, work: &mut Work) -> Settled {
        if action == Action::KeepLast {
            return Settled::Resolved;
        }
        let mut restored = false;
        for (field, value) in &conflict.lost {
            let wanted = outlives_content(field) && !self.fields.contains_key(field);
            if wanted && !value.is_empty() {
                work.kept.entry(field.clone()).or_default().push(value.clone());
                restored = true;
            }
        }
        if restored { Settled::Resolved } else { Settled::Reported }
    }
}

impl Work {
    /// Puts the values that were worked out into the head, and each change into the ledger.
    fn finish(self, case: &mut Case<'_>) {
        if let Some(status) = self.status.filter(|status| status != case.status) {
            let was = std::mem::replace(case.status, status);
            let seen = Seen { was: Some(was), ..Seen::default() };
            let entry = entry(Verb::Status, None, seen);
            case.ledger.record(Entry { status: Some(status), ..entry });
        }
        let shape = |field: &HeaderName| case.rules.shape(field);
        let joined = self.joined.into_iter().map(|(field, joined)| {
            let now: Vec<HeaderValue> = case.fields.get_all(&field).iter().cloned().collect();
            let values = merge::merge(&field, shape(&field), &joined, &now);
            (field, values)
        });
        let mut all: Vec<_> = joined.collect();
        all.retain(|(field, _)| !self.kept.contains_key(field));
        all.extend(self.kept);
        // The order of a hash map is no order for a head.
        all.sort_by(|(one, _), (two, _)| one.as_str().cmp(two.as_str()));
        for (field, values) in all {
            if case.fields.get_all(&field).iter().eq(values.iter()) {
                continue;
            }
            let before = Values::of(case.fields.get_all(&field).iter());
            case.fields.remove(&field);
            for value in &values {
                // A head without room for it stays without.
                let _ = case.fields.try_append(field.clone(), value.clone());
            }
            let verb = if values.is_empty() { Verb::Remove } else { Verb::Insert };
            let seen = Seen { before, after: Values::of(values.iter()), ..Seen::default() };
            case.ledger.record(entry(verb, Some(field), seen));
        }
    }
}

fn entry(verb: Verb, field: Option<HeaderName>, seen: Seen) -> Entry {
    Entry {
        verb,
        field,
        status: None,
        writer: Writer::Rule,
        stage: Stage::Committing,
        fate: Fate::Applied,
        seen: Some(Box::new(seen)),
    }
}

#[cfg(test)]
mod tests;
