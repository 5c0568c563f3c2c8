//! A header policy holds on every response that passes the layer, and says where it was written.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod app;
mod conditions;
#[path = "../shared/figures.rs"]
mod figures;
mod kinds;
mod ledger;
mod load;
mod nested;
mod nonces;
mod outside;
mod reload;
