//! What of one connection's spans is still to be sent, and what must not happen to them.
//!
//! hyper takes the vectored view of its data, writes it, and advances by what was written. So while a
//! span is due, each write has to have its view in it, and nothing of a span may be consumed that was
//! not sent from its file. Whatever breaks one of these rules would put bytes on the wire that are
//! not the file's: the line breaks first, and then nothing more is written on the connection.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::os::fd::AsFd;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use rustix::io::Errno;

use super::again::uninterrupted;
use super::probe::Devices;
use super::span::{self, FileData, Lost, Version};

/// How far ahead of a slow client the page cache is looked at.
const AHEAD: u64 = 256 * 1024;

/// Devices whose files cannot be handed to a socket.
static WITHOUT: Devices = Devices::none();

/// The spans of one connection. Before the first there is nothing to it.
#[derive(Default)]
pub(crate) struct Lane(OnceLock<Arc<Line>>);

/// The same, as its spans know it.
pub(super) struct Line {
    /// There is something in the queue.
    busy: AtomicBool,
    queue: Mutex<Queue>,
}

#[derive(Default)]
struct Queue {
    /// Those not yet sent, in the order in which they go.
    spans: VecDeque<Arc<Armed>>,
    /// How many there have been.
    turns: usize,
    breach: Option<Breach>,
}

/// Why nothing more may be written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Breach {
    /// A write without the span that is due.
    NotInSight,
    /// A view that is not the one that is due.
    NotInTurn,
    /// Bytes of a span were taken for written that were not sent.
    NotSent,
    /// A span was given up half-way.
    Dropped,
    /// The file has no such bytes any more.
    Lost(Lost),
}

/// A span on its way to a socket.
pub(crate) struct Armed {
    /// Its number among the spans of its connection.
    turn: usize,
    version: Version,
    at: u64,
    length: usize,
    sent: AtomicUsize,
    /// Somebody looked at its bytes: they go as such.
    withdrawn: AtomicBool,
    /// The socket was full in the middle of it.
    stalled: AtomicBool,
    line: Arc<Line>,
}

impl Lane {
    /// Whether writes need no look at it.
    pub(crate) fn is_idle(&self) -> bool {
        self.0.get().is_none_or(|line| !line.busy.load(Ordering::Acquire))
    }

    /// Lets the socket send `data`, if it is a span.
    pub(crate) fn arm(&self, data: &mut FileData) {
        data.arm(self.0.get_or_init(|| {
            Arc::new(Line { busy: AtomicBool::new(false), queue: Mutex::default() })
        }));
    }

    /// The span that has to be in the next write, if there is one.
    pub(crate) fn due(&self) -> Result<Option<Arc<Armed>>, Breach> {
        let Some(line) = self.0.get() else { return Ok(None) };
        line.due()
    }

    /// Nothing more may be written.
    pub(crate) fn break_off(&self, breach: Breach) -> Breach {
        if let Some(line) = self.0.get() {
            line.break_off(breach);
        }
        breach
    }
}

impl Drop for Lane {
    fn drop(&mut self) {
        // A span knows its line.
        self.break_off(Breach::Dropped);
    }
}

impl Line {
    pub(super) fn arm(self: &Arc<Self>, version: Version, at: u64, length: usize) -> Arc<Armed> {
        let mut queue = self.queue();
        let turn = queue.turns;
        queue.turns = turn.wrapping_add(1);
        let armed = Arc::new(Armed {
            turn,
            version,
            at,
            length,
            sent: AtomicUsize::new(0),
            withdrawn: AtomicBool::new(false),
            stalled: AtomicBool::new(false),
            line: Arc::clone(self),
        });
        queue.spans.push_back(Arc::clone(&armed));
        self.busy.store(true, Ordering::Release);
        armed
    }

    fn due(&self) -> Result<Option<Arc<Armed>>, Breach> {
        let mut queue = self.queue();
        if let Some(breach) = queue.breach {
            return Err(breach);
        }
        while queue.spans.front().is_some_and(|armed| armed.is_over()) {
            queue.spans.pop_front();
        }
        if queue.spans.is_empty() {
            self.busy.store(false, Ordering::Release);
        }
        Ok(queue.spans.front().cloned())
    }

    fn break_off(&self, breach: Breach) {
        let mut queue = self.queue();
        queue.breach.get_or_insert(breach);
        // They know the line, and it knew them.
        let spans = std::mem::take(&mut queue.spans);
        self.busy.store(true, Ordering::Release);
        drop(queue);
        drop(spans);
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Armed {
    /// The view of it when so many bytes are left.
    pub(super) fn view(&self, left: usize) -> &'static [u8] {
        span::view(self.turn, self.length.saturating_sub(left), self.length)
    }

    /// Somebody looks at it who sees `left` bytes.
    pub(super) fn withdraw(&self, left: usize) {
        if !self.withdrawn.swap(true, Ordering::AcqRel) {
            self.consumed(left);
        }
    }

    pub(super) fn is_withdrawn(&self) -> bool {
        self.withdrawn.load(Ordering::Acquire)
    }

    /// All but `left` bytes of it are taken for written.
    pub(super) fn consumed(&self, left: usize) {
        if self.length.saturating_sub(left) != self.sent.load(Ordering::Acquire) {
            self.line.break_off(Breach::NotSent);
        }
    }

    /// It is given up.
    pub(super) fn dropped(&self) {
        self.line.break_off(Breach::Dropped);
    }

    fn is_over(&self) -> bool {
        self.is_withdrawn() || self.sent.load(Ordering::Acquire) >= self.length
    }

    /// Whether `view` is of what is to be sent next.
    pub(crate) fn is_next(&self, view: &[u8]) -> bool {
        let wanted = span::view(self.turn, self.sent.load(Ordering::Acquire), self.length);
        view.as_ptr() == wanted.as_ptr() && view.len() <= wanted.len()
    }

    /// Whether to send more of it may have to wait for a disk.
    pub(crate) fn is_cold(&self) -> bool {
        let (at, left) = self.rest();
        // It was at hand when it was made, a moment ago.
        self.stalled.load(Ordering::Relaxed)
            && !self.version.handle().is_at_hand(at, (left as u64).min(AHEAD))
    }

    /// Has the next bytes read, wherever they are. It blocks, and reports nothing: to send will.
    pub(crate) fn warm(&self) {
        let (mut at, left) = self.rest();
        let end = at.saturating_add((left as u64).min(AHEAD));
        while at < end {
            let wanted = usize::try_from(end - at).unwrap_or(usize::MAX);
            let Ok(piece) = self.version.read(at, wanted) else { return };
            at += piece.len() as u64;
        }
        self.stalled.store(false, Ordering::Relaxed);
    }

    fn rest(&self) -> (u64, usize) {
        let sent = self.sent.load(Ordering::Acquire);
        (self.at.saturating_add(sent as u64), self.length.saturating_sub(sent))
    }

    /// Sends up to `most` bytes to `socket`, which does not block, after a look at the file.
    ///
    /// # Errors
    ///
    /// The socket's; a [`Breach`] if the file has other bytes now, or none.
    pub(crate) fn send(&self, socket: impl AsFd, most: usize) -> io::Result<usize> {
        let sent = match self.try_send(socket, most) {
            Ok(Ok(sent)) => sent,
            Ok(Err(errno)) => {
                self.stalled.store(true, Ordering::Relaxed);
                return Err(errno.into());
            }
            Err(lost) => {
                let breach = Breach::Lost(lost);
                self.line.break_off(breach);
                return Err(breach.into());
            }
        };
        self.sent.fetch_add(sent, Ordering::AcqRel);
        if self.is_over() {
            // Its file is not kept open for whatever comes next.
            let _ = self.line.due();
        } else if sent < most {
            self.stalled.store(true, Ordering::Relaxed);
        }
        Ok(sent)
    }

    fn try_send(&self, socket: impl AsFd, most: usize) -> Result<Result<usize, Errno>, Lost> {
        self.version.check()?;
        let (at, left) = self.rest();
        let (handle, wanted) = (self.version.handle(), most.min(left));
        let device = handle.stat().identity.dev;
        if !WITHOUT.has(device) {
            let send = || {
                let mut at = at;
                rustix::fs::sendfile(&socket, handle, Some(&mut at), wanted)
            };
            match uninterrupted(send) {
                Ok(0) => return Err(Lost::Short),
                // Not of this filesystem, or not in this container.
                Err(Errno::INVAL | Errno::NOSYS | Errno::OPNOTSUPP | Errno::PERM) => {
                    WITHOUT.add(device);
                }
                Err(Errno::IO) => return Err(Lost::Refused(Errno::IO.raw_os_error())),
                done => return Ok(done),
            }
        }
        let piece = self.version.read(at, wanted)?;
        Ok(uninterrupted(|| rustix::io::write(&socket, &piece)))
    }
}

impl From<Breach> for io::Error {
    fn from(breach: Breach) -> Self {
        Self::other(breach)
    }
}

impl std::error::Error for Breach {}

impl fmt::Display for Breach {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::NotInSight => f.write_str("wanted the file's span in this write, found none"),
            Self::NotInTurn => f.write_str("wanted the span that is next, found another one"),
            Self::NotSent => f.write_str("wanted only sent bytes of a file consumed, found others"),
            Self::Dropped => f.write_str("wanted all of a file's span, found it given up half-way"),
            Self::Lost(lost) => lost.fmt(f),
        }
    }
}

impl fmt::Debug for Armed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (at, left) = self.rest();
        f.debug_struct("Armed").field("at", &at).field("left", &left).finish_non_exhaustive()
    }
}

/// One is equal to itself alone.
#[cfg(test)]
impl PartialEq for Armed {
    fn eq(&self, other: &Self) -> bool {
        std::ptr::eq(self, other)
    }
}

impl fmt::Debug for Lane {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Lane").field("is_idle", &self.is_idle()).finish_non_exhaustive()
    }
}
