//! Keep the response head open until the body has started, and know who wrote each header.
//!
//! hyper serialises a response head the moment the service future resolves. Whatever is known
//! later is lost, and a body that fails on its first frame gives the client nothing at all.
//! `letterhead` is a tower layer that gives the head a commit point:
//!
//! - the head is **held** until the body has its first frame (bounded, see [`Hold`]), so writes
//!   through [`Head`] still land;
//! - every write is **answered**: in the head, in the trailers, or refused with a reason
//!   ([`Placed`]);
//! - a body that fails while the head is held becomes a **true status** ([`Recover`]); one that
//!   fails later is broken off, so that no client takes it for the whole;
//! - head and content are made to **agree** before they go out: lengths, methods and statuses
//!   without content, trailers;
//! - a [`Receipt`] says what happened, once for every request.
//!
//! [`answer`] is for handlers that have the whole of something: it answers conditions, ranges and
//! codings as RFC 9110 has them.
//!
//! # Examples
//!
//! ```
//! use std::convert::Infallible;
//!
//! use bytes::Bytes;
//! use http::{Request, Response};
//! use http_body_util::{BodyExt, Full};
//! use letterhead::{Head, LetterheadLayer};
//! use tower::{Layer, ServiceExt, service_fn};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() {
//! // A body that fails on its first frame.
//! let app = service_fn(|_: Request<Full<Bytes>>| async {
//!     let error = std::io::Error::from(std::io::ErrorKind::StaleNetworkFileHandle);
//!     let frames = tokio_stream::iter([Err::<http_body::Frame<Bytes>, _>(error)]);
//!     Ok::<_, Infallible>(Response::new(http_body_util::StreamBody::new(frames)))
//! });
//! let app = LetterheadLayer::new().layer(app);
//! let response = app.oneshot(Request::new(Full::default())).await.unwrap();
//! assert_eq!(response.status(), 503);
//! assert_eq!(response.headers()["retry-after"], "1");
//! # }
//! ```
//!
//! # Features
//!
//! | feature | what it brings |
//! |---|---|
//! | `axum` | [`Head`] as an axum extractor, and the layer [around a whole `Router`](LetterheadLayer::around_router) |
//! | `cli` | the command `letterhead`: checks, explains and serves a directory with `_headers` and `_redirects`, lists and signs its files (unix); not in `full` |
//! | `files` | [`FileSender`]: the files beneath a directory; [`Recovery`]: what becomes of refusals (unix) |
//! | `http2` | the reset code of an aborted HTTP/2 response ([`Recover::reset_code`]) |
//! | `inspector` | [`inspect::Inspector`]: the last responses in a browser, each field with who wrote it |
//! | `io-uring` | `store::Writing::Ring`: payload, head and sync of a stored response in one submission (Linux) |
//! | `json` | `report::JsonLines`: one JSON object for each response |
//! | `metrics` | `report::Metrics` and `report::HttpMetrics`: counters and histograms |
//! | `policy` | [`policy`]: a `_headers` file, parsed, and what it makes of each response |
//! | `rego` | [`Rego`]: [deny rules](deny) in the language of Open Policy Agent (not in `full`: regorus brings 60 crates) |
//! | `signatures` | [`signatures`]: responses signed at their commit (RFC 9421), and [`KeyDirectory`] |
//! | `store` | [`store`]: heads on disk, before their payloads, crash-safe (Linux) |
//! | `serve` | [`serve()`]: a server over hyper with time-outs, limits and a shutdown that ends |
//! | `tls` | TLS for it, by rustls |
//! | `tracing` | `report::Tracing`: one event for each response, with the level of how it went; `report::SpanAttributes` |
//! | `trust` | [`trust`]: a signed list of a tree's files, and a sender that sends nothing else (unix) |
//! | `full` | all of them but `cli` and `rego` |
//!
//! # Where to read on
//!
//! [`guide`] has the architecture, how to mount the layer and what axum changes outside it, what is
//! mended in the framing, the order in which conditions and ranges are answered, the rules with remedies, the classes of fields, the errno table, and the
//! facts about hyper and h2 that the crate leans on.

#![cfg_attr(docsrs, feature(doc_cfg))]
#![cfg_attr(
    not(all(feature = "full", feature = "rego")),
    allow(rustdoc::broken_intra_doc_links, reason = "the pages name what other features bring")
)]

pub mod answer;
#[cfg(feature = "axum")]
mod around;
mod caught;
#[cfg(all(test, target_os = "linux"))]
#[path = "../tests/shared/cold.rs"]
mod cold;
mod error;
#[cfg(feature = "axum")]
mod extract;
mod field;
#[cfg(all(feature = "files", unix))]
pub mod files;
pub mod guide;
mod head;
#[cfg(feature = "inspector")]
pub mod inspect;
mod layer;
mod ledger;
#[cfg(all(feature = "trust", unix))]
mod manifest;
#[cfg(all(test, target_os = "linux"))]
#[path = "../tests/shared/threads.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
#[allow(clippy::unwrap_used, reason = "in a test, a panic is the report")]
mod limit;
#[cfg(feature = "policy")]
pub mod policy;
#[cfg(all(feature = "policy", feature = "files", unix))]
mod reload;
#[cfg(feature = "rego")]
mod rego;
pub mod report;
mod rules;
#[cfg(feature = "serve")]
pub mod serve;
#[cfg(feature = "signatures")]
pub mod signatures;
#[cfg(test)]
#[path = "../tests/shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
#[cfg(all(feature = "store", target_os = "linux"))]
pub mod store;
#[cfg(all(feature = "files", unix))]
mod stream;
mod sys;
#[cfg(all(feature = "trust", unix))]
pub mod trust;

#[cfg(feature = "axum")]
pub use around::{AroundRouter, AroundRouterFuture};
pub use error::Error;
pub use field::class::{Class, Role, Shape};
pub use field::rpc::Protocol;
pub use field::rpc_code::RpcCode;
#[cfg(all(feature = "files", unix))]
pub use files::FileSender;
pub use head::deny;
pub use head::{CommitCause, ErrorAnswer, Head, HeadDraft, HookResult, Note, Outcome, Receipt};
#[cfg(feature = "policy")]
pub use layer::PolicyHandle;
#[doc(inline)]
pub use layer::presets as named;
pub use layer::{
    Cause, Failure, Hold, Inside, Letterhead, LetterheadLayer, Named, Origin, Outside, ProbeFuture,
    Recover, RecoverFuture, RecoverLayer, RecoveredBody, Recovering, ResetCode, ResponseBody,
    ResponseFuture, StandardRecover, Timing, named,
};
#[cfg(feature = "signatures")]
pub use layer::{DirectoryBody, KeyDirectory};
pub use ledger::{
    Entry, Fate, LayerName, Placed, PolicyPlace, Refusal, Shown, Stage, Verb, Writer,
};
#[cfg(feature = "rego")]
pub use rego::{Rego, RegoError};
#[cfg(all(feature = "policy", feature = "files", unix))]
pub use reload::{DenyFile, PolicyFile, PolicyFileError, PolicyWatch, RedirectsFile, Reloaded};
pub use rules::framing::Mended;
pub use rules::{Action, Conflict, Expect, Resolution, Rule, Rules};
#[cfg(feature = "serve")]
pub use serve::serve;
#[cfg(all(feature = "files", unix))]
pub use sys::{Decision, Operation, Recovery, Ruling};

/// The README's Rust is tested as documentation.
#[cfg(doctest)]
#[doc = include_str!("../README.md")]
struct Readme;
