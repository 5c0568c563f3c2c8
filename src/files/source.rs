//! An open file that is being sent: read by position, and held against its first look after each read.

use std::sync::Arc;
use std::thread::sleep;

use bytes::Bytes;

use super::admission::Checks;
use super::counts::Counters;
use super::failed::Trouble;
use super::open_limit::OpenPermit;
use super::opened::Name;
use super::options::{CHUNK, OnChange};
use super::settings::Settings;
use super::writers::{LOOKS, confirmed, wants_asking};
use crate::stream::Buffer;
use crate::sys::{Change, Decision, Handle, Opened, Proof, Refusal, Stat, Tried, read_at};

/// One version of one file.
pub(super) struct Source {
    settings: Arc<Settings>,
    name: Name,
    pub(super) handle: Arc<Handle>,
    /// What the last look found that was good enough.
    pub(super) last_stat: Stat,
    pub(super) on_change: OnChange,
    /// Whether its times do not tell of every write: then nobody may have it open for writing behind a read.
    is_asked: bool,
    /// How often something was tried again since bytes were last had: a long transfer may meet more
    /// passing faults than one read may.
    attempts: u32,
    /// Given back when the file is closed.
    #[allow(dead_code, reason = "where the kernel sends no files, nobody else keeps one open")]
    pub(super) permit: Option<Arc<OpenPermit>>,
    /// How each block is checked before it leaves; `None`: what was to be known of the file is known.
    pub(super) checks: Option<Box<Checks>>,
}

impl Source {
    pub(super) fn new(
        settings: Arc<Settings>,
        name: Name,
        handle: Arc<Handle>,
        on_change: OnChange,
    ) -> Self {
        let last_stat = *handle.stat();
        Self {
            settings,
            name,
            handle,
            last_stat,
            on_change,
            is_asked: false,
            attempts: 0,
            permit: None,
            checks: None,
        }
    }

    /// The same, of a response whose tag is strong or not. Where times do not tell of every write, the kernel is asked
    /// about writers behind each read of one with a strong tag.
    pub(super) fn with_tag(mut self, is_strong: bool) -> Self {
        self.is_asked = is_strong && wants_asking(&self.handle);
        self
    }

    /// The same, with a permit to be open.
    pub(super) fn with_permit(self, permit: Option<OpenPermit>) -> Self {
        Self { permit: permit.map(Arc::new), ..self }
    }

    /// The same, with blocks that are checked.
    pub(super) fn with_checks(self, checks: Option<Box<Checks>>) -> Self {
        Self { checks, ..self }
    }

    /// What is counted of the sender.
    pub(super) fn counters(&self) -> &Counters {
        &self.settings.shared.counters
    }

    /// Reads from `offset` on, up to `wanted` bytes, all of them of the version that was opened. It
    /// blocks.
    ///
    /// With `committed` the head is out: then only what is proved to be the same version may follow.
    pub(super) fn read(
        &mut self,
        offset: u64,
        wanted: usize,
        committed: bool,
    ) -> Result<Bytes, Trouble> {
        let Some(checks) = &self.checks else {
            return self.read_version(offset, wanted, committed);
        };
        if let Some(bytes) = checks.at(offset, wanted) {
            return Ok(bytes);
        }
        let part = checks.block_of(offset);
        let size = usize::try_from(part.end.saturating_sub(part.start)).unwrap_or_default();
        let mut block = Vec::with_capacity(size);
        loop {
            let at = part.start.saturating_add(block.len() as u64);
            let left = usize::try_from(part.end.saturating_sub(at)).unwrap_or(usize::MAX);
            if left == 0 {
                break;
            }
            let bytes = self.read_version(at, left.min(CHUNK), committed)?;
            block.extend_from_slice(&bytes);
        }
        let version = self.last_stat.identity;
        let Some(checks) = &mut self.checks else { return Err(Trouble::Short) };
        checks.take(part.start, Bytes::from(block), version)?;
        checks.at(offset, wanted).ok_or(Trouble::Short)
    }

    /// Reads of the version that was opened, whatever is in it. It blocks.
    fn read_version(
        &mut self,
        offset: u64,
        wanted: usize,
        committed: bool,
    ) -> Result<Bytes, Trouble> {
        loop {
            let mut buffer = self.settings.shared.buffers.take(wanted);
            let refusal = match read_at(&self.handle, &mut buffer, offset) {
                Ok(read) => match self.look() {
                    Ok(now) => {
                        let now = if self.is_asked { confirmed(&self.handle, now)? } else { now };
                        self.attempts = 0;
                        let is_complete = read == buffer.len();
                        return self.judge(buffer, is_complete, now);
                    }
                    Err(refusal) => refusal,
                },
                Err(refusal) => refusal,
            };
            let os_errors = &self.settings.os_errors;
            let ruling = os_errors.decide(&self.name, &refusal, self.attempts, committed);
            self.attempts = self.attempts.saturating_add(1);
            match ruling.decision() {
                Decision::Retry { after } => sleep(after),
                // A plain read that may wait has no strategy behind it but to be made again.
                Decision::Next => {}
                Decision::ReResolve if matches!(self.name, Name::Foreign(_)) => {
                    let ruling = os_errors.decide(&self.name, &refusal, u32::MAX, committed);
                    return Err(Trouble::Refused(refusal, ruling));
                }
                Decision::ReResolve if self.resolve_again() => {}
                // What the path leads to now is another version: before the commit that one is
                // served, after it there is nothing to go on with.
                Decision::ReResolve => return Err(Trouble::Changed(Change::Another)),
                Decision::Answer { .. } | Decision::Abort => {
                    return Err(Trouble::Refused(refusal, ruling));
                }
            }
        }
    }

    /// As [`read`](Self::read), of what is in memory. `None`: ask on the blocking pool, also for
    /// what may be wrong.
    pub(super) fn try_read(&mut self, offset: u64, wanted: usize) -> Option<Bytes> {
        if let Some(checks) = &self.checks {
            return checks.at(offset, wanted);
        }
        let mut buffer = self.settings.shared.buffers.take(wanted);
        match self.handle.try_read_at(&mut buffer, offset) {
            Ok(Tried::Hit(read)) if read > 0 => buffer.truncate(read),
            Ok(Tried::Hit(_) | Tried::WouldBlock | Tried::Unsupported) | Err(_) => return None,
        }
        let now = Stat::of(&self.handle).ok()?;
        if self.is_asked
            && !matches!(self.handle.prove_again(), Proof::Proved(again) if again == now)
        {
            return None;
        }
        self.attempts = 0;
        self.judge(buffer, true, now).ok()
    }

    /// Looks at the file again. An append moves the time first and the size a moment later: of a log
    /// that is caught in between, a later look counts. It blocks.
    fn look(&self) -> Result<Stat, Refusal> {
        let mut now = Stat::of(&self.handle)?;
        for pause in LOOKS {
            let is_append = self.on_change == OnChange::AllowGrowth
                && now.identity.size == self.last_stat.identity.size
                && now.identity.mtime > self.last_stat.identity.mtime;
            if !is_append {
                break;
            }
            sleep(pause);
            now = Stat::of(&self.handle)?;
        }
        Ok(now)
    }

    /// The bytes, if they are of the version that was opened: only then may they leave.
    fn judge(&mut self, bytes: Buffer, complete: bool, now: Stat) -> Result<Bytes, Trouble> {
        match now.since(&self.last_stat) {
            // From here on it may not become shorter than this.
            Change::Grew if complete && self.on_change == OnChange::AllowGrowth => {
                self.last_stat = now;
                Ok(bytes.into_bytes())
            }
            // A chmod, a hard link, a name taken over by a rename: the bytes are the same.
            Change::Same | Change::Explained if complete => Ok(bytes.into_bytes()),
            Change::Same | Change::Explained => Err(Trouble::Short),
            change @ (Change::Unexplained | Change::Grew | Change::Written | Change::Another) => {
                Err(Trouble::Changed(change))
            }
        }
    }

    /// Follows the path again; `true` if it leads to the same version.
    fn resolve_again(&mut self) -> bool {
        let Name::Beneath(path) = &self.name else { return false };
        match self.settings.root().resolve(path, self.settings.lookup.how()) {
            Ok(Opened::File(handle)) if handle.stat().identity == self.last_stat.identity => {
                self.handle = Arc::new(handle);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }
}
