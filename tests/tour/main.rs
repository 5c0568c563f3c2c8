//! The example servers, driven by clients that are not ours.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod blob;
mod clients;
#[cfg(unix)]
mod downloads;
mod files;
#[cfg(unix)]
mod inspect;
#[cfg(unix)]
mod log;
#[cfg(unix)]
#[path = "../shared/pem.rs"]
mod pem;
mod policy;
mod process;
mod readme;
mod routes;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
#[cfg(target_os = "linux")]
mod store;
#[cfg(unix)]
mod trust;
#[cfg(target_os = "linux")]
mod users;
