//! Files that the kernel sends through `letterhead::serve`: no byte on the wire but the file's.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../shared/figures.rs"]
mod kept;
#[path = "../shared/cold.rs"]
mod cold;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;

mod changes;
mod clients;
mod figures;
mod layers;
mod pinned;
mod protocols;
mod site;
mod whole;
