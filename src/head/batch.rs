//! Writes that were put on a response as it left an attempt, and the mark by which it is known again.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue, SET_COOKIE};

use super::attempts::Attempt;
use super::landing::{Landing, Planned, adds_up, is_added_to};
use super::write::{Change, Write};
use crate::field::cookie;
use crate::ledger::{Entry, Fate, Ledger, Seen, Values};
use crate::rules::merge::is_cache_control;

/// Writes that landed on one response together.
#[derive(Debug)]
pub(crate) struct Batch {
    pub(super) attempt: Attempt,
    pub(super) writes: Vec<Write>,
    pub(super) entries: Vec<Entry>,
}

impl Batch {
    /// Whether what a write put on its response is on this one: a layer may have taken the extensions
    /// out, and the mark with them.
    pub(super) fn is_there(&self, entry: &Entry, head: &Planned<'_>) -> bool {
        let of_entry = |write: &&Write| {
            write.change.field() == entry.field.as_ref()
                && write.change.verb() == entry.verb
                && entry.writer.location() == Some(write.writer)
        };
        self.writes.iter().filter(of_entry).any(|write| match &write.change {
            Change::Insert(name, value)
            | Change::Append(name, value)
            | Change::Default(name, value) => {
                head.fields.get_all(name).iter().any(|there| there == value)
            }
            Change::Remove(name) => !head.fields.contains_key(name),
            Change::Status(status) => *head.status == *status,
        })
    }
}

/// In the extensions of a response: which batches landed on it. A clone of the response has the same.
#[derive(Clone, Debug)]
pub(crate) struct Landed {
    /// The exchange that the batches are of; a layer may have kept a response of another one.
    pub(crate) exchange: u64,
    pub(crate) batches: Vec<u32>,
}

/// Writes that were made in the course of an attempt: those for its response, and those for others.
#[derive(Debug, Default)]
pub(crate) struct Sorted {
    pub(crate) landing: Vec<Write>,
    pub(crate) discarded: Vec<Write>,
}

/// What the authors of writes that land together want in the end.
#[derive(Debug, Default)]
pub(crate) struct Intent {
    /// The status that each attempt wrote last.
    statuses: Vec<(Attempt, StatusCode)>,
    /// Writes behind which earlier ones to the same field do not count: removals, and
    /// `Cache-Control` written again.
    fresh: Vec<(u32, HeaderName)>,
    /// What stands on the response already.
    landed: Vec<Write>,
}

impl Intent {
    pub(crate) fn of(writes: &[Write]) -> Self {
        let mut intent = Self::default();
        for write in writes {
            match &write.change {
                Change::Status(status) => {
                    let of = write.origin.attempt;
                    intent.statuses.retain(|(attempt, _)| *attempt != of);
                    intent.statuses.push((of, *status));
                }
                Change::Remove(name) if adds_up(name) => {
                    intent.fresh.push((write.number, name.clone()));
                }
                Change::Insert(name, _) if is_cache_control(name) => {
                    intent.fresh.push((write.number, name.clone()));
                }
                Change::Insert(..)
                | Change::Append(..)
                | Change::Default(..)
                | Change::Remove(_) => {}
            }
        }
        intent
    }

    /// With what landed on the response before. It may have been written later: a layer that writes
    /// before it calls its inner service is earlier than what is inside.
    pub(crate) fn after(self, landed: Vec<Write>) -> Self {
        Self { landed, ..self }
    }

    /// Puts one of the writes on the response, and says what became of it.
    pub(crate) fn land(
        &self,
        landing: Landing<'_>,
        write: Write,
        head: &mut Planned<'_>,
        ledger: &Ledger,
    ) -> Entry {
        let again = |(number, name): &(u32, HeaderName)| {
            *number > write.number && write.change.field() == Some(name)
        };
        let outdone = self.landed.iter().any(|later| outdoes(later, &write));
        if outdone || self.fresh.iter().any(again) {
            return write.entry(Fate::Overridden);
        }
        let of = write.origin.attempt;
        let meant = self.statuses.iter().find(|(attempt, _)| *attempt == of);
        let removed = match &write.change {
            Change::Remove(name) if !self.landed.is_empty() => Some((name.clone(), write.number)),
            Change::Remove(_)
            | Change::Insert(..)
            | Change::Append(..)
            | Change::Default(..)
            | Change::Status(_) => None,
        };
        let entry = landing.land(write, meant.map(|(_, status)| *status), head, ledger);
        match removed {
            Some((name, number)) if entry.fate == Fate::Yielded => {
                self.take_back(&name, number, entry, head, ledger)
            }
            Some(_) | None => entry,
        }
    }

    /// Takes the lines out of a list that landed before the write with this number.
    fn take_back(
        &self,
        name: &HeaderName,
        number: u32,
        entry: Entry,
        head: &mut Planned<'_>,
        ledger: &Ledger,
    ) -> Entry {
        let landed = |line: &HeaderValue| {
            self.landed.iter().any(|write| match &write.change {
                Change::Insert(field, value)
                | Change::Append(field, value)
                | Change::Default(field, value) => {
                    write.number < number && field == name && value == line
                }
                Change::Remove(_) | Change::Status(_) => false,
            })
        };
        let before: Vec<HeaderValue> = head.fields.get_all(name).iter().cloned().collect();
        let after: Vec<HeaderValue> = before.iter().filter(|line| !landed(line)).cloned().collect();
        if after.len() == before.len() {
            return entry;
        }
        head.fields.remove(name);
        for line in &after {
            // There was room for more lines.
            let _ = head.fields.try_append(name.clone(), line.clone());
        }
        let (before, after) = (Values::of(before.iter()), Values::of(after.iter()));
        let seen = ledger.watches().then(|| Seen { before, after, ..Seen::default() });
        Entry { fate: Fate::Applied, seen, ..entry }
    }
}

/// Whether nothing is to be left of `earlier` behind `later`, however the two came to the response.
pub(super) fn outdoes(later: &Write, earlier: &Write) -> bool {
    if later.number <= earlier.number || later.change.field() != earlier.change.field() {
        return false;
    }
    match &later.change {
        Change::Status(_) | Change::Remove(_) => true,
        Change::Insert(name, value) if *name == SET_COOKIE => match &earlier.change {
            Change::Insert(_, one) | Change::Append(_, one) | Change::Default(_, one) => {
                cookie::key(one).is_some() && cookie::key(one) == cookie::key(value)
            }
            Change::Remove(_) | Change::Status(_) => false,
        },
        Change::Insert(name, _) => !is_added_to(name),
        Change::Append(..) | Change::Default(..) => false,
    }
}
