//! A tree that is served only as it was signed: keys, lists of files, and what a sender does with them.
//!
//! - [`Root`] says which keys count, [`Manifest`] which files there are: `root.json` and `targets.json` of The Update Framework (TUF
//!   1.0). [`RootDraft`] and [`ListDraft`] make them, [`SigningKey`] signs them.
//! - [`Tree`] lists the files of a directory, and names each difference between a directory and a list.
//! - [`Trust`] is what [`FileSender::manifest`](crate::FileSender::manifest) takes: whose list is believed, and what becomes of a
//!   file that is not as it says.
//!
//! [The guide](crate::guide::trust) begins with what this is good against, and what not.

// The files of a directory.
mod walk;
mod progress;
mod verity;
mod hash;
mod difference;
mod tree;
// A list that is in force.
mod highest;
mod notice;
mod settings;
#[cfg(feature = "metrics")]
mod metrics;
#[cfg(not(feature = "metrics"))]
#[path = "metrics_none.rs"]
mod metrics;
mod load;
#[cfg(test)]
mod tests;

pub use crate::manifest::{
    BLOCK, Entry, KeyAlgorithm, ListDraft, Manifest, ManifestError, PublicKey, Reason, Root,
    RootDraft, SigningKey, sha256sum_lines,
};
pub use difference::Difference;
pub(crate) use load::load;
pub(crate) use metrics::{Counted, TreeGauges, count_event, set_gauges};
pub use notice::{Mismatch, Notice};
pub use progress::Progress;
pub use settings::{Enforcement, OnExpiry, Trust};
pub use tree::{Tree, TreeError};
