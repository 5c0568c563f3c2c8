//! What is wrong with a key or an option, and why a response could not be signed.

use std::error::Error;
use std::fmt;

use http::header::HeaderName;

/// Why a key or an option of [`Sign`](super::Sign) was not taken. It says what was wanted and what was found, and nothing of
/// a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SignatureError {
    message: String,
}

impl SignatureError {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self { message: message.into() }
    }
}

impl fmt::Display for SignatureError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl Error for SignatureError {}

/// Why a response could not be signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Unsigned {
    /// The system's clock stands before 1970.
    Clock,
    /// There was no randomness for a nonce.
    Nonce(String),
    /// A component that the request does not have.
    NoAuthority,
    /// A value that is not ASCII, and not wrapped in bytes.
    NotAscii(String),
    /// A field that is not of the structure that was wanted of it.
    Unstructured(String, &'static str),
    /// Signatures that are there already and cannot be read: another member would make them no better.
    Unreadable(HeaderName, &'static str),
    /// The key refused.
    Signer(String),
    /// The head has as many fields as it can have.
    NoRoom,
}

impl fmt::Display for Unsigned {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Clock => f.write_str("wanted a time after 1970, found a clock before it"),
            Self::Nonce(reason) => write!(f, "wanted 16 random bytes for a nonce: {reason}"),
            Self::NoAuthority => f.write_str("wanted the request's authority, found none"),
            Self::NotAscii(component) => {
                write!(f, "wanted ASCII in {component}, found other bytes: cover it with `;bs`")
            }
            Self::Unstructured(component, found) => {
                write!(f, "wanted a structured field for {component}, found {found}")
            }
            Self::Unreadable(name, found) => {
                write!(f, "wanted to add to the {name} that is there, found {found} in it")
            }
            Self::NoRoom => f.write_str("wanted room for two fields, found a full head"),
            Self::Signer(reason) => write!(f, "the key did not sign: {reason}"),
        }
    }
}
