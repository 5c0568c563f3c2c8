//! Calls on the directory of a store, each made again and reported as the table of recovery has it.

use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::thread::sleep;
use std::time::Duration;

use tokio::sync::Semaphore;

use super::error::{Kind, StoreError};
use super::memory::Memory;
use super::notice::{Counts, Notice, count};
use super::sign::{KeyRing, Unsigned};
use crate::files::FileSender;
use crate::stream::Buffers;
use crate::sys::write::Disk;
use crate::sys::{Decision, Operation, Recovery, Refusal, Ruling};

/// How often one call is made again, whatever the table of recovery says.
const MOST_TRIES: u32 = 64;

/// How many tasks of a store may wait for locks at once. tokio has 512 threads that may block, and a reader
/// needs one for a moment.
const MOST_WAITING: usize = 32;

/// What an application chose.
#[derive(Clone)]
pub(super) struct Settings {
    pub(super) id: [u8; 16],
    pub(super) keys: KeyRing,
    pub(super) unsigned: Unsigned,
    pub(super) recovery: Recovery,
    /// How long a lock is waited for.
    pub(super) patience: Duration,
    /// The room for a head, in bytes, where it is not known yet.
    pub(super) room: usize,
    pub(super) verify: super::Verify,
    pub(super) writing: super::Writing,
    #[expect(clippy::type_complexity, reason = "it is the callback's type, once")]
    pub(super) on_notice: Option<Arc<dyn Fn(&Notice) + Send + Sync>>,
}

/// A directory that is worked on. Everything on it blocks.
pub(super) struct DiskOps<D: Disk> {
    pub(super) disk: Arc<D>,
    pub(super) settings: Settings,
    pub(super) memory: Arc<Memory>,
    pub(super) counts: Arc<Counts>,
    /// Whether it was reported that the kernel lacks the calls that were chosen.
    pub(super) without_reported: AtomicBool,
    /// Turns for those who may have to wait for a lock. Whoever has it may have been stopped, or be slow: that
    /// must not take the threads from readers, who wait for nobody.
    pub(super) turns: Arc<Semaphore>,
    pub(super) buffers: Arc<Buffers>,
}

/// A refusal for which nothing is tried again, and what was decided.
#[derive(Debug)]
pub(super) struct Failure {
    pub(super) refusal: Refusal,
    pub(super) ruling: Ruling,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            id: [0; 16],
            keys: KeyRing::new(),
            unsigned: Unsigned::Allowed,
            recovery: Recovery::standard(),
            patience: Duration::from_secs(10),
            room: 8192,
            verify: super::Verify::default(),
            writing: super::Writing::default(),
            on_notice: None,
        }
    }
}

impl<D: Disk> DiskOps<D> {
    pub(super) fn new(disk: D, settings: Settings) -> Self {
        let (memory, counts) = (Arc::default(), Arc::default());
        let (without_reported, turns) =
            (AtomicBool::new(false), Arc::new(Semaphore::new(MOST_WAITING)));
        let buffers = Buffers::new(FileSender::BUFFERS);
        Self { disk: Arc::new(disk), settings, memory, counts, without_reported, turns, buffers }
    }

    /// The same directory with other settings. What was believed by others is not remembered.
    pub(super) fn with(&self, settings: Settings) -> Self {
        let (disk, counts) = (Arc::clone(&self.disk), Arc::clone(&self.counts));
        let memory = Arc::new(self.memory.of_the_disk());
        let (turns, buffers) = (Arc::clone(&self.turns), Arc::clone(&self.buffers));
        Self {
            disk,
            settings,
            memory,
            counts,
            without_reported: AtomicBool::new(false),
            turns,
            buffers,
        }
    }

    /// Makes a call, again where the table of recovery has it so. What else it decides is the
    /// caller's to do.
    pub(super) fn attempt<T>(
        &self,
        name: &str,
        mut call: impl FnMut(&D) -> Result<T, Refusal>,
    ) -> Result<T, Failure> {
        let (mut attempt, mut last, mut tries) = (0, 0, 0);
        loop {
            let refusal = match call(&self.disk) {
                Ok(done) => return Ok(done),
                Err(refusal) => refusal,
            };
            if let Some(kind) = refusal.not_a_file() {
                self.reject(name, Kind::NotAFile(kind).into());
                let ruling = self.settings.recovery.judge(&refusal, u32::MAX, false);
                return Err(Failure { refusal, ruling });
            }
            // Tries are counted in a row of one kind.
            attempt = if refusal.raw_os_error() == last { attempt + 1 } else { 0 };
            last = refusal.raw_os_error();
            tries += 1;
            let allowed = if tries < MOST_TRIES { attempt } else { u32::MAX };
            let ruling = self.settings.recovery.judge(&refusal, allowed, false);
            let refusal = match ruling.decision() {
                Decision::Retry { .. } => refusal,
                Decision::ReResolve
                | Decision::Next
                | Decision::Answer { .. }
                | Decision::Abort => self.disk.diagnosed(refusal, name),
            };
            // That there is nothing of a name is an answer, not news.
            if last != libc::ENOENT {
                self.report_refused(name, &refusal, ruling);
            }
            match ruling.decision() {
                Decision::Retry { after } => sleep(after),
                Decision::ReResolve
                | Decision::Next
                | Decision::Answer { .. }
                | Decision::Abort => {
                    if refusal.operation() == Operation::Sync {
                        count(&self.counts.failed_syncs);
                    } else if refusal.operation() == Operation::SyncDirectory {
                        self.memory.doubt_names();
                    }
                    return Err(Failure { refusal, ruling });
                }
            }
        }
    }

    /// As [`attempt`](Self::attempt), where there is nothing else to be tried.
    pub(super) fn require<T>(
        &self,
        name: &str,
        call: impl FnMut(&D) -> Result<T, Refusal>,
    ) -> Result<T, StoreError> {
        self.attempt(name, call).map_err(|fault| self.end(fault))
    }

    /// The end of what began with a refusal: no other strategy is left.
    pub(super) fn end(&self, fault: Failure) -> StoreError {
        if let Some(kind) = fault.refusal.not_a_file() {
            return Kind::NotAFile(kind).into();
        }
        let ruling = match fault.ruling.decision() {
            Decision::Answer { .. } | Decision::Abort => fault.ruling,
            Decision::Retry { .. } | Decision::ReResolve | Decision::Next => {
                self.settings.recovery.judge(&fault.refusal, u32::MAX, false)
            }
        };
        StoreError::new(Kind::Refused(fault.refusal, ruling))
    }

    /// The end of what was refused, where nothing is tried again.
    pub(super) fn give_up(&self, name: &str, refusal: Refusal) -> StoreError {
        let refusal = self.disk.diagnosed(refusal, name);
        let ruling = self.settings.recovery.judge(&refusal, u32::MAX, false);
        self.report_refused(name, &refusal, ruling);
        StoreError::new(Kind::Refused(refusal, ruling))
    }

    fn report_refused(&self, name: &str, refusal: &Refusal, ruling: Ruling) {
        self.report(|| Notice::Refused {
            name: name.to_owned(),
            operation: refusal.operation(),
            errno: refusal.raw_os_error(),
            ruling,
            diagnosis: refusal.diagnosis().map(str::to_owned),
        });
    }

    /// Another writer kept the lock of a name for this long.
    pub(super) fn locked_out(&self, name: &str, waited: Duration) -> StoreError {
        self.report(|| Notice::Locked { name: name.to_owned(), waited });
        Kind::Locked(waited).into()
    }

    /// Calls the listener; a panic in it is caught.
    pub(super) fn report(&self, notice: impl FnOnce() -> Notice) {
        if let Some(callback) = &self.settings.on_notice {
            crate::caught::contained(|| callback(&notice()));
        }
    }

    /// Counts and tells that something was not believed.
    pub(super) fn reject(&self, name: &str, error: StoreError) -> StoreError {
        count(&self.counts.rejected);
        self.report(|| Notice::Rejected { name: name.to_owned(), error: error.clone() });
        error
    }
}

impl Failure {
    /// Whether the next strategy is to be tried.
    pub(super) fn is_next(&self) -> bool {
        self.ruling.decision() == Decision::Next
    }

    /// Whether the name is to be followed again.
    pub(super) fn is_stale(&self) -> bool {
        self.ruling.decision() == Decision::ReResolve
    }

    pub(super) fn errno(&self) -> i32 {
        self.refusal.raw_os_error()
    }
}

impl<D: Disk> std::fmt::Debug for DiskOps<D> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("DiskOps").finish_non_exhaustive()
    }
}
