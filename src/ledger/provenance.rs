//! The provenance of one response on its way out: seen on both sides of each named layer, and the difference is theirs.

use std::collections::{HashMap, HashSet};
use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::field::class::{self, Shape};

use super::{Entry, Fate, LayerName, Ledger, Lines, Seen, Stage, Values, Verb, Writer};

/// The most lost field lines that are remembered of a head that was replaced.
const MOST_LOST: usize = 1024;

/// In a change of more lines than this, names are looked up instead of searched.
const SMALL: usize = 16;

/// A response as it was seen last, and what was done to it until then.
///
/// It travels with its response. So a response that a layer drops takes its provenance along, one that
/// is tried again begins a new one, and one that a layer makes itself has none.
#[derive(Debug, Default)]
pub(crate) struct Provenance {
    fields: Lines,
    status: StatusCode,
    ledger: Ledger,
    /// The layer that handed the response on last.
    last: Option<LayerName>,
    /// The batches of writes through `Head` that the ledger has.
    batches: Vec<u32>,
}

impl Provenance {
    /// A response that has just come into sight.
    pub(crate) fn begin(
        status: StatusCode,
        fields: &HeaderMap,
        secrets: Arc<[HeaderName]>,
    ) -> Self {
        let mut provenance = Self::default();
        provenance.restart(status, fields, secrets);
        provenance
    }

    /// Another response has just come into sight, and nothing is known of an earlier one.
    pub(crate) fn restart(
        &mut self,
        status: StatusCode,
        fields: &HeaderMap,
        secrets: Arc<[HeaderName]>,
    ) {
        self.ledger = Ledger::default();
        self.ledger.watch(secrets);
        self.fields = Lines::of(fields);
        (self.status, self.last) = (status, None);
        self.batches.clear();
    }

    /// A response that `layer` made itself. `given` is the provenance of the one that it was given, if
    /// it was given any: what is not in the new head is lost. Of a field with members or with lines that
    /// count for themselves, that is each line which the new head does not repeat.
    pub(crate) fn short_circuit(
        layer: &LayerName,
        status: StatusCode,
        fields: &HeaderMap,
        secrets: Arc<[HeaderName]>,
        given: Option<Self>,
    ) -> Self {
        let mut provenance = Self::begin(status, fields, secrets);
        let mut seen = Seen::default();
        if let Some(given) = given {
            let lost = given.fields.0.into_iter().filter(|(name, value)| {
                !fields.contains_key(name)
                    || matches!(class::of(name).shape(), Shape::List | Shape::Lines)
                        && !fields.get_all(name).iter().any(|now| now == value)
            });
            seen.lost = Lines(lost.take(MOST_LOST).collect());
            seen.was = Some(given.status);
            provenance.ledger = given.ledger;
            provenance.ledger.discard(status, fields);
            provenance.batches = given.batches;
        }
        let answer = entry(Verb::Answer, None, &Writer::Layer(layer.clone()), seen);
        provenance.ledger.record(Entry { status: Some(status), ..answer });
        provenance.last = Some(layer.clone());
        provenance
    }

    /// Whether every line that was seen is still there.
    pub(crate) fn is_within(&self, fields: &HeaderMap) -> bool {
        self.fields.0.iter().all(|(name, _)| fields.contains_key(name))
    }

    /// The response passes a point outside of `last` that nobody with a name has changed.
    pub(crate) fn record_unnamed(&mut self, status: StatusCode, fields: &HeaderMap) {
        if !self.is_same(status, fields) {
            let writer = Writer::Unnamed(self.last.clone());
            self.compare(&writer, status, fields);
        }
    }

    /// `layer` hands the response on.
    pub(crate) fn record_layer(
        &mut self,
        layer: LayerName,
        status: StatusCode,
        fields: &HeaderMap,
    ) {
        if !self.is_same(status, fields) {
            self.compare(&Writer::Layer(layer.clone()), status, fields);
        }
        self.last = Some(layer);
    }

    /// Writes through `Head` were put on the response where it is now.
    pub(crate) fn landed(
        &mut self,
        batch: u32,
        entries: impl IntoIterator<Item = Entry>,
        status: StatusCode,
        fields: &HeaderMap,
    ) {
        for entry in entries {
            self.ledger.record(entry);
        }
        self.batches.push(batch);
        (self.fields, self.status) = (Lines::of(fields), status);
    }

    /// The batches of writes through `Head` that the ledger has.
    pub(crate) fn batches(&self) -> Vec<u32> {
        self.batches.clone()
    }

    /// What was done so far.
    pub(crate) fn ledger(&self) -> &Ledger {
        &self.ledger
    }

    /// What was done, at the end of the provenance.
    pub(crate) fn take_ledger(&mut self) -> Ledger {
        std::mem::take(&mut self.ledger)
    }

    /// What was done, and what was seen last; nothing is left of the provenance.
    pub(crate) fn end(&mut self) -> (Ledger, Lines) {
        let Self { fields, ledger, .. } = std::mem::take(self);
        (ledger, fields)
    }

    /// A copy, for a layer that may yet answer by itself.
    pub(crate) fn duplicate(&self) -> Self {
        let Self { fields, status, ledger, last, batches } = self;
        let (fields, ledger) = (fields.clone(), ledger.clone());
        Self { fields, status: *status, ledger, last: last.clone(), batches: batches.clone() }
    }

    fn is_same(&self, status: StatusCode, fields: &HeaderMap) -> bool {
        status == self.status
            && self.fields.0.len() == fields.len()
            && self.fields.0.iter().zip(fields).all(|(seen, found)| is_same(seen, found))
    }

    /// Writes down what `writer` changed, and keeps what there is now.
    fn compare(&mut self, writer: &Writer, status: StatusCode, fields: &HeaderMap) {
        if status != self.status {
            let seen = Seen { was: Some(self.status), ..Seen::default() };
            let change = entry(Verb::Status, None, writer, seen);
            self.ledger.record(Entry { status: Some(status), ..change });
            self.status = status;
        }
        let lines = &self.fields.0;
        let start = lines.iter().zip(fields).take_while(|(s, f)| is_same(s, *f)).count();
        let rest = lines.iter().skip(start).map(|(name, _)| name);
        let stays = lines.len() <= fields.len()
            && rest.zip(fields.iter().skip(start)).all(|(seen, (name, _))| seen == name);
        if stays {
            self.compare_in_place(start, writer, fields);
        } else {
            self.compare_moved(start, writer, fields);
        }
    }

    /// Every line from `start` on has the name that it had, and more may have come behind them.
    fn compare_in_place(&mut self, start: usize, writer: &Writer, fields: &HeaderMap) {
        let Self { fields: Lines(lines), ledger, .. } = self;
        let (mut at, mut found) = (start, fields.iter().skip(start).peekable());
        while let Some((name, value)) = found.next() {
            if lines.get(at).is_some_and(|seen| is_same(seen, (name, value))) {
                at += 1;
                continue;
            }
            // The lines of one name stand together, and only the last ones may have become more.
            let is_it = |line: &&(HeaderName, HeaderValue)| line.0 == *name;
            let (seen, rest) = lines.split_at(at);
            let first = at - seen.iter().rev().take_while(is_it).count();
            let end = at + rest.iter().take_while(is_it).count();
            let before = lines.get(first..end).unwrap_or_default();
            let before = Values::of(before.iter().map(|(_, value)| value));
            let mut next = Some(value);
            while let Some(value) = next {
                match lines.get_mut(at) {
                    Some((_, seen)) => seen.clone_from(value),
                    None => lines.push((name.clone(), value.clone())),
                }
                at += 1;
                next = found.next_if(|(next, _)| *next == name).map(|(_, value)| value);
            }
            let now = lines.get(first..at).unwrap_or_default();
            let after = Values::of(now.iter().map(|(_, value)| value));
            ledger.record(change(name, before, after, writer));
        }
    }

    /// Lines went, or stand elsewhere.
    fn compare_moved(&mut self, start: usize, writer: &Writer, fields: &HeaderMap) {
        let lines = &self.fields.0;
        let found: Vec<_> = fields.iter().skip(start).collect();
        let rest = lines.get(start..).unwrap_or_default();
        let both = rest.iter().rev().zip(found.iter().rev());
        let end = both.take_while(|(seen, found)| is_same(seen, **found)).count();
        let gone = rest.get(..rest.len() - end).unwrap_or_default();
        let come = found.get(..found.len() - end).unwrap_or_default();

        let before = Before::of(lines, gone.len() + come.len());
        let mut done = Names::new(gone.len() + come.len());
        for name in gone.iter().map(|(name, _)| name).chain(come.iter().map(|(name, _)| *name)) {
            if !done.add(name) {
                continue;
            }
            let (before, after) = (before.get(name), Values::of(fields.get_all(name).iter()));
            if before != after {
                self.ledger.record(change(name, before, after, writer));
            }
        }
        let added = come.iter().map(|(name, value)| ((*name).clone(), (*value).clone()));
        let (gone, added) = (start..start + gone.len(), added.collect::<Vec<_>>());
        self.fields.0.splice(gone, added);
    }
}

/// The values before a change, by name.
enum Before<'a> {
    Searched(&'a [(HeaderName, HeaderValue)]),
    LookedUp(HashMap<&'a HeaderName, Vec<&'a HeaderValue>>),
}

impl<'a> Before<'a> {
    fn of(lines: &'a [(HeaderName, HeaderValue)], changes: usize) -> Self {
        if changes <= SMALL {
            return Self::Searched(lines);
        }
        let mut map: HashMap<_, Vec<_>> = HashMap::new();
        for (name, value) in lines {
            map.entry(name).or_default().push(value);
        }
        Self::LookedUp(map)
    }

    fn get(&self, name: &HeaderName) -> Values {
        match self {
            Self::Searched(lines) => {
                Values::of(lines.iter().filter(|(seen, _)| seen == name).map(|(_, value)| value))
            }
            Self::LookedUp(map) => {
                Values::of(map.get(name).map(Vec::as_slice).unwrap_or_default().iter().copied())
            }
        }
    }
}

/// Names that were seen already.
enum Names<'a> {
    Few(Vec<&'a HeaderName>),
    Many(HashSet<&'a HeaderName>),
}

impl<'a> Names<'a> {
    fn new(most: usize) -> Self {
        if most <= SMALL { Self::Few(Vec::new()) } else { Self::Many(HashSet::new()) }
    }

    /// Whether `name` is new.
    fn add(&mut self, name: &'a HeaderName) -> bool {
        match self {
            Self::Few(names) => {
                let new = !names.contains(&name);
                if new {
                    names.push(name);
                }
                new
            }
            Self::Many(names) => names.insert(name),
        }
    }
}

/// Clones of a value share their bytes, so a look at place and length mostly settles it.
fn is_same(
    (seen, value): &(HeaderName, HeaderValue),
    (name, now): (&HeaderName, &HeaderValue),
) -> bool {
    let (one, two) = (value.as_bytes(), now.as_bytes());
    (std::ptr::eq(one, two) || one == two) && seen == name
}

/// What was done to a field.
fn change(name: &HeaderName, before: Values, after: Values, writer: &Writer) -> Entry {
    let verb = if after.is_empty() {
        Verb::Remove
    } else if !before.is_empty() && after.as_slice().starts_with(before.as_slice()) {
        Verb::Append
    } else {
        Verb::Insert
    };
    entry(verb, Some(name.clone()), writer, Seen { before, after, ..Seen::default() })
}

fn entry(verb: Verb, field: Option<HeaderName>, writer: &Writer, seen: Seen) -> Entry {
    Entry {
        verb,
        field,
        status: None,
        writer: writer.clone(),
        stage: Stage::Open,
        fate: Fate::Applied,
        seen: Some(seen),
    }
}

#[cfg(test)]
mod tests;
