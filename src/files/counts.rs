//! How often which way was taken, and what is kept.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

/// How requests were answered and bytes read, since the sender was made; see
/// [`FileSender::counts`](crate::FileSender::counts).
///
/// Printed, it is one line.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Counts {
    /// Requests whose file was kept, and proved to be the present version.
    pub kept: u64,
    /// Files of those that had not even to be looked at, because of [`Freshness::Watched`](super::Freshness).
    pub watched: u64,
    /// Requests whose file was opened, and what is needed of it read, without waiting.
    pub inline: u64,
    /// Requests that went to a thread where blocking is allowed.
    pub pooled: u64,
    /// Requests that waited for another one of the same file, which was not at hand.
    pub waited: u64,
    /// Chunks behind the first that were read without waiting.
    pub inline_chunks: u64,
    /// Chunks behind the first that were read on a thread where blocking is allowed.
    pub pooled_chunks: u64,
    /// Chunks behind the first that were left to the kernel to send, unread.
    pub spans: u64,
    /// Versions that got a strong tag by the age of their last change alone, as the kernel could not be asked
    /// who has them open for writing; see [`Settled`](super::Settled). A version counts again once it is forgotten.
    pub by_age: u64,
    /// Files that are kept in memory now.
    pub files: u64,
    /// What they take, in bytes, with their heads.
    pub bytes: u64,
}

/// The same, while they are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) kept: Counter,
    pub(super) watched: Counter,
    pub(super) inline: Counter,
    pub(super) pooled: Counter,
    pub(super) waited: Counter,
    pub(super) inline_chunks: Counter,
    pub(super) pooled_chunks: Counter,
    pub(super) spans: Counter,
    pub(super) by_age: Counter,
}

#[derive(Debug, Default)]
pub(super) struct Counter(AtomicU64);

impl Counter {
    pub(super) fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub(super) fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

impl Counters {
    /// What was counted, with what a cache has now.
    pub(super) fn counts(&self, (files, bytes): (usize, u64)) -> Counts {
        Counts {
            kept: self.kept.get(),
            watched: self.watched.get(),
            inline: self.inline.get(),
            pooled: self.pooled.get(),
            waited: self.waited.get(),
            inline_chunks: self.inline_chunks.get(),
            pooled_chunks: self.pooled_chunks.get(),
            spans: self.spans.get(),
            by_age: self.by_age.get(),
            files: files as u64,
            bytes,
        }
    }
}

impl fmt::Display for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "requests: {} kept ({} watched), {} inline, {} pooled, {} waited; chunks: {} inline, {} pooled, {} unread; \
             versions settled by age alone: {}; kept: {} files, {} bytes",
            self.kept,
            self.watched,
            self.inline,
            self.pooled,
            self.waited,
            self.inline_chunks,
            self.pooled_chunks,
            self.spans,
            self.by_age,
            self.files,
            self.bytes
        )
    }
}
