//! One head's life: its stages, the writes that wait for the commit, the trailers, the receipt.

mod ability;
mod answer;
mod attempts;
mod copies;
mod explain;
mod final_head;
pub mod deny;
mod hook_result;
pub(crate) mod listed;
pub(crate) mod origin;
mod peer;
mod times;
#[cfg(feature = "tracing")]
mod span;
#[cfg(not(feature = "tracing"))]
#[path = "span_none.rs"]
mod span;
mod request_facts;
mod rpc_answer;
mod stage;
mod outcome;
mod misorder;
mod note;
mod receipt;
mod provenance_slot;
mod calls;
mod write;
mod landing;
mod batch;
mod trailing;
mod draft;
mod apply;
mod shared;
mod handle;
mod plan;
mod plain;

pub(crate) use ability::Ability;
pub use answer::ErrorAnswer;
pub(crate) use answer::replace;
pub(crate) use attempts::Attempt;
pub(crate) use batch::{Intent, Landed, Sorted};
pub(crate) use calls::CallId;
pub use draft::HeadDraft;
#[cfg(feature = "policy")]
pub(crate) use draft::Nonce;
pub(crate) use draft::Sealing;
#[cfg(feature = "inspector")]
pub(crate) use explain::{Step, Stories};
pub(crate) use explain::{explain, in_short};
pub use handle::Head;
pub use hook_result::HookResult;
pub(crate) use landing::{Landing, Planned};
pub(crate) use misorder::{Misorder, note_outside, outside};
pub use note::Note;
pub use outcome::Outcome;
pub(crate) use peer::OverTls;
pub use peer::Peer;
pub(crate) use provenance_slot::{ArrivedProvenance, EndedProvenance, ProvenanceSlot};
pub use receipt::Receipt;
pub(crate) use receipt::Tally;
pub(crate) use request_facts::RequestFacts;
pub(crate) use shared::{Callback, Record, Shared, State};
pub(crate) use span::Span;
pub use stage::CommitCause;
pub(crate) use stage::{Input, Life, Verdict};
pub use times::Times;
pub(crate) use trailing::{Collected, Promises, Trailing};
pub(crate) use write::Write;
