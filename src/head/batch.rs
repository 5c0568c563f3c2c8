//! Writes that were put on a response as it left an attempt, and the mark by which it is known again.

use http::StatusCode;
use http::header::{HeaderName, HeaderValue, SET_COOKIE};

use super::Sealing;
use super::attempts::{Attempt, Attempts};
use super::landing::{Landing, Planned, adds_up, apply, is_added_to, is_error, is_undone};
use super::write::{Change, Write};
use crate::caught::contained;
use crate::field::cookie;
use crate::ledger::{Entry, Fate, Ledger, Occasion, Seen, Stage, Values, Verb, Writer};
use crate::rules::merge::is_cache_control;

/// Writes that landed on one response together.
#[derive(Debug)]
pub(crate) struct Batch {
    attempt: Attempt,
    writes: Vec<Write>,
    entries: Vec<Entry>,
}

impl Batch {
    /// Whether what a write put on its response is on this one: a layer may have taken the extensions
    /// out, and the mark with them.
    fn is_there(&self, entry: &Entry, head: &Planned<'_>) -> bool {
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

impl Sealing {
    /// Takes the writes that were made in the course of `attempt`, whose response has this status.
    ///
    /// What was written for an attempt inside of it that was never answered has no response of its own:
    /// it lands on an error only, where its policy holds.
    pub(crate) fn take_attempt(
        &mut self,
        attempts: &Attempts,
        attempt: Attempt,
        carried: &[Attempt],
        status: StatusCode,
    ) -> Sorted {
        let mut sorted = Sorted::default();
        let of_request = |write: &Write| write.stage == Stage::Open && write.origin.attempt == 0;
        if attempt == 0 && self.writes.iter().all(of_request) {
            sorted.landing = std::mem::take(&mut self.writes);
            return sorted;
        }
        let is_within = |write: &mut Write| {
            write.stage == Stage::Open && attempts.is_within(write.origin.attempt, attempt)
        };
        for write in self.writes.extract_if(.., is_within) {
            let of = write.origin.attempt;
            let lands = of == attempt
                || attempts.is_current(of, attempt, carried)
                    && (attempts.is_answered(of) || is_error(status));
            if lands { sorted.landing.push(write) } else { sorted.discarded.push(write) }
        }
        sorted
    }

    /// Notes what landed on a response; the number goes into its [`Landed`].
    pub(crate) fn add_batch(
        &mut self,
        attempt: Attempt,
        writes: Vec<Write>,
        entries: Vec<Entry>,
    ) -> u32 {
        let batches = self.batches.get_or_insert_default();
        let number = u32::try_from(batches.len()).unwrap_or(u32::MAX);
        batches.push(Batch { attempt, writes, entries });
        number
    }

    /// The attempts whose writes a response with this mark has with it.
    pub(crate) fn carried(&self, landed: &[u32]) -> Vec<Attempt> {
        let batches = self.batches.as_deref().map(Vec::as_slice).unwrap_or_default();
        let landed = landed.iter().filter_map(|number| batches.get(*number as usize));
        landed.map(|batch| batch.attempt).collect()
    }

    /// What landed on a response with this mark.
    pub(crate) fn landed_writes(&self, landed: &[u32]) -> Vec<Write> {
        let batches = self.batches.as_deref().map(Vec::as_slice).unwrap_or_default();
        let batches = landed.iter().filter_map(|number| batches.get(*number as usize));
        batches.flat_map(|batch| batch.writes.iter().cloned()).collect()
    }

    /// The response that is sent carries the batches `landed`: their writes may be stated again,
    /// and are returned. What landed on other responses went with them. `known` batches stand in the
    /// ledger already.
    fn settle_batches(&mut self, landed: &[u32], known: &[u32], head: &Planned<'_>) -> Vec<Write> {
        let mut restated = Vec::new();
        for (number, mut batch) in
            (0..).zip(self.batches.take().map(|all| *all).unwrap_or_default())
        {
            let lives = landed.contains(&number);
            if !known.contains(&number) {
                for entry in std::mem::take(&mut batch.entries) {
                    let stands = lives || landed.is_empty() && batch.is_there(&entry, head);
                    // Without what it changed: that was another head.
                    let discarded = || Entry { fate: Fate::Discarded, seen: None, ..entry.clone() };
                    let entry = if stands { entry } else { discarded() };
                    self.ledger.record(entry);
                }
            }
            if lives {
                restated.extend(batch.writes);
            }
        }
        restated.sort_by_key(|write| write.number);
        restated
    }

    /// The entries of all batches, for an explanation while none is settled.
    pub(crate) fn batch_entries(&self) -> impl Iterator<Item = &Entry> {
        self.batches.iter().flat_map(|all| all.iter()).flat_map(|batch| &batch.entries)
    }

    /// The writes of all batches.
    pub(crate) fn batch_writes(&self) -> impl Iterator<Item = &Write> {
        self.batches.iter().flat_map(|all| all.iter()).flat_map(|batch| &batch.writes)
    }

    /// The response is over without a commit.
    pub(crate) fn give_up_batches(&mut self) {
        let Some(batches) = self.batches.take() else { return };
        for batch in *batches {
            for entry in batch.entries {
                self.ledger.record(Entry { fate: Fate::Unsent, ..entry });
            }
            for write in batch.writes {
                contained(move || drop(write));
            }
        }
    }

    /// Applies everything that waited, in the order in which it was made.
    #[inline]
    pub(crate) fn apply_writes(
        &mut self,
        landing: Landing<'_>,
        attempts: &Attempts,
        (landed, known): (&[u32], &[u32]),
        head: &mut Planned<'_>,
    ) {
        let plain = |write: &Write| write.origin.attempt == 0 && is_plain(write);
        if self.batches.is_none() && !landing.is_error() && self.writes.iter().all(plain) {
            for write in std::mem::take(&mut self.writes) {
                let entry = apply(write, head, &self.ledger);
                self.ledger.record(entry);
            }
            return;
        }
        self.land_writes(landing, attempts, (landed, known), head);
    }

    /// Applies what has to look at the response first.
    #[inline(never)]
    fn land_writes(
        &mut self,
        landing: Landing<'_>,
        attempts: &Attempts,
        (landed, known): (&[u32], &[u32]),
        head: &mut Planned<'_>,
    ) {
        let carried = self.carried(landed);
        let landed = self.settle_batches(landed, known, head);
        let Sorted { landing: open, discarded } =
            self.take_attempt(attempts, 0, &carried, landing.status);
        for write in &discarded {
            self.ledger.record(write.entry(Fate::Discarded));
        }
        let author = self.author_of_the_head();
        let landing = Landing { author: author.as_ref(), ..landing };
        // What landed on a success is not stated again on what became an error since.
        let stands = |one: &Write| !landed.iter().chain(&open).any(|later| outdoes(later, one));
        let restated: Vec<Write> =
            landed.iter().filter(|one| !landing.is_error() && stands(one)).cloned().collect();
        let mut restated = restated.into_iter().peekable();
        let intent = Intent::of(&open).after(landed);
        for write in open {
            while let Some(earlier) = restated.next_if(|one| one.number < write.number) {
                self.restate(landing, earlier, head);
            }
            let entry = intent.land(landing, write, head, &self.ledger);
            self.ledger.record(entry);
        }
        for write in restated {
            self.restate(landing, write, head);
        }
        // The rest was made while the response was held: its authors knew it.
        for write in std::mem::take(&mut self.writes) {
            let entry = write.apply(head.status, head.fields, &self.ledger);
            self.ledger.record(entry);
        }
    }

    fn restate(&mut self, landing: Landing<'_>, write: Write, head: &mut Planned<'_>) {
        if is_undone(landing, &write, head.fields) {
            let mut entry = landing.put(write, head, &self.ledger);
            if let Some(seen) = &mut entry.seen {
                seen.occasion = Occasion::Restated;
            }
            self.ledger.record(entry);
        }
    }

    /// Who brought the head that goes out, or its status last, where that was watched.
    fn author_of_the_head(&self) -> Option<Writer> {
        if !self.ledger.watches() {
            return None;
        }
        let brought = |entry: &&Entry| {
            matches!(entry.verb, Verb::Status | Verb::Answer) && entry.fate == Fate::Applied
        };
        self.ledger.entries().iter().rev().find(brought).map(|entry| entry.writer.clone())
    }
}

/// Whether a write to a success needs no second look: it is about one value of a field.
fn is_plain(write: &Write) -> bool {
    match &write.change {
        Change::Insert(name, _) | Change::Append(name, _) | Change::Default(name, _) => {
            !adds_up(name)
        }
        Change::Remove(_) | Change::Status(_) => write.stage != Stage::Open,
    }
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
fn outdoes(later: &Write, earlier: &Write) -> bool {
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
