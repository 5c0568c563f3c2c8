//! One line for each exchange, written by a thread of its own.

mod clock;
mod facts;
mod text;
mod caddy;
mod ecs;
mod form;
mod queue;
mod sink;
mod log;
mod entry;

#[cfg(feature = "inspector")]
pub(crate) use clock::Clock;
pub(crate) use entry::{LogEnd, LogEntry};
pub use form::LogForm;
pub use log::AccessLog;
