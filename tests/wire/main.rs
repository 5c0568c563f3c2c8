//! Wire tests: real hyper over HTTP/1.1 and HTTP/2 on the loopback, bytes compared.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod around;
mod axum;
mod bare;
mod cancel;
mod client;
mod ending;
mod failing;
mod failure;
#[path = "../shared/figures.rs"]
mod figures;
mod framing;
mod hold;
mod odd;
mod pinned;
mod received;
mod recovering;
mod remote;
mod serve;
#[allow(dead_code, reason = "each crate of tests lacks something else")]
#[path = "../shared/skip.rs"]
mod skip;
mod timing;
mod told;
mod trailers;
mod unobserved;
mod unobserved_failures;
