//! Who has a file open for writing, as far as the kernel can be asked.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::failed::Trouble;
use super::opened::OpenedFile;
use super::os_errors::OsErrors;
use crate::sys::{Change, Decision, Handle, Obstacle, Place, Proof, Ruling, Stat, writer_there};

/// How long an append is waited for whose time is there and whose bytes are not; the kernel has them
/// next to each other, unless it is very busy.
pub(super) const LOOKS: [Duration; 5] = [
    Duration::ZERO,
    Duration::from_millis(1),
    Duration::from_millis(2),
    Duration::from_millis(4),
    Duration::from_millis(8),
];

/// Obstacles that were reported, a bit for each.
#[derive(Debug, Default)]
pub(super) struct Reported(AtomicU32);

/// What is known of those who have a file open for writing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writers {
    /// There are none, and the next one shows in the file's times.
    None,
    /// There are none; but by the clock of the filesystem the next one may not show.
    NoneYet,
    There,
    /// The kernel could not be asked.
    Unknown {
        /// Nor could it be later.
        is_lasting: bool,
    },
}

impl Writers {
    const fn unknown(obstacle: Obstacle) -> Self {
        Self::Unknown {
            is_lasting: match obstacle {
                Obstacle::Kind | Obstacle::Filesystem | Obstacle::Owner | Obstacle::Writable => {
                    true
                }
                // There are none on this filesystem, or nowhere (`fs.leases-enable`).
                Obstacle::Errno(errno) if errno == libc::EINVAL => true,
                Obstacle::Shared | Obstacle::Errno(_) => false,
            },
        }
    }
}

/// Asks the kernel who has the file open for writing. If it cannot be asked, that is reported once for each kind of
/// obstacle, unless `reported` is none. It may block.
pub(super) fn writers(
    os_errors: &OsErrors,
    reported: Option<&Reported>,
    file: &OpenedFile,
    now: SystemTime,
) -> Result<Writers, Trouble> {
    let mut attempt = 0;
    loop {
        let (refusal, ruling, writers) = match file.handle.prove() {
            Proof::Proved(stat) => {
                return proved(&file.handle, &stat, now).map_err(Trouble::Changed);
            }
            // That is an answer, and no news.
            Proof::WriterThere => {
                let refusal = writer_there();
                let ruling = os_errors.decide_quietly(&refusal, attempt, false);
                (refusal, ruling, Writers::There)
            }
            Proof::NotPossible(obstacle) => {
                let refusal = obstacle.refusal();
                let ruling = if reported.is_some_and(|reported| reported.is_news(obstacle)) {
                    os_errors.decide(&file.name, &refusal, attempt, false)
                } else {
                    os_errors.decide_quietly(&refusal, attempt, false)
                };
                (refusal, ruling, Writers::unknown(obstacle))
            }
        };
        match ruling.decision() {
            Decision::Retry { after } => sleep(after),
            Decision::ReResolve | Decision::Next => return Ok(writers),
            Decision::Answer { .. } | Decision::Abort => {
                return Err(Trouble::Refused(refusal, ruling));
            }
        }
        attempt = attempt.saturating_add(1);
    }
}

/// As [`writers`], once and without waiting; `None`: ask where that is allowed.
pub(super) fn writers_at_once(
    os_errors: &OsErrors,
    reported: Option<&Reported>,
    handle: &Handle,
    now: SystemTime,
) -> Option<Writers> {
    let (refusal, writers) = match handle.prove() {
        Proof::Proved(stat) => return proved(handle, &stat, now).ok(),
        Proof::WriterThere => (writer_there(), Writers::There),
        Proof::NotPossible(obstacle) => {
            if reported.is_some_and(|reported| !reported.has(obstacle)) {
                return None;
            }
            (obstacle.refusal(), Writers::unknown(obstacle))
        }
    };
    is_passed_over(os_errors.decide_quietly(&refusal, 0, false)).then_some(writers)
}

/// What a look under a lease says.
fn proved(handle: &Handle, now: &Stat, time: SystemTime) -> Result<Writers, Change> {
    match now.since(handle.stat()) {
        Change::Same if handle.tells_later_writes(time) => Ok(Writers::None),
        Change::Same => Ok(Writers::NoneYet),
        change @ (Change::Explained
        | Change::Unexplained
        | Change::Grew
        | Change::Written
        | Change::Another) => Err(change),
    }
}

fn is_passed_over(ruling: Ruling) -> bool {
    matches!(ruling.decision(), Decision::Next | Decision::ReResolve)
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

impl Reported {
    /// Whether it is reported for the first time.
    fn is_news(&self, obstacle: Obstacle) -> bool {
        let bit = bit(obstacle);
        self.0.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }

    fn has(&self, obstacle: Obstacle) -> bool {
        self.0.load(Ordering::Relaxed) & bit(obstacle) != 0
    }
}

const fn bit(obstacle: Obstacle) -> u32 {
    match obstacle {
        Obstacle::Kind => 1,
        Obstacle::Filesystem => 2,
        Obstacle::Owner => 4,
        Obstacle::Shared => 8,
        Obstacle::Errno(_) => 16,
        Obstacle::Writable => 32,
    }
}
