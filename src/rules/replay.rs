//! The actions: a field's story told again, without what should not have happened.

use std::collections::BTreeMap;

use http::StatusCode;
use http::header::{HeaderName, HeaderValue};

use super::history::{last_answer, took_effect};
use super::judge::Case;
use super::{Action, Conflict, Rule, Settled, merge};
use crate::field::class::{self, Role};
use crate::field::etag;
use crate::ledger::{Entry, Fate, Seen, Stage, Values, Verb, Writer};
use crate::rules::framing::content_is_due;

/// What is to be done, collected before anything is changed.
#[derive(Default)]
pub(crate) struct Replay {
    /// By the place of the entry that it is about.
    by_entry: BTreeMap<usize, Action>,
    /// The fields whose stories are told again, with what stood there at first where that is not
    /// what the story says.
    stories: BTreeMap<Key, Option<Vec<HeaderValue>>>,
    /// Fields that get these values, whatever their stories say.
    set: BTreeMap<Key, Vec<HeaderValue>>,
    status: bool,
}

/// A name in the order of its text, because the order of a hash map is no order for a head.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Key(HeaderName);

impl PartialOrd for Key {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}

impl Ord for Key {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.0.as_str().cmp(other.0.as_str())
    }
}

/// Whether a field says how the bytes of the content are to be read, or which bytes they are. Put
/// back over other bytes it would be a lie, so that has to be asked for by name.
fn describes_bytes(field: &HeaderName) -> bool {
    matches!(
        field.as_str(),
        "accept-ranges"
            | "content-digest"
            | "content-encoding"
            | "content-language"
            | "content-range"
            | "content-type"
            | "digest"
            | "etag"
            | "last-modified"
            | "repr-digest"
    )
}

impl Replay {
    /// Notes what an action wants of a conflict.
    pub(crate) fn note(&mut self, case: &Case<'_>, conflict: &Conflict, live: bool) {
        let action = conflict.action;
        match (conflict.rule, &conflict.field, conflict.entry) {
            (Rule::HeadReplaced, _, _) => self.restore(case, conflict),
            (Rule::StatusChanged, _, Some(entry)) if live && action != Action::Merge => {
                self.by_entry.insert(entry, action);
                self.status = true;
            }
            (Rule::Overwritten | Rule::ListReplaced | Rule::Removed, Some(field), Some(entry)) => {
                let back = action != Action::KeepLast;
                let asked = || case.is_asked_for(conflict.rule, field);
                // Without values there is nothing to tell again.
                let known = !conflict.before.is_empty();
                if live && (!back || known && (!describes_bytes(field) || asked())) {
                    self.by_entry.insert(entry, action);
                    self.stories.entry(Key(field.clone())).or_insert(None);
                }
            }
            (_, Some(field), _) => self.note_standing(case, conflict, field),
            (_, None, _) => {}
        }
    }

    fn note_standing(&mut self, case: &Case<'_>, conflict: &Conflict, field: &HeaderName) {
        let now = conflict.after.as_slice();
        let one = |value: Option<&HeaderValue>| value.cloned().into_iter().collect();
        let values: Vec<HeaderValue> = match (conflict.rule, conflict.action) {
            (Rule::Duplicated, Action::KeepFirst) => one(now.first()),
            (Rule::Duplicated, Action::KeepLast | Action::Merge) => one(now.last()),
            (Rule::MemberRepeated, _) => merge::merge(field, case.rules.shape(field), &[], now),
            (Rule::StrongTag, Action::Merge) => now.iter().map(etag::weaken).collect(),
            (Rule::Missing, Action::Merge) if may_be_put_in(field, *case.status) => {
                let offer = conflict.offer.as_slice().to_vec();
                if offer.is_empty() {
                    return;
                }
                offer
            }
            (Rule::Forbidden, Action::KeepFirst | Action::Merge) => Vec::new(),
            (_, _) => return,
        };
        self.set.insert(Key(field.clone()), values);
    }

    /// What a replaced head said of policy stands at the beginning of the new one's story, where the
    /// new one has no word on it. Of several replaced heads the last one's word counts.
    fn restore(&mut self, case: &Case<'_>, conflict: &Conflict) {
        if conflict.action == Action::KeepLast {
            return;
        }
        let mut fields: BTreeMap<Key, Vec<HeaderValue>> = BTreeMap::new();
        for (field, value) in &conflict.lost.0 {
            if case.rules.outlives(field) && !value.is_empty() {
                fields.entry(Key(field.clone())).or_default().push(value.clone());
            }
        }
        for (field, values) in fields {
            self.stories.insert(field, Some(values));
        }
    }

    /// Changes the head, writes that down, and says of each conflict whether it was resolved.
    pub(crate) fn run(self, case: &mut Case<'_>, conflicts: &mut [Conflict]) {
        let since = last_answer(case.ledger.entries()).map_or(0, |at| at + 1);
        let mut changes: Vec<(HeaderName, Vec<HeaderValue>)> = Vec::new();
        for (Key(field), base) in &self.stories {
            let values = self.tell(case, field, base.as_deref(), since);
            if case.fields.get_all(field).iter().ne(values.iter()) {
                changes.push((field.clone(), values));
            }
        }
        for (Key(field), values) in &self.set {
            if case.fields.get_all(field).iter().ne(values.iter()) {
                changes.push((field.clone(), values.clone()));
            }
        }
        for conflict in conflicts.iter_mut() {
            if self.resolves(conflict, &changes) {
                conflict.settled = Settled::Resolved;
            }
        }
        if self.status {
            self.change_status(case, since);
        }
        for (field, values) in changes {
            change(case, field, &values);
        }
    }

    /// Whether the action on this conflict was carried out, or asked for what is there anyway.
    fn resolves(&self, conflict: &Conflict, changes: &[(HeaderName, Vec<HeaderValue>)]) -> bool {
        if conflict.settled == Settled::Rejected {
            return false;
        }
        match (conflict.rule, conflict.action) {
            (_, Action::Allow | Action::Report | Action::Reject) => false,
            (Rule::HeadReplaced, Action::KeepLast) => true,
            (Rule::HeadReplaced, _) => {
                conflict.lost.names().any(|lost| changes.iter().any(|(name, _)| name == lost))
            }
            (_, _) => {
                let noted = conflict.entry.is_some_and(|entry| self.by_entry.contains_key(&entry));
                let set = |field: &HeaderName| self.set.contains_key(&Key(field.clone()));
                noted || conflict.entry.is_none() && conflict.field.as_ref().is_some_and(set)
            }
        }
    }

    /// The values of a field at the end of its story, told without the offending entries.
    fn tell(
        &self,
        case: &Case<'_>,
        field: &HeaderName,
        base: Option<&[HeaderValue]>,
        since: usize,
    ) -> Vec<HeaderValue> {
        let shape = case.rules.shape(field);
        let entries = case.ledger.entries().iter().enumerate().skip(since);
        let mut told =
            entries.filter(|(_, e)| e.field() == Some(field) && took_effect(e)).peekable();
        let first = told.peek().and_then(|(_, entry)| entry.seen.as_ref());
        let stood: Vec<HeaderValue> = match first {
            Some(seen) => seen.before.as_slice().to_vec(),
            None => case.fields.get_all(field).iter().cloned().collect(),
        };
        // Where the new head has a word of its own that one counts.
        let mut now = match base {
            Some(base) if stood.is_empty() => base.to_vec(),
            Some(_) | None => stood,
        };
        for (at, entry) in told {
            let Some(seen) = &entry.seen else { continue };
            if seen.cut {
                // What it was is not known any more: what is there stays.
                return case.fields.get_all(field).iter().cloned().collect();
            }
            let (before, after) = (seen.before.as_slice(), seen.after.as_slice());
            match (self.by_entry.get(&at), entry.verb) {
                (Some(Action::KeepFirst), _) | (Some(Action::Merge), Verb::Remove) => {}
                (Some(Action::Merge), _) => now = merge::merge(field, shape, &now, after),
                (_, Verb::Append) => {
                    now.extend(after.get(before.len()..).unwrap_or_default().iter().cloned());
                }
                (_, Verb::Default) if !now.is_empty() => {}
                (_, _) => now = after.to_vec(),
            }
        }
        now
    }

    fn change_status(&self, case: &mut Case<'_>, since: usize) {
        let entries = case.ledger.entries().iter().enumerate().skip(since);
        let changes = entries.filter(|(_, entry)| entry.verb == Verb::Status && took_effect(entry));
        let mut now: Option<StatusCode> = None;
        for (at, entry) in changes {
            let was = entry.seen.as_ref().and_then(|seen| seen.was);
            if self.by_entry.get(&at) == Some(&Action::KeepFirst) {
                now = now.or(was);
            } else {
                now = entry.status.or(now);
            }
        }
        let Some(status) = now.filter(|status| status != case.status) else { return };
        let was = std::mem::replace(case.status, status);
        let seen = Seen { was: Some(was), ..Seen::default() };
        let entry = entry(Verb::Status, None, seen);
        case.ledger.record(Entry { status: Some(status), ..entry });
    }
}

/// Whether a missing field may be put in: what describes content, only where there is some.
fn may_be_put_in(field: &HeaderName, status: StatusCode) -> bool {
    let describes = class::of(field).role() == Role::Representation;
    !describes || content_is_due(status, false, false)
}

/// Gives `field` these values, and writes that down.
fn change(case: &mut Case<'_>, field: HeaderName, values: &[HeaderValue]) {
    let before = Values::of(case.fields.get_all(&field).iter());
    case.fields.remove(&field);
    for value in values {
        // A head without room for it stays without.
        let _ = case.fields.try_append(field.clone(), value.clone());
    }
    let verb = if values.is_empty() { Verb::Remove } else { Verb::Insert };
    let seen = Seen { before, after: Values::of(values.iter()), ..Seen::default() };
    case.ledger.record(entry(verb, Some(field), seen));
}

fn entry(verb: Verb, field: Option<HeaderName>, seen: Seen) -> Entry {
    Entry {
        verb,
        field,
        status: None,
        writer: Writer::Rule,
        stage: Stage::Committing,
        fate: Fate::Applied,
        seen: Some(seen),
    }
}
