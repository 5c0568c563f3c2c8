//! The layer's deny rules, asked so that there is a verdict whatever they do.

use std::sync::Arc;

use http::StatusCode;

use crate::caught::{caught, discard, message};
use crate::head::deny::{Deny, FinalHead, Verdict, bounded};

/// The deny rules of a layer, in the order in which they were given.
#[derive(Clone, Default)]
pub(crate) struct DenyRules(Vec<Arc<dyn Deny>>);

/// What all rules together say of one head.
#[derive(Debug, Default)]
pub(crate) struct Verdicts {
    /// Why the head is denied; it is not if there are none.
    pub(super) messages: Vec<String>,
    /// The status that the first one names which names any.
    pub(super) status: Option<StatusCode>,
    /// What rules that fail open could not decide.
    pub(super) open: Vec<String>,
}

impl DenyRules {
    pub(super) fn add(&mut self, rule: impl Deny) {
        self.0.push(Arc::new(rule));
    }

    #[inline]
    pub(super) const fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// Asks every rule, whatever the others say.
    pub(super) fn judge(&self, head: &FinalHead<'_>, all: &mut Verdicts) {
        for rule in &self.0 {
            // The same one from the question to its end.
            let in_force = rule.in_force();
            let rule = in_force.as_deref().unwrap_or(&**rule);
            let Verdict { messages, status, failure } = verdict(rule, head);
            if let Some(reason) = failure {
                if fails_open(rule) {
                    all.open.push(bounded(reason));
                } else {
                    all.messages.push(format!("a deny rule could not decide: {reason}"));
                }
            }
            if !messages.is_empty() {
                all.status = all.status.or(status);
                all.messages.extend(messages);
            }
        }
    }
}

fn verdict(rule: &dyn Deny, head: &FinalHead<'_>) -> Verdict {
    caught(|| rule.deny(head)).unwrap_or_else(|payload| {
        let reason = format!("panicked: {}", message(payload.as_ref()));
        discard(payload);
        Verdict::failed(reason)
    })
}

fn fails_open(rule: &dyn Deny) -> bool {
    caught(|| rule.fails_open()).unwrap_or_else(|payload| {
        discard(payload);
        false
    })
}
