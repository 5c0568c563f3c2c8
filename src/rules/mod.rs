//! Judgement: what may go out as it was written, and what has to be mended, told or refused.

mod attempts;
mod cached;
mod coded;
mod conflict;
mod expect;
pub(crate) mod framing;
mod history;
mod judge;
mod late;
mod mend;
pub(crate) mod merge;
pub(crate) mod meter;
mod replay;
mod restore;
mod rule;
mod set;
mod standing;

pub use conflict::{Conflict, Settled};
pub use expect::Expect;
pub(crate) use judge::{Case, Judged, judge, judge_refusal};
pub(crate) use late::judge_late;
pub use rule::{Action, Rule};
pub use set::Rules;
