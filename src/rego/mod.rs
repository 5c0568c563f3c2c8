//! Deny rules in Rego: parsed once, run on one machine for each thread, within limits.

mod error;
mod builtins;
mod text;
mod input;
mod answer;
mod machine;
#[expect(clippy::module_inception, reason = "one public noun per file, and this one is the policy")]
mod rego;

pub use error::RegoError;
pub use rego::Rego;
