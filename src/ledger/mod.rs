//! Memory of a response head: who wrote what, at which stage, and what became of it.

mod placed;
mod stage;
mod values;
mod layer_kind;
mod writer;
mod entry;
mod book;
mod provenance;

pub(crate) use book::Ledger;
pub use entry::{Entry, Fate, Verb};
pub(crate) use entry::{Occasion, Seen};
pub(crate) use layer_kind::LayerKind;
pub use placed::{Placed, Refusal};
pub(crate) use provenance::Provenance;
pub use stage::Stage;
pub use values::Shown;
pub(crate) use values::{Lines, Secrecy, Values};
pub use writer::{LayerName, PolicyPlace, Writer};
