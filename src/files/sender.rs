//! The settings of a file sender: its root, and how what is beneath it is served.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use super::counts::Counts;
use super::options;
use super::root_reload::ReloadedRoot;
use super::settings::Settings;
use super::shared::Shared;
use crate::sys::{Diagnosis, Root};

mod errors;
mod fields;
mod lookup;
mod memory;
mod sending;
mod versions;

/// Serves the files beneath a directory.
///
/// It is a tower service for `GET`, `HEAD` and `OPTIONS` whose error is `Infallible`, so it mounts in
/// axum with `nest_service` or `fallback_service`; [`send`](Self::send) is for handlers.
///
/// What a client sees:
///
/// - Status, length and validators are of the file that was opened, and its first bytes have been read
///   when the head is sent. A file that cannot be opened or read has a true status.
/// - A file whose size or times tell of a write while it is sent breaks the response
///   off, and a broken body never ends cleanly; so does a rename or a new attribute of the file itself.
///   Replace files by renaming new ones over them: whoever has the old one open gets it to its end. What
///   a program writes through a shared mapping may not show in the file's times for a while, and is
///   then not seen here either.
/// - The tag goes by size and modification time, as nginx's does: files that are put in place with
///   another content, the same size and the same time have the same tag. Where the time is none (before 1990:
///   Nix, Bazel, buildpacks, npm) it goes by the content; [the guide](crate::guide::validators) says what comes of
///   each way of deploying.
/// - A file that was changed in the last [two seconds](FileSender::settle), or that somebody has open for writing, has no
///   strong tag.
/// - Conditions and ranges are answered as [`answer`](crate::answer) does.
/// - Nothing outside the root is served: a symbolic link may not lead out of it, and names that begin
///   with a dot are 404, as is whatever is no regular file.
///
/// Put a [`LetterheadLayer`](crate::LetterheadLayer) around it for receipts, and so that a failure
/// behind the first bytes is reported.
///
/// # Examples
///
/// ```
/// use http::Request;
/// use letterhead::FileSender;
/// use tower::ServiceExt;
///
/// # #[tokio::main]
/// # async fn main() {
/// let files = FileSender::new("src").unwrap();
/// let request = Request::get("/lib.rs").header("range", "bytes=0-2").body(()).unwrap();
/// let response = files.oneshot(request).await.unwrap();
/// assert_eq!(response.status(), 206);
/// assert_eq!(response.headers()["content-type"], "text/x-rust; charset=utf-8");
/// # }
/// ```
#[derive(Clone)]
pub struct FileSender {
    pub(super) settings: Arc<Settings>,
    /// If the root is one that is looked up again.
    pub(super) following: Option<Arc<ReloadedRoot>>,
    /// How much of a large file is read before its head is sent.
    pub(super) first: fn() -> usize,
}

impl FileSender {
    /// Bytes that are read at once: 256 KiB. A response has no more than that in memory, besides what
    /// the server keeps in its own queue.
    pub const CHUNK: usize = options::CHUNK;

    /// Bytes of small files, with their heads, that are kept in memory by default: 64 MiB.
    pub const CACHE: u64 = options::CACHE;

    /// Bytes of chunks on their way to clients by default: 64 MiB.
    pub const BUFFERS: usize = options::BUFFERS;

    /// How old a file's last change has to be for the file to count as settled, if nothing else is
    /// said: 2 seconds.
    pub const SETTLE: Duration = options::SETTLE;

    /// Up to this length, in bytes, the tag of a file whose date is none is made before its first response:
    /// 16 MiB, some 10 ms of reading if the processor has instructions for SHA-256, 80 ms if not.
    ///
    /// It goes for files that are dated before 1990, and for all with
    /// [`constant_dates`](Self::constant_dates). Of longer ones the digest is made in the background, two at a time,
    /// when the first client asks for them. Until it is there they have no tag and no date, a `Range` is ignored,
    /// and the response says `Cache-Control: no-cache` unless a pattern says otherwise.
    pub const CONTENT_TAG: u64 = options::CONTENT_TAG;

    /// Serves what is beneath `root`. The directory is opened here: whatever its name comes to mean
    /// later, this one is served, unless it is [followed](Self::following).
    ///
    /// # Errors
    ///
    /// The `io::Error` with which the directory could not be opened. Where it can be seen why (a directory on the
    /// way that may not be searched, a filter of system calls), that is in its text; it has the same
    /// [`kind`](io::Error::kind) then, and the error number is that of its source.
    pub fn new(root: impl AsRef<Path>) -> io::Result<Self> {
        let path = root.as_ref().as_os_str().as_encoded_bytes();
        let opened = Root::open(root.as_ref());
        let root = opened.map_err(|refusal| {
            let diagnosis = Diagnosis::of_root(&refusal, path);
            refusal.because(diagnosis.as_ref()).into_io()
        })?;
        let settings = Arc::new(Settings::of(root));
        Ok(Self { settings, following: None, first: || Self::CHUNK })
    }

    /// As [`new`](Self::new), but what `root` leads to is looked up again, at most once a second: for a link
    /// `current` that a deployment turns from one tree to the next.
    ///
    /// A request that begins a second after the turn, or later, is served from the new tree, and no request from
    /// both. A download that has begun goes on with the file that it has open. If the path leads nowhere for a
    /// while, the last tree stays, and [`on_refusal`](Self::on_refusal) hears of it, once a second at most.
    ///
    /// Turn the link by renaming a new one over it. What is beneath the root follows [`Links`](super::Links) as
    /// ever.
    ///
    /// # Errors
    ///
    /// The `io::Error` with which the directory could not be opened now.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// # let path = "src";
    /// // let path = "/srv/site/current";
    /// let files = FileSender::following(path)?;
    /// # let _ = files;
    /// # Ok(())
    /// # }
    /// ```
    pub fn following(root: impl AsRef<Path>) -> io::Result<Self> {
        let mut sender = Self::new(root.as_ref())?;
        sender.following = Some(Arc::new(ReloadedRoot::of(root.as_ref(), &sender.settings)));
        Ok(sender)
    }

    /// How requests were answered so far, and what is kept: of this sender and its clones.
    #[must_use]
    pub fn counts(&self) -> Counts {
        match &self.following {
            None => self.settings.shared.counts(),
            Some(following) => following.last().shared.counts(),
        }
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        change(settings);
        // What is kept was made by what was said before.
        settings.shared =
            Shared::new(settings.memory.cache, settings.memory.buffers, settings.memory.freshness);
        self.following = self.following.map(|f| Arc::new(f.again(&self.settings)));
        self
    }
}

impl fmt::Debug for FileSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSender").field("root", self.settings.root()).finish_non_exhaustive()
    }
}
