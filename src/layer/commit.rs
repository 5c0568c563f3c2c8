//! The commit: writes, hooks, trailers and framing, in that order; then the head is the server's.

use std::sync::{Arc, MutexGuard};

use bytes::Bytes;
use http::response::Parts;
use http::{Extensions, StatusCode};
use http_body::Body;

use super::apply_policy::{Applied, Origin, put_nonce};
use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::frame::frame;
use super::holding::Held;
use super::instead::{fail, put_instead};
use super::page_link::put_page_link;
use super::server_timing::{put_times, so_far};
use super::settings::Watch;
use super::spare;
use super::stopwatch::Mark;
use super::terms::{Survey, Terms, mend, terms_of};
use super::tidy::tidy;
use super::{denied, recover, signing, trailers, watched};
use crate::error::Error;
use crate::head::listed::list_version;
use crate::head::{
    ArrivedProvenance, CommitCause, EndedProvenance, ErrorAnswer, Input, Landing, Note, Planned,
    Sealing, State, Trailing,
};
use crate::ledger::Lines;
use crate::rules::Judged;
use crate::rules::framing::{self, Mended};

/// Commits the inner response. Where nothing was `awaited` when it came, there may still be nothing.
pub(crate) fn commit<B>(
    exchange: &Exchange,
    held: &mut Held<B>,
    awaited: bool,
    cause: CommitCause,
) -> Terms
where
    B: Body,
    B::Data: From<Bytes>,
{
    if !held.parts.extensions.is_empty() {
        note_enclosed(exchange, &held.parts.extensions);
        if let Some(version) = list_version(&held.parts.extensions) {
            exchange.shared.lock().record().list = Some(version);
        }
    }
    let may_be_quiet = !awaited && held.content.trailers().is_none();
    if may_be_quiet && !is_unfinal(exchange, held.parts.status) {
        let mut survey = Survey::of(&held.parts.headers);
        let (terms, trailing) = terms_of(exchange, held, survey, None);
        let mut state = exchange.shared.lock();
        if !state.has_waiting() {
            // Nobody had anything to say: one lock is all that the commit takes.
            state.life = state.life.step(Input::Due(cause)).0;
            state.held = held.content.frames.bytes();
            written(state, trailing, held.parts.status);
            if exchange.settings.policy.is_set() {
                survey = with_policy(exchange, held);
            }
            if let Terms::Weighed(weighed) = &terms {
                mend(exchange, &mut held.parts.headers, weighed, None);
            }
            tidy(exchange, survey, &mut held.parts.headers, None);
            return terms;
        }
    }
    let sealed = seal(exchange, held, Input::Due(cause));
    settle(exchange, sealed, held, None)
}

/// Commits an error answer in the place of what was planned.
pub(crate) fn commit_instead<B>(
    exchange: &Exchange,
    held: &mut Held<B>,
    answer: ErrorAnswer,
    error: Error,
) -> Terms
where
    B: Body,
    B::Data: From<Bytes>,
{
    let origin = if error.is_panic() { Origin::Panic } else { Origin::Error };
    note_enclosed(exchange, &held.parts.extensions);
    exchange.note_failure(error);
    held.clear();
    let sealed = seal(exchange, held, Input::Failed);
    settle(exchange, sealed, held, Some((answer, origin)))
}

/// A response that came through a layer with deny rules, a policy or signers is not committed without them.
#[inline(never)]
fn note_enclosed(exchange: &Exchange, extensions: &Extensions) {
    if Enclosed::is_with(extensions) {
        exchange.shared.lock().sealing().is_awaited_at_last = true;
    }
}

/// What waited for the commit, and what layers did to the response on its way here.
struct Sealed {
    sealing: Option<Sealing>,
    provenance: Option<ArrivedProvenance>,
    /// The batches of writes that landed on the response on its way here.
    landed: Vec<u32>,
}

/// A head as it was seen when so many lines of the ledger were written.
struct Seen {
    lines: Lines,
    written: u64,
}

impl Seen {
    /// The head as it is now, if nothing was done to it since: that would be written down.
    fn if_still(self, sealing: &Sealing) -> Option<Lines> {
        (self.written == sealing.ledger.written()).then_some(self.lines)
    }
}

/// Begins the commit: from here only hooks may write. Takes what waited for it.
fn seal<B: Body>(exchange: &Exchange, held: &Held<B>, input: Input) -> Sealed {
    let mut state = exchange.shared.lock();
    state.life = state.life.step(input).0;
    state.held = held.content.frames.bytes();
    let sealing = state.take_sealing();
    let (mut provenance, mut landed) = (None, Vec::new());
    if sealing.is_some() {
        let record = state.record();
        (provenance, landed) = (record.provenance.take(), record.take_landed());
    }
    Sealed { sealing, provenance, landed }
}

/// Brings together what layers did to the response and what waited for the commit, and applies it.
/// Returns the head as it was seen before, if it need not be copied for that.
fn apply(
    exchange: &Exchange,
    sealing: &mut Sealing,
    (provenance, landed): (Option<ArrivedProvenance>, Vec<u32>),
    parts: &mut Parts,
    failed: bool,
) -> Option<Seen> {
    let Parts { status, headers, .. } = parts;
    let (mut seen, mut known) = (None, Vec::new());
    if let Some(provenance) = provenance {
        known = provenance.batches();
        // What layers did comes before what is applied now.
        let EndedProvenance { ledger, lines, extensions } = provenance.end(*status, headers);
        spare::give_extensions(extensions);
        let later = std::mem::replace(&mut sealing.ledger, ledger);
        sealing.ledger.join(later);
        seen = lines.map(|lines| Seen { lines, written: sealing.ledger.written() });
    }
    let watch = exchange.settings.watch.as_ref();
    let rules = watch.map(|watch| &*watch.rules);
    let landing = Landing { status: *status, failed, author: None, rules };
    let mut head = Planned { status, fields: headers };
    let attempts = &exchange.shared.attempts;
    sealing.apply_writes(landing, attempts, (&landed, &known), &mut head);
    seen
}

/// Applies writes and hooks, lets an error answer take its place, judges, and ends the commit.
fn settle<B>(
    exchange: &Exchange,
    sealed: Sealed,
    held: &mut Held<B>,
    instead: Option<(ErrorAnswer, Origin)>,
) -> Terms
where
    B: Body,
    B::Data: From<Bytes>,
{
    let Sealed { mut sealing, provenance, landed } = sealed;
    let inside = Enclosed::take(&mut held.parts.extensions);
    let watch = exchange.settings.watch.as_ref().filter(|_| exchange.shared.is_watched());
    let failed = instead.is_some();
    let seen = sealing.as_mut().and_then(|sealing| {
        apply(exchange, sealing, (provenance, landed), &mut held.parts, failed)
    });
    let begun = so_far(exchange, sealing.as_ref());
    let origin = complete(exchange, held, sealing.as_mut(), instead);
    if let (Some(sealing), Some(begun)) = (&mut sealing, &begun) {
        put_times(exchange, held, sealing, begun);
    }
    let policy = Applied::of(exchange, &inside);
    if let Some(policy) = &policy {
        policy.apply(exchange, held, sealing.as_mut(), origin);
    }
    put_nonce(policy.is_some(), held, sealing.as_mut());
    let by = (policy.as_ref(), inside.as_slice());
    let mut judged = Judged::default();
    if let (Some(sealing), Some(watch)) = (&mut sealing, watch) {
        sealing.ledger.tell_apart();
        judged = watched::judge(exchange, watch, sealing, held, policy.as_ref());
    }
    let (terms, trailing) = close(exchange, held, sealing.as_mut(), by, (watch, &mut judged));
    let known = seen.zip(sealing.as_ref()).and_then(|(seen, sealing)| seen.if_still(sealing));
    if watch.is_some() || begun.is_some() {
        exchange.mark(Mark::Committed);
    }
    let sent = watch.map(|watch| sent(watch, known, &held.parts));
    let (sent_lines, status) = (sent.as_ref(), held.parts.status);
    let ends = watched::ends_a_test(exchange, watch, &judged, sent_lines, sealing.as_ref(), status);
    let mut state = exchange.shared.lock();
    if let Some(mut sealing) = sealing {
        let record = state.record();
        sealing.ledger.join(std::mem::take(&mut record.sealing.ledger));
        record.sealing = sealing;
        record.conflicts = (judged.conflicts, judged.cut);
        record.sent = sent;
    }
    written(state, trailing, held.parts.status);
    if let Some(text) = ends {
        panic!("{text}");
    }
    terms
}

/// The head as it goes out; `known` is what it was, if nothing was done to it since.
fn sent(watch: &Watch, known: Option<Lines>, parts: &Parts) -> Lines {
    match known {
        Some(lines) if !watch.explained => {
            debug_assert_eq!(lines, Lines::of(&parts.headers));
            lines
        }
        Some(_) | None => Lines::of(&parts.headers),
    }
}

/// Has an error answer take the head's place, runs the hooks, and folds trailers in. Says what the head comes from.
fn complete<B>(
    exchange: &Exchange,
    held: &mut Held<B>,
    mut sealing: Option<&mut Sealing>,
    instead: Option<(ErrorAnswer, Origin)>,
) -> Origin
where
    B: Body,
    B::Data: From<Bytes>,
{
    let mut origin = Origin::Handler;
    if let Some((answer, by)) = instead {
        put_instead(exchange, held, sealing.as_deref_mut(), answer);
        origin = by;
    }
    if finish(exchange, sealing.as_deref_mut(), held).is_err() {
        origin = Origin::Error;
    }
    trailers::merge(exchange, held, sealing);
    origin
}

/// Denies, frames and signs the judged head. `by` is the policy in force, and what layers inside handed on.
#[inline]
fn close<B>(
    exchange: &Exchange,
    held: &mut Held<B>,
    mut sealing: Option<&mut Sealing>,
    by: (Option<&Applied>, &[Arc<Enclosed>]),
    (watch, judged): (Option<&Watch>, &mut Judged),
) -> (Terms, Trailing)
where
    B: Body,
    B::Data: From<Bytes>,
{
    if let Some(sealing) = sealing.as_mut().filter(|sealing| sealing.is_awaited_at_last) {
        denied::deny(exchange, sealing, held, by, judged);
    }
    if let (Some(sealing), Some(watch)) = (&mut sealing, watch) {
        put_page_link(exchange, held, sealing);
        watched::say_who_wrote(watch, sealing, held);
    }
    let (mut terms, mut trailing) = frame(exchange, held, sealing.as_deref_mut());
    if let Some(sealing) = sealing.filter(|sealing| sealing.is_awaited_at_last) {
        if let Some(refusal) = signing::sign(exchange, sealing, held, by, judged) {
            (terms, trailing) = refusal;
        }
    }
    (terms, trailing)
}

/// The head is the server's.
fn written(mut state: MutexGuard<'_, State>, trailing: Trailing, status: StatusCode) {
    state.life = state.life.step(Input::Written).0;
    state.trailing = trailing;
    state.status = Some(status);
}

/// Applies the policy to a head for which no write and no hook waits.
#[inline(never)]
fn with_policy<B: Body>(exchange: &Exchange, held: &mut Held<B>) -> Survey {
    if let Some(policy) = Applied::of(exchange, &[]) {
        policy.apply(exchange, held, None, Origin::Handler);
        put_nonce(true, held, None);
    }
    Survey::of(&held.parts.headers)
}

/// An error answer took the head's place.
struct Replaced;

/// Runs the hooks; a failed one, and a status that is no final one, become an error answer.
fn finish<B>(
    exchange: &Exchange,
    mut sealing: Option<&mut Sealing>,
    held: &mut Held<B>,
) -> Result<(), Replaced>
where
    B: Body,
    B::Data: From<Bytes>,
{
    let mut done = Ok(());
    if let Some(sealing) = &mut sealing {
        let Parts { status, headers, .. } = &mut held.parts;
        if let Err(error) = sealing.run_hooks(exchange.ability(), status, headers) {
            sealing.drop_hooks();
            let answer = exchange.answer_error(recover::Origin::Hook, &error, Some(&held.parts));
            exchange.note_failure(error);
            put_instead(exchange, held, Some(sealing), answer);
            fail(exchange);
            done = Err(Replaced);
        }
    }
    if is_unfinal(exchange, held.parts.status) {
        exchange.note(Note::Mended(Mended::InformationalStatus(held.parts.status.as_u16())));
        let answer = ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
        put_instead(exchange, held, sealing, answer);
        fail(exchange);
        done = Err(Replaced);
    }
    done
}

fn is_unfinal(exchange: &Exchange, status: StatusCode) -> bool {
    framing::is_unfinal(status, exchange.ability().version)
}
