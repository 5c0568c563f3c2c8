//! An open file that is being sent: read by position, and held against its first look after each read.

use std::fmt;
use std::sync::Arc;
use std::thread::sleep;
use std::time::Duration;

use bytes::Bytes;

use super::bound::Leave;
use super::buffers::Buffer;
use super::counts::Counters;
use super::flight;
use super::refused::Refused;
use super::sender::OnChange;
use super::settings::Settings;
use crate::sys::{
    Change, Decision, Diagnosis, Handle, Obstacle, Opened, Operation, Place, Proof, Refusal,
    Ruling, Stat, Tried, read_at,
};

/// How long an append is waited for whose time is there and whose bytes are not; the kernel has them
/// next to each other, unless it is very busy.
const LOOKS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
];

/// One version of one file.
pub(super) struct Source {
    settings: Arc<Settings>,
    name: Name,
    pub(super) handle: Arc<Handle>,
    /// What the last look found that was good enough.
    pub(super) seen: Stat,
    pub(super) on_change: OnChange,
    /// Whether its times do not tell of every write: then nobody may have it open for writing behind a read.
    is_asked: bool,
    /// How often something was tried again since bytes were last had: a long transfer may meet more
    /// passing faults than one read may.
    attempts: u32,
    /// Given back when the file is closed.
    #[allow(dead_code, reason = "where the kernel sends no files, nobody else keeps one open")]
    pub(super) leave: Option<Arc<Leave>>,
}

/// What a file is called.
#[derive(Clone)]
pub(super) enum Name {
    /// The path that leads to it beneath the root.
    Beneath(Vec<u8>),
    /// A word for it: nothing leads to it but its descriptor.
    Foreign(Vec<u8>),
}

/// Why bytes could not be had.
#[derive(Debug)]
pub(super) enum Trouble {
    /// The file is another version now.
    Changed(Change),
    /// Its end comes earlier than its length says, and it has not changed: no file of a disk.
    Short,
    /// The kernel refused, and this was decided about it.
    Refused(Refusal, Ruling),
}

impl Source {
    pub(super) fn new(
        settings: Arc<Settings>,
        name: Name,
        handle: Arc<Handle>,
        on_change: OnChange,
    ) -> Self {
        let seen = *handle.stat();
        Self { settings, name, handle, seen, on_change, is_asked: false, attempts: 0, leave: None }
    }

    /// The same, of a response whose tag is strong or not. Where times do not tell of every write, the kernel is asked
    /// about writers behind each read of one with a strong tag.
    pub(super) fn with_tag(mut self, is_strong: bool) -> Self {
        self.is_asked = is_strong && wants_asking(&self.handle);
        self
    }

    /// The same, with leave to be open.
    pub(super) fn with_leave(self, leave: Option<Leave>) -> Self {
        Self { leave: leave.map(Arc::new), ..self }
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
            let ruling = rule(&self.settings, &self.name, &refusal, self.attempts, committed);
            self.attempts = self.attempts.saturating_add(1);
            match ruling.decision() {
                Decision::Retry { after } => sleep(after),
                // A plain read that may wait has no strategy behind it but to be made again.
                Decision::Next => {}
                Decision::ReResolve if matches!(self.name, Name::Foreign(_)) => {
                    let ruling = rule(&self.settings, &self.name, &refusal, u32::MAX, committed);
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

    /// As [`read`](Self::read), of what is in memory. `None`: ask where waiting is allowed, also for
    /// what may be wrong.
    pub(super) fn try_read(&mut self, offset: u64, wanted: usize) -> Option<Bytes> {
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
                && now.identity.size == self.seen.identity.size
                && now.identity.mtime > self.seen.identity.mtime;
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
        match now.since(&self.seen) {
            // From here on it may not become shorter than this.
            Change::Grew if complete && self.on_change == OnChange::AllowGrowth => {
                self.seen = now;
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

    /// Follows the path anew; `true` if it leads to the same version.
    fn resolve_again(&mut self) -> bool {
        let Name::Beneath(path) = &self.name else { return false };
        match self.settings.root.resolve(path, self.settings.how()) {
            Ok(Opened::File(handle)) if handle.stat().identity == self.seen.identity => {
                self.handle = Arc::new(handle);
                true
            }
            Ok(_) | Err(_) => false,
        }
    }
}

/// Whether the times of a file do not tell of every write, by what it is on: tmpfs punches a hole before it moves them.
pub(super) fn wants_asking(handle: &Handle) -> bool {
    handle.place() == Place::Memory
}

/// A look behind bytes that were read, under a lease if it is to be had: with none that a writer holds off, the times
/// tell of whatever was written. It blocks.
pub(super) fn confirmed(handle: &Handle, now: Stat) -> Result<Stat, Trouble> {
    let mut is_there = false;
    for pause in LOOKS {
        match handle.prove_again() {
            Proof::Proved(again) => return Ok(again),
            // Mostly it has opened the file, and is about to close it.
            Proof::WriterThere => is_there = true,
            // Another thread asked at the same time.
            Proof::NotPossible(Obstacle::Shared) => is_there = false,
            Proof::NotPossible(
                Obstacle::Kind
                | Obstacle::Filesystem
                | Obstacle::Owner
                | Obstacle::Writable
                | Obstacle::Errno(_),
            ) => return Ok(now),
        }
        sleep(pause);
    }
    if is_there { Err(Trouble::Changed(Change::Unexplained)) } else { Ok(now) }
}

/// Decides about a refusal, and tells whoever wants to know.
pub(super) fn rule(
    settings: &Settings,
    name: &Name,
    refusal: &Refusal,
    attempt: u32,
    committed: bool,
) -> Ruling {
    let ruling = rule_quietly(settings, refusal, attempt, committed);
    // That there is no such name is an answer, and the most common one; but not of the root.
    let is_news = refusal.operation() == Operation::Open
        || !matches!(refusal.raw_os_error(), libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG);
    if let Some(callback) = settings.on_refusal.as_ref().filter(|_| is_news) {
        let diagnosis = || match (name, refusal.operation()) {
            (Name::Beneath(path), _) => Diagnosis::of(refusal, &settings.root, path),
            // The root's own path.
            (Name::Foreign(path), Operation::Open) => Diagnosis::of_root(refusal, path),
            (Name::Foreign(_), _) => Diagnosis::of_process(refusal),
        };
        let diagnosis = match refusal.diagnosis() {
            Some(known) => Some(known.to_owned()),
            None => diagnosis().map(|diagnosis| diagnosis.to_string()),
        };
        let (Name::Beneath(path) | Name::Foreign(path)) = name;
        let refused = Refused::new(path, refusal, ruling, diagnosis);
        flight::land();
        crate::caught::contained(|| callback(&refused));
    }
    ruling
}

/// Decides about a refusal.
pub(super) fn rule_quietly(
    settings: &Settings,
    refusal: &Refusal,
    attempt: u32,
    committed: bool,
) -> Ruling {
    settings.recovery.judge(refusal, attempt, committed)
}

impl fmt::Display for Trouble {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Changed(change) => write!(
                f,
                "wanted the rest of the version that was opened, found {}",
                match change {
                    Change::Same | Change::Explained => "it",
                    Change::Unexplained => "a change that nothing explains",
                    Change::Grew => "a longer file",
                    Change::Written => "a file that was written to",
                    Change::Another => "another file",
                }
            ),
            Self::Short => f.write_str("wanted as many bytes as the file has, found fewer"),
            Self::Refused(refusal, ruling) => write!(f, "{refusal}: {ruling}"),
        }
    }
}

impl std::error::Error for Trouble {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match self {
            Self::Changed(_) | Self::Short => None,
            Self::Refused(refusal, _) => Some(refusal),
        }
    }
}
