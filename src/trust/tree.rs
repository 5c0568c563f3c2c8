//! The files of a directory as a list, and as against one.

use std::collections::BTreeSet;
use std::error::Error as StdError;
use std::fmt;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;

use http::HeaderValue;

use super::difference::Difference;
use super::hash::{self, Digests};
use super::progress::{Meter, Progress};
use super::walk::{Found, FoundKind, walk};
use crate::manifest::{BLOCK, Entry, ListDraft, Manifest, flaw};

type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// The files of a directory, to be listed or held against a list.
///
/// A symbolic link to a file below the directory counts as a file, as for a [`FileSender`](crate::FileSender). The list itself
/// ([`NAME`](Self::NAME)) is left out. Files are read on as many threads as there are processors, in pieces of 256 KiB. All of this
/// blocks.
///
/// # Examples
///
/// ```
/// use std::time::{Duration, SystemTime};
///
/// use letterhead::trust::{ListDraft, Tree};
///
/// # fn main() -> Result<(), Box<dyn std::error::Error>> {
/// let year = SystemTime::now() + Duration::from_secs(365 * 86_400);
/// let draft = Tree::of("src/trust").draft(ListDraft::new("src", 1, year))?;
/// assert!(draft.entries().any(|(path, _)| path == "tree.rs"));
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct Tree {
    root: PathBuf,
    threads: usize,
    digests: Digests,
    has_types: bool,
    left_out: Vec<Box<str>>,
    on_progress: Option<OnProgress>,
}

/// Why a directory could not be listed: every file that is in the way, and why.
#[derive(Debug)]
pub struct TreeError(Vec<(Vec<u8>, String)>);

impl Tree {
    /// The name of the list, in the root of its tree.
    pub const NAME: &str = ".manifest.json";

    /// The files below this directory.
    #[must_use]
    pub fn of(root: impl AsRef<Path>) -> Self {
        let threads = thread::available_parallelism().map_or(1, usize::from);
        let digests = Digests { blocks_above: BLOCK, verity: false };
        let left_out = vec![format!("/{}", Self::NAME).into()];
        let root = root.as_ref().to_owned();
        Self { root, threads, digests, has_types: false, left_out, on_progress: None }
    }

    /// On how many threads files are read.
    #[must_use]
    pub fn threads(mut self, threads: usize) -> Self {
        self.threads = threads.max(1);
        self
    }

    /// Files that are longer than this have the digests of their [blocks](BLOCK) listed, so that a part of one can be checked
    /// without reading all of it. One block by default.
    #[must_use]
    pub const fn blocks_above(mut self, bytes: u64) -> Self {
        self.digests.blocks_above = bytes;
        self
    }

    /// Whether the digest of fs-verity is listed of each file: SHA-256 over blocks of 4096 bytes, without a salt, as `fsverity enable`
    /// seals it if nothing else is said. A sender on Linux need not read a file that is sealed so. Off by default.
    #[must_use]
    pub const fn verity(mut self, listed: bool) -> Self {
        self.digests.verity = listed;
        self
    }

    /// Whether the media type that goes by a file's name is pinned. Off by default: then the sender that serves it says which.
    #[must_use]
    pub const fn pin_types(mut self, pinned: bool) -> Self {
        self.has_types = pinned;
        self
    }

    /// Leaves out what matches this pattern, in which `*` is any number of bytes, also with a slash among them. A path has a slash
    /// in front.
    #[must_use]
    pub fn leave_out(mut self, pattern: &str) -> Self {
        self.left_out.push(pattern.into());
        self
    }

    /// Calls this now and then while files are read, on any of the threads.
    #[must_use]
    pub fn on_progress(mut self, callback: impl Fn(Progress) + Send + Sync + 'static) -> Self {
        self.on_progress = Some(Arc::new(callback));
        self
    }

    /// The draft with every file of the directory in it.
    ///
    /// # Errors
    ///
    /// Every name that a list cannot have, every link that leads nowhere, to a directory or out of the root, everything that is no
    /// file, and every file that cannot be read or is written to meanwhile. Nothing is left out silently.
    pub fn draft(&self, draft: ListDraft) -> Result<ListDraft, TreeError> {
        let (files, entries) = self.read().map_err(|error| self.failed(&error))?;
        let mut wrong = Vec::new();
        let mut made = draft;
        for found in files.iter().filter(|found| found.kind != FoundKind::File) {
            let text = match found.kind {
                FoundKind::Link => "wanted a link to a file below the root, found another",
                FoundKind::Other | FoundKind::File => "wanted a file, found something else",
            };
            wrong.push((found.path.clone(), text.to_owned()));
        }
        let regular = files.iter().filter(|found| found.kind == FoundKind::File);
        for (found, entry) in regular.zip(entries) {
            match (flaw(&found.path), entry) {
                (Some(flaw), _) => {
                    wrong.push((
                        found.path.clone(),
                        format!("wanted a name for a list, found {flaw}"),
                    ));
                }
                (None, Err(error)) => wrong.push((found.path.clone(), error.to_string())),
                (None, Ok(entry)) => {
                    let entry = self.with_type(&found.path, entry);
                    made = made.entry(&found.path, entry).map_err(|error| {
                        TreeError(vec![(found.path.clone(), error.to_string())])
                    })?;
                }
            }
        }
        if wrong.is_empty() { Ok(made) } else { Err(TreeError(wrong)) }
    }

    /// Every difference between the directory and a list, in the order of the paths; none, if there is none.
    ///
    /// # Errors
    ///
    /// If a directory cannot be read. A file that cannot be is a difference.
    pub fn differences(&self, manifest: &Manifest) -> Result<Vec<Difference>, TreeError> {
        let (files, entries) = self.read().map_err(|error| self.failed(&error))?;
        let mut entries = entries.into_iter();
        let (mut all, mut there) = (Vec::new(), BTreeSet::new());
        for found in &files {
            let entry = if found.kind == FoundKind::File { entries.next() } else { None };
            let path = std::str::from_utf8(&found.path).ok();
            let listed = path.and_then(|path| Some((path, manifest.get(path)?)));
            let Some((path, wanted)) = listed else {
                all.push(Difference::Extra(found.path.clone()));
                continue;
            };
            there.insert(path);
            all.extend(match entry {
                None => Some(Difference::Kind(path.to_owned())),
                Some(Err(error)) => {
                    Some(Difference::Unreadable(path.to_owned(), error.to_string()))
                }
                Some(Ok(found)) => Difference::of(path, wanted, &found),
            });
        }
        let missing = manifest.entries().filter(|(path, _)| !there.contains(path));
        all.extend(missing.map(|(path, _)| Difference::Missing(path.to_owned())));
        all.sort_by(|one, other| one.path().cmp(other.path()));
        Ok(all)
    }

    /// What is there, and the entry of each file of it.
    fn read(&self) -> io::Result<(Vec<Found>, Vec<io::Result<Entry>>)> {
        let found = walk(&self.root, &self.left_out)?;
        let files: Vec<_> = found.iter().filter(|found| found.kind == FoundKind::File).collect();
        let bytes = files.iter().map(|found| found.length).sum();
        let meter = Meter::new(files.len() as u64, bytes, self.on_progress.as_deref());
        let entries = hash::entries(&files, self.threads, self.digests, &meter);
        Ok((found, entries))
    }

    fn with_type(&self, path: &[u8], entry: Entry) -> Entry {
        if !self.has_types {
            return entry;
        }
        let guess = std::str::from_utf8(path)
            .ok()
            .and_then(|path| mime_guess::from_path(path).first_raw().map(HeaderValue::from_static));
        match guess {
            Some(media_type) => entry.with_type(media_type),
            None => entry,
        }
    }

    fn failed(&self, error: &io::Error) -> TreeError {
        TreeError(vec![(self.root.as_os_str().as_encoded_bytes().to_vec(), error.to_string())])
    }
}

impl fmt::Debug for Tree {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Tree").field("root", &self.root).finish_non_exhaustive()
    }
}

impl fmt::Display for TreeError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (at, (path, text)) in self.0.iter().enumerate() {
            let end = if at == 0 { "" } else { "\n" };
            write!(f, "{end}{}: {text}", path.escape_ascii())?;
        }
        Ok(())
    }
}

impl StdError for TreeError {}
