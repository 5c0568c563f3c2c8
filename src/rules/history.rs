//! Conflicts that lie in what was done to a head: who wrote what over whose.

use std::collections::HashMap;

use http::StatusCode;
use http::header::HeaderName;

use super::{Conflict, Rule, Rules, merge};
use crate::field::class::Shape;
use crate::ledger::{Entry, Fate, Ledger, Verb, Writer};

/// Who wrote each field last, as far as the ledger goes.
pub(crate) struct Cast<'a> {
    /// Who brought the head that everything else was written to.
    base: Writer,
    last: HashMap<&'a HeaderName, &'a Writer>,
    status: Option<&'a Writer>,
    /// The sequence numbers of each field's last write.
    times: HashMap<&'a HeaderName, u64>,
}

impl<'a> Cast<'a> {
    /// The cast at the end of the ledger.
    pub(crate) fn of(ledger: &'a Ledger) -> Self {
        let mut cast = Self::new();
        for entry in ledger.entries() {
            cast.add(entry);
        }
        cast
    }

    fn new() -> Self {
        Self { base: Writer::Response, last: HashMap::new(), status: None, times: HashMap::new() }
    }

    fn add(&mut self, entry: &'a Entry) {
        if !took_effect(entry) {
            return;
        }
        match (&entry.field, entry.verb) {
            (Some(field), _) => {
                self.last.insert(field, &entry.writer);
                self.times.insert(field, entry.sequence().unwrap_or_default());
            }
            (None, Verb::Answer) => {
                self.base = entry.writer.clone();
                self.last.clear();
                self.times.clear();
                self.status = None;
            }
            (None, _) => self.status = Some(&entry.writer),
        }
    }

    /// Who wrote `field` last.
    pub(crate) fn writer(&self, field: &HeaderName) -> Writer {
        self.last.get(field).map_or_else(|| self.base.clone(), |writer| (*writer).clone())
    }

    /// Whether anyone but the first response wrote `field`.
    pub(crate) fn touched(&self, field: &HeaderName) -> bool {
        self.last.contains_key(field)
    }

    /// When `field` was written last; 0 if it came with the response.
    pub(crate) fn time(&self, field: &HeaderName) -> u64 {
        self.times.get(field).copied().unwrap_or_default()
    }

    fn status_writer(&self) -> Writer {
        self.status.map_or_else(|| self.base.clone(), Clone::clone)
    }
}

/// Whether an entry changed the head, whatever became of it later.
fn took_effect(entry: &Entry) -> bool {
    match entry.fate {
        Fate::Applied | Fate::Overridden | Fate::Mended | Fate::Replaced => {
            entry.verb != Verb::Promise && !entry.is_late()
        }
        Fate::Yielded | Fate::Trailers | Fate::Refused(_) | Fate::Unsent => false,
    }
}

/// The conflicts in the order in which they came about.
pub(crate) fn history(rules: &Rules, ledger: &Ledger) -> Vec<Conflict> {
    let mut cast = Cast::new();
    let mut found = Vec::new();
    for entry in ledger.entries() {
        if took_effect(entry) {
            match (&entry.field, entry.verb) {
                (Some(field), _) => found.extend(of_field(rules, ledger, &cast, entry, field)),
                (None, Verb::Answer) => found.extend(head_replaced(&cast, entry)),
                (None, _) => found.extend(of_status(&cast, entry)),
            }
        }
        cast.add(entry);
    }
    found
}

fn of_field(
    rules: &Rules,
    ledger: &Ledger,
    cast: &Cast<'_>,
    entry: &Entry,
    field: &HeaderName,
) -> Option<Conflict> {
    let first = cast.writer(field);
    if first.is(&entry.writer) || entry.writer.owns(field) {
        return None;
    }
    let seen = entry.seen.as_ref()?;
    let (before, after) = (&seen.before, &seen.after);
    // Values that were too large to keep differed, or there would be no entry.
    let changed = if seen.cut { seen.over } else { !before.is_empty() && before != after };
    if !changed {
        return None;
    }
    let shape = rules.shape(field);
    let rule = match (entry.verb, shape) {
        (_, Shape::Framing) => return None,
        (Verb::Remove, _) => Rule::Removed,
        (Verb::Insert, Shape::Single | Shape::Unknown) => Rule::Overwritten,
        (Verb::Insert, Shape::List | Shape::Lines) => {
            if seen.cut || !merge::loses(field, shape, before.as_slice(), after.as_slice()) {
                return None;
            }
            Rule::ListReplaced
        }
        (Verb::Append | Verb::Default | Verb::Status | Verb::Promise | Verb::Answer, _) => {
            return None;
        }
    };
    Some(Conflict {
        field: Some(field.clone()),
        first: Some(first),
        second: Some(entry.writer.clone()),
        before: before.clone(),
        after: after.clone(),
        secret: ledger.is_secret(field),
        detail: seen.cut.then(|| "the values were too large to keep".into()),
        ..Conflict::new(rule)
    })
}

fn of_status(cast: &Cast<'_>, entry: &Entry) -> Option<Conflict> {
    let (was, is) = (entry.seen.as_ref()?.was?, entry.status?);
    let first = cast.status_writer();
    // A response says 200 unless it is told otherwise; to tell it through the head is no conflict.
    let unsaid = matches!(first, Writer::Response) && was == StatusCode::OK;
    let told = matches!(entry.writer, Writer::Place(_));
    if was == is || first.is(&entry.writer) || unsaid && told {
        return None;
    }
    Some(Conflict {
        first: Some(first),
        second: Some(entry.writer.clone()),
        statuses: Some((was, is)),
        ..Conflict::new(Rule::StatusChanged)
    })
}

/// One conflict for the whole head. What was lost is told with it.
fn head_replaced(cast: &Cast<'_>, entry: &Entry) -> Option<Conflict> {
    if matches!(entry.writer, Writer::ErrorAnswer) {
        // It says itself what it keeps, and why it came.
        return None;
    }
    let lost = &entry.seen.as_ref()?.lost;
    let lost: Vec<_> =
        lost.iter().filter(|(field, _)| !entry.writer.owns(field)).cloned().collect();
    let mut names: Vec<&HeaderName> = Vec::new();
    for (field, _) in &lost {
        if !names.contains(&field) {
            names.push(field);
        }
    }
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
    Some(Conflict {
        first: Some(cast.one_writer(&names)),
        second: Some(entry.writer.clone()),
        statuses: statuses.filter(|(was, is)| was != is),
        detail: Some(format!("{count} field{plural} lost: {listed}").into()),
        lost,
        ..Conflict::new(Rule::HeadReplaced)
    })
}

impl Cast<'_> {
    /// Who wrote these fields, if it was one writer; else who brought the head.
    fn one_writer(&self, fields: &[&HeaderName]) -> Writer {
        let mut writers = fields.iter().map(|field| self.writer(field));
        let Some(first) = writers.next() else { return self.base.clone() };
        if writers.all(|writer| writer.is(&first)) { first } else { self.base.clone() }
    }
}
