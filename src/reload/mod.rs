//! A header policy that is a file, and redirects: read, checked, and replaced while requests are served.

mod error;
mod version;
mod path;
mod followed;
mod file;
mod redirects;
mod watcher;

pub use error::PolicyFileError;
pub use file::PolicyFile;
pub use followed::Reloaded;
pub use redirects::RedirectsFile;
pub use watcher::PolicyWatch;
