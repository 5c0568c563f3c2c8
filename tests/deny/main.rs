//! Deny rules refuse heads on the wire, whatever made them, and nothing of what was refused goes out.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../policy/app.rs"]
#[allow(dead_code, reason = "the policy's tests use more of it")]
mod app;
mod failing;
mod following;
mod heads;
mod kinds;
mod reports;
