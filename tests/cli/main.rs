//! The command `letterhead`, as a process, on files that are there.
#![cfg(unix)]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod command;
mod listed;
#[path = "../shared/pem.rs"]
mod pem;
mod serving;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
mod table;
mod tls;
