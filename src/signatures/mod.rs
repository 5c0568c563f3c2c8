//! Signatures of responses (RFC 9421): what they cover, and who makes them.
//!
//! [`Sign`] says how responses are signed, [`LetterheadLayer::sign`](crate::LetterheadLayer::sign) has it done at
//! the commit, and [`KeyDirectory`](crate::KeyDirectory) publishes the keys. [The guide](crate::guide::signatures) has more.

mod error;
mod pem;
mod key;
mod kinds;
mod component;
mod base;
mod label;
mod sign;
#[cfg(test)]
mod tests;

pub(crate) use base::{Message, Request};
pub use error::SignatureError;
pub(crate) use error::Unsigned;
pub use key::{Algorithm, Signer, SigningKey};
pub(crate) use label::{SIGNATURE, SIGNATURE_INPUT};
pub(crate) use sign::Signed;
pub use sign::{OnFailure, Sign};
