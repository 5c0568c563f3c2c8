//! Conflicts about writes that were made for another response than the one that goes out.

use http::header::{HeaderName, HeaderValue, SET_COOKIE};

use super::history::took_effect;
use super::{Conflict, Rule, Rules};
use crate::field::class::Shape;
use crate::field::cookie;
use crate::ledger::{Entry, Fate, Ledger, Occasion, Stage, Values, Verb, Writer};

/// The conflicts of both kinds.
pub(crate) fn attempts(rules: &Rules, ledger: &Ledger) -> Vec<Conflict> {
    let through_head = |entry: &Entry| matches!(entry.writer, Writer::Place(_));
    if !ledger.entries().iter().any(through_head) {
        return Vec::new();
    }
    let mut found: Vec<Conflict> = superseded(ledger).into_iter().collect();
    for (at, entry) in ledger.entries().iter().enumerate() {
        if is_for_copy(entry) != Some(true) {
            continue;
        }
        let earlier = ledger.entries().iter().take(at);
        let mut others = earlier.filter(|other| is_for_copy(other) == Some(false));
        if let Some(other) = others.find(|other| disagree(rules, other, entry)) {
            found.push(Conflict {
                entry: Some(at),
                field: entry.field.clone(),
                first: Some(other.writer.clone()),
                second: Some(entry.writer.clone()),
                before: Values::of(written(other).iter()),
                after: Values::of(written(entry).iter()),
                statuses: other.status.zip(entry.status),
                secrecy: entry.field.as_ref().map(|f| ledger.secrecy(f)).unwrap_or_default(),
                detail: Some("written for two copies of one request".into()),
                ..Conflict::new(Rule::OtherAttempt)
            });
        }
    }
    found
}

/// One conflict for all writes that a layer's error took the place of. An error that the handler
/// made itself is no conflict: it knows what it has written.
fn superseded(ledger: &Ledger) -> Option<Conflict> {
    let mut lost = ledger.entries().iter().filter(|entry| {
        entry.fate == Fate::Superseded
            && matches!(entry.superseded_by(), Some(Writer::Layer(_) | Writer::Unnamed(_)))
    });
    let first = lost.next()?;
    let mut names: Vec<&str> = Vec::new();
    for entry in std::iter::once(first).chain(lost) {
        let name = entry.field.as_ref().map_or("status", HeaderName::as_str);
        if !names.contains(&name) {
            names.push(name);
        }
    }
    Some(Conflict {
        first: Some(first.writer.clone()),
        second: first.superseded_by().cloned(),
        detail: Some(format!("meant for a success: {}", names.join(", ")).into()),
        ..Conflict::new(Rule::Superseded)
    })
}

/// For a write through `Head` that was made before the response: whether its handle came with a copy
/// of the request.
fn is_for_copy(entry: &Entry) -> Option<bool> {
    let through_head = matches!(entry.writer, Writer::Place(_)) && entry.stage == Stage::Open;
    let seen = entry.seen.as_ref()?;
    (through_head && took_effect(entry)).then_some(seen.occasion == Occasion::CopiedRequest)
}

/// Whether two writes want different things where there can be one only.
fn disagree(rules: &Rules, one: &Entry, two: &Entry) -> bool {
    match (&one.field, &two.field) {
        (None, None) => one.status.is_some() && two.status.is_some() && one.status != two.status,
        (Some(name), Some(other)) if name == other => {
            let (one, two) = (written(one), written(two));
            if *name == SET_COOKIE {
                let key = |line: &HeaderValue| cookie::key(line).is_some();
                return one.iter().any(|line| {
                    let differs = |other: &&HeaderValue| {
                        cookie::key(line) == cookie::key(other) && *other != line
                    };
                    key(line) && two.iter().any(|other| differs(&other))
                });
            }
            let single = matches!(rules.shape(name), Shape::Single | Shape::Unknown);
            single && !one.is_empty() && !two.is_empty() && one != two
        }
        (_, _) => false,
    }
}

/// The values that a write brought.
fn written(entry: &Entry) -> &[HeaderValue] {
    let Some(seen) = &entry.seen else { return &[] };
    let (before, after) = (seen.before.as_slice(), seen.after.as_slice());
    match entry.verb {
        Verb::Append => after.get(before.len()..).unwrap_or_default(),
        Verb::Insert
        | Verb::Default
        | Verb::Remove
        | Verb::Status
        | Verb::Promise
        | Verb::Answer => after,
    }
}
