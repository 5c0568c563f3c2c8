//! The tower layer: it polls, awaits and replays; what to do is decided on the floors below.

mod abort;
mod body;
mod commit;
mod exchange;
mod future;
mod hold;
mod holding;
#[expect(clippy::module_inception, reason = "one public noun per file, and this one is the layer")]
mod layer;
mod recover;
mod service;
mod timer;

pub use abort::ResetCode;
pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use hold::Hold;
pub use layer::LetterheadLayer;
pub use recover::{Cause, Failure, Origin, Recover, StandardRecover};
pub use service::Letterhead;
