//! What handle and response future share, behind the one lock.

use std::fmt;
use std::num::NonZeroU64;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use http::header::{
    CONTENT_ENCODING, CONTENT_LENGTH, CONTENT_RANGE, HeaderMap, HeaderName, TRANSFER_ENCODING,
};
use http::{Method, StatusCode};

use super::attempts::Attempts;
use super::calls::Calls;
use super::write::Write;
use super::{Ability, ArrivedProvenance, Landed, Life, Misorder, Note, Receipt, Sealing, Trailing};
use crate::caught::contained;
use crate::error::Error;
use crate::ledger::{Entry, Fate, Lines, Placed, Refusal, Stage};
use crate::rules::{Conflict, Rules};

/// Runs after the end, with the receipt.
pub(crate) type Callback = Box<dyn FnOnce(&Receipt) + Send>;

/// Named layers look for a watched head only where there may be one.
static ANY_WATCHED: AtomicBool = AtomicBool::new(false);

/// What a head's writers and its response future have in common.
///
/// No code of others runs while the lock is held.
pub(crate) struct Shared {
    pub(crate) ability: Ability,
    pub(crate) method: Method,
    /// The number of this exchange if somebody watches it, and else 0; it is there before anybody
    /// else has the handle.
    pub(crate) exchange: u64,
    /// The route is known.
    routed: AtomicBool,
    /// Writes were made in the course of attempts.
    attempted: AtomicBool,
    /// The attempts of named layers.
    pub(crate) attempts: Attempts,
    calls: Mutex<Calls>,
    pub(super) state: Mutex<State>,
    /// The state may differ from a new one.
    used: AtomicBool,
}

/// One head, between its writers and its response future.
pub(crate) struct State {
    pub(crate) life: Life,
    /// A second layer was found inside.
    pub(crate) nested: bool,
    /// The status that went out.
    pub(crate) status: Option<StatusCode>,
    /// Bytes of content that were held until the commit.
    pub(crate) held: u64,
    /// How long this response may wait for its body's word.
    pub(crate) patience: Duration,
    /// What few responses have; made when it is needed.
    pub(super) record: Option<Box<Record>>,
    /// What a write finds after the commit.
    pub(crate) trailing: Trailing,
    /// The planned head, lent by the response future while it waits.
    pub(crate) lent: Option<(StatusCode, HeaderMap)>,
    /// Wakes the response future while it holds.
    pub(crate) waker: Option<Waker>,
}

/// What was written, registered and noted.
#[derive(Default)]
pub(crate) struct Record {
    /// What waits for the commit, and the ledger that goes with it.
    pub(crate) sealing: Sealing,
    pub(crate) callbacks: Vec<Callback>,
    pub(crate) notes: Vec<Note>,
    /// What layers did to the response; it comes with it.
    pub(crate) provenance: Option<ArrivedProvenance>,
    /// What is known of responses that writes landed on, if there are any.
    landings: Option<Box<Landed>>,
    /// What the application says about the kinds of its fields.
    pub(crate) rules: Option<Arc<Rules>>,
    /// The head as it went out.
    pub(crate) sent: Option<Lines>,
    /// Fields whose values are not shown.
    pub(crate) secrets: Option<Arc<[HeaderName]>>,
    /// What the rules found, and how much more there was.
    pub(crate) conflicts: (Vec<Conflict>, u64),
    /// The request's path, and the route that it took, where that is known.
    pub(crate) path: Option<Arc<str>>,
    pub(crate) route: Option<Box<str>>,
    /// What failed before the commit.
    pub(crate) failure: Option<Error>,
    /// The version of the signed list that the response was made by.
    pub(crate) list: Option<NonZeroU64>,
    /// Times are sent.
    pub(crate) is_timed: bool,
    /// Layers in the wrong place, with repetitions.
    pub(crate) misorders: Vec<Misorder>,
}

impl Shared {
    pub(crate) fn new(ability: Ability, method: Method) -> Self {
        Self {
            ability,
            method,
            exchange: 0,
            routed: AtomicBool::new(false),
            attempted: AtomicBool::new(false),
            attempts: Attempts::new(),
            calls: Mutex::default(),
            state: Mutex::new(State::new()),
            used: AtomicBool::new(false),
        }
    }

    /// As if it were new, for another exchange.
    pub(crate) fn renew(&mut self, ability: Ability, method: Method) {
        (self.ability, self.method, self.exchange) = (ability, method, 0);
        (*self.routed.get_mut(), *self.attempted.get_mut()) = (false, false);
        self.attempts.clear();
        self.forget();
    }

    /// Drops what the state holds, all of which is over, and contains a panic in that.
    pub(crate) fn forget(&mut self) {
        if std::mem::take(self.used.get_mut()) {
            let over = std::mem::replace(&mut self.state, Mutex::new(State::new()));
            contained(move || drop(over));
        }
    }

    /// Whether there may be something to forget.
    pub(crate) fn may_hold(&self) -> bool {
        self.used.load(Ordering::Relaxed)
    }

    /// Whether the state may differ from a new one.
    pub(super) fn is_used(&mut self) -> bool {
        *self.used.get_mut()
    }

    /// The state is as new again, but for an empty record.
    pub(super) fn reuse(&mut self) {
        *self.used.get_mut() = false;
    }

    /// Whether a head in this process may be watched.
    #[inline]
    pub(crate) fn is_any_watched() -> bool {
        ANY_WATCHED.load(Ordering::Relaxed)
    }

    /// A layer that watches is put around something.
    pub(crate) fn expect_watched() {
        ANY_WATCHED.store(true, Ordering::Relaxed);
    }

    /// Watches this head: it gets a number, values are kept, and layers are followed.
    pub(crate) fn watch(&mut self, rules: &Arc<Rules>, secrets: Arc<[HeaderName]>, path: Arc<str>) {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        // The request is handed on afterwards, so each of its layers sees it.
        ANY_WATCHED.store(true, Ordering::Relaxed);
        self.exchange = NEXT.fetch_add(1, Ordering::Relaxed);
        *self.used.get_mut() = true;
        let record = self.state.get_mut().unwrap_or_else(PoisonError::into_inner).record();
        record.sealing.ledger.watch(Arc::clone(&secrets));
        record.secrets = Some(secrets);
        record.path = Some(path);
        record.rules = Some(Arc::clone(rules));
    }

    /// Whether somebody watches.
    pub(crate) const fn is_watched(&self) -> bool {
        self.exchange != 0
    }

    /// The calls of named layers. Their stories are dropped after the lock.
    pub(crate) fn calls(&self) -> MutexGuard<'_, Calls> {
        self.calls.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A write is made in the course of an attempt.
    pub(crate) fn note_attempted(&self) {
        self.attempted.store(true, Ordering::Relaxed);
    }

    /// Whether writes were made in the course of attempts.
    pub(crate) fn has_attempted(&self) -> bool {
        self.attempted.load(Ordering::Relaxed)
    }

    /// Whether the route is not known yet.
    pub(crate) fn wants_route(&self) -> bool {
        !self.routed.load(Ordering::Relaxed)
    }

    /// Notes the route; the first one counts.
    pub(crate) fn set_route(&self, route: Box<str>) {
        if !self.routed.swap(true, Ordering::Relaxed) {
            self.lock().record().route = Some(route);
        }
    }

    /// The fields whose values are not shown.
    pub(crate) fn secrets(&self) -> Arc<[HeaderName]> {
        let state = self.lock();
        let secrets = state.record.as_ref().and_then(|record| record.secrets.clone());
        secrets.unwrap_or_else(|| Arc::from([]))
    }

    /// The state. A panic under the lock (there is no code of others that could) is no reason to
    /// lose the response, so poison is ignored.
    pub(crate) fn lock(&self) -> MutexGuard<'_, State> {
        // Read again only by the one who has the state alone.
        self.used.store(true, Ordering::Relaxed);
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Promises a trailer. The caller writes the answer down.
    pub(crate) fn promise(&self, state: &mut State, name: &HeaderName) -> Placed {
        match state.life.stage() {
            Stage::Open | Stage::Held => {
                if !state.read(&http::header::CONTENT_LENGTH, |_| true).is_empty() {
                    return Placed::Refused(Refusal::HasLength);
                }
                state.sealing().promises.add(name, self.ability)
            }
            Stage::Committing => Placed::Refused(Refusal::Committing),
            Stage::Committed => match &state.trailing {
                Trailing::Open { promised, .. } if promised.contains(name) => Placed::Trailers,
                Trailing::Open { .. } => Placed::Refused(Refusal::HeadSealed),
                Trailing::Closed(refusal) => Placed::Refused(*refusal),
            },
            Stage::Ended => Placed::Refused(Refusal::BodyOver),
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("life", &self.lock().life).finish_non_exhaustive()
    }
}

impl Record {
    /// Whether there is nothing in it but plain writes.
    pub(super) fn is_plain(&self) -> bool {
        self.sealing.is_plain()
            && self.callbacks.is_empty()
            && self.notes.is_empty()
            && self.provenance.is_none()
            && self.landings.is_none()
            && self.path.is_none()
            && self.route.is_none()
            && self.failure.is_none()
            && !self.is_timed
            && self.misorders.is_empty()
    }

    /// The batches of writes that the response has with it which is sent.
    pub(crate) fn take_landed(&mut self) -> Vec<u32> {
        self.landings.take().map(|landed| landed.batches).unwrap_or_default()
    }
}

impl State {
    const fn new() -> Self {
        Self {
            life: Life::Open { flushed: false },
            nested: false,
            status: None,
            held: 0,
            patience: Duration::ZERO,
            record: None,
            trailing: Trailing::Closed(Refusal::NotDeclared),
            lent: None,
            waker: None,
        }
    }

    /// The record, made if it is not there.
    pub(crate) fn record(&mut self) -> &mut Record {
        self.record.get_or_insert_default()
    }

    /// The record, if anything was written down.
    pub(crate) fn take_record(&mut self) -> Option<Box<Record>> {
        self.record.take()
    }

    /// What waits for the commit.
    pub(crate) fn sealing(&mut self) -> &mut Sealing {
        &mut self.record().sealing
    }

    /// The path of the request's target, where somebody watches.
    pub(crate) fn path(&self) -> Arc<str> {
        self.record.as_ref().and_then(|record| record.path.clone()).unwrap_or_default()
    }

    /// What waits for the commit, if anything does.
    #[inline]
    pub(crate) fn take_sealing(&mut self) -> Option<Sealing> {
        self.has_waiting().then(|| std::mem::take(self.sealing()))
    }

    /// Whether anything waits for the commit.
    pub(crate) fn has_waiting(&self) -> bool {
        self.record.as_ref().is_some_and(|record| record.sealing.is_waiting())
    }

    /// Places a write according to the stage, and writes it down; one that is made `elsewhere` is for
    /// a copy of the request. A refused write is given back, so that it is dropped after the lock.
    #[inline]
    pub(crate) fn place(
        &mut self,
        write: Write,
        elsewhere: bool,
    ) -> Result<Placed, (Refusal, Box<Write>)> {
        let refusal = match write.stage {
            Stage::Open if elsewhere => Refusal::CopiedRequest,
            Stage::Open if write.change.field().is_some_and(frames_bytes) => Refusal::SetOnResponse,
            Stage::Open | Stage::Held => match self.sealing().add(write) {
                Ok(()) => return Ok(Placed::Head),
                Err(write) => return Err(self.refuse(write, Refusal::TooMany)),
            },
            Stage::Committing => Refusal::Committing,
            Stage::Ended => Refusal::BodyOver,
            Stage::Committed => match self.trailing.accepts(&write) {
                Ok(late) => {
                    let entry = write.entry(Fate::Trailers);
                    late.push(write);
                    self.note_entry(entry);
                    return Ok(Placed::Trailers);
                }
                Err(refusal) => refusal,
            },
        };
        Err(self.refuse(write, refusal))
    }

    #[cold]
    fn refuse(&mut self, write: Write, refusal: Refusal) -> (Refusal, Box<Write>) {
        self.note_entry(write.entry(Fate::Refused(refusal)));
        (refusal, Box::new(write))
    }

    /// The number by which a response is known that writes land on.
    pub(crate) fn landings(&mut self) -> u64 {
        static NEXT: AtomicU64 = AtomicU64::new(1);
        let landings = self.record().landings.get_or_insert_with(|| {
            let exchange = NEXT.fetch_add(1, Ordering::Relaxed);
            Box::new(Landed { exchange, batches: Vec::new() })
        });
        landings.exchange
    }

    /// Notes which writes the response that is sent has with it, by its mark.
    pub(crate) fn arrive(&mut self, mark: Landed) {
        if mark.exchange == self.landings() {
            self.record().landings = Some(Box::new(mark));
        }
    }

    /// The writes that wait.
    pub(super) fn writes(&self) -> &[Write] {
        self.record.as_ref().map_or(&[], |record| record.sealing.writes())
    }

    /// Writes a line into the ledger.
    pub(crate) fn note_entry(&mut self, entry: Entry) {
        self.sealing().ledger.record(entry);
    }
}

/// Whether a field says where the bytes of the content end, and which of them follow.
fn frames_bytes(name: &HeaderName) -> bool {
    *name == CONTENT_ENCODING
        || *name == CONTENT_LENGTH
        || *name == CONTENT_RANGE
        || *name == TRANSFER_ENCODING
}
