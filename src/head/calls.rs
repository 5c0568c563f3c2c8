//! The calls of named layers that are under way, and the response that each was given last.

use std::num::NonZeroU32;

use super::ProvenanceSlot;
use crate::ledger::LayerName;

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
    pub(crate) name: LayerName,
    /// The provenance of the response that the layer was given last.
    pub(crate) given: Option<ProvenanceSlot>,
}

impl Calls {
    pub(crate) fn open(&mut self, name: LayerName) -> CallId {
        let id = CallId(NonZeroU32::MIN.saturating_add(self.made));
        self.made = self.made.saturating_add(1);
        self.open.push(Call { id, name, given: None });
        id
    }

    /// The layer is given a response. What comes back is nobody's response, and to be dropped.
    pub(crate) fn give(&mut self, id: CallId, slot: ProvenanceSlot) -> Option<ProvenanceSlot> {
        match self.open.iter_mut().rfind(|call| call.id == id) {
            Some(call) => call.given.replace(slot),
            None => Some(slot),
        }
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
        let (first, second) = (calls.open(name.clone()), calls.open(name.clone()));
        assert_ne!(first, second);
        assert!(calls.close(first).is_some_and(|call| call.id == first && call.given.is_none()));
        assert!(calls.close(first).is_none());
        let third = calls.open(name);
        assert!(third != first && third != second);
        assert!(calls.close(second).is_some() && calls.close(third).is_some());
    }
}
