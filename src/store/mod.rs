//! Response heads on disk, before their payloads.
#![allow(dead_code, unused_imports, reason = "the store itself is not there yet")]

mod format;
#[cfg(test)]
mod golden;
mod sign;
mod slots;

pub use format::{Algorithm, Flaw};
pub use sign::{KeyRing, Signed, SigningKey, Unsigned, VerifyingKey};
