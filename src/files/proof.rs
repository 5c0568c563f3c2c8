//! Whether a file may be called settled: by its age, or because the kernel knows of no writer.

use std::sync::atomic::{AtomicU32, Ordering};
use std::thread::sleep;
use std::time::{Duration, SystemTime};

use super::sender::FileSender;
use super::settings::Settings;
use super::source::{Name, Trouble, rule, rule_quietly};
use crate::sys::{Change, Decision, Handle, Obstacle, Proof, Stat, writer_there};

/// How a file comes to count as settled: with a strong tag, by which ranges are resumed.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Settled {
    /// By the age of its last change; see [`FileSender::settle`]. The default.
    #[default]
    ByAge,
    /// By its age, or because the kernel says that nobody has it open for writing: a read lease that is
    /// taken and given back at once (Linux).
    ///
    /// Files that are replaced by rename, or rewritten by a program that closes them, so have a strong
    /// tag from the moment they are whole. A writer that opens the file in that moment waits for some
    /// microseconds, and hears nothing else of it.
    ///
    /// The kernel can be asked for files that belong to the user of this process (or with
    /// `CAP_LEASE`), on local filesystems other than overlay. Where it cannot be, or a writer is there,
    /// age counts alone; the reason is told to [`FileSender::on_refusal`] once.
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

/// How old the last change of a file is. Whoever sets the time of a file back does not set back when
/// that was done. A time in the future is no older than now.
pub(super) fn age(stat: &Stat, now: SystemTime) -> Duration {
    let latest = stat.identity.mtime.max(stat.identity.ctime).time();
    latest.and_then(|time| now.duration_since(time).ok()).unwrap_or_default()
}

/// Whether nobody has the file open for writing. It may block.
pub(super) fn is_proved(
    settings: &Settings,
    name: &Name,
    handle: &mut Handle,
    now: SystemTime,
) -> Result<bool, Trouble> {
    for attempt in 0.. {
        let (refusal, ruling) = match handle.prove() {
            Proof::Proved(stat) => {
                let change = stat.since(handle.stat());
                if change == Change::Same {
                    return Ok(handle.tells_later_writes(now));
                }
                return Err(Trouble::Changed(change));
            }
            // That is an answer, and no news.
            Proof::WriterThere => {
                let refusal = writer_there();
                let ruling = rule_quietly(settings, &refusal, attempt, false);
                (refusal, ruling)
            }
            Proof::NotPossible(obstacle) => {
                let refusal = obstacle.refusal();
                let ruling = if settings.told.is_news(obstacle) {
                    rule(settings, name, &refusal, attempt, false)
                } else {
                    rule_quietly(settings, &refusal, attempt, false)
                };
                (refusal, ruling)
            }
        };
        match ruling.decision() {
            Decision::Retry { after } => sleep(after),
            Decision::ReResolve | Decision::Next => break,
            Decision::Answer { .. } | Decision::Abort => {
                return Err(Trouble::Refused(refusal, ruling));
            }
        }
    }
    Ok(false)
}

impl Told {
    /// Whether it is told for the first time.
    fn is_news(&self, obstacle: Obstacle) -> bool {
        let bit = match obstacle {
            Obstacle::Kind => 1,
            Obstacle::Filesystem => 2,
            Obstacle::Owner => 4,
            Obstacle::Shared => 8,
            Obstacle::Errno(_) => 16,
        };
        self.0.fetch_or(bit, Ordering::Relaxed) & bit == 0
    }
}
