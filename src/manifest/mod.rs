//! A signed list of the files of a tree: read, checked, made; pure.
//!
//! The two documents are those of The Update Framework (TUF 1.0): `root.json` says which keys count, `targets.json` which files
//! there are. What an application uses of this is in [`trust`](crate::trust).

// Forms: numbers, times, names, JSON.
mod error;
mod hex;
mod time;
mod name;
mod json;
// Who signs, and what is signed.
mod key;
mod envelope;
mod root;
// The list.
mod entry;
mod seen;
mod list;
mod draft;
mod sums;
#[cfg(test)]
mod tests;

pub use draft::ListDraft;
pub use entry::{BLOCK, Entry};
pub use error::{ManifestError, Reason};
pub use key::{KeyAlgorithm, PublicKey, SigningKey};
pub use list::Manifest;
pub(crate) use name::flaw;
pub use root::{Root, RootDraft};
pub(crate) use seen::Seen;
pub use sums::sha256sum_lines;
