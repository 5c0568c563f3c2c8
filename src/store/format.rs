//! The bytes of a headed file: two slots with the head, room for longer ones, the payload. Pure.
//!
//! [The guide](crate::guide::store) has every byte. Nothing here reads or writes a file.

mod fields;
mod flaw;
mod layout;
mod decode;
mod encode;
#[cfg(test)]
mod tests;

pub(crate) use decode::{decode, extent};
pub(crate) use encode::{ImageInput, Sign, encode};
pub(crate) use fields::{fold_trailers, kept, status_fits};
pub use flaw::Flaw;
pub(crate) use layout::{BLOCK, Layout};

use http::{HeaderMap, StatusCode};
use sha2::{Digest as _, Sha256};

/// What begins each slot. The first byte is no text, the line ends tell of a transfer that changed them.
pub(super) const MAGIC: [u8; 8] = *b"\x89LHD\r\n\x1a\n";

/// The version of the format that is written, and the only one that is read.
pub(super) const VERSION: u16 = 1;

/// The bytes of the fixed part.
pub(super) const FIXED: usize = 160;

/// From here on the checksum counts.
pub(super) const CHECKED: usize = 40;

/// What goes before the signed bytes, so that no signature of another protocol is one of a head.
pub(super) const DOMAIN: &[u8] = b"letterhead stored head v1\0";

/// The longest name, which is what most filesystems have room for.
pub(super) const LONGEST_NAME: usize = 255;

/// A head as it is kept: what a response begins with, without framing and what belongs to one
/// connection or moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Kept {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
}

/// What is said of a payload, in each slot alike. It never changes once the file has its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Payload {
    /// Sixteen random bytes: no two payloads have the same.
    pub(crate) id: [u8; 16],
    pub(crate) length: u64,
    /// SHA-256 over all of it.
    pub(crate) digest: [u8; 32],
}

/// Where a head belongs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) store: [u8; 16],
    /// The name in the store; empty if the head is not bound to one.
    pub(crate) name: String,
}

/// How a head is signed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Signature {
    pub(crate) algorithm: Algorithm,
    pub(crate) key: String,
    pub(crate) bytes: Vec<u8>,
}

/// The algorithm of a signature.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// Ed25519 (RFC 8032).
    Ed25519,
    /// ECDSA on P-384 with SHA-384 (FIPS 186-5).
    EcdsaP384,
}

/// A slot that was read and found whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slot {
    pub(crate) layout: Layout,
    pub(crate) payload: Payload,
    pub(crate) generation: u64,
    pub(crate) place: Place,
    pub(crate) head: Kept,
    pub(crate) signature: Option<Signature>,
    /// The checksum, which names this very image.
    pub(crate) checksum: [u8; 32],
}

impl Slot {
    /// The bytes of the whole file.
    pub(crate) const fn file_length(&self) -> u64 {
        self.layout.payload().saturating_add(self.payload.length)
    }

    /// Whether the two may be slots of one file: everything that an update leaves alone is the same.
    pub(crate) fn is_of_one_file(&self, other: &Self) -> bool {
        self.layout == other.layout && self.payload == other.payload && self.place == other.place
    }
}

impl Algorithm {
    /// The number in a slot.
    pub(super) const fn number(self) -> u8 {
        match self {
            Self::Ed25519 => 1,
            Self::EcdsaP384 => 2,
        }
    }

    pub(super) const fn of(number: u8) -> Option<Self> {
        match number {
            1 => Some(Self::Ed25519),
            2 => Some(Self::EcdsaP384),
            _ => None,
        }
    }

    /// The bytes of a signature.
    pub(crate) const fn length(self) -> usize {
        match self {
            Self::Ed25519 => 64,
            Self::EcdsaP384 => 96,
        }
    }

    /// One word, for logs.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Ed25519 => "ed25519",
            Self::EcdsaP384 => "ecdsa-p384",
        }
    }
}

/// What a signature is made over: the domain, and all of the image between checksum and signature.
pub(crate) fn signed(image: &[u8], signature: usize) -> Vec<u8> {
    let end = image.len().saturating_sub(signature);
    [DOMAIN, image.get(CHECKED..end).unwrap_or_default()].concat()
}

pub(super) fn checksum(image: &[u8]) -> [u8; 32] {
    Sha256::digest(image.get(CHECKED..).unwrap_or_default()).into()
}
