//! `letterhead::serve` on the wire: protocols, patience, limits, shutdown.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod broken;
mod client;
mod closing;
mod data;
#[path = "../shared/figures.rs"]
mod figures;
mod limits;
mod patience;
mod protocols;
mod running;
mod shutdown;
mod withheld;
mod workers;
