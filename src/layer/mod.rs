//! The tower layer: it polls, awaits and replays; what to do is decided on the floors below.

mod abort;
mod attempt;
mod content;
mod hold;
mod panics;
mod route;
mod request_target;
#[cfg(feature = "policy")]
mod policy_handle;
#[cfg(not(feature = "policy"))]
#[path = "policy_handle_none.rs"]
mod policy_handle;
#[cfg(feature = "signatures")]
mod sign_setting;
#[cfg(not(feature = "signatures"))]
#[path = "sign_setting_none.rs"]
mod sign_setting;
mod deny_rules;
mod deny_target;
mod stopwatch;
mod asked;
mod recover;
mod recoverer;
mod settings;
mod enclosed;
mod spare;
mod strict;
mod delivery;
mod failures;
mod exchange;
mod holding;
mod instead;
mod server_timing;
mod kept;
mod body;
mod probe;
#[cfg(feature = "signatures")]
mod broken_signature;
#[cfg(not(feature = "signatures"))]
#[path = "broken_signature_none.rs"]
mod broken_signature;
mod named;
pub mod presets;
mod recovering;
mod terms;
mod tidy;
mod trailers;
mod whole;
mod frame;
#[cfg(feature = "policy")]
mod nonce;
#[cfg(feature = "policy")]
mod apply_policy;
#[cfg(not(feature = "policy"))]
#[path = "apply_policy_none.rs"]
mod apply_policy;
mod watched;
mod denied;
mod page_link;
#[cfg(feature = "signatures")]
mod signing;
#[cfg(not(feature = "signatures"))]
#[path = "signing_none.rs"]
mod signing;
mod commit;
mod give;
mod future;
mod service;
#[expect(clippy::module_inception, reason = "one public noun per file, and this one is the layer")]
mod layer;
mod deny_option;
#[cfg(feature = "policy")]
mod policy_option;
#[cfg(feature = "signatures")]
mod sign_option;
#[cfg(feature = "signatures")]
mod key_directory;

pub use abort::ResetCode;
pub use body::ResponseBody;
pub use future::ResponseFuture;
pub use hold::Hold;
#[cfg(feature = "signatures")]
pub use key_directory::{DirectoryBody, KeyDirectory};
pub use layer::LetterheadLayer;
pub use named::{Inside, Named, Outside, ProbeFuture, named};
#[cfg(feature = "policy")]
pub use policy_handle::PolicyHandle;
pub use recover::{Cause, Failure, Origin, Recover, StandardRecover};
pub use recovering::{RecoverFuture, RecoverLayer, RecoveredBody, Recovering};
pub use server_timing::Timing;
pub use service::Letterhead;
