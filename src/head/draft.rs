//! The head while it is being committed: hooks run on it, last registered first.

use std::fmt;
use std::panic::Location;

use bytes::Bytes;
use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::answer::replace;
use super::batch::Batch;
use super::landing;
use super::write::{Change, Origin, Unreadable, Write};
use super::{Ability, ErrorAnswer, HookResult, Promises, Trailing};
use crate::caught::{caught, contained, discard, message};
use crate::error::{BoxError, Error, Kind};
use crate::ledger::{
    Entry, Fate, Ledger, Lines, Placed, Refusal, Seen, Stage, Values, Verb, Writer,
};

/// The most hooks that run at one commit: hooks that keep registering hooks end here.
const MOST_HOOKS: u32 = 1024;

/// The most writes that may wait for one commit.
const MOST_WRITES: u32 = 1024;

/// Runs before the commit, with the draft of the head.
pub(crate) type Hook = Box<dyn FnOnce(&mut HeadDraft<'_>) -> Result<(), BoxError> + Send>;

/// A nonce, and the line that asked for it first.
#[derive(Clone, Debug)]
#[allow(dead_code, reason = "nonces are an option")]
pub(crate) struct Nonce {
    pub(crate) text: String,
    pub(crate) writer: &'static Location<'static>,
}

/// What waits for the commit, and the ledger of what has happened.
#[derive(Default)]
pub(crate) struct Sealing {
    pub(super) writes: Vec<Write>,
    /// How many writes there were.
    pub(super) placed: u32,
    /// What landed on responses that are on their way; few exchanges have any.
    #[expect(clippy::box_collection, reason = "what waits is moved about")]
    pub(super) batches: Option<Box<Vec<Batch>>>,
    pub(super) hooks: Vec<Hook>,
    /// Somebody asked for one.
    pub(crate) nonce: Option<Nonce>,
    /// Deny rules or signers wait for the final head.
    pub(crate) is_awaited_at_last: bool,
    /// Times go into the head.
    pub(crate) is_timed: bool,
    pub(crate) promises: Promises,
    pub(crate) ledger: Ledger,
    pub(crate) hooks_run: u32,
}

impl Sealing {
    /// Lets a write wait for the commit; gives it back if too many do.
    #[inline]
    pub(crate) fn add(&mut self, mut write: Write) -> Result<(), Write> {
        if self.placed >= MOST_WRITES {
            return Err(write);
        }
        self.placed += 1;
        write.number = self.placed;
        self.writes.push(write);
        Ok(())
    }

    /// Lets a hook wait for the commit.
    pub(crate) fn add_hook(&mut self, hook: Hook) {
        self.hooks.push(hook);
    }

    /// The trailers that were promised, if any were.
    pub(crate) fn take_promises(&mut self) -> Option<Promises> {
        (!self.promises.is_empty()).then(|| std::mem::take(&mut self.promises))
    }

    /// The writes that wait.
    pub(crate) fn writes(&self) -> &[Write] {
        &self.writes
    }

    /// Whether the commit has anything to do here.
    pub(crate) fn is_waiting(&self) -> bool {
        self.ledger.watches()
            || self.is_awaited_at_last
            || self.is_timed
            || !(self.writes.is_empty() && self.hooks.is_empty() && self.promises.is_empty())
            || self.batches.is_some()
            || self.nonce.is_some()
    }

    /// The response is over: what will never be sent is marked in the ledger and dropped, and a
    /// panic in the drop of what is not ours contained.
    pub(crate) fn give_up(&mut self, committed: bool, trailing: Trailing) {
        self.give_up_batches();
        let writes = std::mem::take(&mut self.writes);
        for write in &writes {
            self.ledger.record(write.entry(Fate::Unsent));
        }
        if let Trailing::Open { late, .. } = &trailing {
            self.ledger.settle_late(late.iter().map(|_| Fate::Unsent));
            contained(move || drop(trailing));
        }
        if !committed {
            self.ledger.promises_unsent();
        }
        for write in writes {
            contained(move || drop(write));
        }
        self.drop_hooks();
    }

    /// An error answer takes the head's place, with those fields that `outlives` lets it keep (none without it):
    /// marks the writes that go with it. Returns its content.
    pub(crate) fn replaced(
        &mut self,
        status: &mut StatusCode,
        fields: &mut HeaderMap,
        answer: ErrorAnswer,
        outlives: Option<&dyn Fn(&HeaderName) -> bool>,
    ) -> Bytes {
        // It was for the response that goes.
        self.nonce = None;
        let was = *status;
        let before = self.ledger.watches().then(|| Lines::of(fields));
        let brings: Vec<HeaderName> = answer.names().cloned().collect();
        let written = outlives.map(|_| landing::written_for_errors(&self.ledger, fields));
        let stays = |name: &HeaderName| outlives.is_some_and(|outlives| outlives(name));
        let content = replace(status, fields, answer, &stays);
        landing::put_back(&written.unwrap_or_default(), fields);
        // What is not there any more went with the old head, whoever would have had it stay.
        self.ledger.replaced(|name| fields.contains_key(name) && !brings.contains(name));
        if let Some(before) = before {
            let is_lost = |(name, value): &(HeaderName, HeaderValue)| {
                !fields.get_all(name).iter().any(|there| there == value)
            };
            let lost = before.0.into_iter().filter(is_lost);
            let seen = Seen { was: Some(was), lost: Lines(lost.collect()), ..Seen::default() };
            self.ledger.record(Entry {
                verb: Verb::Answer,
                field: None,
                status: Some(*status),
                writer: Writer::ErrorAnswer,
                stage: Stage::Committing,
                fate: Fate::Applied,
                seen: Some(seen),
            });
        }
        content
    }

    /// Writes down what others than layers and handlers changed: the framing guard, the trailers.
    pub(crate) fn changed(
        &mut self,
        writer: &Writer,
        field: &HeaderName,
        before: Values,
        fields: &HeaderMap,
    ) {
        let after = Values::of(fields.get_all(field).iter());
        if !self.ledger.watches() || before == after {
            return;
        }
        let verb = if after.is_empty() { Verb::Remove } else { Verb::Insert };
        self.ledger.record(Entry {
            verb,
            field: Some(field.clone()),
            status: None,
            writer: writer.clone(),
            stage: Stage::Committing,
            fate: Fate::Applied,
            seen: Some(Seen { before, after, ..Seen::default() }),
        });
    }

    /// Runs the hooks, last registered first, until none is left. The first that fails stops
    /// them; those after it are dropped unrun.
    pub(crate) fn run_hooks(
        &mut self,
        ability: Ability,
        status: &mut StatusCode,
        fields: &mut HeaderMap,
    ) -> Result<(), Error> {
        while !self.hooks.is_empty() {
            if self.hooks_run >= MOST_HOOKS {
                let limit = format!("wanted at most {MOST_HOOKS} hooks, found one more");
                return Err(Error::with(Kind::Hook, limit.into()));
            }
            let Some(hook) = self.hooks.pop() else { break };
            self.hooks_run += 1;
            let mut draft = HeadDraft {
                sealing: &mut *self,
                ability,
                status: &mut *status,
                fields: &mut *fields,
            };
            match caught(move || hook(&mut draft)) {
                Ok(Ok(())) => {}
                Ok(Err(error)) => return Err(Error::with(Kind::Hook, error)),
                Err(payload) => {
                    let text = message(payload.as_ref()).to_owned();
                    discard(payload);
                    return Err(Error::with(Kind::Hook, format!("panicked: {text}").into()));
                }
            }
        }
        Ok(())
    }

    /// Drops hooks that will not run; whatever their captures do in `Drop` is contained.
    pub(crate) fn drop_hooks(&mut self) {
        for hook in std::mem::take(&mut self.hooks) {
            contained(move || drop(hook));
        }
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
}

/// The head in the hands of a before-commit hook.
///
/// It has everything in it that handlers, layers and earlier hooks wrote. A write takes effect at
/// once. When the last hook is done, the framing is checked and the head is the server's.
///
/// # Examples
///
/// ```
/// # fn show(head: &letterhead::Head) {
/// let registered = head.before_commit(|draft| {
///     if draft.status().is_server_error() {
///         let _ = draft.insert("cache-control", "no-store");
///     }
/// });
/// # let _ = registered;
/// # }
/// ```
pub struct HeadDraft<'a> {
    sealing: &'a mut Sealing,
    ability: Ability,
    status: &'a mut StatusCode,
    fields: &'a mut HeaderMap,
}

impl HeadDraft<'_> {
    /// The status as it stands.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        *self.status
    }

    /// The fields as they stand.
    #[must_use]
    pub fn fields(&self) -> &HeaderMap {
        self.fields
    }

    /// The head as it stands: each field with who set, changed and dropped it, as
    /// [`Head::explain`](crate::Head::explain) has it.
    #[must_use]
    pub fn explain(&self) -> String {
        super::explain(Some(*self.status), &Lines::of(self.fields), &self.sealing.ledger)
    }

    /// Replaces every value of `name` with `value`.
    #[track_caller]
    pub fn insert<N, V>(&mut self, name: N, value: V) -> Placed
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.write(Change::read(Verb::Insert, name, value, Change::Insert))
    }

    /// Adds `value` to the values of `name`.
    #[track_caller]
    pub fn append<N, V>(&mut self, name: N, value: V) -> Placed
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.write(Change::read(Verb::Append, name, value, Change::Append))
    }

    /// Gives `name` this `value` unless it has one.
    #[track_caller]
    pub fn set_default<N, V>(&mut self, name: N, value: V) -> Placed
    where
        N: TryInto<HeaderName>,
        V: TryInto<HeaderValue>,
    {
        self.write(Change::read(Verb::Default, name, value, Change::Default))
    }

    /// Takes `name` away.
    #[track_caller]
    pub fn remove<N: TryInto<HeaderName>>(&mut self, name: N) -> Placed {
        self.write(Change::remove(name))
    }

    /// Sets the status. A 1xx other than 101 is refused.
    #[track_caller]
    pub fn set_status(&mut self, status: StatusCode) -> Placed {
        self.write(Change::status(status))
    }

    /// Promises a trailer, as [`Head::promise`](crate::Head::promise) does.
    #[track_caller]
    pub fn promise<N: TryInto<HeaderName>>(&mut self, name: N) -> Placed {
        let (name, placed) = match name.try_into() {
            Err(_) => (None, Placed::Refused(Refusal::InvalidName)),
            Ok(name) if self.fields.contains_key(http::header::CONTENT_LENGTH) => {
                (Some(name), Placed::Refused(Refusal::HasLength))
            }
            Ok(name) => {
                let placed = self.sealing.promises.add(&name, self.ability);
                (Some(name), placed)
            }
        };
        let fate = placed.refusal().map_or(Fate::Trailers, Fate::Refused);
        self.sealing.ledger.record(line(Verb::Promise, name, fate));
        placed
    }

    /// Registers another hook; it runs as soon as this one is done.
    pub fn before_commit<F, R>(&mut self, hook: F)
    where
        F: FnOnce(&mut HeadDraft<'_>) -> R + Send + 'static,
        R: HookResult,
    {
        self.sealing.hooks.push(Box::new(move |draft| hook(draft).into_result()));
    }

    #[track_caller]
    fn write(&mut self, change: Result<Change, Unreadable>) -> Placed {
        let entry = match change {
            Ok(change) => {
                let (writer, stage) = (Location::caller(), Stage::Committing);
                Write { change, writer, stage, origin: Origin::default(), number: 0 }.apply(
                    self.status,
                    self.fields,
                    &self.sealing.ledger,
                )
            }
            Err(unreadable) => unreadable.entry(Location::caller(), Stage::Committing),
        };
        let placed = match entry.fate {
            Fate::Refused(refusal) => Placed::Refused(refusal),
            Fate::Applied
            | Fate::Overridden
            | Fate::Yielded
            | Fate::Trailers
            | Fate::Mended
            | Fate::Replaced
            | Fate::Superseded
            | Fate::Discarded
            | Fate::Unsent => Placed::Head,
        };
        self.sealing.ledger.record(entry);
        placed
    }
}

#[track_caller]
const fn line(verb: Verb, field: Option<HeaderName>, fate: Fate) -> Entry {
    let (writer, stage) = (Writer::Place(Location::caller()), Stage::Committing);
    Entry { verb, field, status: None, writer, stage, fate, seen: None }
}

impl fmt::Debug for HeadDraft<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("HeadDraft").field("status", &self.status).finish_non_exhaustive()
    }
}
