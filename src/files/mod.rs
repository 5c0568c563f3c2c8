//! Files as they are on the disk, answered only with what was opened, measured and begun to read.
//!
//! [`FileSender`] is the service; the rest is what it hands out and is told.

mod access;
mod body;
mod bound;
mod buffers;
mod cache;
mod choose;
mod closing;
mod counts;
mod dates;
mod digest;
mod digesting;
mod failed;
mod flight;
mod following;
mod keeping;
mod listing;
mod look;
mod natural;
mod or;
mod pace;
mod pages;
mod path;
mod proof;
mod refused;
mod remembered;
mod resume;
mod sender;
mod service;
mod settings;
mod shared;
mod source;
mod standing;
#[cfg(all(test, target_os = "linux"))]
mod tests;
mod told;
mod type_table;
mod types;
mod wanted;
mod watched;
#[cfg(all(feature = "serve", target_os = "linux"))]
mod zero_copy;

#[cfg(all(feature = "serve", target_os = "linux"))]
pub use crate::sys::span::FileData;
pub use body::FileBody;
#[cfg(all(feature = "store", target_os = "linux"))]
pub(crate) use buffers::Buffers;
pub use counts::{Counts, Unwatched};
pub use failed::FileError;
pub use or::{Or, OrBody, OrError, OrFuture};
pub use proof::Settled;
pub use refused::Refused;
pub use sender::{FileSender, Links, OnChange};
pub use service::FileFuture;
pub use types::Disposition;
pub use watched::Freshness;
#[cfg(all(feature = "serve", target_os = "linux"))]
pub use zero_copy::{
    ZeroCopy, ZeroCopyBody, ZeroCopyFuture, ZeroCopyOr, ZeroCopyOrBody, ZeroCopyOrFuture,
};
