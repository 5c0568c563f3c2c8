//! Writes and the sync behind them asked for at once (`io_uring`), each linked to the one before it.
#![allow(unsafe_code, reason = "the kernel is given addresses of bytes, and uses them later")]

use std::io;
use std::os::fd::{AsRawFd as _, BorrowedFd};
use std::sync::atomic::{AtomicI32, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use io_uring::squeue::{Entry, Flags};
use io_uring::types::{Fd, FsyncFlags};
use io_uring::{IoUring, Probe, opcode};

use super::{Chain, Flush};

/// Entries of a ring: a payload, a head twice in two stretches each, and a sync fit.
const ENTRIES: u32 = 8;

/// Rings that are kept for whoever comes next; more are made while more are in use.
const MOST_IDLE: usize = 8;

/// The kernel has been asked, and has what is needed.
const THERE: i32 = -1;

/// How often a submission is tried that a signal came before.
const MOST_TRIES: u32 = 32;

/// The kernel takes no more of one write at once, and says how much it took.
const MOST_AT_ONCE: u32 = 1 << 30;

/// `IORING_ENTER_GETEVENTS`.
const GET_EVENTS: u32 = 1;

/// The rings of a directory. One is in one thread's hands at a time.
#[derive(Default)]
pub(super) struct Rings {
    idle: Mutex<Vec<IoUring>>,
    /// What is known of them: 0 nothing yet, -1 that they are there, else the error number that says why
    /// there are none.
    known: AtomicI32,
}

impl Rings {
    /// Asks for a chain, and waits for all of what it asked for: nothing of it is in the kernel's hands
    /// behind this. What the kernel said of each link; where there is no ring to ask with, why.
    pub(super) fn run(&self, file: BorrowedFd<'_>, chain: &Chain<'_>) -> Result<Vec<i32>, i32> {
        let mut ring = self.take()?;
        let (answers, errno) = ask(&mut ring, file, chain);
        match errno {
            None => self.idle().push_bounded(ring),
            // What it did not take is still in the ring, which goes with it.
            Some(errno) => self.remember(errno),
        }
        match errno {
            Some(errno) if answers.iter().all(|answer| *answer == -libc::ECANCELED) => Err(errno),
            _ => Ok(answers),
        }
    }

    fn idle(&self) -> MutexGuard<'_, Vec<IoUring>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn take(&self) -> Result<IoUring, i32> {
        if let Some(ring) = self.idle().pop() {
            return Ok(ring);
        }
        let known = self.known.load(Ordering::Relaxed);
        if known > 0 {
            return Err(known);
        }
        let ring = made(known == THERE).inspect_err(|errno| self.remember(*errno))?;
        self.known.store(THERE, Ordering::Relaxed);
        Ok(ring)
    }

    /// Nothing is asked for again that this kernel, this process or this filter of calls will not have.
    /// For what may pass (memory, descriptors) it is tried once more another time.
    fn remember(&self, errno: i32) {
        if matches!(errno, libc::ENOSYS | libc::EPERM | libc::EACCES | libc::EINVAL) {
            self.known.store(errno, Ordering::Relaxed);
            self.idle().clear();
        }
    }
}

trait PushBounded {
    fn push_bounded(self, ring: IoUring);
}

impl PushBounded for MutexGuard<'_, Vec<IoUring>> {
    fn push_bounded(mut self, ring: IoUring) {
        if self.len() < MOST_IDLE {
            self.push(ring);
        }
    }
}

/// A ring of a kernel that says that it has what is needed, or was asked before.
fn made(known: bool) -> Result<IoUring, i32> {
    let number = |error: io::Error| error.raw_os_error().unwrap_or(libc::EIO);
    let ring = IoUring::new(ENTRIES).map_err(number)?;
    if known {
        return Ok(ring);
    }
    let mut probe = Probe::new();
    ring.submitter().register_probe(&mut probe).map_err(number)?;
    let has = |code| probe.is_supported(code);
    if has(opcode::Write::CODE) && has(opcode::Fsync::CODE) { Ok(ring) } else { Err(libc::ENOSYS) }
}

/// As many of a chain's links as fit into a ring; the sync is one only if all writes are.
fn links(file: BorrowedFd<'_>, chain: &Chain<'_>) -> Vec<Entry> {
    let file = Fd(file.as_raw_fd());
    let room = ENTRIES as usize - 1;
    let mut links: Vec<Entry> = chain
        .writes()
        .iter()
        .take(room)
        .map(|(bytes, offset)| {
            let length = u32::try_from(bytes.len());
            let length = length.map_or(MOST_AT_ONCE, |length| length.min(MOST_AT_ONCE));
            opcode::Write::new(file, bytes.as_ptr(), length).offset(*offset).build()
        })
        .collect();
    if chain.writes().len() <= room {
        links.extend(
            sync_flags(chain.flush()).map(|flags| opcode::Fsync::new(file).flags(flags).build()),
        );
    }
    let last = links.len().saturating_sub(1);
    let linked = |(nth, link): (usize, Entry)| {
        let flags = if nth < last { Flags::IO_LINK } else { Flags::empty() };
        link.flags(flags).user_data(nth as u64)
    };
    links.into_iter().enumerate().map(linked).collect()
}

/// How a file is synced, if it is.
const fn sync_flags(flush: Flush) -> Option<FsyncFlags> {
    match flush {
        Flush::Nothing => None,
        Flush::Data => Some(FsyncFlags::DATASYNC),
        Flush::All => Some(FsyncFlags::empty()),
    }
}

/// Submits until the kernel has taken something, or has refused: a signal that came before is neither. What it said,
/// and how many entries it took.
fn entered(mut submit: impl FnMut() -> (io::Result<usize>, usize)) -> (io::Result<usize>, usize) {
    let (mut said, mut taken) = submit();
    for _ in 1..MOST_TRIES {
        let is_interrupted = |error: &io::Error| error.kind() == io::ErrorKind::Interrupted;
        if taken > 0 || !said.as_ref().is_err_and(is_interrupted) {
            break;
        }
        (said, taken) = submit();
    }
    (said, taken)
}

/// Submits entries in one call, and waits until the kernel has answered for each that it took. What it
/// said, and why it did not take all of them: such a ring is not to be used again, since what is left
/// in it would no longer be linked to what it stands behind.
///
/// The kernel reads the bytes of the chain until it has answered. They are borrowed until this returns, and it
/// does not return before, nor does it panic.
fn ask(ring: &mut IoUring, file: BorrowedFd<'_>, chain: &Chain<'_>) -> (Vec<i32>, Option<i32>) {
    let entries = links(file, chain);
    let mut answers = vec![-libc::ECANCELED; entries.len()];
    // SAFETY: file and bytes are borrowed until this returns, which is behind the last answer.
    let pushed = unsafe { ring.submission().push_multiple(&entries) };
    if pushed.is_err() {
        return (answers, Some(libc::EBUSY));
    }
    let (entered, taken) = entered(|| {
        let entered = ring.submit_and_wait(entries.len());
        // What counts is what it took, whatever it says.
        (entered, entries.len().saturating_sub(ring.submission().len()))
    });
    let mut left = taken;
    loop {
        for answer in ring.completion() {
            let nth = usize::try_from(answer.user_data()).unwrap_or(usize::MAX);
            if let Some(place) = answers.get_mut(nth) {
                *place = answer.result();
            }
            left = left.saturating_sub(1);
        }
        let Some(wanted) = u32::try_from(left).ok().filter(|left| *left > 0) else { break };
        let (submitter, signals) = (ring.submitter(), None::<&libc::sigset_t>);
        // SAFETY: no entry is handed over, and no signal mask.
        let waited = unsafe { submitter.enter(0, wanted, GET_EVENTS, signals) };
        if waited.is_err_and(|error| error.kind() != io::ErrorKind::Interrupted) {
            // It may not be waited for, but it has to be: the kernel has our addresses.
            std::thread::sleep(Duration::from_millis(1));
        }
    }
    if taken == entries.len() {
        return (answers, None);
    }
    let errno = entered.err().and_then(|error| error.raw_os_error());
    (answers, Some(errno.unwrap_or(libc::EAGAIN)))
}

impl std::fmt::Debug for Rings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Rings").finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use std::fs::File;
    use std::os::fd::AsFd as _;

    use super::*;
    use crate::skip;
    use crate::sys::tests::{Scratch, denied::deny};

    /// Rings, and a file with content; `None`, said aloud, where there are none to be had.
    fn rings() -> Option<(Rings, Scratch, File)> {
        if let Err(error) = IoUring::new(1) {
            skip::place(format_args!("io_uring ({error})"));
            return None;
        }
        let scratch = Scratch::new();
        scratch.write("a", "content");
        let file = File::options().write(true).open(scratch.path("a"));
        Some((Rings::default(), scratch, file.expect("it was just made")))
    }

    fn text(scratch: &Scratch) -> String {
        std::fs::read_to_string(scratch.path("a")).expect("it is there")
    }

    /// Work on a thread to which these calls are denied.
    fn without(calls: &[i64], errno: i32, work: impl FnOnce() + Send) {
        let denied = || {
            if !deny(calls, errno) {
                return skip::right("seccomp filters");
            }
            work();
        };
        std::thread::scope(|scope| scope.spawn(denied).join().expect("it says why"));
    }

    #[test]
    fn what_is_behind_a_write_that_was_refused_is_not_begun() {
        let Some((rings, scratch, file)) = rings() else { return };
        // No file is that long.
        let far = (&b"far"[..], i64::MAX.unsigned_abs() - 1);
        let chain = Chain::new([far, (b"after", 0), (b"more", 3)], Flush::All);
        let answers = rings.run(file.as_fd(), &chain).expect("there are rings");
        assert!(matches!(-answers[0], libc::EFBIG | libc::EINVAL), "{answers:?}");
        assert_eq!(answers[1..], [-libc::ECANCELED; 3], "{answers:?}");
        assert_eq!(text(&scratch), "content");
        let chain = Chain::new([(&b"after"[..], 0), (b"more", 3)], Flush::Data);
        assert_eq!(rings.run(file.as_fd(), &chain), Ok(vec![5, 4, 0]));
        assert_eq!(text(&scratch), "aftmore");
    }

    #[test]
    fn a_filter_is_remembered_and_what_may_pass_is_not() {
        for (errno, is_remembered) in [(libc::EPERM, true), (libc::EAGAIN, false)] {
            let Some((rings, scratch, file)) = rings() else { return };
            let chain = Chain::new([(&b"C"[..], 0)], Flush::Nothing);
            let others = [rings.take(), rings.take()].map(|ring| ring.expect("two at once"));
            for ring in others {
                rings.idle().push_bounded(ring);
            }
            without(&[libc::SYS_io_uring_enter], errno, || {
                assert_eq!(rings.run(file.as_fd(), &chain), Err(errno));
            });
            assert_eq!(text(&scratch), "content");
            let idle = rings.idle().len();
            let again = rings.run(file.as_fd(), &chain);
            if is_remembered {
                assert_eq!((again, idle), (Err(errno), 0), "none is asked again");
            } else {
                assert_eq!((again, idle), (Ok(vec![1]), 1), "what it held is gone with its ring");
                assert_eq!(text(&scratch), "Content");
            }
        }
    }

    #[test]
    fn what_a_ring_can_do_is_asked_once() {
        let Some((known, _scratch, _file)) = rings() else { return };
        let ring = known.take().expect("there are rings");
        without(&[libc::SYS_io_uring_register], libc::EPERM, || {
            assert_eq!(Rings::default().take().map(drop), Err(libc::EPERM));
            assert_eq!(known.take().map(drop), Ok(()), "it is not asked again");
        });
        drop(ring);
    }

    #[test]
    fn a_few_rings_wait_for_whoever_comes_next() {
        let Some((rings, ..)) = rings() else { return };
        assert_eq!(format!("{rings:?}"), "Rings { .. }");
        let out: Vec<_> = (0..=MOST_IDLE).map(|_| rings.take().expect("there are more")).collect();
        for ring in out {
            rings.idle().push_bounded(ring);
        }
        assert_eq!(rings.idle().len(), MOST_IDLE);
    }

    #[test]
    fn as_much_as_fits_is_linked_and_the_sync_is_the_last() {
        let file = File::open("/dev/null").expect("it is everywhere");
        let link = |count: usize| {
            let writes = (0..count).map(|nth| (&b"x"[..], nth as u64));
            let links = links(file.as_fd(), &Chain::new(writes, Flush::All));
            links.iter().map(|link| format!("{link:?}")).collect::<Vec<_>>()
        };
        let entry = |code: u8, flags: u8, nth: usize| {
            format!("Entry {{ op_code: {code}, flags: {flags}, user_data: {nth} }}")
        };
        let (write, sync) = (opcode::Write::CODE, opcode::Fsync::CODE);
        let linked = Flags::IO_LINK.bits();
        assert_eq!(link(1), [entry(write, linked, 0), entry(sync, 0, 1)]);
        let seven: Vec<_> = (0..7).map(|nth| entry(write, linked, nth)).collect();
        assert_eq!(link(7), [&seven[..], &[entry(sync, 0, 7)]].concat());
        // Those behind them wait for the next chain, and the sync with them.
        assert_eq!(link(9), [&seven[..6], &[entry(write, 0, 6)]].concat());
    }

    #[test]
    fn a_signal_before_anything_was_taken_is_tried_again_and_nothing_else() {
        let signal = || Err(io::Error::from_raw_os_error(libc::EINTR));
        let refused = || Err(io::Error::from_raw_os_error(libc::EAGAIN));
        let tries = |answer: &dyn Fn(u32) -> (io::Result<usize>, usize)| {
            let mut tries = 0;
            let (_, taken) = entered(|| {
                tries += 1;
                answer(tries)
            });
            (tries, taken)
        };
        assert_eq!(tries(&|_| (Ok(3), 3)), (1, 3));
        assert_eq!(tries(&|nth| if nth < 3 { (signal(), 0) } else { (Ok(3), 3) }), (3, 3));
        assert_eq!(tries(&|_| (signal(), 2)), (1, 2));
        assert_eq!(tries(&|_| (refused(), 0)), (1, 0));
        assert_eq!(tries(&|_| (signal(), 0)), (MOST_TRIES, 0));
    }

    #[test]
    fn a_new_file_is_synced_whole_and_a_head_in_place_for_its_bytes() {
        let bits = |flush| sync_flags(flush).map(|flags| flags.bits());
        assert_eq!(bits(Flush::All), Some(0));
        assert_eq!(bits(Flush::Data), Some(FsyncFlags::DATASYNC.bits()));
        assert_eq!(bits(Flush::Nothing), None);
    }
}
