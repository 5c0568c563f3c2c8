//! What a file sender is told: its root, and how what is beneath it is served.

use std::fmt;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use http::header::HeaderValue;

use super::counts::Counts;
use super::following::Following;
use super::refused::Refused;
use super::settings::Settings;
use super::shared::Shared;
use crate::answer::Coding;
use crate::sys::{Diagnosis, Recovery, Root};

/// Serves the files beneath a directory.
///
/// It is a tower service for `GET`, `HEAD` and `OPTIONS` whose error is `Infallible`, so it mounts in
/// axum with `nest_service` or `fallback_service`; [`send`](Self::send) is for handlers.
///
/// What a client sees:
///
/// - Status, length and validators are of the file that was opened, and its first bytes have been read
///   by the time they are told. A file that cannot be opened or read has a true status.
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
    /// If the root is one that is looked up anew.
    pub(super) following: Option<Arc<Following>>,
    /// How much of a large file is read before its head is told.
    pub(super) first: fn() -> usize,
}

/// What becomes of symbolic links.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Links {
    /// They are followed as long as they stay beneath the root. The default.
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
    /// told from one that was appended to.
    AllowGrowth,
}

impl FileSender {
    /// Bytes that are read at once: 256 KiB. A response has no more than that in memory, besides what
    /// the server keeps in its own queue.
    pub const CHUNK: usize = 256 * 1024;

    /// Bytes of small files, with their heads, that are kept in memory if nothing else is said: 64 MiB.
    pub const CACHE: u64 = 64 * 1024 * 1024;

    /// Bytes of chunks on their way to clients, if nothing else is said: 64 MiB.
    pub const BUFFERS: usize = 64 * 1024 * 1024;

    /// How old a file's last change has to be for the file to count as settled, if nothing else is
    /// said: 2 seconds.
    pub const SETTLE: Duration = Duration::from_secs(2);

    /// From this length on, in bytes, a response may be left to the kernel to send.
    pub(super) const SPAN: u64 = 64 * 1024;

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

    /// The file that is served for a directory; `index.html` by default. `None`: a directory is 404.
    #[must_use]
    pub fn index(self, name: Option<&str>) -> Self {
        let name = name.map(Into::into);
        self.with(|settings| settings.index = name)
    }

    /// The file that is served, with status 200, where there is nothing: for applications that do
    /// their own routing in the browser. Not for paths that can name nothing, like `/.git` or `/%00`.
    #[must_use]
    pub fn fallback(self, path: &str) -> Self {
        let path = Some(path.trim_start_matches('/').into());
        self.with(|settings| settings.fallback = path)
    }

    /// Serves names that begin with a dot, too; by default that is `/.well-known` alone (RFC 8615), as the
    /// first component below the root.
    #[must_use]
    pub fn hidden(self, served: bool) -> Self {
        self.with(|settings| settings.hidden = served)
    }

    /// Whether a directory that is asked for without a slash at its end is a redirection to the one
    /// with it (the default), or served as it is.
    ///
    /// Below a path in axum (`nest_service("/files", ..)`) the root itself looks the same with a slash
    /// and without, and is served as it is; redirect `/files` by a route of its own.
    #[must_use]
    pub fn slash(self, redirected: bool) -> Self {
        self.with(|settings| settings.slash = redirected)
    }

    /// What becomes of symbolic links; [`Links::Beneath`] by default.
    #[must_use]
    pub fn links(self, links: Links) -> Self {
        self.with(|settings| settings.links = links)
    }

    /// Serves `name.br`, `name.zst` or `name.gz` beside `name` to clients that take them, best first,
    /// each with a tag of its own. Every answer then has `Vary: accept-encoding`.
    #[must_use]
    pub fn precompressed(self, codings: impl IntoIterator<Item = Coding>) -> Self {
        let mut codings: Vec<Coding> = codings.into_iter().collect();
        if !codings.contains(&Coding::Identity) {
            codings.push(Coding::Identity);
        }
        self.with(|settings| settings.codings = codings)
    }

    /// The `Cache-Control` of files whose path below the root, with a `/` before it, matches `pattern`,
    /// in which `*` stands for any characters. The first pattern that matches counts.
    #[must_use]
    pub fn cache_control(self, pattern: &str, value: HeaderValue) -> Self {
        self.with(|settings| settings.cache_control.push((pattern.into(), value)))
    }

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
        self.with(|settings| settings.changes.push((pattern.into(), what)))
    }

    /// How old a file's last change, by its modification and its change time, has to be for the file to
    /// count as settled; [`SETTLE`](Self::SETTLE) by default. Below 2 seconds it is 2 seconds where times have no
    /// fractions.
    ///
    /// A younger file may be another one in a moment, with the same size and times. So it is sent with no
    /// `ETag`, no `Last-Modified` and no `Accept-Ranges`; a `Range` is ignored; and the response says
    /// `Cache-Control: no-cache`, unless a pattern says otherwise. For files that [only
    /// grow](OnChange::AllowGrowth) it has a weak tag, and ranges are answered.
    ///
    /// An older one that somebody has open for writing has a weak tag, against which no condition holds, and
    /// `no-cache`; ranges are answered. See [`Settled`](super::Settled).
    #[must_use]
    pub fn settle(self, age: Duration) -> Self {
        self.with(|settings| settings.settle = age)
    }

    /// How many bytes of small files are kept in memory, with their heads; [`CACHE`](Self::CACHE) by
    /// default, none with 0.
    ///
    /// A file is kept once it was read whole, if it is settled and no longer than a chunk or a sixteenth
    /// of this. Each request looks at the name again (one `fstatat`): what is kept is served only if the
    /// name has that very version, so a write that has returned is never missed but in the ways that
    /// are told at [`FileSender`]. Of files on filesystems that may be behind a network or a daemon
    /// nothing is kept, nor of what is mounted below the root.
    #[must_use]
    pub fn cache(self, bytes: u64) -> Self {
        self.with(|settings| settings.cache = bytes)
    }

    /// How many bytes of chunks may be on their way to clients; [`BUFFERS`](Self::BUFFERS) by default.
    /// Beyond that files are read in pieces of 32 KiB. What the server keeps in its own queue counts.
    #[must_use]
    pub fn buffers(self, bytes: usize) -> Self {
        self.with(|settings| settings.buffers = bytes)
    }

    /// How requests were answered so far, and what is kept: of this sender and its clones.
    #[must_use]
    pub fn counts(&self) -> Counts {
        match &self.following {
            None => self.settings.shared.counts(),
            Some(following) => following.last().shared.counts(),
        }
    }

    /// What is done about each error number.
    #[must_use]
    pub fn recovery(self, recovery: Recovery) -> Self {
        self.with(|settings| settings.recovery = recovery)
    }

    /// Calls `callback` with each refusal of the kernel and what was decided about it, with a
    /// diagnosis where it can be seen why; but not if it is just that there is no such name. It runs on a thread where
    /// blocking is allowed; but of [`Operation::Thread`](crate::Operation::Thread), where no such thread is to be had,
    /// it hears on one of the runtime's own.
    #[must_use]
    pub fn on_refusal(self, callback: impl Fn(&Refused) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_refusal = Some(Arc::new(callback)))
    }

    pub(super) fn with(mut self, change: impl FnOnce(&mut Settings)) -> Self {
        let settings = Arc::make_mut(&mut self.settings);
        change(settings);
        // What is kept was made by what was said before.
        settings.shared = Shared::new(settings.cache, settings.buffers, settings.freshness);
        self.following = self.following.map(|f| Arc::new(f.again(&self.settings)));
        self
    }
}

impl fmt::Debug for FileSender {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileSender").field("root", &self.settings.root).finish_non_exhaustive()
    }
}
