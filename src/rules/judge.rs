//! The judgement on a head that is about to be committed: conflicts found, actions carried out.

use http::header::HeaderName;

use super::attempts::attempts;
use super::case::Case;
use super::history::{Cast, history, last_answer};
use super::replay::Replay;
use super::standing::{expected, standing};
use super::{Action, Conflict, Resolution, Rule};
use crate::ledger::Writer;

/// The most conflicts that one response lists; what comes after is acted upon and counted.
const MOST_CONFLICTS: usize = 256;

/// What was found, and whether the response has to become a 500 for it.
#[derive(Debug, Default)]
pub(crate) struct Judged {
    pub(crate) conflicts: Vec<Conflict>,
    /// How many more there were.
    pub(crate) cut: u64,
    pub(crate) rejected: bool,
    /// The fields for which it was rejected.
    pub(crate) culprits: Vec<HeaderName>,
}

/// Judges a head: what was done to it by whom, then what it is.
pub(crate) fn judge(mut case: Case<'_>) -> Judged {
    let mut judged = Judged::default();
    let mut found = history(&case);
    found.extend(attempts(case.rules, case.ledger));
    case.carry_out(found, &mut judged);
    // What the first look repaired is not found again by the second.
    let found = standing(&case, Cast::of(case.ledger.entries()));
    case.carry_out(found, &mut judged);
    judged
}

/// Looks once more at the answer to a head that was rejected: it must have what every answer must,
/// and not what none may. It is not rejected again.
pub(crate) fn judge_refusal(mut case: Case<'_>, judged: &mut Judged) {
    let mut again = Judged::default();
    let found = expected(&case, Cast::of(case.ledger.entries()));
    case.carry_out(found, &mut again);
    judged.conflicts.extend(again.conflicts);
}

impl Case<'_> {
    /// Settles each conflict and changes the head where that is what is to be done.
    fn carry_out(&mut self, found: Vec<Conflict>, judged: &mut Judged) {
        if found.is_empty() {
            return;
        }
        // What was done to a head that no client will see is reported, and nothing is done about it.
        let answer = last_answer(self.ledger.entries());
        let mut replay = Replay::default();
        let mut settled = Vec::with_capacity(found.len());
        for mut conflict in found {
            conflict.action = self.action(&conflict);
            if conflict.action == Action::Allow {
                continue;
            }
            let live = match (conflict.entry, answer) {
                (Some(entry), Some(answer)) => entry >= answer,
                (_, _) => true,
            };
            match conflict.action {
                Action::Reject if live => {
                    judged.rejected = true;
                    judged.culprits.extend(conflict.field.clone());
                    conflict.settled = Resolution::Rejected;
                }
                Action::KeepFirst | Action::KeepLast | Action::Merge => {
                    replay.note(settled.len(), self, &conflict, live);
                }
                Action::Allow | Action::Report | Action::Reject => {}
            }
            settled.push(conflict);
        }
        replay.run(self, &mut settled);
        settled.retain(|conflict| {
            // What a layer does that was named for it is no conflict once it is put right.
            conflict.settled != Resolution::Resolved || !is_expected(conflict)
        });
        for mut conflict in settled {
            conflict.ends_a_test(self.rules);
            if judged.conflicts.len() < MOST_CONFLICTS {
                judged.conflicts.push(conflict);
            } else {
                judged.cut += 1;
            }
        }
    }

    /// What is to be done about a conflict.
    fn action(&self, conflict: &Conflict) -> Action {
        let (rule, field) = (conflict.rule, conflict.field.as_ref());
        // A value that was given with a required field is there to be put in.
        let offered = rule == Rule::Missing && !conflict.offer.is_empty();
        let standard = if offered { Action::Merge } else { Action::Report };
        let action = self.rules.action_or(rule, field, standard);
        let expected = is_expected(conflict) && !self.rules.only_observes();
        if expected && action != Action::Allow { Action::Merge } else { action }
    }
}

/// Whether it is about what a coding leaves behind, and the layer that coded was named for that.
fn is_expected(conflict: &Conflict) -> bool {
    matches!(conflict.rule, Rule::StrongTag | Rule::StaleDigest)
        && conflict.second.as_ref().is_some_and(Writer::codes_content)
}

#[cfg(test)]
mod tests;
