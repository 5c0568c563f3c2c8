//! Which file a request is about: by its path, its index, its codings; opened, or kept from before.

use std::borrow::Cow;
use std::os::fd::OwnedFd;
use std::sync::Arc;
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use http::header::ACCEPT_ENCODING;
use http::{StatusCode, Uri};

use super::cache::{Cache, Looked, Ready};
use super::listing::Listing;
use super::look::{Look, Manner, Target};
use super::path::{FilePath, with_slash};
use super::sender::Links;
use super::source::{Name, rule};
use crate::answer::Coding;
use crate::sys::{Decision, Handle, Meaning, Moment, Opened, Place, Refusal, Ruling, duplicate};

/// How long it is remembered at most that a directory is behind a link: one that is put in its place is found then.
pub(super) const LINKS: Duration = Duration::from_secs(10);

/// Why there is no file.
pub(super) enum Miss {
    Nothing,
    Redirect(String),
    /// A directory and the names in it.
    Listed(Listing),
    Refused(Refusal, Ruling),
    NotAcceptable,
    /// That could only be told where waiting is allowed.
    Wait,
}

impl Miss {
    /// Whether what is there cannot be had for a reason of ours, perhaps just now.
    fn is_failure(&self) -> bool {
        match self {
            Self::Refused(_, ruling) => match ruling.decision() {
                Decision::Answer { status, .. } => status.is_server_error(),
                Decision::Retry { .. } | Decision::ReResolve | Decision::Next | Decision::Abort => {
                    true
                }
            },
            Self::Nothing
            | Self::Redirect(_)
            | Self::Listed(_)
            | Self::NotAcceptable
            | Self::Wait => false,
        }
    }
}

/// A file that was chosen, in which coding, and the name that it has without the ending of it.
pub(super) struct Chosen<'a> {
    pub(super) found: Found,
    pub(super) coding: Coding,
    pub(super) name: Cow<'a, [u8]>,
}

/// What a file is had from.
pub(super) enum Found {
    /// It was kept, and is the present version.
    Ready(Arc<Ready>),
    File(Name, Handle),
}

/// What a name leads to.
enum Named {
    Ready(Arc<Ready>),
    File(Handle),
    Directory,
}

impl Named {
    /// When it was changed last; of a directory that means nothing.
    fn modified(&self) -> Option<Moment> {
        match self {
            Self::Ready(ready) => Some(ready.stat.identity.mtime),
            Self::File(handle) => Some(handle.stat().identity.mtime),
            Self::Directory => None,
        }
    }
}

/// Whether a sibling is of the version that its file has. Ways of copying that keep times keep them to the
/// microsecond or the second, or set those of two files one after the other.
fn is_as_new(sibling: Option<Moment>, file: Option<Moment>) -> bool {
    const SLACK: i64 = 2;
    let with_slack =
        |moment: Moment| Moment { seconds: moment.seconds.saturating_add(SLACK), ..moment };
    sibling.map(with_slack) >= file
}

impl<'a> Look<'a> {
    /// Finds the file that the request is about.
    pub(super) fn choose(&mut self) -> Result<Chosen<'a>, Miss> {
        let want = self.want;
        let found = match &want.target {
            Target::Path(Some(path), uri) => self.by_path(path, uri.as_ref()),
            Target::Path(None, _) => Err(Miss::Nothing),
            Target::File(file, name) => return self.opened(file, name),
        };
        match (&self.settings.fallback, found) {
            // What can name nothing names no view of an application either.
            (Some(fallback), Err(Miss::Nothing))
                if matches!(self.want.target, Target::Path(Some(_), Some(_))) =>
            {
                self.file(fallback.as_bytes().to_vec())
            }
            (_, found) => found,
        }
    }

    /// What is kept, if anything may be: not of files that are elsewhere, where even a glance may take
    /// its time.
    pub(super) fn cache(&self) -> Option<&Cache> {
        let is_near = self.settings.root.place() != Place::Elsewhere;
        self.settings.shared.cache.as_ref().filter(|_| is_near)
    }

    /// A file that somebody else opened, looked at anew.
    fn opened(&mut self, file: &OwnedFd, name: &'a str) -> Result<Chosen<'a>, Miss> {
        if self.manner == Manner::Inline {
            return Err(Miss::Wait);
        }
        let word = || Name::Foreign(name.as_bytes().to_vec());
        self.take_leave(word)?;
        let opened = duplicate(file).and_then(Opened::of);
        match opened {
            Ok(Opened::File(handle)) => {
                let found = Found::File(word(), handle);
                let name = Cow::Borrowed(name.as_bytes());
                Ok(Chosen { found, coding: Coding::Identity, name })
            }
            Ok(Opened::Directory(_)) => Err(Miss::Nothing),
            Err(refusal) => {
                // Nothing leads to it but this descriptor: there is nothing to try.
                let ruling = rule(self.settings, &word(), &refusal, u32::MAX, false);
                Err(Miss::Refused(refusal, ruling))
            }
        }
    }

    fn by_path(&mut self, path: &'a FilePath, uri: Option<&Uri>) -> Result<Chosen<'a>, Miss> {
        let index = |look: &mut Self| {
            let found = match &look.settings.index {
                Some(index) => look.file(path.join(index.as_ref())),
                None => Err(Miss::Nothing),
            };
            match (found, uri) {
                (Err(Miss::Nothing), Some(uri)) if look.settings.listed > 0 => {
                    Err(look.list(path, uri))
                }
                (found, _) => found,
            }
        };
        // It is not opened itself: whoever may pass through a directory need not be able to list it.
        if path.is_directory() {
            return index(self);
        }
        match self.open(path.as_bytes(), Coding::Identity)? {
            Named::Directory => {
                if let Some(uri) = uri.filter(|_| self.settings.slash) {
                    return Err(Miss::Redirect(with_slash(uri.path(), uri.query())));
                }
                index(self)
            }
            plain @ (Named::File(_) | Named::Ready(_)) => {
                self.among(Cow::Borrowed(path.as_bytes()), plain)
            }
        }
    }

    /// What is answered for a directory without an index.
    fn list(&mut self, path: &FilePath, uri: &Uri) -> Miss {
        if self.manner == Manner::Inline {
            return Miss::Wait;
        }
        let directory = match self.resolve(path.as_bytes()) {
            Ok(Opened::Directory(directory)) => directory,
            Ok(Opened::File(_)) => return Miss::Nothing,
            Err(miss) => return miss,
        };
        match Listing::read(self.settings, path, &directory, uri) {
            Ok(listing) => Miss::Listed(listing),
            Err((refusal, ruling)) => Miss::Refused(refusal, ruling),
        }
    }

    fn file(&mut self, path: Vec<u8>) -> Result<Chosen<'a>, Miss> {
        match self.open(&path, Coding::Identity)? {
            Named::Directory => Err(Miss::Nothing),
            plain @ (Named::File(_) | Named::Ready(_)) => self.among(Cow::Owned(path), plain),
        }
    }

    /// The coding of a file that the client takes most gladly, of those that there are.
    fn among(&mut self, name: Cow<'a, [u8]>, plain: Named) -> Result<Chosen<'a>, Miss> {
        // Whoever says nothing of codings gets the plain bytes.
        if self.settings.codings.is_empty() || !self.want.asked.has(&ACCEPT_ENCODING) {
            return chosen(plain, Coding::Identity, None, name);
        }
        let modified = plain.modified();
        let mut failed = None;
        for coding in self.want.asked.ranked(&self.settings.codings) {
            let Some(ending) = ending(coding) else {
                return chosen(plain, coding, None, name);
            };
            let path = [name.as_ref(), ending].concat();
            match self.open(&path, coding) {
                // One that is older than what it is made of is of another version.
                Ok(sibling @ (Named::File(_) | Named::Ready(_)))
                    if self.settings.older_siblings || is_as_new(sibling.modified(), modified) =>
                {
                    return chosen(sibling, coding, Some(path), name);
                }
                Err(Miss::Wait) => return Err(Miss::Wait),
                Err(miss) if miss.is_failure() => failed = failed.or(Some(miss)),
                // One that is a directory or may not be read is as good as none.
                Ok(_) | Err(_) => {}
            }
        }
        // If nothing else will do, then it is not the client who asks for too much.
        Err(failed.unwrap_or(Miss::NotAcceptable))
    }

    /// What `path` leads to, to be sent in `coding`.
    fn open(&mut self, path: &[u8], coding: Coding) -> Result<Named, Miss> {
        match self.manner {
            Manner::Inline => self.open_inline(path, coding),
            Manner::Blocking => {
                let opened = self.resolve(path)?;
                self.remember_link(path);
                Ok(match opened {
                    Opened::File(handle) => Named::File(handle),
                    Opened::Directory(_) => Named::Directory,
                })
            }
        }
    }

    fn open_inline(&mut self, path: &[u8], coding: Coding) -> Result<Named, Miss> {
        let settings = self.settings;
        let root = &settings.root;
        if let Some(cache) = self.cache() {
            let (now, opened) = (self.want.now, self.want.takes_open());
            if let Some((ready, looked)) = cache.fresh(root, path, coding, now, opened) {
                if looked == Looked::Before {
                    self.settings.shared.counters.watched.add();
                }
                return Ok(Named::Ready(ready));
            }
            if cache.is_absent(root, path, self.want.now) {
                return Err(Miss::Nothing);
            }
        }
        if self.is_behind_link(path) {
            return Err(Miss::Wait);
        }
        self.take_leave(|| Name::Beneath(path.to_vec()))?;
        match root.resolve_cached(path, settings.how()) {
            Some(Opened::File(handle)) => Ok(Named::File(handle)),
            Some(Opened::Directory(_)) => Ok(Named::Directory),
            None => Err(Miss::Wait),
        }
    }

    /// Whether there is no use in asking the cache of the kernel for what is in this directory.
    fn is_behind_link(&self, path: &[u8]) -> bool {
        self.settings.root.caches_no_links()
            && directory(path).is_some_and(|at| self.settings.behind_links.has(&(at, self.term())))
    }

    /// Remembers that the way to this path, which was just followed, is one that the cache of the kernel does
    /// not have. It blocks.
    fn remember_link(&self, path: &[u8]) {
        if !self.settings.root.caches_no_links() || self.settings.links == Links::None {
            return;
        }
        let Some(at) = directory(path) else { return };
        if self.settings.root.pin_cached(at).is_err() {
            self.settings.behind_links.add(&(at, self.term()));
        }
    }

    /// Which time it is, in steps of [`LINKS`].
    fn term(&self) -> u64 {
        let since = self.want.now.duration_since(SystemTime::UNIX_EPOCH).unwrap_or_default();
        since.as_secs() / LINKS.as_secs()
    }

    /// Opens what `path` leads to. It blocks.
    fn resolve(&mut self, path: &[u8]) -> Result<Opened, Miss> {
        self.take_leave(|| Name::Beneath(path.to_vec()))?;
        loop {
            let refusal = match self.settings.root.resolve(path, self.settings.how()) {
                Ok(opened) => return Ok(opened),
                Err(refusal) => refusal,
            };
            let name = Name::Beneath(path.to_vec());
            let ruling = rule(self.settings, &name, &refusal, self.attempts, false);
            match ruling.decision() {
                Decision::Retry { after } => sleep(after),
                Decision::ReResolve | Decision::Next => {}
                // If it is there and the application says otherwise, then that is what it says.
                Decision::Answer { status: StatusCode::NOT_FOUND, retry_after: None }
                    if refusal.meaning() == Meaning::NotFound =>
                {
                    let how = self.settings.how();
                    if let Some(cache) = self.cache().filter(|_| {
                        refusal.is_absence() && self.settings.root.misses_nearby(path, how)
                    }) {
                        cache.keep_absent(self.settings, path, self.want.now);
                    }
                    return Err(Miss::Nothing);
                }
                Decision::Answer { status: StatusCode::FORBIDDEN, .. }
                    if self.settings.concealed =>
                {
                    return Err(Miss::Nothing);
                }
                Decision::Answer { .. } | Decision::Abort => {
                    return Err(Miss::Refused(refusal, ruling));
                }
            }
            self.attempts = self.attempts.saturating_add(1);
        }
    }
}

/// The directory that a path is in; the root itself is behind no link.
fn directory(path: &[u8]) -> Option<&[u8]> {
    let end = path.iter().rposition(|byte| *byte == b'/')?;
    path.get(..end)
}

/// A file, opened by `path`, or else by its name.
fn chosen(
    named: Named,
    coding: Coding,
    path: Option<Vec<u8>>,
    name: Cow<'_, [u8]>,
) -> Result<Chosen<'_>, Miss> {
    let found = match named {
        Named::Ready(ready) => Found::Ready(ready),
        Named::File(handle) => {
            Found::File(Name::Beneath(path.unwrap_or_else(|| name.to_vec())), handle)
        }
        Named::Directory => return Err(Miss::Nothing),
    };
    Ok(Chosen { found, coding, name })
}

/// What a name ends with in a coding; nothing, if it is in none.
pub(super) const fn ending(coding: Coding) -> Option<&'static [u8]> {
    match coding {
        Coding::Brotli => Some(b".br"),
        Coding::Zstd => Some(b".zst"),
        Coding::Gzip => Some(b".gz"),
        Coding::Identity => None,
    }
}
