//! What `Action::Merge` would have sent instead, where that can be known afterwards.

use http::StatusCode;
use http::header::{HeaderMap, HeaderValue};

use super::kept::Kept;
use crate::ledger::{Secrecy, Stage, Writer};
use crate::rules::{Action, Case, Conflict, Resolution, Rule, Rules, judge};

/// The lines that the field of a conflict would have, by a second judgement with that action; `None` if it would
/// change nothing, or not all is there that it takes to know.
pub(super) fn merged(kept: &Kept, conflict: &Conflict) -> Option<Vec<HeaderValue>> {
    let receipt = &kept.receipt;
    let field = conflict.field()?;
    let is_whole = kept.is_whole() && receipt.writes_cut() == 0;
    let is_open = conflict.secrecy == Secrecy::Open;
    let is_final = receipt.denied().is_none()
        && receipt.conflicts().iter().all(|one| one.settled() == Resolution::Reported);
    let is_known = is_whole && is_open && is_final && !matters_of_framing(conflict.rule());
    if !is_known {
        return None;
    }
    let mut fields = HeaderMap::new();
    for (name, value) in &receipt.fields.0 {
        fields.try_append(name.clone(), value.clone()).ok()?;
    }
    let mut status: StatusCode = receipt.status()?;
    let mut ledger = receipt.ledger.clone();
    ledger.retain(|entry| {
        entry.stage() <= Stage::Committing && !matches!(entry.writer(), Writer::Framing)
    });
    let rules = Rules::standard().on(conflict.rule(), Action::Merge);
    let path = receipt.path()?;
    let judged = judge(Case {
        rules: &rules,
        expected: Vec::new(),
        path,
        status: &mut status,
        fields: &mut fields,
        ledger: &mut ledger,
    });
    let is_it = |one: &Conflict| one.rule() == conflict.rule() && one.field() == Some(field);
    let again = judged.conflicts.iter().find(|one| is_it(one))?;
    let values = fields.get_all(field).iter().cloned().collect();
    (again.settled() == Resolution::Resolved).then_some(values)
}

/// Whether a rule is about what is only known when the head is gone.
const fn matters_of_framing(rule: Rule) -> bool {
    matches!(rule, Rule::Framing | Rule::LateWrite)
}
