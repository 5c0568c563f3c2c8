//! Files over HTTP/1.1 and HTTP/2: what is served, what is not, and what becomes of faults and changes.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../wire/client.rs"]
mod client;
#[path = "../shared/figures.rs"]
mod figures;
#[path = "../wire/serve.rs"]
mod serve;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
#[path = "../shared/threads.rs"]
mod limit;

mod access;
mod apart;
mod cell;
mod changes;
mod codings;
mod dates;
mod deploying;
mod digests;
mod faults;
mod following;
mod fuse;
mod holes;
mod links;
mod listing;
mod long_write;
mod names;
mod natural;
mod nginx;
mod odd;
mod options;
mod or;
mod pace;
mod pages;
mod paths;
mod pids;
mod proved;
mod races;
mod racing;
mod resume;
mod scratch;
mod serving;
mod slow_disk;
mod slow_readers;
mod threads;
mod types;
mod views;
