//! Real layers of others and how they quarrel: what goes out, what is told, what each action does.
#![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

mod ask;
mod attempts;
mod bugs;
mod bytes;
mod calls;
mod healthy;
mod judged;
mod landing;
mod later;
mod limits;
mod names;
mod order;
mod reuse;
mod secrets;
mod strict;
mod wire;
