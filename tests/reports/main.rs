//! The reporters, each behind an application whose layers are at odds.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod access;
mod app;
mod background;
mod ear;
mod harmless;
mod http_metrics;
mod json;
mod levels;
mod metrics;
mod names;
mod record;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
mod spans;
mod tracing;
