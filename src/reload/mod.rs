//! A header policy that is a file: read, checked, and replaced while requests are served.

mod error;
mod version;
mod path;
mod file;
mod watcher;

pub use error::PolicyFileError;
pub use file::{PolicyFile, Reloaded};
pub use watcher::PolicyWatch;
