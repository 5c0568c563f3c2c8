//! Digests of long files, made in the background: a piece at a time, so that whoever ends the runtime waits
//! for no more than one.

use std::sync::Arc;

use tokio::runtime::Handle as Runtime;
use tokio::task::spawn_blocking;

use super::digest::{Hasher, Known, Pending, feed};
use super::opened::OpenedFile;
use super::os_errors::OsErrors;
use crate::answer::{DigestAlgorithm, EntityTag};

/// Bytes of a piece.
const PIECE: u64 = 16 * 1024 * 1024;

/// The digest of one version, half made.
struct Digesting {
    os_errors: Arc<OsErrors>,
    file: OpenedFile,
    hasher: Hasher,
    at: u64,
    pending: Pending,
}

/// The tag of the content of a file, if that is known; else it is begun to be made.
pub(super) fn content_tag(
    os_errors: &Arc<OsErrors>,
    known: &Arc<Known>,
    file: &OpenedFile,
) -> Option<EntityTag> {
    let version = file.handle.stat().identity;
    if let Some(sum) = known.get(version, DigestAlgorithm::Sha256) {
        return Some(EntityTag::of_digest(&sum));
    }
    let runtime = Runtime::try_current().ok()?;
    let pending = Pending::of(known, version)?;
    // The response has the other one, and closes it when it is done.
    let file = OpenedFile { name: file.name.clone(), handle: file.handle.again().ok()? };
    let os_errors = Arc::clone(os_errors);
    let hasher = Hasher::new(DigestAlgorithm::Sha256);
    runtime.spawn(Digesting { os_errors, file, hasher, at: 0, pending }.run());
    None
}

impl Digesting {
    async fn run(self) {
        let mut left = Some(self);
        while let Some(digesting) = left {
            left = spawn_blocking(|| digesting.step()).await.ok().flatten();
        }
    }

    /// Reads a piece; `None` behind the last, and if the file cannot be read or is another version: then
    /// the next request begins again. It blocks.
    fn step(mut self) -> Option<Self> {
        let version = self.file.handle.stat().identity;
        let end = self.at.saturating_add(PIECE).min(version.size);
        feed(&self.os_errors, &self.file, self.at..end, &mut self.hasher).ok()?;
        if end < version.size {
            return Some(Self { at: end, ..self });
        }
        self.pending.done(self.hasher.sum());
        None
    }
}
