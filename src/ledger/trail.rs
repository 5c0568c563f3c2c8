//! What named layers did to a response: it is looked at on both sides of each, and the difference is theirs.

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Entry, Fate, LayerName, Ledger, Seen, Stage, Values, Verb, Writer};

/// The most layers whose inner side was passed and whose outer side was not.
const MOST_OPEN: usize = 4096;

/// The most lost field lines that are remembered of a head that was replaced.
const MOST_LOST: usize = 1024;

/// A response on its way out, as it was seen last.
///
/// Neighbours share one snapshot: what was seen outside one layer is what the next one is given.
#[derive(Debug, Default)]
pub(crate) struct Trail {
    fields: Vec<(HeaderName, HeaderValue)>,
    status: StatusCode,
    /// A response has come into sight.
    started: bool,
    /// The layers that were given the response and have not handed it on.
    open: Vec<LayerName>,
    /// The layers that have handed it on.
    passed: Vec<LayerName>,
}

impl Trail {
    /// Whether this is what was seen last. Nothing is dropped here, so it may be asked under a lock.
    pub(crate) fn is_same(&self, status: StatusCode, fields: &HeaderMap) -> bool {
        self.started
            && status == self.status
            && self.fields.len() == fields.len()
            && self.fields.iter().zip(fields).all(|(seen, found)| is_same(seen, found))
    }

    /// Whether `layer` handed a response on before: then somebody further out has asked again.
    pub(crate) fn has_passed(&self, layer: &LayerName) -> bool {
        self.passed.iter().any(|passed| passed.is(layer))
    }

    /// The response that was seen last is given to `layer`.
    pub(crate) fn enter_same(&mut self, layer: &LayerName) {
        if self.open.len() >= MOST_OPEN {
            self.open.clear();
        }
        self.open.push(layer.clone());
    }

    /// `layer` hands the response on as it was given; `false` if it was never given one.
    pub(crate) fn leave_same(&mut self, layer: &LayerName) -> bool {
        let given = self.open.iter().rposition(|open| open.is(layer));
        if let Some(at) = given {
            self.open.truncate(at);
            self.passed.push(layer.clone());
        }
        given.is_some()
    }

    /// The response is given to `layer`.
    pub(crate) fn enter(
        &mut self,
        layer: &LayerName,
        status: StatusCode,
        fields: &HeaderMap,
        ledger: &mut Ledger,
    ) {
        if self.has_passed(layer) {
            // What it was given before is nobody's response any more.
            *self = Self::default();
            ledger.discard();
        }
        self.between(status, fields, ledger);
        self.enter_same(layer);
    }

    /// `layer` hands the response on.
    pub(crate) fn leave(
        &mut self,
        layer: &LayerName,
        status: StatusCode,
        fields: &HeaderMap,
        ledger: &mut Ledger,
    ) {
        let writer = Writer::Layer(layer.clone());
        if let Some(at) = self.open.iter().rposition(|open| open.is(layer)) {
            self.open.truncate(at);
            self.compare(&writer, status, fields, ledger);
        } else {
            // It was never given one: it answered by itself, or hid its request's extensions.
            self.answered(&writer, status, fields, ledger);
            self.take(status, fields);
        }
        self.passed.push(layer.clone());
    }

    /// The response has passed every layer.
    pub(crate) fn end(&mut self, status: StatusCode, fields: &HeaderMap, ledger: &mut Ledger) {
        if self.started {
            self.between(status, fields, ledger);
        }
    }

    /// The head as it goes out.
    pub(crate) fn sent(&mut self, status: StatusCode, fields: &HeaderMap) {
        if !self.is_same(status, fields) {
            self.take(status, fields);
        }
    }

    /// The fields as they were seen last.
    pub(crate) fn fields(&self) -> &[(HeaderName, HeaderValue)] {
        &self.fields
    }

    /// The fields as they were seen last, for good.
    pub(crate) fn into_fields(self) -> Vec<(HeaderName, HeaderValue)> {
        self.fields
    }

    /// The status as it was seen last; `None` if no response was.
    pub(crate) fn status(&self) -> Option<StatusCode> {
        self.started.then_some(self.status)
    }

    /// Nobody with a name stands between here and where the response was seen last.
    fn between(&mut self, status: StatusCode, fields: &HeaderMap, ledger: &mut Ledger) {
        if self.started {
            let writer = Writer::Unnamed(self.passed.last().cloned());
            self.compare(&writer, status, fields, ledger);
        } else {
            self.take(status, fields);
        }
    }

    fn take(&mut self, status: StatusCode, fields: &HeaderMap) {
        self.started = true;
        self.status = status;
        self.fields.clear();
        self.fields.reserve_exact(fields.len());
        self.fields.extend(fields.iter().map(|(name, value)| (name.clone(), value.clone())));
    }

    /// Writes down what `writer` changed, and keeps what there is now.
    fn compare(
        &mut self,
        writer: &Writer,
        status: StatusCode,
        fields: &HeaderMap,
        ledger: &mut Ledger,
    ) {
        let mut present = fields.iter();
        let same = self.fields.iter().zip(&mut present);
        let start = same.take_while(|(seen, found)| is_same(seen, *found)).count();
        if start == self.fields.len() && start == fields.len() {
            self.note_status(writer, status, ledger);
            self.status = status;
            return;
        }
        let found: Vec<_> = fields.iter().skip(start).collect();
        let rest = self.fields.get(start..).unwrap_or_default();
        let same = rest.iter().rev().zip(found.iter().rev());
        let end = same.take_while(|(seen, found)| is_same(seen, **found)).count();
        let seen = rest.get(..rest.len() - end).unwrap_or_default();
        let found = found.get(..found.len() - end).unwrap_or_default();

        if self.is_replaced(writer, fields) {
            self.answered(writer, status, fields, ledger);
        } else {
            let mut names: Vec<&HeaderName> = Vec::new();
            for name in seen.iter().map(|(name, _)| name).chain(found.iter().map(|(name, _)| *name))
            {
                if ledger.is_full() {
                    // The rest is only counted: nobody keeps tens of thousands of lines.
                    ledger.record(entry(Verb::Insert, Some(name.clone()), writer, Seen::default()));
                    continue;
                }
                if names.contains(&name) {
                    continue;
                }
                names.push(name);
                let before = self.fields.iter().filter(|(seen, _)| seen == name).map(|(_, v)| v);
                let before = Values::of(before);
                let after = Values::of(fields.get_all(name).iter());
                let verb = match (before.as_slice(), after.as_slice()) {
                    (one, two) if one == two => continue,
                    (_, []) => Verb::Remove,
                    ([_, ..], two) if two.starts_with(before.as_slice()) => Verb::Append,
                    (_, _) => Verb::Insert,
                };
                let seen = Seen { before, after, ..Seen::default() };
                ledger.record(entry(verb, Some(name.clone()), writer, seen));
            }
            self.note_status(writer, status, ledger);
        }
        let added = found.iter().map(|(name, value)| ((*name).clone(), (*value).clone()));
        let (gone, added) = (start..start + seen.len(), added.collect::<Vec<_>>());
        self.fields.splice(gone, added);
        self.status = status;
    }

    /// Whether nothing of several fields is left: the head is a new one.
    fn is_replaced(&self, writer: &Writer, fields: &HeaderMap) -> bool {
        let foreign = || self.fields.iter().filter(|(name, _)| !writer.owns(name));
        foreign().nth(1).is_some() && !foreign().any(|(name, _)| fields.contains_key(name))
    }

    /// `writer` answered with a head of its own.
    fn answered(
        &self,
        writer: &Writer,
        status: StatusCode,
        fields: &HeaderMap,
        ledger: &mut Ledger,
    ) {
        let lost = self.fields.iter().filter(|(name, _)| !fields.contains_key(name));
        let lost = lost.take(MOST_LOST).cloned().collect();
        let was = self.started.then_some(self.status);
        let seen = Seen { was, lost, ..Seen::default() };
        let answer = entry(Verb::Answer, None, writer, seen);
        ledger.record(Entry { status: Some(status), ..answer });
    }

    fn note_status(&self, writer: &Writer, status: StatusCode, ledger: &mut Ledger) {
        if status != self.status {
            let seen = Seen { was: Some(self.status), ..Seen::default() };
            let change = entry(Verb::Status, None, writer, seen);
            ledger.record(Entry { status: Some(status), ..change });
        }
    }
}

/// Clones of a value share their bytes, so a look at place and length mostly settles it.
fn is_same(
    (seen, value): &(HeaderName, HeaderValue),
    (name, now): (&HeaderName, &HeaderValue),
) -> bool {
    let (one, two) = (value.as_bytes(), now.as_bytes());
    seen == name && (std::ptr::eq(one, two) || one == two)
}

fn entry(verb: Verb, field: Option<HeaderName>, writer: &Writer, seen: Seen) -> Entry {
    Entry {
        verb,
        field,
        status: None,
        writer: writer.clone(),
        stage: Stage::Open,
        fate: Fate::Applied,
        seen: Some(Box::new(seen)),
    }
}

#[cfg(test)]
mod tests;
