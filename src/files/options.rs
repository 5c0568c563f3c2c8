//! The choices that a sender has by name, and the sizes of what it reads, keeps and sends.

use std::time::Duration;

/// Bytes that are read at once.
pub(super) const CHUNK: usize = crate::stream::CHUNK;

/// Bytes that are read at once where a connection sends many responses by turns: what is read ahead of its turn is
/// gone from the processor's caches when it comes, and so many buffers are not used again.
pub(super) const TURN: usize = 64 * 1024;

/// Bytes of small files, with their heads, that are kept in memory by default.
pub(super) const CACHE: u64 = 64 * 1024 * 1024;

/// Bytes of chunks on their way to clients by default.
pub(super) const BUFFERS: usize = 64 * 1024 * 1024;

/// How old a file's last change has to be by default for the file to count as settled.
pub(super) const SETTLE: Duration = Duration::from_secs(2);

/// Up to this length, in bytes, the tag of a file without a date is made before its first response.
pub(super) const CONTENT_TAG: u64 = 16 * 1024 * 1024;

/// From this length on, in bytes, a response may be left to the kernel to send.
pub(super) const SPAN: u64 = 64 * 1024;

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Links {
    /// They are followed as long as they stay beneath the root. The default.
    ///
    /// An absolute one does so if its target begins with the path by which the root was opened, or with the root's own path
    /// without links: it is followed from the root on then, whatever that path has come to mean meanwhile.
    #[default]
    Beneath,
    /// A path with one in it is 403.
    None,
    /// They are followed wherever they lead. `..` in the path of a request is still refused.
    Follow,
}

/// What becomes of a response whose file changes while it is sent.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnChange {
    /// It is broken off. The default.
    #[default]
    Abort,
    /// It goes on, to the length that was promised, if the file has only become longer: for logs and
    /// whatever else is only ever appended to. A file that was rewritten and is longer now cannot be
    /// distinguished from one that was appended to.
    AllowGrowth,
}

/// How a file comes to count as settled: with a strong tag, by which ranges are resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Stability {
    /// By the age of its last change, see [`FileSender::settle`](crate::FileSender::settle), if nobody has it open for writing then. The
    /// default.
    ///
    /// No age proves that no write is running: one `write` sets the time of the file when it begins, and may
    /// take any time. So the kernel is asked once for each version, before it has a strong tag, a digest, or a
    /// place in memory: by a read lease that is taken and given back at once (Linux). A writer that opens the
    /// file in that moment waits for some microseconds; one that opens it with `O_NONBLOCK` is refused with
    /// `EWOULDBLOCK`.
    ///
    /// The kernel can be asked for files that belong to the user of this process (or with
    /// `CAP_LEASE`), on local filesystems other than overlay. Where it cannot be, age counts alone, and
    /// [`Counts::by_age`](crate::files::Counts::by_age) counts it. On tmpfs, whose times do not tell of every write, the
    /// reason goes to [`FileSender::on_refusal`](crate::FileSender::on_refusal) once.
    #[default]
    ByAge,
    /// As soon as the kernel says that nobody has it open for writing, however young it is.
    ///
    /// Files that are replaced by rename, or rewritten by a program that closes them, so have a strong
    /// tag from the moment they are whole. Where the kernel cannot be asked, age
    /// counts alone; the reason goes to [`FileSender::on_refusal`](crate::FileSender::on_refusal) once.
    ///
    /// Before Linux 6.13, and on filesystems other than ext4, xfs, btrfs and tmpfs, the last change has
    /// to be 20 ms old besides: the clock by which a later write is seen has to have moved on.
    Proved,
}

/// How what is kept in memory is known to be the present version.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Freshness {
    /// By one look at the name for each request. The default.
    #[default]
    Stat,
    /// By such a look no longer than `max_age` ago, since which the kernel has sent no event
    /// (inotify, Linux).
    ///
    /// It saves one system call for each request. The kernel tells of a change after it was made, mostly
    /// within a millisecond; until then, and in any case no longer than `max_age`, the old version may
    /// be served. Events shorten that age, and never take its place: what is written through a
    /// shared mapping sends no event, nor is what is mounted over a directory.
    ///
    /// Each file that is kept takes a watch, and each directory on the way to it. Where the kernel
    /// cannot tell (symbolic links on the way, an overlay, no watch left, directories that may be
    /// passed but not read), each request looks; each kind of reason goes to
    /// [`FileSender::on_refusal`](crate::FileSender::on_refusal) once, and [`Counts::unwatched`](crate::files::Counts::unwatched) counts them.
    Watched {
        /// How old a look may be. A second is a good value.
        max_age: Duration,
    },
}

/// Whether a browser shows a file or saves it (RFC 6266, section 4.2).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Disposition {
    /// It is shown, if it can be; the name is for when it is saved all the same.
    Inline,
    /// It is saved.
    Attachment,
}
