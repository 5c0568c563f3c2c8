//! Words of HTTP, parsed and judged: lengths, lists, and what kind of thing a field is.

pub(crate) mod base64;
pub(crate) mod class;
pub(crate) mod content_range;
pub(crate) mod glob;
pub(crate) mod json;
pub(crate) mod length;
pub(crate) mod list;
pub(crate) mod cache_control;
pub(crate) mod coding;
#[cfg(any(all(feature = "files", unix), feature = "inspector"))]
pub(crate) mod accept;
pub(crate) mod cookie;
pub(crate) mod date;
pub(crate) mod digest;
pub(crate) mod member;
pub(crate) mod nature;
#[cfg(feature = "policy")]
pub(crate) mod nonce;
pub(crate) mod range;
pub(crate) mod rpc;
pub(crate) mod rpc_code;
pub(crate) mod server_timing;
#[cfg(feature = "signatures")]
pub(crate) mod structured;
pub(crate) mod tag;
pub(crate) mod trace_parent;
pub(crate) mod etag;
pub(crate) mod trailer;
pub(crate) mod vary;
