//! `letterhead::serve` on the wire: protocols, patience, limits, shutdown.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[allow(dead_code, unused_imports, reason = "each crate of tests lacks something else")]
#[path = "../files/apart.rs"]
mod apart;
mod broken;
mod client;
mod closing;
mod content;
#[cfg(target_os = "linux")]
mod crowds;
mod data;
#[path = "../shared/figures.rs"]
mod figures;
mod hostile;
mod late;
mod limits;
mod made;
mod patience;
mod protocols;
mod running;
#[allow(dead_code, reason = "each crate of tests lacks something else")]
#[path = "../files/scratch.rs"]
mod scratch;
mod shutdown;
#[allow(dead_code, reason = "each crate of tests lacks something else")]
#[path = "../shared/skip.rs"]
mod skip;
#[cfg(target_os = "linux")]
mod starved;
mod turns;
mod withheld;
#[cfg(target_os = "linux")]
mod withheld_files;
mod workers;
