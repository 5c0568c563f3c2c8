//! Conflicts that lie in what was done to a head: who wrote what over whose.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue, SET_COOKIE};

use super::case::Case;
use super::{Conflict, Rule, Rules, merge};
use crate::field::class::Shape;
use crate::field::cookie;
use crate::ledger::{Entry, Fate, Ledger, Lines, Occasion, Seen, Stage, Values, Verb, Writer};

/// Who wrote what last, as far as the ledger goes.
///
/// A ledger is short, mostly a handful of entries, so it is read again for each question.
#[derive(Clone, Copy)]
pub(crate) struct Cast<'a> {
    /// What happened since somebody brought a head of its own.
    entries: &'a [Entry],
    /// Who brought the head that everything else was written to.
    base: &'a Writer,
}

impl<'a> Cast<'a> {
    /// The cast at the end of these entries.
    pub(crate) fn of(entries: &'a [Entry]) -> Self {
        let answer = last_answer(entries);
        let since = answer.map_or(0, |at| at + 1);
        let base = answer.and_then(|at| entries.get(at)).map_or(&Writer::Response, |e| &e.writer);
        Self { entries: entries.get(since..).unwrap_or_default(), base }
    }

    /// The fields that were written more than once.
    pub(crate) fn rewritten(self) -> Vec<&'a HeaderName> {
        let mut found: Vec<&HeaderName> = Vec::new();
        for (at, entry) in self.entries.iter().enumerate() {
            let Some(field) = entry.field.as_ref().filter(|_| took_effect(entry)) else { continue };
            let mut earlier = self.entries.iter().take(at);
            if earlier.any(|earlier| earlier.is_about(field) && took_effect(earlier)) {
                found.push(field);
            }
        }
        found
    }

    /// The writes to `field`, the last one first.
    fn writes(self, field: &HeaderName) -> impl Iterator<Item = &'a Entry> {
        let is_about = move |entry: &&Entry| entry.is_about(field) && took_effect(entry);
        self.entries.iter().rev().filter(is_about)
    }

    /// Who wrote `field` last.
    pub(crate) fn writer(self, field: &HeaderName) -> &'a Writer {
        self.writes(field).next().map_or(self.base, |entry| &entry.writer)
    }

    /// Whether anyone but the first response wrote `field`.
    pub(crate) fn touched(self, field: &HeaderName) -> bool {
        self.writes(field).next().is_some()
    }

    /// Who wrote `field` first: the head's bringer, if something stood there before all writes.
    pub(crate) fn first_writer(self, field: &HeaderName) -> &'a Writer {
        match self.writes(field).last() {
            Some(first) if first.seen.as_ref().is_some_and(|seen| seen.before.is_empty()) => {
                &first.writer
            }
            Some(_) | None => self.base,
        }
    }

    /// When `field` was written last; 0 if it came with the head, or a handler asked for it before
    /// any layer saw the response.
    pub(crate) fn time(self, field: &HeaderName) -> u64 {
        self.writes(field).next().map(time_of).unwrap_or_default()
    }

    /// What `field` was when all that was done until `time` was done, and who had written it.
    pub(crate) fn at(self, field: &HeaderName, time: u64, now: &HeaderMap) -> (Values, &'a Writer) {
        let mut later = None;
        for entry in self.writes(field) {
            if time_of(entry) <= time {
                return (stood_before(later, field, now), &entry.writer);
            }
            later = Some(entry);
        }
        (stood_before(later, field, now), self.base)
    }

    fn status_write(self) -> Option<&'a Entry> {
        let is_status = |entry: &&Entry| entry.verb == Verb::Status && took_effect(entry);
        self.entries.iter().rev().find(is_status)
    }

    /// Who said the status.
    pub(crate) fn status_writer(self) -> &'a Writer {
        self.status_write().map_or(self.base, |entry| &entry.writer)
    }

    /// When the status was said; 0 as with fields.
    pub(crate) fn status_time(self) -> u64 {
        self.status_write().map(time_of).unwrap_or_default()
    }
}

/// When a write was made, as far as layers are concerned.
fn time_of(entry: &Entry) -> u64 {
    match (&entry.writer, entry.stage) {
        (Writer::Place(_), Stage::Open | Stage::Held) => 0,
        (_, _) => entry.sequence().unwrap_or_default(),
    }
}

/// What stood in `field` before this write; what is there now, if there was none.
fn stood_before(write: Option<&Entry>, field: &HeaderName, now: &HeaderMap) -> Values {
    match write.and_then(|entry| entry.seen.as_ref()) {
        Some(seen) => seen.before.clone(),
        None => Values::of(now.get_all(field).iter()),
    }
}

/// The place of the last entry with which somebody brought a head of its own.
pub(crate) fn last_answer(entries: &[Entry]) -> Option<usize> {
    entries.iter().rposition(|e| e.verb == Verb::Answer && e.field.is_none() && took_effect(e))
}

/// Whether an entry changed the head, whatever became of it later.
pub(crate) fn took_effect(entry: &Entry) -> bool {
    let on_another = entry.fate == Fate::Discarded && entry.seen.is_some();
    (entry.fate.reached_head() || on_another) && entry.verb != Verb::Promise && !entry.is_late()
}

/// Whether a write gave a field to a head that had none of that name.
fn adds_a_field(entry: &Entry) -> bool {
    let stood_before = |seen: &Seen| seen.cut || !seen.before.is_empty();
    entry.field.is_some() && !entry.seen.as_ref().is_some_and(stood_before)
}

/// The conflicts in the order in which they came about.
pub(crate) fn history(case: &Case<'_>) -> Vec<Conflict> {
    let Case { rules, ledger, .. } = case;
    let mut found = Vec::new();
    for (at, entry) in ledger.entries().iter().enumerate() {
        // Mostly a field is new, and in nobody's way.
        if adds_a_field(entry) || !took_effect(entry) {
            continue;
        }
        let before = || Cast::of(ledger.entries().get(..at).unwrap_or_default());
        let conflict = match (&entry.field, entry.verb) {
            (Some(field), _) => of_field(rules, ledger, before, entry, field),
            (None, Verb::Answer) => head_replaced(case, before(), entry),
            (None, _) => of_status(before(), entry),
        };
        let later = ledger.entries().get(at + 1..).unwrap_or_default();
        if let Some(conflict) = conflict.filter(|conflict| !is_taken_back(conflict, later)) {
            found.push(Conflict { entry: Some(at), ..conflict });
        }
    }
    found
}

/// Whether the first of the two has the last word, because its write was stated again: then that
/// is the conflict.
fn is_taken_back(conflict: &Conflict, later: &[Entry]) -> bool {
    let (Some(field), Some(first)) = (&conflict.field, &conflict.first) else { return false };
    later.iter().any(|entry| {
        let again = entry.seen.as_ref().is_some_and(|seen| seen.occasion == Occasion::Restated);
        again && entry.is_about(field) && entry.writer.is(first)
    })
}

fn of_field<'a>(
    rules: &Rules,
    ledger: &'a Ledger,
    before_it: impl Fn() -> Cast<'a>,
    entry: &Entry,
    field: &HeaderName,
) -> Option<Conflict> {
    let seen = entry.seen.as_ref()?;
    let (before, after) = (&seen.before, &seen.after);
    // Values that were too large to keep differed, or there would be no entry.
    let changed = if seen.cut { seen.over } else { !before.is_empty() && before != after };
    if !changed {
        return None;
    }
    let first = before_it().writer(field);
    if first.is(&entry.writer) || entry.writer.owns(field) {
        return None;
    }
    let (one, two) = (before.as_slice(), after.as_slice());
    let shape = rules.shape(field);
    let rule = match (entry.verb, shape) {
        (_, Shape::Framing) => return None,
        (Verb::Remove, _) => Rule::Removed,
        // A line that was put before others takes nothing away.
        (Verb::Insert, Shape::Unknown) if !seen.cut && one.iter().all(|v| two.contains(v)) => {
            return None;
        }
        (Verb::Insert, Shape::Single | Shape::Unknown) => Rule::Overwritten,
        (Verb::Insert, Shape::List | Shape::Lines) => {
            if seen.cut || merge::loses(field, shape, one, two) {
                Rule::ListReplaced
            } else if field == SET_COOKIE && changes_a_cookie(one, two) {
                Rule::Overwritten
            } else {
                return None;
            }
        }
        (Verb::Append | Verb::Default | Verb::Status | Verb::Promise | Verb::Answer, _) => {
            return None;
        }
    };
    Some(Conflict {
        field: Some(field.clone()),
        first: Some(first.clone()),
        second: Some(entry.writer.clone()),
        before: before.clone(),
        after: after.clone(),
        secrecy: ledger.secrecy(field),
        restated: seen.occasion == Occasion::Restated,
        detail: seen.cut.then(|| "the values were too large to keep".into()),
        ..Conflict::new(rule)
    })
}

/// Whether a cookie of `before` has another value in `after`.
fn changes_a_cookie(before: &[HeaderValue], after: &[HeaderValue]) -> bool {
    before.iter().any(|line| {
        let key = cookie::key(line);
        key.is_some() && !after.contains(line) && after.iter().any(|now| cookie::key(now) == key)
    })
}

fn of_status(cast: Cast<'_>, entry: &Entry) -> Option<Conflict> {
    let (was, is) = (entry.seen.as_ref()?.was?, entry.status?);
    let first = cast.status_writer();
    // A response says 200 unless something else is set; to set it through the head is no conflict.
    let unsaid = matches!(first, Writer::Response) && was == StatusCode::OK;
    let through_head = matches!(entry.writer, Writer::Place(_));
    if was == is || first.is(&entry.writer) || unsaid && through_head || entry.writer.owns_status()
    {
        return None;
    }
    Some(Conflict {
        first: Some(first.clone()),
        second: Some(entry.writer.clone()),
        statuses: Some((was, is)),
        ..Conflict::new(Rule::StatusChanged)
    })
}

/// One conflict for the whole head. It names what was lost.
fn head_replaced(case: &Case<'_>, cast: Cast<'_>, entry: &Entry) -> Option<Conflict> {
    if matches!(entry.writer, Writer::ErrorAnswer) {
        // It says itself what it keeps, and why it came.
        return None;
    }
    let all = &entry.seen.as_ref()?.lost.0;
    let mut lost = Vec::new();
    for lines in all.chunk_by(|(one, _), (two, _)| one == two) {
        let Some((field, _)) = lines.first() else { continue };
        if !entry.writer.owns(field) && is_lost(case, field, lines) {
            lost.extend(lines.iter().cloned());
        }
    }
    let lost = Lines(lost);
    let names: Vec<&HeaderName> = lost.names().collect();
    let count = names.len();
    if count == 0 {
        return None;
    }
    let mut listed = names.iter().take(16).map(|name| name.as_str()).collect::<Vec<_>>().join(", ");
    if count > 16 {
        listed.push_str(", ...");
    }
    let plural = if count == 1 { "" } else { "s" };
    let statuses = entry.seen.as_ref().and_then(|seen| seen.was).zip(entry.status);
    let first = cast.one_writer(&names).clone();
    Some(Conflict {
        first: Some(first),
        second: Some(entry.writer.clone()),
        statuses: statuses.filter(|(was, is)| was != is),
        detail: Some(format!("{count} field{plural} lost: {listed}").into()),
        lost,
        ..Conflict::new(Rule::HeadReplaced)
    })
}

/// Whether the head that goes out lacks something of these lines of `field`. A list that is there again may
/// have all of its members.
fn is_lost(case: &Case<'_>, field: &HeaderName, lines: &[(HeaderName, HeaderValue)]) -> bool {
    let shape = case.rules.shape(field);
    if !matches!(shape, Shape::List | Shape::Lines) || !case.fields.contains_key(field) {
        return true;
    }
    let lines: Vec<_> = lines.iter().map(|(_, value)| value.clone()).collect();
    let now: Vec<_> = case.fields.get_all(field).iter().cloned().collect();
    merge::loses(field, shape, &lines, &now)
}

impl<'a> Cast<'a> {
    /// Who wrote these fields, if it was one writer; else who brought the head.
    fn one_writer(self, fields: &[&HeaderName]) -> &'a Writer {
        let mut writers = fields.iter().map(|field| self.writer(field));
        let Some(first) = writers.next() else { return self.base };
        if writers.all(|writer| writer.is(first)) { first } else { self.base }
    }
}
