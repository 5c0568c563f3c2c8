//! The tower layer: it polls, awaits and replays; what to do is decided on the floors below.

mod abort;
mod asked;
mod attempt;
mod body;
mod commit;
mod content;
mod exchange;
mod future;
mod hold;
mod holding;
mod kept;
#[expect(clippy::module_inception, reason = "one public noun per file, and this one is the layer")]
mod layer;
mod named;
pub mod presets;
mod probe;
mod recover;
mod recovering;
mod route;
mod service;
mod spare;
mod terms;
mod tidy;
mod trailers;
mod watched;

pub use abort::ResetCode;
pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use hold::Hold;
pub use layer::LetterheadLayer;
pub use named::{Inside, Named, Outside, ProbeFuture, named};
pub use recover::{Cause, Failure, Origin, Recover, StandardRecover};
pub use recovering::{RecoverFuture, RecoverLayer, RecoveredBody, Recovering};
pub use service::Letterhead;
