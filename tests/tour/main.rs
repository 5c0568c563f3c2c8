//! The example servers, driven by clients that are not ours.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod blob;
mod clients;
mod files;
mod process;
mod readme;
mod routes;
#[cfg(target_os = "linux")]
mod store;
