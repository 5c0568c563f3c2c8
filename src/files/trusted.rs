//! A sender that sends what a signed list has, and nothing else.

use std::sync::Arc;
use std::time::SystemTime;

use super::admission::Admission;
use super::root_reload::ReloadedRoot;
use super::sender::FileSender;
use crate::trust::{Enforcement, ManifestError, Mismatch, Trust};

/// What was found out about files and lists so far; see [`FileSender::trust_counts`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct TrustCounts {
    /// The version of the list that is in force; 0 without one.
    pub version: u64,
    /// Responses whose file was opened and found as listed. What is [kept in memory](FileSender::cache) was admitted before, and
    /// does not count again.
    pub admitted: u64,
    /// Those among them that were not read for that, because the filesystem has [sealed](crate::trust::Tree::verity) them by the digest
    /// that is listed (fs-verity).
    pub sealed: u64,
    /// Times that a version of a file was found not to be as listed.
    pub mismatches: u64,
    /// Requests for files that are there and not listed.
    pub unlisted: u64,
    /// Lists that were not taken.
    pub refused: u64,
    /// Files that are not served now because they are not as listed.
    pub open: u64,
}

/// A tree and its list as the inspector shows them.
#[allow(dead_code, reason = "the inspector alone reads it, and is an option")]
pub(crate) struct TreeState {
    pub(crate) tree: String,
    pub(crate) files: usize,
    pub(crate) expires: SystemTime,
    pub(crate) is_enforced: bool,
    pub(crate) counts: TrustCounts,
    pub(crate) breakers: Vec<Mismatch>,
    /// Why the last list was not taken.
    pub(crate) last_refused: Option<ManifestError>,
}

impl TrustCounts {
    fn of(admission: &Admission) -> Self {
        let counters = &admission.counters;
        Self {
            version: admission.manifest.version(),
            admitted: counters.admitted.get(),
            sealed: counters.sealed.get(),
            mismatches: counters.mismatches.get(),
            unlisted: counters.unlisted.get(),
            refused: counters.refused.get(),
            open: admission.breakers.count() as u64,
        }
    }
}

impl FileSender {
    /// Sends what a signed list has, and with [`Enforcement::Enforce`] nothing else.
    ///
    /// The list is read from the root of the tree ([`Tree::NAME`](crate::trust::Tree::NAME)), and has to have the signatures that
    /// `trust` asks for. Then, before the head of a response is sent, the file has to be as the list has it:
    ///
    /// - Its length and its SHA-256 are those of the list. The digest is made on the blocking pool, once for each version of the
    ///   file, and while one request has it made others wait for that. What is [kept in memory](Self::cache) was admitted, and
    ///   costs nothing more. Precompressed siblings are files of their own.
    /// - A file that is longer than [16 MiB](Trust::check_blocks_above), or that was changed so lately that it is [not
    ///   settled](Self::settle), is checked by its blocks of 1 MiB: each before a byte of it leaves, for each response. A bad one behind
    ///   the first breaks the response off. A file of more than one block whose blocks are not listed is 503 until it is settled.
    /// - A file whose digest of fs-verity is listed, and that its filesystem has sealed by it (Linux: ext4, btrfs, f2fs), is not read
    ///   for that: nobody can write to it, and the kernel checks each page when it is read. A bad one breaks the response off.
    /// - A file that is not as listed is 503 with `Retry-After`, and nothing of it is read again until it is another version, the
    ///   list is, or [somebody says so](Self::reset_breakers). A [notice](Trust::on_notice) says what was wanted and found.
    /// - A file that is not listed is 404, as if it were not there; so is the list of a directory.
    ///
    /// The strong `ETag` of a listed file, and its `Repr-Digest` (RFC 9530), are made of the list: the same on all hosts, whatever
    /// the dates. `Last-Modified` is not sent.
    ///
    /// With [`following`](Self::following) a new tree is served with its own list, both from one moment on, and only if that list may
    /// come after the one in force: else the last tree stays. Without it a new list is taken when
    /// [`reload_manifest`](Self::reload_manifest) is called.
    ///
    /// [`zero_copy`](Self::zero_copy) hands files to the kernel that were admitted whole, which reads them when it sends: keep to its
    /// rule that no file is written in place.
    ///
    /// It blocks: the list is read, and perhaps [remembered](Trust::highest_seen).
    ///
    /// # Errors
    ///
    /// Why the list is not believed: it cannot be read, has not the signatures, is older than the highest that was seen, or, with
    /// [`OnExpiry::Stop`](crate::trust::OnExpiry::Stop), its time is over. There is no sender then.
    ///
    /// # Examples
    ///
    /// ```no_run
    /// use letterhead::FileSender;
    /// use letterhead::trust::{Enforcement, Root, Trust};
    ///
    /// # fn main() -> Result<(), Box<dyn std::error::Error>> {
    /// let root = Root::read(&std::fs::read("/etc/site/root.json")?)?;
    /// let trust = Trust::new(root)
    ///     .highest_seen("/var/lib/site/highest.json")
    ///     .on_notice(|notice| eprintln!("{notice}"));
    /// let files = FileSender::following("/srv/site/current")?.manifest(trust, Enforcement::Enforce)?;
    /// # let _ = files;
    /// # Ok(())
    /// # }
    /// ```
    pub fn manifest(self, trust: Trust, enforcement: Enforcement) -> Result<Self, ManifestError> {
        let in_force = self.following.as_ref().map(|following| following.last());
        let root = in_force.as_ref().unwrap_or(&self.settings).root();
        let admission = Arc::new(Admission::begin(trust, enforcement, root)?);
        admission.loaded(None);
        let mut sender = self.with(|settings| settings.admission = Some(admission));
        if sender.following.is_none() {
            sender.following = Some(Arc::new(ReloadedRoot::fixed(&sender.settings)));
        }
        Ok(sender)
    }

    /// Takes the list that is in the root of the tree now, for this sender and its clones; the version that is in force then. Files
    /// that were not as listed are looked at anew, and nothing in memory is used again. It blocks.
    ///
    /// Without a [manifest](Self::manifest) it is 0, and nothing happens.
    ///
    /// # Errors
    ///
    /// Why the list is not taken: that of [`manifest`](Self::manifest), or that its time is over. The one before stays in force, and
    /// [`Trust::on_notice`] hears of it.
    pub fn reload_manifest(&self) -> Result<u64, ManifestError> {
        let Some(following) = &self.following else { return Ok(0) };
        loop {
            let last = following.last();
            let Some(admission) = &last.admission else { return Ok(0) };
            match admission.next(last.root()) {
                // Where another tree or list came in its place meanwhile, that one is to be held against.
                Ok(next) if following.put(&last, &next) => return Ok(next.manifest.version()),
                Ok(_) => {}
                Err(error) => {
                    admission.report_refused(error.clone());
                    return Err(error);
                }
            }
        }
    }

    /// The files that are not served now because they are not as listed, in the order of their paths.
    #[must_use]
    pub fn breakers(&self) -> Vec<Mismatch> {
        self.in_force(|admission| admission.breakers.list()).unwrap_or_default()
    }

    /// Has each file that was not as listed looked at again when it is asked for.
    pub fn reset_breakers(&self) {
        self.in_force(Admission::reset);
    }

    /// What was found out about files and lists so far: of this sender and its clones.
    #[must_use]
    pub fn trust_counts(&self) -> TrustCounts {
        self.in_force(TrustCounts::of).unwrap_or_default()
    }

    /// The tree and its list as they are now; `None` without a list.
    #[allow(dead_code, reason = "the inspector alone asks, and is an option")]
    pub(crate) fn tree_state(&self) -> Option<TreeState> {
        self.in_force(|admission| TreeState {
            tree: admission.manifest.tree().to_owned(),
            files: admission.manifest.len(),
            expires: admission.manifest.expires(),
            is_enforced: admission.hides_lists(),
            counts: TrustCounts::of(admission),
            breakers: admission.breakers.list(),
            last_refused: admission.last_refused(),
        })
    }

    fn in_force<T>(&self, look: impl FnOnce(&Admission) -> T) -> Option<T> {
        let last = self.following.as_ref()?.last();
        last.admission.as_deref().map(look)
    }
}
