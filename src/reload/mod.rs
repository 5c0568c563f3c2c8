//! A header policy that is a file, redirects and deny rules: read, checked, and replaced while requests are served.

mod error;
mod version;
mod path;
mod followed;
mod file;
mod redirects;
mod deny;
mod watcher;

pub use deny::DenyFile;
pub use error::PolicyFileError;
pub use file::PolicyFile;
pub use followed::Reloaded;
pub use redirects::RedirectsFile;
pub use watcher::PolicyWatch;
