//! How far a tree has been read.

use std::sync::atomic::{AtomicU64, Ordering};

/// How far a tree has been read; see [`Tree::on_progress`](super::Tree::on_progress).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Files that have been read.
    pub files: u64,
    /// Files in all.
    pub of_files: u64,
    /// Bytes that have been read.
    pub bytes: u64,
    /// Bytes in all, as far as that was known before.
    pub of_bytes: u64,
}

/// Bytes after which progress is reported again.
const STEP: u64 = 4 << 20;

/// Counts what is read, and reports it.
pub(super) struct Meter<'a> {
    pub(super) of_files: u64,
    pub(super) of_bytes: u64,
    pub(super) report: Option<&'a (dyn Fn(Progress) + Send + Sync)>,
    files: AtomicU64,
    bytes: AtomicU64,
}

impl<'a> Meter<'a> {
    pub(super) const fn new(
        of_files: u64,
        of_bytes: u64,
        report: Option<&'a (dyn Fn(Progress) + Send + Sync)>,
    ) -> Self {
        Self { of_files, of_bytes, report, files: AtomicU64::new(0), bytes: AtomicU64::new(0) }
    }

    pub(super) fn bytes(&self, read: u64) {
        let before = self.bytes.fetch_add(read, Ordering::Relaxed);
        if before / STEP != (before + read) / STEP {
            self.report();
        }
    }

    pub(super) fn file(&self) {
        let before = self.files.fetch_add(1, Ordering::Relaxed);
        if before % 64 == 63 || before + 1 == self.of_files {
            self.report();
        }
    }

    fn report(&self) {
        let Some(report) = self.report else { return };
        report(Progress {
            files: self.files.load(Ordering::Relaxed),
            of_files: self.of_files,
            bytes: self.bytes.load(Ordering::Relaxed),
            of_bytes: self.of_bytes,
        });
    }
}
