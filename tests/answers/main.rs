//! Requests and their answers as rows of data: decided in memory, and over HTTP/1.1 and HTTP/2.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

#[path = "../wire/client.rs"]
mod client;
#[path = "../wire/serve.rs"]
mod serve;

mod check;
mod content;
mod data;
mod huge;
mod memory;
mod wire;
