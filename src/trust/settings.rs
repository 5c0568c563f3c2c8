//! Whose list is believed, and what becomes of files that are not as it says.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use http::HeaderName;

use super::notice::{Notice, contained_notice};
use super::tree::Tree;
use crate::field::glob;
use crate::manifest::Root;

type OnNotice = Arc<dyn Fn(&Notice) + Send + Sync>;

/// Whose list of a tree is believed, and what becomes of files that are not as it says; see
/// [`FileSender::manifest`](crate::FileSender::manifest).
///
/// # Examples
///
/// ```
/// use std::time::Duration;
///
/// use letterhead::trust::{OnExpiry, Root, Trust};
///
/// # fn settings(root_json: &[u8]) -> Result<Trust, letterhead::trust::ManifestError> {
/// let trust = Trust::new(Root::read(root_json)?)
///     .highest_seen("/var/lib/site/highest.json")
///     .exempt("/.well-known/acme-challenge/*")
///     .on_expiry(OnExpiry::Stop)
///     .stop_tree_after(10)
///     .on_notice(|notice| eprintln!("{notice}"));
/// # Ok(trust)
/// # }
/// ```
#[derive(Clone)]
pub struct Trust {
    pub(super) root: Root,
    name: Box<str>,
    pub(super) highest: Option<PathBuf>,
    expiry: Expiry,
    exempt: Vec<Box<str>>,
    stop_after: Option<usize>,
    retry_after: Duration,
    blocks_above: u64,
    version_field: Option<HeaderName>,
    pub(super) listeners: Listeners,
}

/// Who listens to what happens to the tree.
#[derive(Clone, Default)]
pub(super) struct Listeners {
    on_notice: Option<OnNotice>,
    /// Whether its state goes to the recorder of metrics.
    pub(super) measured: bool,
}

#[derive(Clone, Copy)]
struct Expiry {
    what: OnExpiry,
    warn_before: Duration,
}

/// What becomes of a tree when the time of its list is over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum OnExpiry {
    /// It is served on, as it is listed. A list whose time is over is never taken in place of another. The default.
    #[default]
    Serve,
    /// Nothing is served: 503. At the start [`FileSender::manifest`](crate::FileSender::manifest) refuses it.
    Stop,
}

/// What becomes of a file that is not as it is listed, or not listed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[non_exhaustive]
pub enum Enforcement {
    /// No byte of it leaves: 503 for one that is not as it is listed, 404 for one that is not listed.
    Enforce,
    /// It is served as if there were no list, and reported.
    Report,
}

impl Trust {
    /// What these keys sign, under [`Tree::NAME`] in the root of the tree.
    #[must_use]
    pub fn new(root: Root) -> Self {
        Self {
            root,
            name: Tree::NAME.into(),
            highest: None,
            expiry: Expiry {
                what: OnExpiry::default(),
                warn_before: Duration::from_secs(7 * 86_400),
            },
            exempt: Vec::new(),
            stop_after: None,
            retry_after: Duration::from_secs(60),
            blocks_above: 16 << 20,
            version_field: None,
            listeners: Listeners::default(),
        }
    }

    /// Where the list is, below the root of the tree. Under a name that begins with a dot nobody is sent it.
    #[must_use]
    pub fn name(mut self, path: &str) -> Self {
        self.name = path.trim_start_matches('/').into();
        self
    }

    /// The file in which the highest version that was seen is kept, so that an older list is refused after a restart too.
    /// Without it only a running sender knows. Whoever can change the tree must not be able to change this file.
    ///
    /// It is replaced by renaming, and is on the disk before the list is in force. Beside it there are files whose names end with
    /// `.lock` and, for a moment, `.new`. Several processes may use one, for one tree.
    #[must_use]
    pub fn highest_seen(mut self, file: impl AsRef<Path>) -> Self {
        self.highest = Some(file.as_ref().to_owned());
        self
    }

    /// What becomes of the tree when the time of its list is over; [`OnExpiry::Serve`] by default.
    #[must_use]
    pub const fn on_expiry(mut self, what: OnExpiry) -> Self {
        self.expiry.what = what;
        self
    }

    /// How long before that a [notice](Notice::Expiring) is given; a week by default.
    #[must_use]
    pub const fn warn_before(mut self, time: Duration) -> Self {
        self.expiry.warn_before = time;
        self
    }

    /// Serves what matches this pattern without looking at the list. `*` is any number of bytes, also with a slash among them, and a
    /// path has a slash in front. Whoever can write there can put there what they like.
    #[must_use]
    pub fn exempt(mut self, pattern: &str) -> Self {
        self.exempt.push(pattern.into());
        self
    }

    /// Serves nothing of the tree any more when so many different files are not as they are listed. Without it each is alone.
    #[must_use]
    pub const fn stop_tree_after(mut self, files: usize) -> Self {
        self.stop_after = Some(if files == 0 { 1 } else { files });
        self
    }

    /// What `Retry-After` says where something is not as it is listed; a minute by default.
    #[must_use]
    pub const fn retry_after(mut self, time: Duration) -> Self {
        self.retry_after = time;
        self
    }

    /// Files that are longer than this, and whose blocks are listed, are not read whole before their first byte leaves: each
    /// [block](super::BLOCK) is checked before it leaves, for each response. 16 MiB by default.
    #[must_use]
    pub const fn check_blocks_above(mut self, bytes: u64) -> Self {
        self.blocks_above = bytes;
        self
    }

    /// Sends the version of the list, by which a file was admitted, in this field of its responses; in none by default.
    #[must_use]
    pub fn version_field(mut self, name: HeaderName) -> Self {
        self.version_field = Some(name);
        self
    }

    /// Calls `callback` with what an operator has to know. It runs on a thread where blocking is allowed.
    #[must_use]
    pub fn on_notice(mut self, callback: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.listeners.on_notice = Some(Arc::new(callback));
        self
    }

    pub(crate) const fn field_of_version(&self) -> Option<&HeaderName> {
        self.version_field.as_ref()
    }

    pub(crate) fn place(&self) -> &str {
        &self.name
    }

    pub(crate) fn is_exempt(&self, path: &[u8]) -> bool {
        if self.exempt.is_empty() {
            return false;
        }
        let path = [b"/", path].concat();
        self.exempt.iter().any(|pattern| glob::matches(pattern.as_bytes(), &path))
    }

    pub(crate) const fn stops_on_expiry(&self) -> bool {
        matches!(self.expiry.what, OnExpiry::Stop)
    }

    pub(crate) const fn warning_time(&self) -> Duration {
        self.expiry.warn_before
    }

    pub(crate) const fn most_files(&self) -> Option<usize> {
        self.stop_after
    }

    pub(crate) const fn pause(&self) -> Duration {
        self.retry_after
    }

    pub(crate) const fn whole_up_to(&self) -> u64 {
        self.blocks_above
    }

    /// Tells the operator.
    pub(crate) fn notify(&self, notice: &Notice) {
        if let Some(callback) = &self.listeners.on_notice {
            contained_notice(callback.as_ref(), notice);
        }
    }

    pub(crate) const fn is_measured(&self) -> bool {
        self.listeners.measured
    }

    pub(crate) const fn is_heard(&self) -> bool {
        self.listeners.on_notice.is_some()
    }
}

impl fmt::Debug for Trust {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Trust")
            .field("root", &self.root.version())
            .field("name", &self.name)
            .field("highest_seen", &self.highest)
            .field("on_expiry", &self.expiry.what)
            .finish_non_exhaustive()
    }
}
