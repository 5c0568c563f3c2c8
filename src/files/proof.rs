//! Whether a file may be called settled: by its age, or because the kernel knows of no writer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::SystemTime;

use super::sender::FileSender;
use super::settings::Settings;
use super::source::{Name, Trouble, rule, rule_quietly};
use crate::sys::{Change, Decision, Handle, Obstacle, Place, Proof, Ruling, Stat, writer_there};

/// How a file comes to count as settled: with a strong tag, by which ranges are resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// By the age of its last change, see [`FileSender::settle`], if nobody has it open for writing then. The
    /// default.
    ///
    /// No age proves that no write is running: one `write` sets the time of the file when it begins, and may
    /// take any time. So the kernel is asked once for each version, before it has a strong tag, a digest, or a
    /// place in memory: by a read lease that is taken and given back at once (Linux). A writer that opens the
    /// file in that moment waits for some microseconds; one that opens it with `O_NONBLOCK` is refused with
    /// `EWOULDBLOCK`.
    ///
    /// The kernel can be asked for files that belong to the user of this process (or with
    /// `CAP_LEASE`), on local filesystems other than overlay. Where it cannot be, age counts alone, and
    /// [`Counts::by_age`](super::Counts::by_age) counts it. On tmpfs, whose times do not tell of every write, the
    /// reason is told to [`FileSender::on_refusal`] once.
    #[default]
    ByAge,
    /// As soon as the kernel says that nobody has it open for writing, however young it is.
    ///
    /// Files that are replaced by rename, or rewritten by a program that closes them, so have a strong
    /// tag from the moment they are whole. Where the kernel cannot be asked, age
    /// counts alone; the reason is told to [`FileSender::on_refusal`] once.
    ///
    /// Before Linux 6.13, and on filesystems other than ext4, xfs, btrfs and tmpfs, the last change has
    /// to be 20 ms old besides: the clock by which a later write is seen has to have moved on.
    Proved,
}

/// Obstacles that were reported, a bit for each.
#[derive(Debug, Default)]
pub(super) struct Told(AtomicU32);

impl FileSender {
    /// How a file comes to count as settled; [`Settled::ByAge`] by default.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    /// use letterhead::files::Settled;
    ///
    /// let files = FileSender::new("src").unwrap().settled(Settled::Proved);
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn settled(self, how: Settled) -> Self {
        self.with(|settings| settings.settled = how)
    }
}

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

/// Asks the kernel who has the file open for writing. It may block.
pub(super) fn writers(
    settings: &Settings,
    name: &Name,
    handle: &Handle,
    now: SystemTime,
) -> Result<Writers, Trouble> {
    let mut attempt = 0;
    loop {
        let (refusal, ruling, writers) = match handle.prove() {
            Proof::Proved(stat) => return proved(handle, &stat, now).map_err(Trouble::Changed),
            // That is an answer, and no news.
            Proof::WriterThere => {
                let refusal = writer_there();
                let ruling = rule_quietly(settings, &refusal, attempt, false);
                (refusal, ruling, Writers::There)
            }
            Proof::NotPossible(obstacle) => {
                let refusal = obstacle.refusal();
                let ruling =
                    if reports_obstacles(settings, handle) && settings.told.is_news(obstacle) {
                        rule(settings, name, &refusal, attempt, false)
                    } else {
                        rule_quietly(settings, &refusal, attempt, false)
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
    settings: &Settings,
    handle: &Handle,
    now: SystemTime,
) -> Option<Writers> {
    let (refusal, writers) = match handle.prove() {
        Proof::Proved(stat) => return proved(handle, &stat, now).ok(),
        Proof::WriterThere => (writer_there(), Writers::There),
        Proof::NotPossible(obstacle) => {
            if reports_obstacles(settings, handle) && !settings.told.has(obstacle) {
                return None;
            }
            (obstacle.refusal(), Writers::unknown(obstacle))
        }
    };
    is_passed_over(rule_quietly(settings, &refusal, 0, false)).then_some(writers)
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

/// Whether somebody has to know that the kernel cannot be asked: who asked for a proof, and who serves from a
/// filesystem whose times do not tell of every write.
fn reports_obstacles(settings: &Settings, handle: &Handle) -> bool {
    settings.settled == Settled::Proved || handle.place() == Place::Memory
}

impl Told {
    /// Whether it is told for the first time.
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
