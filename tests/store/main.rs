//! Heads on disk, as an application has them.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod damage;
mod reader;
mod storing;
mod tools;
