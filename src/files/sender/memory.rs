//! What is kept in memory, and how it is known to be the present version.

use super::FileSender;
use crate::files::options::Freshness;

impl FileSender {
    /// How many bytes of small files are kept in memory, with their heads; [`CACHE`](Self::CACHE) by
    /// default, none with 0.
    ///
    /// A file is kept once it was read whole, if it is settled and no longer than a chunk or a sixteenth
    /// of this. Each request looks at the name again (one `fstatat`): what is kept is served only if the
    /// name has that very version, so a write that has returned is never missed but in the ways that
    /// are explained at [`FileSender`]. Of files on filesystems that may be behind a network or a daemon
    /// nothing is kept, nor of what is mounted below the root.
    #[must_use]
    pub fn cache(self, bytes: u64) -> Self {
        self.with(|settings| settings.memory.cache = bytes)
    }

    /// How what is [kept](Self::cache) in memory is known to be the present version;
    /// [`Freshness::Stat`] by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use letterhead::FileSender;
    /// use letterhead::files::Freshness;
    ///
    /// let max_age = Duration::from_secs(1);
    /// let files = FileSender::new("src").unwrap().freshness(Freshness::Watched { max_age });
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn freshness(self, how: Freshness) -> Self {
        self.with(|settings| settings.memory.freshness = how)
    }

    /// How many bytes of chunks (256 KiB, on HTTP/2 64 KiB in buffers of 96) may be on their way to clients; [`BUFFERS`](Self::BUFFERS) by default.
    /// Beyond that files are read in pieces of 32 KiB. What the server keeps in its own queue counts. Up to 16 MiB of
    /// buffers that nobody uses are kept for the next clients.
    #[must_use]
    pub fn buffers(self, bytes: usize) -> Self {
        self.with(|settings| settings.memory.buffers = bytes)
    }
}
