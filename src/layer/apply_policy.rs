//! The header policy is applied to every head at its commit.

use std::sync::Arc;

use http::response::Parts;
use http_body::Body;

use super::enclosed::Enclosed;
use super::exchange::Exchange;
use super::holding::Held;
use super::nonce;
use super::policy_handle::Version;
use crate::field::rpc::Rpc;
use crate::head::Sealing;
use crate::head::origin::{is_from_file, layer_of};
use crate::ledger::{Entry, Fate, PolicyPlace, Seen, Stage, Verb, Writer};
pub(crate) use crate::policy::Origin;
use crate::policy::{self, Edit, Expectations, Policy};
use crate::rules::Expected;

/// The versions that one commit uses, from its begin to its end.
pub(crate) struct Applied {
    versions: Vec<Arc<Version>>,
    /// Those of layers inside, the innermost first. Hardly ever there are any.
    inside: Option<Inside>,
}

/// Layers inside, each with the versions of its policies.
type Inside = Box<[(Arc<Enclosed>, Vec<Arc<Version>>)]>;

impl Applied {
    /// The policy for this exchange, if there is one; `inside` are the layers that its response came through.
    #[inline]
    pub(crate) fn of(exchange: &Exchange, inside: &[Arc<Enclosed>]) -> Option<Self> {
        let policy = &exchange.settings.policy;
        (policy.is_set() || !inside.is_empty()).then(|| {
            let current = |one: &Arc<Enclosed>| (Arc::clone(one), one.settings.policy.current());
            let inside = (!inside.is_empty()).then(|| inside.iter().map(current).collect());
            Self { versions: policy.current(), inside }
        })
    }

    /// What the policies require and forbid; the layer's rules judge it.
    pub(crate) fn expected(&self) -> Vec<Expected<'_>> {
        let inside = self.inside.iter().flatten().flat_map(|(_, versions)| versions);
        let all = inside.chain(&self.versions).map(|version| version.policy.expectations());
        all.map(|Expectations { required, forbidden }| Expected { required, forbidden }).collect()
    }

    /// Applies the policies to the head, as the last writers before rules and framing.
    #[inline(never)]
    pub(crate) fn apply<B: Body>(
        &self,
        exchange: &Exchange,
        held: &mut Held<B>,
        mut sealing: Option<&mut Sealing>,
        origin: Origin,
    ) {
        let Parts { status, headers, extensions, .. } = &mut held.parts;
        let is_file = origin == Origin::Handler && is_from_file(extensions);
        let layer = match sealing.as_deref().filter(|sealing| sealing.ledger.watches()) {
            Some(sealing) => author(sealing),
            None => layer_of(extensions).map(str::to_owned),
        };
        let response = policy::Response {
            status: *status,
            origin: if is_file { Origin::File } else { origin },
            layer: layer.as_deref(),
            is_grpc: Rpc::of_response(headers).is_some(),
        };
        let inside = self.inside.iter().flatten();
        let inside = inside.map(|(one, versions)| (Some(&one.asked), versions));
        for (asked, versions) in inside.chain([(exchange.asked.as_deref(), &self.versions)]) {
            let Some(target) = asked.and_then(|asked| asked.policy.as_ref()) else { continue };
            let request = policy::Request {
                authority: target.request.authority(),
                path: target.request.uri.path(),
                method: &exchange.shared.method,
                secure: target.request.is_secure,
            };
            for version in versions {
                target.apply(version);
                let policy = &version.policy;
                match sealing.as_mut().filter(|sealing| sealing.ledger.watches()) {
                    Some(sealing) => {
                        let mut record = |edit: Edit<'_>| sealing.ledger.record(line(policy, edit));
                        policy.apply(&request, &response, headers, Some(&mut record));
                    }
                    None => policy.apply(&request, &response, headers, None),
                }
            }
        }
    }
}

/// The named layer that answered with a head of its own, if the last to do so was one.
fn author(sealing: &Sealing) -> Option<String> {
    let mut entries = sealing.ledger.entries().iter().rev();
    let answer = entries.find(|entry| entry.verb() == Verb::Answer)?;
    answer.writer().layer().map(|layer| layer.as_str().to_owned())
}

fn line(policy: &Policy, edit: Edit<'_>) -> Entry {
    let number = u32::try_from(edit.line).unwrap_or(u32::MAX);
    Entry {
        verb: edit.verb,
        field: Some(edit.field.clone()),
        status: None,
        writer: Writer::Policy(PolicyPlace::new(policy.shared_name(), number)),
        stage: Stage::Committing,
        fate: Fate::Applied,
        seen: Some(Seen { before: edit.before, after: edit.after, ..Seen::default() }),
    }
}

/// Puts the response's nonce where its policies have a place for it; where there is none, and a policy was
/// `applied`, the place goes.
pub(crate) fn put_nonce<B: Body>(applied: bool, held: &mut Held<B>, sealing: Option<&mut Sealing>) {
    if applied || sealing.as_ref().is_some_and(|sealing| sealing.nonce.is_some()) {
        nonce::put(held.parts.status, &mut held.parts.headers, sealing);
    }
}

/// Takes the nonce out of a head that does not go out, before fields of it stay on another one.
pub(crate) fn withdraw_nonce<B: Body>(held: &mut Held<B>, sealing: &Sealing) -> bool {
    nonce::withdraw(&mut held.parts.headers, sealing)
}
