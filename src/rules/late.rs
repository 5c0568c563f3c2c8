//! Conflicts that are only known when the response is over: late writes and mended framing.

use super::framing::Mended;
use super::{Action, Conflict, Rule, Rules};
use crate::ledger::{Fate, Ledger, Verb};

/// The most conflicts of these kinds that one response reports.
const MOST: usize = 256;

/// The writes that came too late and were refused, and what was mended in the framing.
pub(crate) fn judge_late<'a>(
    rules: &Rules,
    ledger: &Ledger,
    mended: impl Iterator<Item = &'a Mended>,
) -> Vec<Conflict> {
    let mut found = Vec::new();
    // A promise that was refused has informed its author: what follows it is no surprise.
    let refused = |field| {
        ledger.entries().iter().any(|entry| {
            let is_refused = matches!(entry.fate(), Fate::Refused(_));
            entry.verb() == Verb::Promise && is_refused && entry.field() == field
        })
    };
    for entry in ledger.entries() {
        let Fate::Refused(refusal) = entry.fate() else { continue };
        let is_known = entry.field().is_some() && refused(entry.field());
        if entry.is_late()
            && !is_known
            && rules.action(Rule::LateWrite, entry.field()) != Action::Allow
        {
            found.push(Conflict {
                field: entry.field().cloned(),
                second: Some(entry.writer().clone()),
                detail: Some(refusal.as_str().into()),
                ..Conflict::new(Rule::LateWrite)
            });
        }
    }
    if rules.action(Rule::Framing, None) != Action::Allow {
        found.extend(mended.map(|mended| Conflict {
            detail: Some(mended.to_string().into()),
            ..Conflict::new(Rule::Framing)
        }));
    }
    found.truncate(MOST);
    for conflict in &mut found {
        conflict.ends_a_test(rules);
    }
    found
}
