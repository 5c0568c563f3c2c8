//! Doors to the kernel: opening beneath a root, identity, reads, and what its error numbers mean.

#[cfg(all(feature = "files", unix))]
mod again;
#[cfg(all(feature = "files", unix))]
mod pages;
#[cfg(all(feature = "files", unix))]
mod kind;
#[cfg(all(any(feature = "files", feature = "serve"), unix))]
mod limit;
#[cfg(all(feature = "serve", not(unix)))]
#[path = "limit_elsewhere.rs"]
mod limit;
mod meaning;
#[cfg(all(feature = "files", unix))]
mod operation;
#[cfg(all(feature = "files", target_os = "linux"))]
mod filter;
#[cfg(all(feature = "files", unix))]
mod platform;
#[cfg(all(feature = "files", unix, not(target_os = "linux")))]
#[path = "elsewhere.rs"]
mod door;
#[cfg(all(feature = "files", target_os = "linux"))]
#[path = "linux.rs"]
mod door;
#[cfg(all(feature = "files", unix))]
mod errno;
#[cfg(all(feature = "files", unix))]
mod probe;
#[cfg(all(feature = "files", unix))]
mod refusal;
#[cfg(all(feature = "files", unix))]
mod filesystem;
#[cfg(all(feature = "files", unix))]
mod recovery;
#[cfg(all(feature = "files", unix))]
mod stat;
#[cfg(all(feature = "files", unix))]
mod root;
pub(crate) mod timer;
#[cfg(all(feature = "files", unix))]
mod task;
#[cfg(all(feature = "serve", target_os = "linux"))]
mod unsent;
#[cfg(all(feature = "serve", not(target_os = "linux")))]
#[path = "unsent_elsewhere.rs"]
mod unsent;
#[cfg(all(feature = "serve", target_os = "linux"))]
mod more;
#[cfg(all(feature = "serve", not(target_os = "linux")))]
#[path = "more_elsewhere.rs"]
mod more;
#[cfg(all(feature = "files", unix))]
mod walk;
#[cfg(all(feature = "files", unix))]
mod diagnose;
#[cfg(all(feature = "files", unix))]
mod open;
#[cfg(all(feature = "files", unix))]
mod lease;
#[cfg(all(feature = "trust", target_os = "linux"))]
mod verity;
#[cfg(all(feature = "trust", unix, not(target_os = "linux")))]
#[path = "verity_elsewhere.rs"]
mod verity;
#[cfg(all(feature = "files", unix))]
mod list;
#[cfg(all(feature = "files", unix))]
mod read;
#[cfg(all(feature = "files", feature = "serve", target_os = "linux"))]
mod resident;
#[cfg(all(feature = "files", unix))]
mod watch;
#[cfg(all(feature = "files", feature = "serve", target_os = "linux"))]
pub(crate) mod lane;
#[cfg(all(feature = "files", feature = "serve", target_os = "linux"))]
pub(crate) mod span;
#[cfg(all(feature = "store", target_os = "linux"))]
pub(crate) mod write;
#[cfg(all(test, feature = "files", target_os = "linux"))]
mod tests;

#[cfg(all(feature = "files", unix))]
pub(crate) use diagnose::Diagnosis;
#[cfg(all(feature = "store", target_os = "linux"))]
pub(crate) use errno::Named;
#[cfg(all(feature = "files", unix))]
pub(crate) use filesystem::Place;
#[cfg(all(feature = "files", unix))]
pub(crate) use kind::Kind;
#[cfg(all(feature = "files", unix))]
pub(crate) use lease::{Obstacle, Proof, writer_there};
#[cfg(any(all(feature = "files", unix), feature = "serve"))]
pub(crate) use limit::most_descriptors;
pub(crate) use meaning::Meaning;
#[cfg(feature = "serve")]
pub(crate) use more::MORE;
#[cfg(all(feature = "files", unix))]
pub(crate) use open::{Handle, How, Opened, Symlinks, Unpinned, duplicate};
#[cfg(all(feature = "files", unix))]
pub use operation::Operation;
#[cfg(all(feature = "files", unix))]
pub(crate) use pages::Pages;
#[cfg(all(feature = "files", unix))]
pub(crate) use platform::Marked;
#[cfg(all(feature = "files", unix))]
pub(crate) use read::{Tried, read_at};
#[cfg(all(feature = "files", unix))]
pub use recovery::{Decision, Recovery, Ruling};
#[cfg(all(feature = "files", unix))]
pub(crate) use refusal::Refusal;
#[cfg(all(feature = "files", unix))]
pub(crate) use root::Root;
#[cfg(all(feature = "files", unix))]
pub(crate) use stat::{Change, Identity, Moment, Stat};
#[cfg(all(feature = "files", unix))]
pub(crate) use task::{Lost, Task, detached};
#[cfg(feature = "serve")]
pub(crate) use unsent::unsent;
#[cfg(all(feature = "trust", unix))]
pub(crate) use verity::{Seal, seal_of};
#[cfg(all(feature = "files", unix))]
pub(crate) use watch::{Mark, Watcher};
