//! The actions: a field's history repeated, without what should not have happened.

use std::collections::{BTreeMap, BTreeSet};

use http::StatusCode;
use http::header::{ETAG, HeaderName, HeaderValue};

use super::case::Case;
use super::history::{last_answer, took_effect};
use super::mend::mended;
use super::{Action, Conflict, Resolution, Rule, merge, restore};
use crate::ledger::{Entry, Fate, Seen, Stage, Values, Verb, Writer};

/// What is to be done, collected before anything is changed. Conflicts are known by their place.
#[derive(Default)]
pub(crate) struct Replay {
    /// By the place of the entry that it is about.
    by_entry: BTreeMap<usize, Action>,
    /// The fields whose histories are repeated, with what stood there at first where that is not
    /// what the history says.
    stories: BTreeMap<Key, Option<Vec<HeaderValue>>>,
    /// Fields that get these values, whatever their stories say.
    set: BTreeMap<Key, Vec<HeaderValue>>,
    status: bool,
    /// The conflicts for which something is done, and the fields that have to come out as planned.
    noted: BTreeMap<usize, Vec<Key>>,
}

/// What could not be done as planned.
#[derive(Default)]
struct Failed {
    /// Fields whose values are not known any more, or for which the head has no room.
    fields: BTreeSet<Key>,
    /// Entries whose values the ledger did not have room for.
    entries: BTreeSet<usize>,
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
            | "content-md5"
            | "content-range"
            | "content-type"
            | "digest"
            | "etag"
            | "last-modified"
            | "repr-digest"
    )
}

/// Whether an action may put `field` back: over other bytes only where that was asked for by name; a 304 has
/// none.
fn may_be_put_back(case: &Case<'_>, rule: Rule, field: &HeaderName) -> bool {
    let not_modified = *case.status == StatusCode::NOT_MODIFIED;
    !describes_bytes(field)
        || case.is_asked_for(rule, field)
        || not_modified && restore::is_of_not_modified(field)
}

impl Replay {
    /// Notes what an action wants of the conflict at `place`.
    pub(crate) fn note(&mut self, place: usize, case: &Case<'_>, conflict: &Conflict, live: bool) {
        let action = conflict.action;
        match (conflict.rule, &conflict.field, conflict.entry) {
            (Rule::HeadReplaced, _, Some(entry)) => self.restore(place, case, conflict, entry),
            (Rule::StatusChanged, _, Some(entry)) if live && action != Action::Merge => {
                self.by_entry.insert(entry, action);
                self.status = true;
                self.noted.insert(place, Vec::new());
            }
            // Of one value there is nothing to join.
            (Rule::Overwritten, _, _) if action == Action::Merge => {}
            (Rule::Overwritten | Rule::ListReplaced | Rule::Removed, Some(field), Some(entry)) => {
                let back = action != Action::KeepLast;
                // Without values there is nothing to tell again.
                let known = !conflict.before.is_empty();
                if live && (!back || known && may_be_put_back(case, conflict.rule, field)) {
                    self.by_entry.insert(entry, action);
                    self.stories.entry(Key(field.clone())).or_insert(None);
                    self.noted.insert(place, vec![Key(field.clone())]);
                }
            }
            (_, Some(field), _) => {
                let key = Key(field.clone());
                let planned = self.set.get(&key).map(Vec::as_slice);
                let now = planned.unwrap_or(conflict.after.as_slice());
                if let Some(values) = mended(case, conflict, field, now) {
                    self.set.insert(key.clone(), values);
                    self.noted.insert(place, vec![key]);
                }
            }
            (_, None, _) => {}
        }
    }

    /// What is due of a replaced head stands at the beginning of the new one's history. Of several replaced
    /// heads the last one's word counts.
    fn restore(&mut self, place: usize, case: &Case<'_>, conflict: &Conflict, entry: usize) {
        if conflict.action == Action::KeepLast {
            self.noted.insert(place, Vec::new());
            return;
        }
        let Some(seen) = case.ledger.entries().get(entry).and_then(|e| e.seen.as_ref()) else {
            return;
        };
        let lost = &conflict.lost;
        let etag = case.fields.contains_key(ETAG) || lost.names().any(|name| *name == ETAG);
        let mut keys = Vec::new();
        for lines in lost.0.chunk_by(|(one, _), (two, _)| one == two) {
            let Some((field, _)) = lines.first() else { continue };
            let due = restore::due(case.rules, field, seen.was, *case.status, etag);
            let values = lines.iter().map(|(_, value)| value.clone()).collect();
            let values = restore::part(due, values);
            if !values.is_empty() {
                self.stories.insert(Key(field.clone()), Some(values));
                keys.push(Key(field.clone()));
            }
        }
        if !keys.is_empty() && !seen.cut {
            self.noted.insert(place, keys);
        } else if seen.cut {
            // The lines are there, but what they said is not known any more.
            for key in &keys {
                self.stories.remove(key);
            }
        }
    }

    /// Changes the head, writes that down, and says of each conflict whether it was resolved.
    pub(crate) fn run(self, case: &mut Case<'_>, conflicts: &mut [Conflict]) {
        let since = last_answer(case.ledger.entries()).map_or(0, |at| at + 1);
        let mut failed = Failed::default();
        let mut changes: Vec<(&Key, Vec<HeaderValue>)> = Vec::new();
        for (key, base) in &self.stories {
            let values = self.tell(case, key, base.as_deref(), since, &mut failed);
            changes.push((key, values));
        }
        changes.extend(self.set.iter().map(|(key, values)| (key, values.clone())));
        changes.retain(|(key, values)| case.fields.get_all(&key.0).iter().ne(values.iter()));
        if self.status {
            self.change_status(case, since);
        }
        for (key, values) in changes {
            if !change(case, &key.0, &values) {
                failed.fields.insert(key.clone());
            }
        }
        for (place, keys) in &self.noted {
            let Some(conflict) = conflicts.get_mut(*place) else { continue };
            let holds = conflict.entry.is_none_or(|entry| !failed.entries.contains(&entry));
            if holds && !keys.iter().any(|key| failed.fields.contains(key)) {
                conflict.settled = Resolution::Resolved;
            }
        }
    }

    /// The values of a field at the end of its history, repeated without the offending entries.
    fn tell(
        &self,
        case: &Case<'_>,
        key: &Key,
        base: Option<&[HeaderValue]>,
        since: usize,
        failed: &mut Failed,
    ) -> Vec<HeaderValue> {
        let Key(field) = key;
        let shape = case.rules.shape(field);
        let entries = case.ledger.entries().iter().enumerate().skip(since);
        let mut entries =
            entries.filter(|(_, e)| e.field() == Some(field) && took_effect(e)).peekable();
        let first = entries.peek().and_then(|(_, entry)| entry.seen.as_ref());
        let stood: Vec<HeaderValue> = match first {
            Some(seen) => seen.before.as_slice().to_vec(),
            None => case.fields.get_all(field).iter().cloned().collect(),
        };
        // Where the new head has a word of its own that one counts; to a list it adds.
        let mut now = match base {
            Some(base) if stood.is_empty() => base.to_vec(),
            Some(base) => merge::merge(field, shape, base, &stood),
            None => stood,
        };
        for (at, entry) in entries {
            let Some(seen) = &entry.seen else { continue };
            if seen.cut {
                // What it was is not known any more: what is there stays.
                failed.fields.insert(key.clone());
                return case.fields.get_all(field).iter().cloned().collect();
            }
            let (before, after) = (seen.before.as_slice(), seen.after.as_slice());
            match (self.by_entry.get(&at), entry.verb) {
                (Some(Action::KeepFirst), _) | (Some(Action::Merge), Verb::Remove) => {}
                (Some(Action::Merge), _) => {
                    let both = merge::merge(field, shape, &now, after);
                    if merge::loses(field, shape, before, &both) {
                        failed.entries.insert(at);
                    }
                    now = both;
                }
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

/// Gives `field` these values, and writes that down. `false` if there was no room for them.
fn change(case: &mut Case<'_>, field: &HeaderName, values: &[HeaderValue]) -> bool {
    let before = Values::of(case.fields.get_all(field).iter());
    case.fields.remove(field);
    for value in values {
        // A head without room for it stays without.
        let _ = case.fields.try_append(field.clone(), value.clone());
    }
    let after = Values::of(case.fields.get_all(field).iter());
    let whole = after.as_slice() == values;
    let verb = if after.is_empty() { Verb::Remove } else { Verb::Insert };
    let seen = Seen { before, after, ..Seen::default() };
    case.ledger.record(entry(verb, Some(field.clone()), seen));
    whole
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
