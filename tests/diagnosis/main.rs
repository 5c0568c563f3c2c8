//! Why the kernel refused: each cause made for real, and what is said of it, operation by operation.
#![cfg(target_os = "linux")]
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../files/apart.rs"]
#[allow(dead_code, unused_imports, reason = "what the tests of files need besides")]
mod apart;
mod confined;
#[path = "../shared/figures.rs"]
mod figures;
mod matrix;
mod observe;
mod places;
#[path = "../store/scratch.rs"]
#[expect(dead_code, reason = "what the tests of the store need besides")]
mod scratch;
mod silent;
#[path = "../shared/skip.rs"]
#[allow(dead_code, reason = "each crate of tests lacks something else")]
mod skip;
