//! How files are sent: in which time, how many at once, what becomes of one that changes.

use std::time::Duration;

use super::FileSender;
use crate::files::open_limit::OpenLimit;
use crate::files::options::OnChange;

/// The longest grace: a year.
const PATIENCE: Duration = Duration::from_secs(365 * 86_400);

impl FileSender {
    /// What becomes of a response whose file changes while it is sent, for files whose path below the
    /// root matches `pattern`, as in [`cache_control`](Self::cache_control).
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    /// use letterhead::files::OnChange;
    ///
    /// let files = FileSender::new("src").unwrap().on_change("*.log", OnChange::AllowGrowth);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn on_change(self, pattern: &str, what: OnChange) -> Self {
        self.with(|settings| settings.sending.changes.push((pattern.into(), what)))
    }

    /// Sends each response with content of a file at no more than so many bytes a second. With 0, the default, as fast
    /// as it is taken.
    ///
    /// What is sent at once is an eighth of a second's worth, at least 1 KiB and at most a
    /// [chunk](Self::CHUNK). A chunk is read ahead. Time is tokio's: a body that is
    /// polled where there is no runtime, or one without its time, panics.
    #[must_use]
    pub fn throttle(self, bytes_per_second: u64) -> Self {
        self.with(|settings| settings.sending.throttle = bytes_per_second)
    }

    /// Gives up on clients that take fewer than so many bytes a second, each chunk with `grace` on top: the file is closed,
    /// and the response broken off as soon as the server asks for more of it. With 0 bytes, the default,
    /// clients may be as slow as they like.
    ///
    /// A chunk of up to [`CHUNK`](Self::CHUNK) bytes has to be taken, and the next one asked for, within `grace`
    /// and the time that the chunk may last at this rate. Time in which a file is read, or a
    /// [throttle](Self::throttle) is waited for, does not count. Sockets and servers ask in
    /// lumps of up to some megabytes: with 10 000 bytes a second, `grace` should be some minutes. A server that
    /// waits for its socket does not ask for more; it needs a time-out of its own to close the connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use letterhead::FileSender;
    ///
    /// let files = FileSender::new("src").unwrap().least_rate(20_000, Duration::from_secs(120));
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn least_rate(self, bytes_per_second: u64, grace: Duration) -> Self {
        // Longer than any download, and added to a clock without an overflow.
        let grace = grace.min(PATIENCE);
        self.with(|settings| settings.sending.least_rate = (bytes_per_second, grace))
    }

    /// Has files open for no more than `most` responses at once, of this sender and its clones. `None`: for as many as
    /// the process may have descriptors.
    ///
    /// By default the senders of a process share a half of its descriptors (the soft limit of `RLIMIT_NOFILE`, also if
    /// that is raised later). On HTTP/1 each such response has a connection beside its file, so the other half is what
    /// the connections need. A client of HTTP/2 that asks for much and takes nothing leaves others descriptors to
    /// connect with.
    ///
    /// Beyond it a request is answered as if the process had no descriptor left: 503 with `Retry-After: 1`, unless
    /// [`recovery`](Self::recovery) has it otherwise for `EMFILE`, and [`on_refusal`](Self::on_refusal)
    /// hears of it. Nobody waits: a client that downloads slowly may hold its file for hours. What is kept in memory is
    /// served all the same.
    ///
    /// A response has one file open while it is sent, and up to three while it is looked for. The
    /// [page](Self::error_page) of an error answer is read besides.
    #[must_use]
    pub fn open_files(self, most: impl Into<Option<usize>>) -> Self {
        let limit = most.into().map(OpenLimit::new);
        self.with(|settings| settings.sending.open_limit = limit)
    }
}
