//! The settings of a sender, in groups, as its requests read it.

use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;
use http::header::HeaderValue;

use super::admission::Admission;
use super::digest::Known;
use super::open_limit::OpenLimit;
use super::options::{BUFFERS, CACHE, Disposition, Freshness, Links, OnChange, SETTLE, Stability};
use super::os_errors::OsErrors;
use super::remembered::Remembered;
use super::shared::Shared;
use super::writers::Reported;
use super::young::Young;
use crate::answer::Coding;
use crate::field::glob;
use crate::sys::{How, Recovery, Root, Symlinks};

/// Every setting of a sender, and what its requests share.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) os_errors: Arc<OsErrors>,
    pub(super) lookup: Lookup,
    pub(super) fields: Fields,
    pub(super) versions: Versions,
    pub(super) sending: Sending,
    pub(super) memory: Memory,
    pub(super) errors: Errors,
    pub(super) learned: Arc<Learned>,
    pub(super) shared: Arc<Shared>,
    /// By which list files are admitted; `None`: every file is.
    pub(super) admission: Option<Arc<Admission>>,
}

/// What a path leads to.
#[derive(Clone)]
#[expect(clippy::struct_excessive_bools, reason = "each is an option, and goes with each other")]
pub(super) struct Lookup {
    pub(super) index: Option<Box<str>>,
    pub(super) fallback: Option<Box<str>>,
    pub(super) hidden: bool,
    pub(super) slash: bool,
    /// Whether pages are asked for without their ending.
    pub(super) clean_urls: bool,
    pub(super) links: Links,
    pub(super) no_atime: bool,
    pub(super) codings: Vec<Coding>,
    pub(super) older_siblings: bool,
    /// How many names of a directory are listed.
    pub(super) listed: usize,
}

/// Which fields go by a file's name.
#[derive(Clone)]
pub(super) struct Fields {
    /// Types by extension, in lower case.
    pub(super) types: Vec<(Box<str>, HeaderValue)>,
    /// The type of files of which none is known.
    pub(super) unknown: Option<HeaderValue>,
    pub(super) charsets: Vec<(Box<str>, Option<Box<str>>)>,
    pub(super) dispositions: Vec<(Box<str>, Disposition)>,
    pub(super) cache_control: Vec<(Box<str>, HeaderValue)>,
    /// Whether a hash in a name is believed.
    pub(super) immutable: bool,
}

/// What counts as a version of a file, and how it is known to a client.
#[derive(Clone)]
pub(super) struct Versions {
    pub(super) settle: Duration,
    pub(super) settled: Stability,
    /// Whether no date of a file says when it was changed.
    pub(super) constant_dates: bool,
    /// How long after a change a client has to say which version it resumes; zero is not at all.
    pub(super) blind: Duration,
    /// Up to which length there are digests.
    pub(super) digested: u64,
    /// Up to which length tags are of the content.
    pub(super) tagged: u64,
}

/// How files are sent.
#[derive(Clone)]
pub(super) struct Sending {
    pub(super) changes: Vec<(Box<str>, OnChange)>,
    /// In bytes a second; 0 is without.
    pub(super) throttle: u64,
    pub(super) least_rate: (u64, Duration),
    pub(super) open_limit: Option<Arc<OpenLimit>>,
}

/// What is kept in memory.
#[derive(Clone)]
pub(super) struct Memory {
    /// In bytes.
    pub(super) cache: u64,
    /// In bytes.
    pub(super) buffers: usize,
    pub(super) freshness: Freshness,
}

/// What a client gets in place of a file.
#[derive(Clone, Default)]
pub(super) struct Errors {
    /// Whether what is forbidden counts as missing.
    pub(super) concealed: bool,
    /// The page of each status.
    pub(super) pages: Vec<(StatusCode, Box<[u8]>)>,
}

/// What requests found out about files, whatever settings the sender was given since.
#[derive(Default)]
pub(super) struct Learned {
    /// Obstacles to proofs that were reported.
    pub(super) reported: Reported,
    /// Versions of which the kernel was asked who writes to them.
    pub(super) asked_of: Remembered,
    /// What was sent without validators.
    pub(super) young: Young,
    /// Directories behind a link that the kernel does not follow in its cache, with the time by [`LINKS`].
    ///
    /// [`LINKS`]: super::context::LINKS
    pub(super) behind_links: Remembered,
    pub(super) known: Arc<Known>,
}

impl Settings {
    /// Every default.
    pub(super) fn of(root: Root) -> Self {
        let (root, recovery) = (Arc::new(root), Recovery::standard());
        let memory = Memory::default();
        Self {
            os_errors: Arc::new(OsErrors { root, recovery, on_refusal: None }),
            lookup: Lookup::default(),
            fields: Fields::default(),
            versions: Versions::default(),
            sending: Sending::default(),
            shared: Shared::new(memory.cache, memory.buffers, memory.freshness),
            memory,
            errors: Errors::default(),
            learned: Arc::default(),
            admission: None,
        }
    }

    pub(super) fn root(&self) -> &Root {
        &self.os_errors.root
    }
}

impl Lookup {
    pub(super) fn how(&self) -> How {
        let symlinks = match self.links {
            Links::Beneath => Symlinks::Beneath,
            Links::None => Symlinks::None,
            Links::Follow => Symlinks::Follow,
        };
        How { symlinks, no_atime: self.no_atime }
    }
}

impl Sending {
    /// What becomes of a change of the file with this name.
    pub(super) fn on_change(&self, name: &[u8]) -> OnChange {
        first_match(&self.changes, name).copied().unwrap_or_default()
    }
}

impl Default for Sending {
    fn default() -> Self {
        Self {
            changes: Vec::new(),
            throttle: 0,
            least_rate: (0, Duration::ZERO),
            open_limit: Some(OpenLimit::of_process()),
        }
    }
}

impl Default for Lookup {
    fn default() -> Self {
        Self {
            index: Some("index.html".into()),
            fallback: None,
            hidden: false,
            slash: true,
            clean_urls: false,
            links: Links::Beneath,
            no_atime: false,
            codings: Vec::new(),
            older_siblings: false,
            listed: 0,
        }
    }
}

impl Default for Fields {
    fn default() -> Self {
        Self {
            types: Vec::new(),
            unknown: Some(HeaderValue::from_static("application/octet-stream")),
            charsets: Vec::new(),
            dispositions: Vec::new(),
            cache_control: Vec::new(),
            immutable: false,
        }
    }
}

impl Default for Versions {
    fn default() -> Self {
        Self {
            settle: SETTLE,
            settled: Stability::ByAge,
            constant_dates: false,
            blind: Duration::ZERO,
            digested: 0,
            tagged: 0,
        }
    }
}

impl Default for Memory {
    fn default() -> Self {
        Self { cache: CACHE, buffers: BUFFERS, freshness: Freshness::Stat }
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
