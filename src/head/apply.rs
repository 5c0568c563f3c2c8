//! The first step of the commit: what waited for it lands on the response, or does not.

use http::StatusCode;
use http::header::{HeaderMap, TRAILER};

use super::attempts::{Attempt, Attempts};
use super::batch::{Batch, Intent, Sorted, outdoes};
use super::draft::Sealing;
use super::landing::{Landing, Planned, adds_up, is_error, is_undone};
use super::write::{Change, Write};
use crate::ledger::{Entry, Fate, Occasion, Stage, Verb, Writer};

/// The most writes for which room is kept from one exchange to the next.
const MOST_ROOM: usize = 16;

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

    /// Notes what landed on a response; the number goes into its [`Landed`](super::Landed).
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
                let entry = write.apply(head.status, head.fields, &self.ledger);
                self.ledger.record(entry);
            }
            return;
        }
        self.land_writes(landing, attempts, (landed, known), head);
    }

    /// Whether nothing waits but writes, and nothing else was noted.
    fn has_only_writes(&self) -> bool {
        let is_asked_for_more = self.is_awaited_at_last || self.is_timed || self.nonce.is_some();
        !is_asked_for_more
            && self.batches.is_none()
            && self.hooks.is_empty()
            && self.promises.is_empty()
            && self.ledger.is_new()
    }

    /// The writes that wait, in their order. None has waited afterwards, and the room for them stays.
    fn drain_writes(&mut self) -> impl Iterator<Item = Write> + '_ {
        self.placed = 0;
        self.writes.drain(..)
    }

    /// Whether nothing waits but writes that need no look at what is there, and that say nothing of the framing.
    #[inline]
    pub(super) fn is_plain(&self) -> bool {
        let is_plain = |write: &Write| {
            write.stage == Stage::Open
                && write.origin.attempt == 0
                && is_plain(write)
                && write.change.field() != Some(&TRAILER)
        };
        self.has_only_writes() && self.writes().iter().all(is_plain)
    }

    /// Applies such writes, in their order, and writes nothing down.
    #[inline]
    pub(super) fn apply_plain(&mut self, fields: &mut HeaderMap) {
        for write in self.drain_writes() {
            write.change.apply_to_fields(fields);
        }
        if self.writes.capacity() > MOST_ROOM {
            self.writes = Vec::new();
        }
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
