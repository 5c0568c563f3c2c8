//! The reporters, each behind an application whose layers are at odds.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod app;
mod background;
mod harmless;
mod json;
mod metrics;
mod tracing;
