//! Layers outside of the one that signs: what they do to a signed field is seen where they have names, and reported.

use std::sync::{Arc, Mutex, PoisonError};

use http::header::{HeaderMap, HeaderName};
use http::{Extensions, Response, StatusCode};

use crate::head::Shared;
use crate::ledger::{LayerName, Secrecy, Values, Writer};
use crate::rules::{Action, Conflict, Rule};

/// In the extensions of a signed response that somebody watches: what the signature covers.
#[derive(Clone)]
struct Covered(Arc<Mutex<Seen>>);

/// The covered parts as they were seen last.
struct Seen {
    shared: Arc<Shared>,
    /// If it is covered.
    status: Option<StatusCode>,
    fields: Vec<(HeaderName, Values)>,
}

/// Has layers outside look at these parts of a response.
pub(super) fn watch(
    shared: &Arc<Shared>,
    extensions: &mut Extensions,
    status: Option<StatusCode>,
    names: Vec<HeaderName>,
    fields: &HeaderMap,
) {
    let values = |name: HeaderName| {
        let values = Values::of(fields.get_all(&name).iter());
        (name, values)
    };
    let fields = names.into_iter().map(values).collect();
    let seen = Seen { shared: Arc::clone(shared), status, fields };
    extensions.insert(Covered(Arc::new(Mutex::new(seen))));
}

/// Looks at a response where it goes into a named layer, and, with its name, where it comes out.
#[inline]
pub(super) fn look<B>(response: &Response<B>, layer: Option<&LayerName>) {
    if let Some(Covered(seen)) = response.extensions().get() {
        compare(seen, response.status(), response.headers(), layer);
    }
}

#[cold]
fn compare(seen: &Mutex<Seen>, status: StatusCode, fields: &HeaderMap, layer: Option<&LayerName>) {
    let mut seen = seen.lock().unwrap_or_else(PoisonError::into_inner);
    let Seen { shared, status: was, fields: known } = &mut *seen;
    let writer = layer.map_or(Writer::Unnamed(None), |name| Writer::Layer(name.clone()));
    let secrets = shared.secrets();
    let mut found = Vec::new();
    if let Some(was) = was.as_mut().filter(|was| **was != status) {
        found.push(Conflict {
            second: Some(writer.clone()),
            statuses: Some((*was, status)),
            ..Conflict::new(Rule::BrokenSignature)
        });
        *was = status;
    }
    for (name, before) in known {
        let after = Values::of(fields.get_all(&*name).iter());
        if *before != after {
            let before = std::mem::replace(before, after.clone());
            found.push(Conflict {
                field: Some(name.clone()),
                second: Some(writer.clone()),
                secrecy: Secrecy::with(name, secrets.contains(name)),
                before,
                after,
                ..Conflict::new(Rule::BrokenSignature)
            });
        }
    }
    if !found.is_empty() {
        report(shared, found);
    }
}

fn report(shared: &Shared, mut found: Vec<Conflict>) {
    // Without rules the receipt was delivered already, so there is no report that the conflict could be part of.
    let rules = shared.lock().record().rules.clone();
    let Some(rules) = rules else { return };
    found.retain(|conflict| {
        rules.action(Rule::BrokenSignature, conflict.field.as_ref()) != Action::Allow
    });
    for conflict in &mut found {
        conflict.ends_a_test(&rules);
    }
    shared.lock().record().conflicts.0.append(&mut found);
}
