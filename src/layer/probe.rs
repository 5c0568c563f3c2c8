//! What a named layer's two sides look at, and how they know of each other.

use std::sync::Arc;

use http::{HeaderMap, Request, Response};

use super::attempt;
use super::route::route;
use super::spare;
use crate::head::{Attempt, CallId, Head, Misorder, ProvenanceSlot, Shared, note_outside};
use crate::ledger::{LayerKind, LayerName, Provenance};

/// One side of one call of a named layer.
pub(crate) struct Probe {
    shared: Arc<Shared>,
    /// The call, where somebody watches.
    call: Option<CallId>,
    /// On the inner side: what is written in the course of this call.
    attempt: Option<Attempt>,
    side: Side,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    Inside,
    Outside,
    /// Outside, and the layer has answered.
    Over,
}

impl Probe {
    /// The outer side, if somebody watches this request's head. The call goes in with the request.
    #[inline]
    pub(crate) fn outside<B>(request: &mut Request<B>, name: &LayerName) -> Option<Self> {
        if !Shared::is_any_watched() {
            return None;
        }
        Self::watched(request, name)
    }

    #[inline(never)]
    fn watched<B>(request: &mut Request<B>, name: &LayerName) -> Option<Self> {
        let Some(head) = request.extensions_mut().get_mut::<Head>() else {
            note_outside(request.extensions_mut(), name);
            return None;
        };
        let shared = Arc::clone(head.watched()?);
        let call = shared.calls().open(name.clone(), head.call());
        head.set_call(call, name);
        if let Some(kind) = name.kind() {
            note_order(&shared, call, name, kind);
        }
        if shared.wants_route() {
            if let Some(route) = route(request.extensions()) {
                shared.set_route(route);
            }
        }
        Some(Self { shared, call: Some(call), attempt: None, side: Side::Outside })
    }

    /// The inner side. A layer that hides the request's extensions hides this call, too.
    #[inline]
    pub(crate) fn inside<B>(request: &mut Request<B>, name: &LayerName) -> Option<Self> {
        let head = request.extensions_mut().get_mut::<Head>()?;
        let call = head.call_of(name);
        let (shared, attempt) = head.start_attempt();
        Some(Self { shared, call, attempt, side: Side::Inside })
    }

    /// Whether writes wait for the response of this call, so that what is left of the call has to
    /// be dropped before they are put on it.
    pub(crate) fn awaits_writes(&self) -> bool {
        self.attempt.is_some() && self.shared.has_attempted()
    }

    /// Notes that the call has a response; `false` if there is more to do about it, because somebody
    /// watches or writes wait.
    #[inline]
    pub(crate) fn note_answer(&self) -> bool {
        if let Some(attempt) = self.attempt {
            self.shared.attempts.answer(attempt);
        }
        self.call.is_none() && !self.awaits_writes()
    }

    /// Looks at a response as it passes.
    #[inline]
    pub(crate) fn look<B>(&mut self, response: &mut Response<B>) {
        match self.side {
            Side::Inside => self.enter(response),
            Side::Outside => self.leave(response),
            Side::Over => {}
        }
    }

    /// The layer is given a response.
    fn enter<B>(&self, response: &mut Response<B>) {
        if let Some(call) = self.call {
            self.enter_watched(call, response);
        } else if self.awaits_writes() {
            attempt::put_writes(&self.shared, self.attempt, response, None);
        }
    }

    fn enter_watched<B>(&self, call: CallId, response: &mut Response<B>) {
        let status = response.status();
        let known = self.slot_of(response).map(|slot| {
            slot.with(|provenance| provenance.record_unnamed(status, response.headers()));
            slot.clone()
        });
        let slot = known.or_else(|| {
            let secrets = self.shared.secrets();
            self.attach(response, |provenance, fields| provenance.restart(status, fields, secrets))
        });
        if self.awaits_writes() {
            attempt::put_writes(&self.shared, self.attempt, response, slot.as_ref());
        }
        let before = slot.and_then(|slot| self.shared.calls().give(call, slot));
        // What it was given before was nobody's response; its values are dropped after the lock.
        drop(before);
    }

    /// The layer hands a response on.
    fn leave<B>(&mut self, response: &mut Response<B>) {
        self.side = Side::Over;
        let call = self.call.and_then(|call| self.shared.calls().close(call));
        let Some(call) = call else { return };
        let status = response.status();
        if let Some(slot) = self.slot_of(response) {
            slot.with(|provenance| provenance.record_layer(call.name, status, response.headers()));
            return;
        }
        let given = call.given.map(|given| given.with(|provenance| provenance.duplicate()));
        let fields = response.headers();
        let provenance = match given {
            // It only took the extensions out.
            Some(mut provenance) if provenance.is_within(fields) => {
                provenance.record_layer(call.name, status, fields);
                provenance
            }
            given => {
                Provenance::short_circuit(&call.name, status, fields, self.shared.secrets(), given)
            }
        };
        self.attach(response, |begun, _| *begun = provenance);
    }

    /// The provenance that the response has with it, if it is one of this exchange: a layer may have
    /// kept a response of another one.
    fn slot_of<'a, B>(&self, response: &'a Response<B>) -> Option<&'a ProvenanceSlot> {
        response
            .extensions()
            .get::<ProvenanceSlot>()
            .filter(|slot| slot.is_of(self.shared.exchange))
    }

    /// Gives the response its provenance.
    fn attach<B>(
        &self,
        response: &mut Response<B>,
        begin: impl FnOnce(&mut Provenance, &HeaderMap),
    ) -> Option<ProvenanceSlot> {
        let mut extensions = std::mem::take(response.extensions_mut());
        if extensions.is_empty() {
            extensions = spare::take_extensions();
        }
        if extensions.get::<ProvenanceSlot>().is_none() {
            extensions.insert(ProvenanceSlot::default());
        }
        let slot = extensions.get_mut::<ProvenanceSlot>().map(|slot| {
            slot.renew(self.shared.exchange, |provenance| begin(provenance, response.headers()));
            slot.clone()
        });
        *response.extensions_mut() = extensions;
        slot
    }
}

/// Notes if a layer stands around this one that has to stand inside.
fn note_order(shared: &Shared, call: CallId, name: &LayerName, kind: LayerKind) {
    let wrong = kind.belongs_outside_of();
    let outer = wrong.and_then(|wrong| shared.calls().around(call, wrong).cloned());
    if let Some(outer) = outer {
        let misorder = Misorder::Swapped(outer, name.clone(), kind);
        shared.lock().record().misorders.push(misorder);
    }
}

impl Drop for Probe {
    /// A call that is given up lets go of what it was given.
    fn drop(&mut self) {
        if let (Side::Outside, Some(call)) = (self.side, self.call) {
            let call = self.shared.calls().close(call);
            drop(call);
        }
    }
}
