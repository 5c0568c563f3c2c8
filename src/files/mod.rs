//! Files as they are on the disk, answered only with what was opened, measured and begun to read.
//!
//! [`FileSender`] is the service; the rest is what it hands out and its settings.

// Choices, sizes, counters, and tables of names: no file is touched.
mod options;
mod counts;
mod natural;
mod path;
mod standing;
mod type_table;
// What requests share: what was found out, which of them lead, buffers, permits to open files.
mod remembered;
mod siblings;
mod young;
mod single_flight;
mod open_limit;
// An open file, and refusals of the kernel.
mod opened;
mod close;
mod failed;
mod refused;
mod os_errors;
// By which list files are admitted, if there is one.
#[cfg(feature = "trust")]
mod breakers;
#[cfg(feature = "trust")]
mod admission;
#[cfg(not(feature = "trust"))]
#[path = "admission_none.rs"]
mod admission;
// What is found out about a version: who writes to it, its digests.
mod writers;
mod digest;
mod background_digest;
// What is kept in memory, and how it is known to be the present version.
mod freshness;
mod cache;
// The settings of a sender.
mod listing;
mod shared;
mod settings;
mod root_reload;
mod dates;
mod types;
// The body of a response.
mod source;
mod reader;
mod pace;
mod body;
// One response in the making.
mod answers;
mod error_page;
mod directory;
mod found;
mod request;
mod context;
// Its steps: from a path to a file, from a file to a head and its first bytes.
mod opening;
mod negotiate;
mod clean_urls;
mod lookup;
mod wanted_digests;
#[cfg(feature = "trust")]
mod admit;
#[cfg(not(feature = "trust"))]
#[path = "admit_none.rs"]
mod admit;
mod describe;
mod resume;
mod replay;
mod respond;
// What an application uses.
mod sender;
mod service;
mod fallback_service;
#[cfg(feature = "trust")]
mod trusted;
#[cfg(all(feature = "serve", target_os = "linux"))]
mod zero_copy;
#[cfg(all(test, target_os = "linux"))]
mod tests;

#[cfg(all(feature = "serve", target_os = "linux"))]
pub use crate::sys::span::FileData;
pub use body::FileBody;
pub use counts::{Counts, Unwatched};
pub use failed::FileError;
pub use fallback_service::{Or, OrBody, OrError, OrFuture};
pub use options::{Disposition, Freshness, Links, OnChange, Stability};
pub use refused::Refused;
pub use sender::FileSender;
pub use service::FileFuture;
#[cfg(all(feature = "trust", feature = "inspector"))]
pub(crate) use trusted::TreeState;
#[cfg(feature = "trust")]
pub use trusted::TrustCounts;
#[cfg(all(feature = "serve", target_os = "linux"))]
pub use zero_copy::{
    ZeroCopy, ZeroCopyBody, ZeroCopyFuture, ZeroCopyOr, ZeroCopyOrBody, ZeroCopyOrFuture,
};
