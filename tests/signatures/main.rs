//! Every kind of response is signed at its commit, over real connections; other verifiers look at the same ones
//! (`.ci/signatures/verify`).
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod app;
mod client;
mod directory;
mod failing;
#[path = "../shared/figures.rs"]
mod figures;
mod kinds;
mod outside;
mod record;
mod verify;
