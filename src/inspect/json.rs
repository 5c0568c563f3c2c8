//! The pages as JSON; the guide's page on the inspector lists the same keys.

use std::error::Error as StdError;
use std::sync::Arc;

use http::header::HeaderName;
use serde_json::{Map, Value, json};

use super::diff::{Changed, changed};
use super::iso::iso;
use super::kept::{self, Kept};
use super::list::Listing;
use super::merged::merged;
use super::server::additions;
use super::settings::Settings;
use super::steps::{StepView, Ways};
use crate::error::{Error, chain};
use crate::ledger::{Refusal, Shown, Writer};
use crate::report::Line;
use crate::rules::Conflict;

/// The version of the schema: within it keys may be added, and none changes its meaning or goes away.
pub(super) const SCHEMA: u32 = 1;

/// The list.
pub(super) fn list(listing: &Listing) -> Value {
    let Listing { filter, shown, more, fill, .. } = listing;
    json!({
        "schema": SCHEMA,
        "kept": fill.exchanges,
        "bytes": fill.bytes,
        "seen": fill.seen,
        "filter": filter.query(),
        "more": more,
        "exchanges": shown.iter().map(|kept| in_short(kept)).collect::<Vec<_>>(),
    })
}

/// One exchange of it.
fn in_short(kept: &Kept) -> Value {
    let receipt = &kept.receipt;
    let rules: Vec<_> = receipt.conflicts().iter().map(|one| one.rule().as_str()).collect();
    json!({
        "id": kept.id,
        "request": receipt.number(),
        "ended": iso(kept.at),
        "method": receipt.method().as_str(),
        "path": receipt.path(),
        "route": receipt.route(),
        "status": receipt.status().map(|status| status.as_u16()),
        "outcome": receipt.outcome().as_str(),
        "conflicts": rules,
        "late_writes": receipt.late_writes().count(),
        "denied": receipt.denied().is_some(),
        "held": receipt.held_bytes(),
        "sent": receipt.sent_bytes(),
    })
}

/// One exchange, with the one before it of the same route, and the line that asks again.
pub(super) fn exchange(
    kept: &Kept,
    previous: Option<&Arc<Kept>>,
    curl: Option<&str>,
    settings: &Settings,
) -> Value {
    let receipt = &kept.receipt;
    let ways = Ways::of(kept);
    let steps = |steps: Vec<StepView<'_>>| {
        Value::Array(steps.iter().map(|step| Value::Object(self::step(step, settings))).collect())
    };
    let gone =
        |name: &&HeaderName| json!({"name": name.as_str(), "steps": steps(ways.of_field(name))});
    let trailer = |(name, view): &(&HeaderName, StepView<'_>)| {
        let mut trailer = step(view, settings);
        trailer.insert("name".to_owned(), name.as_str().into());
        Value::Object(trailer)
    };
    json!({
        "schema": SCHEMA,
        "id": kept.id,
        "request": receipt.number(),
        "ended": iso(kept.at),
        "receipt": serde_json::to_value(Line(receipt)).unwrap_or_default(),
        "head": {
            "status": receipt.status().map(|status| status.as_u16()),
            "fields": fields(kept, &ways, settings),
            "fields_cut": kept.fields_cut,
            "added_by_server": additions(kept).iter().map(HeaderName::as_str).collect::<Vec<_>>(),
        },
        "status_steps": steps(ways.of_status()),
        "gone": ways.gone().iter().map(gone).collect::<Vec<_>>(),
        "trailers": ways.of_trailers().iter().map(trailer).collect::<Vec<_>>(),
        "conflicts": conflicts(kept, settings),
        "conflicts_cut": receipt.conflicts_cut(),
        "notes_cut": kept.notes_cut,
        "policy_version": receipt.policy_version(),
        "list_version": receipt.list_version(),
        "abort": causes(receipt.outcome().error()),
        "failure": causes(receipt.failure()),
        "difference": previous.map(|before| difference(before, kept)),
        "curl": curl,
    })
}

/// The lines of the head, each with the steps of its field.
fn fields(kept: &Kept, ways: &Ways<'_>, settings: &Settings) -> Value {
    let one = |field: kept::Field<'_>| {
        let too_large = match field.value {
            kept::Value::TooLarge(bytes) => Some(bytes),
            kept::Value::Shown(_) => None,
        };
        let steps = ways.of_field(field.name);
        let steps: Vec<_> = steps.iter().map(|view| step(view, settings)).collect();
        json!({
            "name": field.name.as_str(),
            "value": field.value.to_string(),
            "too_large": too_large,
            "steps": steps,
        })
    };
    Value::Array(kept.fields().map(one).collect())
}

fn step(view: &StepView<'_>, settings: &Settings) -> Map<String, Value> {
    let mut step = Map::new();
    let mut put = |key: &str, value: Value| step.insert(key.to_owned(), value);
    put("verb", view.verb.into());
    put("writer", writer(view.writer, settings));
    put("before", shown(view.before));
    put("after", shown(view.after));
    let status = view.entry.and_then(crate::ledger::Entry::status);
    put("status", status.map(|status| status.as_u16()).into());
    put("fate", view.fate().map(crate::ledger::Fate::as_str).into());
    let refusal = view.fate().and_then(crate::ledger::Fate::refusal);
    put("refusal", refusal.map(Refusal::as_str).into());
    put("stage", view.entry.map(|entry| entry.stage().as_str()).into());
    put("late", view.is_late().into());
    step
}

fn shown(values: Option<Shown<'_>>) -> Value {
    values.map(|values| values.to_string()).into()
}

/// A writer, with file and line where it has them.
fn writer(writer: &Writer, settings: &Settings) -> Value {
    let source = Settings::source(writer);
    json!({
        "text": writer.to_string(),
        "file": source.map(|(file, _)| file),
        "line": source.map(|(_, line)| line),
        "link": settings.link(writer),
    })
}

fn conflicts(kept: &Kept, settings: &Settings) -> Value {
    let one = |conflict: &Conflict| {
        let merged = merged(kept, conflict);
        let merged = merged.as_ref().map(|values| {
            let shown = |value| Shown::new(std::slice::from_ref(value), conflict.secrecy, false);
            values.iter().map(|value| shown(value).whole().to_string()).collect::<Vec<_>>()
        });
        json!({
            "rule": conflict.rule().as_str(),
            "field": conflict.field().map(HeaderName::as_str),
            "defined_in": conflict.defined_in(),
            "text": conflict.to_string(),
            "first": conflict.first().map(|one| writer(one, settings)),
            "second": conflict.second().map(|one| writer(one, settings)),
            "action": conflict.action().as_str(),
            "settled": conflict.settled().as_str(),
            "remedy": conflict.rule().remedy(),
            "merge_would_send": merged,
        })
    };
    Value::Array(kept.receipt.conflicts().iter().map(one).collect())
}

/// An error and what is behind it, outermost first. Many say their cause themselves, which is not said again.
pub(super) fn causes(error: Option<&Error>) -> Vec<String> {
    let error = error.map(|error| error as &(dyn StdError + 'static));
    let mut causes: Vec<String> =
        error.into_iter().flat_map(chain).map(ToString::to_string).collect();
    causes.dedup_by(|text, before| before.ends_with(text.as_str()));
    causes
}

fn difference(before: &Kept, after: &Kept) -> Value {
    let status = |kept: &Kept| kept.receipt.status().map(|status| status.as_u16());
    let one = |Changed { name, before, after }: Changed| json!({"name": name, "before": before, "after": after});
    json!({
        "id": before.id,
        "status_before": status(before),
        "status_after": status(after),
        "fields": changed(before, after).into_iter().map(one).collect::<Vec<_>>(),
    })
}
