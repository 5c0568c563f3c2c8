//! One head's life: its stages, the writes that wait for the commit, the trailers, the receipt.

mod ability;
mod answer;
mod attempts;
mod batch;
mod calls;
mod draft;
mod explain;
mod handle;
mod hook_result;
mod landing;
mod plan;
mod receipt;
mod shared;
mod stage;
mod told;
mod trailing;
mod write;

pub(crate) use ability::Ability;
pub use answer::ErrorAnswer;
pub(crate) use answer::replace;
pub(crate) use attempts::Attempt;
pub(crate) use batch::{Intent, Landed, Sorted};
pub(crate) use calls::CallId;
pub use draft::Draft;
pub(crate) use draft::Sealing;
pub(crate) use explain::{explain, in_short};
pub use handle::Head;
pub use hook_result::HookResult;
pub(crate) use landing::{Landing, Planned};
pub(crate) use receipt::Tally;
pub use receipt::{Note, Outcome, Receipt};
pub(crate) use shared::{Callback, Record, Shared, State};
pub use stage::CommitCause;
pub(crate) use stage::{Input, Life, Verdict};
pub(crate) use told::{Arrived, Ended, Told};
pub(crate) use trailing::{Collected, Promises, Trailing};
