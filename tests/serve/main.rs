//! `letterhead::serve` on the wire: protocols, patience, limits, shutdown.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod broken;
mod client;
mod closing;
mod content;
mod data;
#[path = "../shared/figures.rs"]
mod figures;
mod limits;
mod made;
mod patience;
mod protocols;
mod running;
mod shutdown;
#[allow(dead_code, reason = "each crate of tests lacks something else")]
#[path = "../shared/skip.rs"]
mod skip;
mod withheld;
mod workers;
