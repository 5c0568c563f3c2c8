//! The store on a disk that is made up: what a loss of power leaves, and what refusals do.

mod chains;
mod crash;
mod disk;
mod errnos;
mod fate;
pub(super) mod golden;
mod inode;
mod model;
mod power;
mod scenarios;
mod syncs;
mod torn;
mod writings;
