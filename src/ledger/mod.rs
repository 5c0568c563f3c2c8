//! Memory of a response head: who wrote what, at which stage, and what became of it.

mod entry;
mod placed;
mod stage;

pub(crate) use entry::Ledger;
pub use entry::{Entry, Fate, Verb};
pub use placed::{Placed, Refusal};
pub use stage::Stage;
