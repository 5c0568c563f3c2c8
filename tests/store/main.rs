//! Heads on disk, as an application has them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../files/apart.rs"]
#[expect(dead_code, reason = "what the tests of files need besides")]
mod apart;
#[path = "../shared/cold.rs"]
mod cold;
mod concurrency;
mod damage;
mod disk;
mod disks;
mod faults;
#[path = "../shared/figures.rs"]
mod figures;
mod injected;
mod killed;
#[path = "../shared/threads.rs"]
mod limit;
mod mapped;
mod names;
mod pids;
mod power;
mod promises;
mod reader;
mod refused;
mod ring;
mod room;
mod scratch;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
mod storing;
mod tools;
mod users;
mod waiting;
mod writings;
