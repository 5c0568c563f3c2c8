//! One request and its response as the layer sees them, to the receipt.

use std::any::Any;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName};
use http::response::Parts;
use tokio::time::Sleep;

use super::ResetCode;
use super::asked::Asked;
use super::delivery::{Last, deliver, note_places};
use super::failures::{note_failure, note_other_attempt};
use super::recover::{Cause, Failure, Origin};
use super::settings::{Settings, Watch};
use super::spare;
use super::stopwatch::Mark;
use crate::caught::contained;
use crate::error::Error;
use crate::field::nature;
use crate::field::rpc::{Protocol, Rpc};
use crate::head::{
    Ability, Collected, CommitCause, ErrorAnswer, Input, Note, Outcome, Receipt, Record, Shared,
    State, Tally, Trailing,
};
use crate::ledger::{Refusal, Stage};
use crate::report::LogEnd;
use crate::rules::judge_late;

/// Owned by the response future, then by the body; whoever drops it last ends the exchange.
pub(crate) struct Exchange {
    pub(crate) shared: Arc<Shared>,
    pub(crate) settings: Arc<Settings>,
    /// What was kept of the request, if the recoverer or the access log wants any of it.
    pub(super) asked: Option<Box<Asked>>,
    /// Bytes of content that were handed to the server.
    pub(crate) sent: u64,
    /// What it means if nothing more is heard; `None` when the receipt was delivered.
    pub(super) unheard: Option<Unheard>,
    /// No copy of the `Head` is left, and no receipt is wanted.
    pub(super) is_unobserved: bool,
    /// The status that went out, where nothing of the commit is in the shared state.
    pub(super) begun: Option<StatusCode>,
}

/// What the drop of a response means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unheard {
    /// Something was still due.
    Dropped,
    /// There was nothing to send, or everything was handed over.
    Complete,
    /// The connection became something else.
    Upgraded,
}

impl Exchange {
    pub(crate) const fn new(
        shared: Arc<Shared>,
        settings: Arc<Settings>,
        asked: Option<Box<Asked>>,
    ) -> Self {
        let unheard = Some(Unheard::Dropped);
        Self { shared, settings, asked, sent: 0, unheard, is_unobserved: false, begun: None }
    }

    /// What the request lets its response do.
    pub(crate) fn ability(&self) -> Ability {
        self.shared.ability
    }

    /// How long this response may still wait for its body's word: not at all if it was not held, or
    /// somebody wants it out.
    pub(crate) fn patience(&self) -> Duration {
        let state = self.shared.lock();
        match state.life.cause() {
            Some(CommitCause::Flush | CommitCause::NotHeld) => Duration::ZERO,
            Some(_) | None => state.patience,
        }
    }

    /// Whether a field of the planned head still holds for an answer that replaces it.
    pub(crate) fn outlives(&self, name: &HeaderName) -> bool {
        match &self.settings.watch {
            Some(watch) => watch.rules.outlives(name),
            None => nature::outlives_content(name),
        }
    }

    /// Says what a drop from now on means.
    pub(crate) fn if_dropped(&mut self, meaning: Unheard) {
        if self.unheard.is_some() {
            self.unheard = Some(meaning);
        }
    }

    /// Whether nothing more is due: a drop would be no loss, or the receipt was delivered.
    pub(crate) fn is_settled(&self) -> bool {
        self.unheard != Some(Unheard::Dropped)
    }

    /// Whether the receipt was delivered.
    pub(crate) const fn is_ended(&self) -> bool {
        self.unheard.is_none()
    }

    /// Notes that the response has come so far, where somebody needs times.
    #[inline]
    pub(crate) fn mark(&self, mark: Mark) {
        if let Some(asked) = &self.asked {
            asked.mark(mark);
        }
    }

    /// Ends the exchange well.
    pub(crate) fn complete(&mut self) {
        let upgraded = self.unheard == Some(Unheard::Upgraded);
        self.end(if upgraded { Outcome::Upgraded } else { Outcome::Handed });
    }

    pub(crate) fn note(&self, note: Note) {
        self.shared.lock().record().notes.push(note);
    }

    /// A timer; where there can be none that is noted, once for each layer.
    pub(crate) fn timer(&self, time: Duration) -> Option<Sleep> {
        let sleep = self.settings.timers.start(time);
        if sleep.is_none() && self.settings.said.no_timer.first() {
            self.note(Note::NoTimer);
        }
        sleep
    }

    /// Notes what failed before the commit.
    pub(crate) fn note_failure(&self, error: Error) {
        note_failure(&self.shared, error);
    }

    /// Whether failures of this origin are left alone.
    pub(crate) fn passes_through(&self, origin: Origin) -> bool {
        self.settings.recoverer.passes_through(origin)
    }

    /// The response to send instead of one that failed with `error`.
    pub(crate) fn answer_error(
        &self,
        origin: Origin,
        error: &Error,
        planned: Option<&Parts>,
    ) -> ErrorAnswer {
        self.answer(origin, Cause::Error(error.cause().unwrap_or(error)), planned)
    }

    /// The response to send instead of one that panicked.
    pub(crate) fn answer_panic(
        &self,
        origin: Origin,
        payload: &(dyn Any + Send),
        planned: Option<&Parts>,
    ) -> ErrorAnswer {
        self.answer(origin, Cause::Panic(payload), planned)
    }

    fn answer(&self, origin: Origin, cause: Cause<'_>, planned: Option<&Parts>) -> ErrorAnswer {
        let recoverer = &self.settings.recoverer;
        self.with_failure(origin, cause, planned, |failure| recoverer.answer(failure))
            .unwrap_or_else(|| {
                self.note(Note::RecoverPanicked);
                ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR)
            })
    }

    /// The code to reset a stream with.
    pub(crate) fn reset_code(&self, origin: Origin, error: &Error) -> ResetCode {
        let cause = Cause::Error(error.cause().unwrap_or(error));
        let recoverer = &self.settings.recoverer;
        self.with_failure(origin, cause, None, |failure| recoverer.reset_code(failure))
    }

    /// Asks about a failure, with what is known of the exchange.
    fn with_failure<R>(
        &self,
        origin: Origin,
        cause: Cause<'_>,
        planned: Option<&Parts>,
        ask: impl FnOnce(&Failure<'_>) -> R,
    ) -> R {
        let (stage, sent, routed) = if self.begun.is_some() {
            (Stage::Committed, self.begun, None)
        } else {
            let mut state = self.shared.lock();
            (state.life.stage(), state.status, state.record().route.clone())
        };
        let Shared { method, ability, .. } = &*self.shared;
        let fields = planned.map(|parts| &parts.headers);
        let asked = self.asked.as_deref();
        ask(&Failure {
            origin,
            cause,
            stage,
            method,
            version: ability.version,
            protocol: self.call(fields).map_or(Protocol::Http, Rpc::protocol),
            asked,
            route: routed.as_deref().or_else(|| asked.and_then(Asked::route)),
            status: planned.map(|parts| parts.status).or(sent),
            fields,
        })
    }

    /// The remote call that the client makes, by the response's own word, else by the request's.
    fn call(&self, planned: Option<&HeaderMap>) -> Option<Rpc> {
        planned.and_then(Rpc::of_response).or(self.ability().call)
    }

    /// `answer` in the form in which the client of a head with these fields reads it.
    pub(crate) fn readable(&self, answer: ErrorAnswer, planned: &HeaderMap) -> ErrorAnswer {
        match self.call(Some(planned)) {
            Some(call) => answer.for_call(call, planned),
            None => answer,
        }
    }

    /// The trailers that go out behind the content; from now on none is taken any more.
    pub(crate) fn last_trailers(&self, own: Option<HeaderMap>) -> Option<HeaderMap> {
        if self.is_unobserved && own.is_none() {
            return None;
        }
        let trailing = {
            let mut state = self.shared.lock();
            std::mem::replace(&mut state.trailing, Trailing::Closed(Refusal::BodyOver))
        };
        if own.is_none() && matches!(trailing, Trailing::Closed(_)) {
            return None;
        }
        let Collected { trailers, dropped, fates } = trailing.collect(own, self.ability());
        self.note_dropped(dropped);
        if !fates.is_empty() {
            self.shared.lock().sealing().ledger.settle_late(fates.into_iter());
        }
        (!trailers.is_empty()).then_some(trailers)
    }

    pub(crate) fn note_dropped(&self, names: Vec<HeaderName>) {
        if !names.is_empty() {
            self.note(Note::TrailersDropped(names));
        }
    }

    /// Ends the exchange and delivers the receipt. Only the first call does anything.
    pub(crate) fn end(&mut self, outcome: Outcome) {
        if self.unheard.take().is_none() || self.is_unobserved {
            return;
        }
        let (last, record, unsent) = self.close();
        if self.settings.access_log.is_some() {
            self.log_end(last.status, &outcome);
        }
        if record.is_none() && self.settings.on_end.is_none() {
            contained(move || drop(unsent));
            return;
        }
        let mut record = record.unwrap_or_default();
        if last.cause != Some(CommitCause::Failure) {
            note_other_attempt(self.ability().call.is_some(), last.status, &mut record);
        }
        record.sealing.give_up(last.cause.is_some(), unsent);
        let settings = Arc::clone(&self.settings);
        let watch = settings.watch.as_ref().filter(|_| record.path.is_some());
        let listened = watch.is_some_and(Watch::listens);
        if record.callbacks.is_empty() && settings.on_end.is_none() && !listened {
            contained(move || drop(record));
            return;
        }
        if let Some(watch) = watch {
            let mended = record.notes.iter().filter_map(Note::mended);
            let late = judge_late(&watch.rules, &record.sealing.ledger, mended);
            record.conflicts.0.extend(late);
        }
        let callbacks = std::mem::take(&mut record.callbacks);
        note_places(&settings, last.nested, &mut record);
        let receipt = self.receipt(record, &last, outcome);
        deliver(&settings, callbacks, watch, &receipt);
        contained(move || drop(receipt));
    }

    /// Ends the life of the head, and takes what is left in it.
    #[inline]
    fn close(&self) -> (Last, Option<Box<Record>>, Trailing) {
        let mut state = self.shared.lock();
        let (stage, cause) = (state.life.stage(), state.life.cause());
        state.life = state.life.step(Input::Ended).0;
        // What others gave is dropped after the lock: its drop may ask for the head.
        let over = Trailing::Closed(Refusal::BodyOver);
        let unsent = std::mem::replace(&mut state.trailing, over);
        let State { status, held, nested, .. } = *state;
        let (lent, waker) = (state.lent.take(), state.waker.take());
        let record = state.take_record();
        drop(state);
        if lent.is_some() || waker.is_some() {
            contained(move || drop(lent));
            contained(move || drop(waker));
        }
        (Last { stage, cause, status, held, nested }, record, unsent)
    }

    fn receipt(&mut self, record: Box<Record>, last: &Last, outcome: Outcome) -> Receipt {
        let Record {
            sealing, notes, sent, conflicts: (conflicts, conflicts_cut), path, route, ..
        } = *record;
        Receipt {
            method: self.shared.method.clone(),
            version: self.ability().version,
            tally: Tally {
                status: last.status,
                held: last.held,
                sent: self.sent,
                policy: Asked::policy_version(self.asked.as_deref()),
                list: record.list,
                hooks_run: sealing.hooks_run,
                failure: record.failure,
                notes,
                number: self.shared.exchange,
            },
            last_stage: last.stage,
            cause: last.cause,
            ledger: sealing.ledger,
            fields: sent.unwrap_or_default(),
            conflicts,
            conflicts_cut,
            path,
            route,
            request: Asked::take_facts(self.asked.as_deref_mut()),
            outcome,
        }
    }

    /// Writes the line of the access log.
    #[cold]
    fn log_end(&mut self, status: Option<StatusCode>, outcome: &Outcome) {
        let logged = self.asked.as_mut().and_then(|asked| asked.logged.take());
        if let (Some(log), Some(entry)) = (&self.settings.access_log, logged) {
            log.end(entry, &LogEnd { status, sent: self.sent, outcome });
        }
    }

    /// The path of the request, and the route that it took, where somebody watches.
    pub(crate) fn place(&self) -> (Arc<str>, Option<Box<str>>) {
        let mut state = self.shared.lock();
        (state.path(), state.record().route.clone())
    }

    /// The stage the head is in.
    pub(crate) fn stage(&self) -> Stage {
        self.shared.lock().life.stage()
    }
}

impl Drop for Exchange {
    fn drop(&mut self) {
        match self.unheard {
            None => {}
            Some(Unheard::Complete) => self.end(Outcome::Handed),
            Some(Unheard::Upgraded) => self.end(Outcome::Upgraded),
            Some(Unheard::Dropped) if std::thread::panicking() => self.end(Outcome::Unwound),
            Some(Unheard::Dropped) => self.end(Outcome::Dropped),
        }
        spare::give(&mut self.shared);
    }
}

impl fmt::Debug for Exchange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Exchange")
            .field("method", &self.shared.method)
            .field("stage", &self.stage())
            .finish_non_exhaustive()
    }
}
