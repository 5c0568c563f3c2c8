//! Judgement: what may go out as it was written, and what has to be mended, reported or refused.

mod expect;
pub(crate) mod framing;
pub(crate) mod merge;
pub(crate) mod meter;
mod rule;
mod remedy;
mod set;
mod conflict;
mod case;
mod history;
mod attempts;
mod cached;
mod coded;
mod late;
mod mend;
mod restore;
mod replay;
mod standing;
mod judge;

pub(crate) use case::{Case, Expected};
pub use conflict::{Conflict, Resolution};
pub use expect::Expect;
pub(crate) use judge::{Judged, judge, judge_refusal};
pub(crate) use late::judge_late;
pub use rule::{Action, Rule};
pub use set::Rules;
