//! What to answer to a request for something that is all there: conditions, ranges, codings.
//!
//! [`answer()`] takes what the request asks ([`Asked`]) and what is known of the thing ([`Facts`])
//! and says how to respond ([`Answer`]): with which head, and which bytes after it. It reads no
//! clock and no file, so it serves a blob from a database as well as a file. [`respond()`] goes
//! the last step for bytes that are in memory, [`respond_among`] for several codings of them.
//!
//! [The guide](crate::guide::answers) has the order of the decisions and the limits.
//!
//! # Examples
//!
//! ```
//! use std::time::{Duration, SystemTime};
//!
//! use bytes::Bytes;
//! use http::{HeaderValue, Request};
//! use letterhead::answer::{Asked, EntityTag, Facts, respond};
//!
//! let blob = Bytes::from_static(b"0123456789");
//! let facts = Facts::new(blob.len() as u64)
//!     .tag(EntityTag::strong("v1").unwrap())
//!     .last_modified(SystemTime::UNIX_EPOCH + Duration::from_secs(784_111_777))
//!     .content_type(HeaderValue::from_static("text/plain"));
//!
//! // The client has the first half of the same version, and wants the rest.
//! let request = Request::get("/blob")
//!     .header("range", "bytes=5-")
//!     .header("if-range", "\"v1\"")
//!     .body(())
//!     .unwrap();
//! let response = respond(&Asked::of(&request), &facts, blob.clone(), SystemTime::now());
//! assert_eq!(response.status(), 206);
//! assert_eq!(response.headers()["content-range"], "bytes 5-9/10");
//! assert_eq!(response.headers()["content-length"], "5");
//!
//! // The client has it all.
//! let request = Request::get("/blob").header("if-none-match", "\"v1\"").body(()).unwrap();
//! let response = respond(&Asked::of(&request), &facts, blob, SystemTime::now());
//! assert_eq!(response.status(), 304);
//! ```

mod asked;
mod facts;
#[cfg(all(feature = "files", unix))]
mod again;
#[cfg(all(feature = "files", unix))]
mod files;
mod multipart;
mod select;
mod validators;
mod head;
mod precondition;
mod decide;
mod content;
#[cfg(any(test, all(feature = "files", unix)))]
mod once;
mod respond;

pub use crate::field::coding::Coding;
pub use crate::field::digest::DigestAlgorithm;
pub use crate::field::etag::EntityTag;
#[cfg(all(feature = "files", unix))]
pub(crate) use crate::field::vary::vary;
pub use crate::field::vary::vary_by_encoding;
#[cfg(all(feature = "files", unix))]
pub(crate) use again::{Again, REPR_DIGEST};
pub use asked::Asked;
pub use content::Content;
pub use decide::{Answer, Plan, answer};
pub use facts::Facts;
pub use multipart::{Multipart, Piece};
#[cfg(all(feature = "files", unix))]
pub(crate) use once::answer_once;
pub use respond::{respond, respond_among};
pub use select::{MAX_PARTS, MAX_RANGES};
