//! The inspector: what its pages say is what the wire had, nothing in them is code, and few may see them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod access;
#[path = "../policy/app.rs"]
#[allow(dead_code, reason = "the tests of the policy start it in another way")]
mod app;
mod bounded;
mod client;
#[path = "../shared/figures.rs"]
mod figures;
mod filters;
mod hostile;
mod kinds;
mod links;
mod live;
mod merged;
mod pages;
mod secrets;
mod soak;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
