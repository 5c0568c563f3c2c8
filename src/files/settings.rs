//! What a sender was told, as its requests read it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::HeaderValue;

use super::bound::Bound;
use super::digest::Known;
use super::proof::{Settled, Told};
use super::refused::Refused;
use super::remembered::Remembered;
use super::sender::{FileSender, Links, OnChange};
use super::shared::Shared;
use super::types::Disposition;
use super::watched::Freshness;
use crate::answer::Coding;
use crate::field::glob;
use crate::sys::{How, Recovery, Root, Symlinks};

/// Takes what was refused.
type OnRefusal = Arc<dyn Fn(&Refused) + Send + Sync>;

/// Everything that a sender was told.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and goes with each other")]
pub(super) struct Settings {
    pub(super) root: Arc<Root>,
    pub(super) index: Option<Box<str>>,
    pub(super) fallback: Option<Box<str>>,
    pub(super) hidden: bool,
    pub(super) slash: bool,
    /// In bytes a second; 0 is without.
    pub(super) throttle: u64,
    pub(super) least_rate: (u64, Duration),
    pub(super) bound: Option<Arc<Bound>>,
    pub(super) no_atime: bool,
    /// Whether what is forbidden counts as missing.
    pub(super) concealed: bool,
    pub(super) older_siblings: bool,
    /// How many names of a directory are listed.
    pub(super) listed: usize,
    pub(super) links: Links,
    pub(super) codings: Vec<Coding>,
    pub(super) cache_control: Vec<(Box<str>, HeaderValue)>,
    pub(super) changes: Vec<(Box<str>, OnChange)>,
    pub(super) settle: Duration,
    pub(super) settled: Settled,
    /// Obstacles to proofs that were reported.
    pub(super) told: Arc<Told>,
    /// Versions of which the kernel was asked who writes to them.
    pub(super) asked_of: Arc<Remembered>,
    /// Directories behind a link that the kernel does not follow in its cache, with the time by [`LINKS`].
    ///
    /// [`LINKS`]: super::choose::LINKS
    pub(super) behind_links: Arc<Remembered>,
    /// Whether no date of a file says when it was changed.
    pub(super) constant_dates: bool,
    /// How long after a change a client has to say which version it resumes; zero is not at all.
    pub(super) blind: Duration,
    /// Types by extension, in lower case.
    pub(super) types: Vec<(Box<str>, HeaderValue)>,
    /// The type of files of which none is known.
    pub(super) unknown: Option<HeaderValue>,
    pub(super) charsets: Vec<(Box<str>, Option<Box<str>>)>,
    pub(super) dispositions: Vec<(Box<str>, Disposition)>,
    /// Whether a hash in a name is believed.
    pub(super) immutable: bool,
    /// Up to which length there are digests.
    pub(super) digested: u64,
    /// Up to which length tags are of the content.
    pub(super) tagged: u64,
    pub(super) known: Arc<Known>,
    /// The page of each status.
    pub(super) pages: Vec<(StatusCode, Box<[u8]>)>,
    pub(super) recovery: Recovery,
    pub(super) on_refusal: Option<OnRefusal>,
    pub(super) freshness: Freshness,
    /// In bytes.
    pub(super) cache: u64,
    pub(super) buffers: usize,
    pub(super) shared: Arc<Shared>,
}

impl Settings {
    /// Every default.
    pub(super) fn of(root: Root) -> Self {
        Self {
            root: Arc::new(root),
            index: Some("index.html".into()),
            fallback: None,
            hidden: false,
            slash: true,
            throttle: 0,
            least_rate: (0, Duration::ZERO),
            bound: None,
            no_atime: false,
            concealed: false,
            older_siblings: false,
            listed: 0,
            links: Links::Beneath,
            codings: Vec::new(),
            cache_control: Vec::new(),
            changes: Vec::new(),
            settle: FileSender::SETTLE,
            settled: Settled::ByAge,
            told: Arc::default(),
            asked_of: Arc::default(),
            behind_links: Arc::default(),
            constant_dates: false,
            blind: Duration::ZERO,
            types: Vec::new(),
            unknown: Some(HeaderValue::from_static("application/octet-stream")),
            charsets: Vec::new(),
            dispositions: Vec::new(),
            immutable: false,
            digested: 0,
            tagged: 0,
            known: Arc::default(),
            pages: Vec::new(),
            recovery: Recovery::standard(),
            on_refusal: None,
            freshness: Freshness::Stat,
            cache: FileSender::CACHE,
            buffers: FileSender::BUFFERS,
            shared: Shared::new(FileSender::CACHE, FileSender::BUFFERS, Freshness::Stat),
        }
    }

    /// What becomes of a change of the file with this name.
    pub(super) fn on_change(&self, name: &[u8]) -> OnChange {
        first_match(&self.changes, name).copied().unwrap_or_default()
    }

    pub(super) fn how(&self) -> How {
        let symlinks = match self.links {
            Links::Beneath => Symlinks::Beneath,
            Links::None => Symlinks::None,
            Links::Follow => Symlinks::Follow,
        };
        How { symlinks, no_atime: self.no_atime }
    }
}

/// The first row whose pattern matches the path of a name below the root.
pub(super) fn first_match<'a, T>(rows: &'a [(Box<str>, T)], name: &[u8]) -> Option<&'a T> {
    if rows.is_empty() {
        return None;
    }
    let path = [b"/", name].concat();
    rows.iter().find(|row| glob::matches(row.0.as_bytes(), &path)).map(|row| &row.1)
}
