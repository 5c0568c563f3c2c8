//! What was written through `Head` in the course of a call is put on the response of that call.

use std::sync::Arc;

use http::Response;

use crate::head::{
    Attempt, Intent, Landed, Landing, Planned, ProvenanceSlot, Shared, Sorted, Write,
};
use crate::ledger::{Entry, Fate, Ledger, Writer};
use crate::rules::Rules;

/// Puts the writes of `attempt` on its response, so that the layers outside see them, and marks the
/// response. `provenance` is what a watched response has with it.
#[cold]
pub(crate) fn put_writes<B>(
    shared: &Arc<Shared>,
    attempt: Option<Attempt>,
    response: &mut Response<B>,
    provenance: Option<&ProvenanceSlot>,
) {
    let Some(attempt) = attempt else { return };
    let Taken { mark, sorted, before, rules } = take(shared, attempt, response);
    let Sorted { landing: writes, discarded } = sorted;
    // What others gave is dropped after the lock.
    drop(discarded);
    if writes.is_empty() {
        return;
    }
    let handler = Writer::Response;
    let author = provenance.map(|_| &handler);
    let status = response.status();
    let landing = Landing { status, failed: false, author, rules: rules.as_deref() };
    let mut ledger = Ledger::default();
    if provenance.is_some() {
        ledger.watch(shared.secrets());
    }
    let (mut status, mut fields) = (status, std::mem::take(response.headers_mut()));
    let mut head = Planned { status: &mut status, fields: &mut fields };
    let intent = Intent::of(&writes).after(before);
    let (mut landed, mut entries) = (Vec::new(), Vec::new());
    for write in writes {
        let copy = write.clone();
        let entry = intent.land(landing, write, &mut head, &ledger);
        landed.extend((entry.fate == Fate::Applied).then_some(copy));
        entries.push(entry);
    }
    let number = shared.lock().sealing().add_batch(attempt, landed, entries.clone());
    if let Some(provenance) = provenance {
        provenance.with(|provenance| provenance.landed(number, entries, status, &fields));
    }
    *response.status_mut() = status;
    *response.headers_mut() = fields;
    let extensions = response.extensions_mut();
    match extensions.get_mut::<Landed>().filter(|landed| landed.exchange == mark) {
        Some(landed) => landed.batches.push(number),
        None => {
            extensions.insert(Landed { exchange: mark, batches: vec![number] });
        }
    }
}

/// What is to land on a response, and what has to be known for that.
struct Taken {
    /// The number by which the response is marked.
    mark: u64,
    sorted: Sorted,
    /// What landed on it further inside.
    before: Vec<Write>,
    rules: Option<Arc<Rules>>,
}

/// Takes the writes that were made in the course of `attempt`.
fn take<B>(shared: &Shared, attempt: Attempt, response: &Response<B>) -> Taken {
    let mut state = shared.lock();
    let mark = state.landings();
    let rules = state.record().rules.clone();
    let sealing = state.sealing();
    let landed = response.extensions().get::<Landed>().filter(|landed| landed.exchange == mark);
    let batches = landed.map(|landed| landed.batches.as_slice()).unwrap_or_default();
    let (carried, before) = (sealing.carried(batches), sealing.landed_writes(batches));
    let sorted = sealing.take_attempt(&shared.attempts, attempt, &carried, response.status());
    for write in &sorted.discarded {
        sealing.ledger.record(Entry { seen: None, ..write.entry(Fate::Discarded) });
    }
    drop(state);
    Taken { mark, sorted, before, rules }
}
