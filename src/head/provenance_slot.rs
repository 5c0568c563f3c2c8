//! A provenance on its way: in the extensions of the response that it is about.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::HeaderMap;
use http::{Extensions, StatusCode};

use crate::ledger::{Ledger, Lines, Provenance};

/// A response's provenance, and of which exchange it is. A clone of a response has the same provenance.
#[derive(Clone, Default)]
pub(crate) struct ProvenanceSlot {
    exchange: u64,
    provenance: Arc<Mutex<Provenance>>,
}

impl ProvenanceSlot {
    /// Begins anew, in the same place if nobody else has the old provenance.
    pub(crate) fn renew(&mut self, exchange: u64, begin: impl FnOnce(&mut Provenance)) {
        self.exchange = exchange;
        if let Some(provenance) = Arc::get_mut(&mut self.provenance) {
            begin(provenance.get_mut().unwrap_or_else(PoisonError::into_inner));
            return;
        }
        let mut provenance = Provenance::default();
        begin(&mut provenance);
        self.provenance = Arc::new(Mutex::new(provenance));
    }

    /// Whether it is about a response of this exchange.
    pub(crate) fn is_of(&self, exchange: u64) -> bool {
        self.exchange == exchange
    }

    pub(crate) fn with<R>(&self, look: impl FnOnce(&mut Provenance) -> R) -> R {
        look(&mut self.provenance.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// What was done until now, and the head as it was seen then, if nobody else has the provenance.
    fn end(&mut self, status: StatusCode, fields: &HeaderMap) -> (Ledger, Option<Lines>) {
        if let Some(provenance) = Arc::get_mut(&mut self.provenance) {
            let provenance = provenance.get_mut().unwrap_or_else(PoisonError::into_inner);
            provenance.record_unnamed(status, fields);
            let (ledger, lines) = provenance.end();
            return (ledger, Some(lines));
        }
        self.with(|provenance| {
            provenance.record_unnamed(status, fields);
            (provenance.take_ledger(), None)
        })
    }
}

/// A provenance whose response has arrived where it is committed.
pub(crate) enum ArrivedProvenance {
    /// The response has other extensions, which stay with it.
    Alone(ProvenanceSlot),
    /// It has none: they are kept for the next provenance, because they are dear to make.
    Carried(Extensions),
}

impl ArrivedProvenance {
    /// Takes the provenance out of a response's extensions; one of another exchange is forgotten.
    pub(crate) fn take(extensions: &mut Extensions, exchange: u64) -> Option<Self> {
        let ours = extensions.get::<ProvenanceSlot>()?.is_of(exchange);
        if ours && extensions.len() == 1 {
            return Some(Self::Carried(std::mem::take(extensions)));
        }
        extensions.remove::<ProvenanceSlot>().filter(|_| ours).map(Self::Alone)
    }

    /// What was done so far.
    pub(crate) fn ledger(&self) -> Ledger {
        let slot = match self {
            Self::Alone(slot) => Some(slot),
            Self::Carried(extensions) => extensions.get(),
        };
        slot.map(|slot: &ProvenanceSlot| slot.with(|provenance| provenance.ledger().clone()))
            .unwrap_or_default()
    }

    /// The batches of writes through `Head` that stand in the ledger.
    pub(crate) fn batches(&self) -> Vec<u32> {
        let slot = match self {
            Self::Alone(slot) => Some(slot),
            Self::Carried(extensions) => extensions.get(),
        };
        slot.map(|slot: &ProvenanceSlot| slot.with(|provenance| provenance.batches()))
            .unwrap_or_default()
    }

    /// What was done until the commit of this head.
    pub(crate) fn end(self, status: StatusCode, fields: &HeaderMap) -> EndedProvenance {
        match self {
            Self::Alone(mut slot) => {
                let (ledger, lines) = slot.end(status, fields);
                EndedProvenance { ledger, lines, extensions: Extensions::new() }
            }
            Self::Carried(mut extensions) => {
                let ended =
                    extensions.get_mut().map(|slot: &mut ProvenanceSlot| slot.end(status, fields));
                let (ledger, lines) = ended.unwrap_or_default();
                // A provenance that others have, too, is left to them.
                let extensions = if lines.is_some() { extensions } else { Extensions::new() };
                EndedProvenance { ledger, lines, extensions }
            }
        }
    }
}

/// A provenance at its end.
pub(crate) struct EndedProvenance {
    pub(crate) ledger: Ledger,
    /// The head as it is now, if it need not be copied for that.
    pub(crate) lines: Option<Lines>,
    /// Extensions that may be used again.
    pub(crate) extensions: Extensions,
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn begin(slot: &mut ProvenanceSlot, exchange: u64, fields: &HeaderMap) {
        slot.renew(exchange, |provenance| {
            provenance.restart(StatusCode::OK, fields, Arc::from([]));
        });
    }

    #[test]
    fn a_provenance_that_somebody_keeps_is_not_written_over() {
        let (mut slot, mut fields) = (ProvenanceSlot::default(), HeaderMap::new());
        fields.insert("x-first", HeaderValue::from_static("1"));
        begin(&mut slot, 1, &fields);
        let kept = slot.clone();
        begin(&mut slot, 2, &HeaderMap::new());
        assert!(kept.is_of(1) && slot.is_of(2));
        assert!(slot.with(|provenance| provenance.is_within(&HeaderMap::new())));
        assert!(!kept.with(|provenance| provenance.is_within(&HeaderMap::new())), "it saw a field");
    }

    #[test]
    fn extensions_are_used_again_when_nothing_is_left_of_their_provenance() {
        let (mut slot, mut fields) = (ProvenanceSlot::default(), HeaderMap::new());
        fields.insert("x-first", HeaderValue::from_static("1"));
        begin(&mut slot, 1, &fields);
        let carried = |slot: ProvenanceSlot| {
            let mut extensions = Extensions::new();
            extensions.insert(slot);
            ArrivedProvenance::take(&mut extensions, 1)
                .map(|slot| slot.end(StatusCode::OK, &fields))
        };
        let kept = slot.clone();
        let ended = carried(slot).expect("ours");
        assert!(ended.lines.is_none() && ended.extensions.is_empty(), "somebody has it, too");
        let ended = carried(kept).expect("ours");
        assert_eq!(ended.lines, Some(Lines::of(&fields)));
        let left: &ProvenanceSlot = ended.extensions.get().expect("room for the next one");
        assert!(
            left.with(|provenance| provenance.is_within(&HeaderMap::new())),
            "no value is left"
        );
    }
}
