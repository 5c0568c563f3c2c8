//! How a field came to be what it is, step by step.

use http::header::HeaderName;

use super::kept::Kept;
use crate::head::{Step, Stories};
use crate::ledger::{Entry, Fate, Shown, Verb, Writer};

/// One step.
pub(super) struct StepView<'a> {
    pub(super) verb: &'static str,
    pub(super) writer: &'a Writer,
    /// The values before and after, where they are known.
    pub(super) before: Option<Shown<'a>>,
    pub(super) after: Option<Shown<'a>>,
    pub(super) entry: Option<&'a Entry>,
}

impl<'a> StepView<'a> {
    fn came(writer: &'a Writer, after: Option<Shown<'a>>) -> Self {
        Self { verb: "set", writer, before: None, after, entry: None }
    }

    fn wrote(entry: &'a Entry) -> Self {
        let known = |values: Shown<'a>| (!values.is_empty()).then(|| values.whole());
        Self {
            verb: entry.verb().as_str(),
            writer: entry.writer(),
            before: known(entry.before()),
            after: known(entry.after()),
            entry: Some(entry),
        }
    }

    fn lost(entry: &'a Entry) -> Self {
        Self { verb: "drop", writer: entry.writer(), before: None, after: None, entry: None }
    }

    /// What became of it, where that is not plain.
    pub(super) fn fate(&self) -> Option<Fate> {
        self.entry.map(Entry::fate)
    }

    pub(super) fn is_late(&self) -> bool {
        self.entry.is_some_and(Entry::is_late)
    }
}

/// The ways of one exchange's fields into its head, or out of it.
pub(super) struct Ways<'a> {
    stories: Stories<'a>,
    kept: &'a Kept,
}

impl<'a> Ways<'a> {
    pub(super) fn of(kept: &'a Kept) -> Self {
        Self { stories: Stories::of(&kept.receipt.ledger), kept }
    }

    /// The steps of one field.
    pub(super) fn of_field(&self, name: &HeaderName) -> Vec<StepView<'a>> {
        let steps = self.stories.steps(name);
        let mut views: Vec<_> = steps
            .iter()
            .map(|step| match step {
                Step::Came(writer, values) => StepView::came(writer, values.map(Shown::whole)),
                Step::Wrote(entry) => StepView::wrote(entry),
                Step::Lost(entry) => StepView::lost(entry),
            })
            .collect();
        // What was lost and is there is the answer's own.
        if let Some(Step::Lost(entry)) = steps.last().filter(|_| self.kept.has(name)) {
            views.push(StepView::came(entry.writer(), None));
        }
        views
    }

    /// The fields that were written to, or lost, and that did not go out in the head; sorted.
    pub(super) fn gone(&self) -> Vec<&'a HeaderName> {
        let writes = self.kept.receipt.writes().iter();
        let names = writes.filter(|entry| entry.verb() != Verb::Promise);
        let names = names.flat_map(|entry| entry.field().into_iter().chain(entry.lost()));
        let mut names: Vec<_> = names.filter(|name| !self.kept.has(name)).collect();
        names.sort_by_key(|name| name.as_str());
        names.dedup();
        names
    }

    /// The steps of the status.
    pub(super) fn of_status(&self) -> Vec<StepView<'a>> {
        let is_status = |entry: &&Entry| entry.status().is_some() && entry.field().is_none();
        self.kept.receipt.writes().iter().filter(is_status).map(StepView::wrote).collect()
    }

    /// Promises of trailers, and what went out in them through `Head`.
    pub(super) fn of_trailers(&self) -> Vec<(&'a HeaderName, StepView<'a>)> {
        let writes = self.kept.receipt.writes().iter();
        let trailing =
            |entry: &&Entry| entry.verb() == Verb::Promise || entry.fate() == Fate::Trailers;
        let trailing = writes.filter(trailing);
        trailing.filter_map(|entry| Some((entry.field()?, StepView::wrote(entry)))).collect()
    }
}
