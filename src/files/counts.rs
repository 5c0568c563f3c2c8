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
    /// Files and absent names that were to be kept, and of which the kernel sends no events, though
    /// [`Freshness::Watched`](super::Freshness) asked for it: each request looks at them.
    pub unwatched: Unwatched,
    /// Requests whose file was opened, and what is needed of it read, without waiting.
    pub inline: u64,
    /// Requests that were answered on the blocking pool.
    pub pooled: u64,
    /// Requests that waited for another one of the same file, which was not in memory.
    pub waited: u64,
    /// Chunks behind the first that were read without waiting.
    pub inline_chunks: u64,
    /// Chunks behind the first that were read on the blocking pool.
    pub pooled_chunks: u64,
    /// Chunks behind the first that were left to the kernel to send, unread.
    pub spans: u64,
    /// Times that all names of a directory were read, to be listed.
    pub lists_read: u64,
    /// Lists of names that were answered from rows that another request had read, after each name was looked at again.
    /// Requests that came at the same time count once.
    pub lists_shared: u64,
    /// Versions that got a strong tag by the age of their last change alone, as the kernel could not be asked
    /// who has them open for writing; see [`Stability`](super::Stability). A version counts again once it is forgotten.
    pub by_age: u64,
    /// Times that a precompressed sibling was passed over because it is older than its file; see
    /// [`FileSender::older_siblings`](crate::FileSender::older_siblings).
    pub older_siblings: u64,
    /// Files that are kept in memory now.
    pub files: u64,
    /// What they take, in bytes, with their heads.
    pub bytes: u64,
}

/// Why the kernel sends no events of a name, how often; see [`Counts::unwatched`].
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Unwatched {
    /// A symbolic link is on the way.
    pub links: u64,
    /// It is on an overlay, a network filesystem, or another mount than the root.
    pub filesystems: u64,
    /// The kernel refused: no watch or instance is left, or a directory may be passed but not read.
    pub refused: u64,
    /// The kernel had not all of the path in its cache at that moment.
    pub uncached: u64,
}

impl Unwatched {
    const fn all(self) -> u64 {
        self.links + self.filesystems + self.refused + self.uncached
    }
}

/// The same, while they are counted.
#[derive(Debug, Default)]
pub(super) struct Counters {
    pub(super) kept: Counter,
    pub(super) watched: Counter,
    pub(super) unwatched_links: Counter,
    pub(super) unwatched_filesystems: Counter,
    pub(super) unwatched_refused: Counter,
    pub(super) unwatched_uncached: Counter,
    pub(super) inline: Counter,
    pub(super) pooled: Counter,
    pub(super) waited: Counter,
    pub(super) inline_chunks: Counter,
    pub(super) pooled_chunks: Counter,
    pub(super) spans: Counter,
    pub(super) lists_read: Counter,
    pub(super) lists_shared: Counter,
    pub(super) by_age: Counter,
    pub(super) older_siblings: Counter,
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
            unwatched: Unwatched {
                links: self.unwatched_links.get(),
                filesystems: self.unwatched_filesystems.get(),
                refused: self.unwatched_refused.get(),
                uncached: self.unwatched_uncached.get(),
            },
            inline: self.inline.get(),
            pooled: self.pooled.get(),
            waited: self.waited.get(),
            inline_chunks: self.inline_chunks.get(),
            pooled_chunks: self.pooled_chunks.get(),
            spans: self.spans.get(),
            lists_read: self.lists_read.get(),
            lists_shared: self.lists_shared.get(),
            by_age: self.by_age.get(),
            older_siblings: self.older_siblings.get(),
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
        )?;
        if self.older_siblings > 0 {
            write!(f, "; older siblings passed over: {}", self.older_siblings)?;
        }
        if self.lists_read > 0 {
            write!(f, "; lists: {} read, {} shared", self.lists_read, self.lists_shared)?;
        }
        let Unwatched { links, filesystems, refused, uncached } = self.unwatched;
        if self.unwatched.all() == 0 {
            return Ok(());
        }
        write!(
            f,
            "; not watched: {links} over links, {filesystems} by filesystem, {refused} refused, {uncached} not cached"
        )
    }
}
