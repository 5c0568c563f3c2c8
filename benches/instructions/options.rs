//! What the layers of the cases are told to do.

use letterhead::inspect::Inspector;
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Tracing;
use letterhead::{LetterheadLayer, Receipt};

/// A policy of twenty blocks; the last one gives `fields` fields to every path.
fn policy(fields: usize) -> Policy {
    let mut text: String = (0..19)
        .map(|nth| match nth % 3 {
            0 => format!("/page-{nth}\n  X-Page: {nth}\n"),
            1 => format!("/part-{nth}/*\n  X-Part: {nth}\n"),
            _ => format!("/item-{nth}/:id\n  X-Item: {nth}\n"),
        })
        .collect();
    text.push_str(if fields == 0 { "/other\n  X-Other: 1\n" } else { "/*\n" });
    text.extend((0..fields).map(|nth| format!("  X-Field-{nth}: some value\n")));
    Policy::parse("_headers", &text, Dialect::Cloudflare).unwrap()
}

/// The layer with the policy or the times of this case, if it is one of those.
pub(crate) fn with_option(layer: LetterheadLayer, case: &str) -> LetterheadLayer {
    match case {
        "policy-no-field" => layer.policy(policy(0)),
        "policy-one-field" => layer.policy(policy(1)),
        "policy-five-fields" => layer.policy(policy(5)),
        "server-timing" => layer.server_timing(true),
        _ => layer,
    }
}

/// The layer with the reporter of this case, if it has one.
pub(crate) fn reported(layer: LetterheadLayer, case: &str) -> LetterheadLayer {
    if case == "watched" {
        return layer;
    }
    if case == "watched-inspected" {
        return layer.reporter(Inspector::new().in_release(true)).reporter(Tracing::new());
    }
    let layer = layer.reporter(|receipt: &Receipt| assert!(receipt.status().is_some()));
    if case == "watched-timed" { layer.times(true) } else { layer }
}

/// A subscriber that takes every event, and does nothing with it.
pub(crate) struct Takes;

impl tracing::Subscriber for Takes {
    fn enabled(&self, _: &tracing::Metadata<'_>) -> bool {
        true
    }

    fn new_span(&self, _: &tracing::span::Attributes<'_>) -> tracing::span::Id {
        tracing::span::Id::from_u64(1)
    }

    fn record(&self, _: &tracing::span::Id, _: &tracing::span::Record<'_>) {}

    fn record_follows_from(&self, _: &tracing::span::Id, _: &tracing::span::Id) {}

    fn event(&self, event: &tracing::Event<'_>) {
        // Whoever writes it looks at each field.
        event.record(&mut |_: &tracing::field::Field, _: &dyn std::fmt::Debug| {});
    }

    fn enter(&self, _: &tracing::span::Id) {}

    fn exit(&self, _: &tracing::span::Id) {}
}
