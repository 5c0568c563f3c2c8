//! Files that are served only as a signed list has them, over HTTP/1.1 and HTTP/2.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../wire/client.rs"]
mod client;
#[path = "../wire/serve.rs"]
mod serve;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;

mod admitted;
mod blocks;
mod breaker;
mod hostile;
mod lists;
mod mutations;
mod sealed;
mod sight;
mod site;
mod turning;
