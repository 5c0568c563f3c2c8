//! Deny rules in Rego: the same answers as another implementation gives, within limits, and what is not let in.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod differ;
mod following;
mod heads;
mod limits;
mod refused;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
