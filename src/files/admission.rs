//! The list by which files are admitted: which version of it is in force, and what was found out about files.

use std::ops::Range;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use http::{Extensions, HeaderValue, StatusCode};
use sha2::{Digest as _, Sha256};

use super::breakers::Breakers;
use super::counts::Counter;
use super::failed::Trouble;
use super::remembered::Remembered;
use crate::head::ErrorAnswer;
use crate::head::listed::{mark_list_version, use_list_versions};
use crate::sys::{How, Identity, Opened, Refusal, Root, Symlinks, detached, read_at};
use crate::trust::{
    BLOCK, Counted, Enforcement, Entry, Manifest, ManifestError, Mismatch, Notice, Reason,
    TreeGauges, Trust, count_event, load, set_gauges,
};

/// The longest list that is read.
const LONGEST: u64 = 64 << 20;

/// A list that is in force, with what was found out about the files of its tree.
pub(super) struct Admission {
    pub(super) trust: Arc<Trust>,
    pub(super) manifest: Manifest,
    pub(super) enforcement: Enforcement,
    pub(super) breakers: Breakers,
    /// Names that are there and not listed, and were reported.
    unlisted: Remembered,
    /// A list that was to come after this one, and why it did not.
    refused: Mutex<Option<ManifestError>>,
    /// Until then no notice about its expiry is due.
    quiet_until: SystemTime,
    /// The second since 1970 at which the next notice about its expiry is due.
    notice_due: AtomicU64,
    pub(super) counters: Arc<TrustCounters>,
}

/// What was found out, counted over all lists.
#[derive(Debug, Default)]
pub(super) struct TrustCounters {
    pub(super) admitted: Counter,
    /// Those of which the kernel had the digest.
    pub(super) sealed: Counter,
    pub(super) mismatches: Counter,
    pub(super) unlisted: Counter,
    pub(super) refused: Counter,
}

impl Admission {
    /// Takes the list of a tree at the start. It blocks.
    pub(super) fn begin(
        trust: Trust,
        enforcement: Enforcement,
        root: &Root,
    ) -> Result<Self, ManifestError> {
        use_list_versions();
        let trust = Arc::new(trust);
        let manifest = load(&trust, &read(root, trust.place())?, SystemTime::now(), None)?;
        Ok(Self::of(trust, enforcement, manifest, Arc::default()))
    }

    fn of(
        trust: Arc<Trust>,
        enforcement: Enforcement,
        manifest: Manifest,
        counters: Arc<TrustCounters>,
    ) -> Self {
        let quiet_until = manifest.expires().checked_sub(trust.warning_time());
        let quiet_until = quiet_until.unwrap_or(SystemTime::UNIX_EPOCH);
        Self {
            trust,
            manifest,
            enforcement,
            breakers: Breakers::default(),
            unlisted: Remembered::default(),
            refused: Mutex::default(),
            quiet_until,
            notice_due: AtomicU64::new(seconds(quiet_until)),
            counters,
        }
    }

    /// The list that is below this root now, if it may come after this one. It blocks.
    pub(super) fn next(&self, root: &Root) -> Result<Arc<Self>, ManifestError> {
        let bytes = read(root, self.trust.place())?;
        let manifest = load(&self.trust, &bytes, SystemTime::now(), Some(&self.manifest))?;
        let counters = Arc::clone(&self.counters);
        Ok(Arc::new(Self::of(Arc::clone(&self.trust), self.enforcement, manifest, counters)))
    }

    /// As [`next`](Self::next); why not is reported, once for each reason.
    pub(super) fn again(&self, root: &Root) -> Option<Arc<Self>> {
        match self.next(root) {
            Ok(next) => Some(next),
            Err(error) => {
                self.report_refused(error);
                None
            }
        }
    }

    pub(super) fn report_refused(&self, error: ManifestError) {
        let mut refused = self.refused.lock().unwrap_or_else(PoisonError::into_inner);
        if refused.as_ref() == Some(&error) {
            return;
        }
        *refused = Some(error.clone());
        drop(refused);
        self.counters.refused.add();
        self.count(Counted::Refused);
        self.notify(Notice::Refused(error));
    }

    /// Why the last list that was to come after this one was not taken, if there was one.
    pub(super) fn last_refused(&self) -> Option<ManifestError> {
        self.refused.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Reports that it is in force; in the place of the one before, if there was one.
    pub(super) fn loaded(&self, before: Option<&Self>) {
        if let Some(before) = before {
            before.breakers.retire();
        }
        self.count(Counted::Taken);
        self.measure();
        let (tree, version) = (self.manifest.tree().to_owned(), self.manifest.version());
        self.notify(Notice::Loaded { tree, version, files: self.manifest.len() });
    }

    /// Of two lists the one that a sender goes on with: with the same keys and options the one that is in force.
    pub(super) fn later<'a>(
        set: Option<&'a Arc<Self>>,
        in_force: Option<&'a Arc<Self>>,
    ) -> Option<&'a Arc<Self>> {
        let set = set?;
        let same = |other: &&Arc<Self>| Arc::ptr_eq(&set.trust, &other.trust);
        Some(in_force.filter(same).unwrap_or(set))
    }

    /// The answer to every request, if nothing of the tree is served.
    #[inline]
    pub(super) fn refuses_all(&self, now: SystemTime) -> Option<ErrorAnswer> {
        if now >= self.quiet_until {
            self.report_expiry(now);
        }
        if self.enforcement == Enforcement::Report {
            return None;
        }
        let is_over = self.trust.stops_on_expiry() && now >= self.manifest.expires();
        let most = self.trust.most_files().unwrap_or(usize::MAX);
        (is_over || self.breakers.count() >= most).then(|| self.unavailable())
    }

    /// Reports that the list expires soon or has expired, once each.
    #[cold]
    fn report_expiry(&self, now: SystemTime) {
        if seconds(now) < self.notice_due.load(Ordering::Relaxed) {
            return;
        }
        let at = self.manifest.expires();
        let is_over = now >= at;
        let next = if is_over { u64::MAX } else { seconds(at) };
        if self.notice_due.swap(next, Ordering::Relaxed) == next {
            return;
        }
        let is_served = !self.trust.stops_on_expiry() || self.enforcement == Enforcement::Report;
        self.notify(if is_over {
            Notice::Expired { at, is_served }
        } else {
            Notice::Expiring { at }
        });
    }

    pub(super) fn unavailable(&self) -> ErrorAnswer {
        ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(self.trust.pause())
    }

    /// Whether a file that is there counts as missing, as it is not listed.
    pub(super) fn hides(&self, path: &[u8]) -> bool {
        if self.manifest.shared(path).is_some() || self.trust.is_exempt(path) {
            return false;
        }
        self.counters.unlisted.add();
        self.count(Counted::Unlisted);
        if self.trust.is_heard() && !self.unlisted.has(&path) {
            self.unlisted.add(&path);
            self.notify(Notice::Unlisted { path: path.into() });
        }
        self.enforcement == Enforcement::Enforce
    }

    /// Whether no names of directories are listed: who asks would learn of names that are not in the list.
    pub(super) fn hides_lists(&self) -> bool {
        self.enforcement == Enforcement::Enforce
    }

    /// Whether an error page that was read is as it is listed.
    pub(super) fn takes_page(&self, path: &[u8], page: &[u8], version: Identity) -> bool {
        let Some(entry) = self.manifest.shared(path) else { return !self.hides(path) };
        let (length, sum) = (page.len() as u64, Sha256::digest(page).into());
        if (length, &sum) == (entry.length(), entry.sha256()) {
            return true;
        }
        let found = (length, Some(sum));
        self.mismatch(version, Mismatch::new(path, &entry, found, SystemTime::now()));
        self.enforcement == Enforcement::Report
    }

    /// Remembers a file that is not as it is listed, and reports it.
    pub(super) fn mismatch(&self, version: Identity, mismatch: Mismatch) {
        let before = self.breakers.count();
        let (is_news, mismatch) = self.breakers.add(version, mismatch);
        if !is_news {
            return;
        }
        self.counters.mismatches.add();
        self.count(Counted::Mismatch);
        self.measure();
        self.notify(Notice::Mismatch(mismatch));
        let (files, most) = (self.breakers.count(), self.trust.most_files());
        if most.is_some_and(|most| before < most && files >= most) {
            self.notify(Notice::Stopped { files });
        }
    }

    /// Forgets that a file was not as it is listed.
    pub(super) fn matches(&self, path: &[u8]) {
        if self.breakers.remove(path) {
            self.measure();
            self.notify(Notice::Recovered { path: path.into() });
        }
    }

    /// Has each file that was not as listed looked at again.
    pub(super) fn reset(&self) {
        self.breakers.clear();
        self.measure();
    }

    fn count(&self, what: Counted) {
        if self.trust.is_measured() {
            count_event(self.manifest.tree(), what);
        }
    }

    /// Gives the recorder of metrics the state of the tree.
    fn measure(&self) {
        if !self.trust.is_measured() {
            return;
        }
        let most = self.trust.most_files().unwrap_or(usize::MAX);
        let is_enforced = self.enforcement == Enforcement::Enforce;
        self.breakers.say_count(|open| {
            let (version, expires) = (self.manifest.version(), self.manifest.expires());
            let is_stopped = is_enforced && open >= most;
            set_gauges(self.manifest.tree(), TreeGauges { version, expires, open, is_stopped });
        });
    }

    /// Leaves its version with a response, for receipts.
    pub(super) fn mark(&self, extensions: &mut Extensions) {
        mark_list_version(extensions, self.manifest.version());
    }

    pub(super) fn version_value(&self) -> HeaderValue {
        HeaderValue::from(self.manifest.version())
    }

    /// Gives the operator a notice, on a thread that may wait.
    fn notify(&self, notice: Notice) {
        if self.trust.is_heard() {
            let trust = Arc::clone(&self.trust);
            detached(move || trust.notify(&notice));
        }
    }
}

/// Reads a list below a root. It blocks.
fn read(root: &Root, name: &str) -> Result<Vec<u8>, ManifestError> {
    let unreadable = |found: String| {
        let text = format!("wanted a manifest at `{}`, found {found}", name.escape_debug());
        ManifestError::new(Reason::Unreadable, text)
    };
    let refused = |refusal: &Refusal| {
        let text = format!("the manifest at `{}`: {refusal}", name.escape_debug());
        ManifestError::new(Reason::Unreadable, text)
    };
    let how = How { symlinks: Symlinks::Beneath, no_atime: false };
    let handle = match root.resolve(name.as_bytes(), how) {
        Ok(Opened::File(handle)) => handle,
        Ok(Opened::Directory(_)) => return Err(unreadable("a directory".to_owned())),
        Err(refusal) => return Err(refused(&refusal)),
    };
    let size = handle.stat().identity.size;
    if size > LONGEST {
        return Err(unreadable(format!("{size} bytes, more than {LONGEST}")));
    }
    let mut bytes = Vec::new();
    let mut piece = vec![0; super::options::CHUNK];
    // One that is longer now is not signed either.
    while (bytes.len() as u64) < size {
        let read = read_at(&handle, &mut piece, bytes.len() as u64)
            .map_err(|refusal| refused(&refusal))?;
        if read == 0 {
            break;
        }
        bytes.extend_from_slice(piece.get(..read).unwrap_or_default());
    }
    Ok(bytes)
}

fn seconds(time: SystemTime) -> u64 {
    time.duration_since(SystemTime::UNIX_EPOCH).unwrap_or(Duration::ZERO).as_secs()
}

/// The blocks of a file: none leaves that is not as it is listed.
pub(super) struct Checks {
    admission: Arc<Admission>,
    entry: Arc<Entry>,
    path: Box<[u8]>,
    /// The block that was checked last, and where it begins.
    block: Option<(u64, Bytes)>,
}

impl Checks {
    /// Of a file whose blocks are listed, or that has but one.
    pub(super) fn new(admission: &Arc<Admission>, entry: &Arc<Entry>, path: &[u8]) -> Self {
        let (admission, entry) = (Arc::clone(admission), Arc::clone(entry));
        Self { admission, entry, path: path.into(), block: None }
    }

    /// Bytes from the block at hand.
    pub(super) fn at(&self, offset: u64, wanted: usize) -> Option<Bytes> {
        let (start, block) = self.block.as_ref()?;
        let from = usize::try_from(offset.checked_sub(*start)?).ok()?;
        let to = from.saturating_add(wanted).min(block.len());
        (from < to).then(|| block.slice(from..to))
    }

    /// Which bytes are in the block of this one.
    pub(super) fn block_of(&self, offset: u64) -> Range<u64> {
        let start = offset - offset % BLOCK;
        start..start.saturating_add(BLOCK).min(self.entry.length())
    }

    /// Takes a block that was read, if it is as it is listed.
    pub(super) fn take(
        &mut self,
        start: u64,
        block: Bytes,
        version: Identity,
    ) -> Result<(), Trouble> {
        let at = start / BLOCK;
        let listed = usize::try_from(at).ok().and_then(|at| self.entry.blocks().get(at));
        // Of one that is a block long, or shorter, its own digest is that of the block.
        let is_whole = self.entry.blocks().is_empty() && self.entry.length() <= BLOCK;
        let wanted = if is_whole { Some(self.entry.sha256()) } else { listed };
        let found: [u8; 32] = Sha256::digest(&block).into();
        if wanted == Some(&found) {
            if start + block.len() as u64 == self.entry.length() {
                self.admission.matches(&self.path);
            }
            self.block = Some((start, block));
            return Ok(());
        }
        let length = block.len() as u64;
        let now = SystemTime::now();
        let mut mismatch = Mismatch::new(&self.path, &self.entry, (length, Some(found)), now);
        mismatch.wanted = (length, wanted.copied().unwrap_or_default());
        mismatch.block = Some(at);
        self.admission.mismatch(version, mismatch);
        Err(Trouble::Untrusted(self.admission.trust.pause()))
    }
}
