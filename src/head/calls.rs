//! The calls of named layers that are under way, and the response that each was given last.

use std::num::NonZeroU32;

use super::ProvenanceSlot;
use crate::ledger::{LayerKind, LayerName};

/// One call of a named layer, as its two sides know it. It goes in with the request, in its `Head`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct CallId(NonZeroU32);

/// The calls of one exchange that are under way; mostly the last one is asked for.
#[derive(Default)]
pub(crate) struct Calls {
    open: Vec<Call>,
    made: u32,
}

/// A call that is under way.
pub(crate) struct Call {
    id: CallId,
    /// The call of a named layer around it.
    around: Option<CallId>,
    pub(crate) name: LayerName,
    /// The provenance of the response that the layer was given last.
    pub(crate) given: Option<ProvenanceSlot>,
}

impl Calls {
    pub(crate) fn open(&mut self, name: LayerName, around: Option<CallId>) -> CallId {
        let id = CallId(NonZeroU32::MIN.saturating_add(self.made));
        self.made = self.made.saturating_add(1);
        self.open.push(Call { id, around, name, given: None });
        id
    }

    /// The layer is given a response. What comes back is nobody's response, and to be dropped.
    pub(crate) fn give(&mut self, id: CallId, slot: ProvenanceSlot) -> Option<ProvenanceSlot> {
        match self.open.iter_mut().rfind(|call| call.id == id) {
            Some(call) => call.given.replace(slot),
            None => Some(slot),
        }
    }

    /// The innermost layer of this kind around a call.
    pub(crate) fn around(&self, call: CallId, kind: LayerKind) -> Option<&LayerName> {
        let find = |id: CallId| self.open.iter().rfind(|call| call.id == id);
        let mut outer = find(call)?.around;
        while let Some(call) = outer.and_then(find) {
            if call.name.kind() == Some(kind) {
                return Some(&call.name);
            }
            outer = call.around;
        }
        None
    }

    pub(crate) fn close(&mut self, id: CallId) -> Option<Call> {
        let at = self.open.iter().rposition(|call| call.id == id)?;
        Some(self.open.swap_remove(at))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_call_is_known_by_its_own_number() {
        let mut calls = Calls::default();
        let name = LayerName::new("retry".into());
        let (first, second) = (calls.open(name.clone(), None), calls.open(name.clone(), None));
        assert_ne!(first, second);
        assert!(calls.close(first).is_some_and(|call| call.id == first && call.given.is_none()));
        assert!(calls.close(first).is_none());
        let third = calls.open(name, None);
        assert!(third != first && third != second);
        assert!(calls.close(second).is_some() && calls.close(third).is_some());
    }

    #[test]
    fn a_call_beside_is_not_around() {
        let mut calls = Calls::default();
        let name = LayerName::new("layer".into());
        let timeout = name.of_kind(LayerKind::Timeout);
        let outer = calls.open(timeout.clone(), None);
        let between = calls.open(name.clone(), Some(outer));
        let inner = calls.open(name.clone(), Some(between));
        let beside = calls.open(name, None);
        let around = |call| calls.around(call, LayerKind::Timeout).map(LayerName::as_str);
        assert_eq!(
            [inner, between, beside, outer].map(around),
            [Some("layer"), Some("layer"), None, None]
        );
        assert!(calls.around(inner, LayerKind::Cors).is_none());
    }
}
