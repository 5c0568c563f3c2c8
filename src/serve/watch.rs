//! What is seen of one connection, from wherever it is seen.

mod ending;
mod gathering;
mod streams;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::BoxError;
use super::hub::Guest;
use super::memory::{Holder, Memory};
use super::patience::{Cut, Limits, Seen, Waiting};
use super::zero::Lane;
use gathering::TurnMarks;
use streams::{Held, Streams};

/// How HTTP/2 begins (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const H1: u8 = 100;
const H2: u8 = 101;
const MEMORY: u8 = 1;
const FLOOD: u8 = 2;

/// Marks that the connection's parts leave for its task. No order between them matters: the task
/// that looks is woken by what wrote them.
#[derive(Debug)]
pub(super) struct Watch {
    accepted: Instant,
    /// How many bytes of the preface there have been; then the version.
    preface: AtomicU8,
    requests: RequestMarks,
    socket: SocketMarks,
    failing: FailureMarks,
    /// The server was asked to stop.
    draining: AtomicBool,
    /// The connection is its handler's.
    handed_over: AtomicBool,
    lane: Lane,
    responses: Responses,
    given_up: GivenUp,
}

/// Marks of its requests.
#[derive(Debug, Default)]
struct RequestMarks {
    begun: AtomicU64,
    live: AtomicUsize,
    /// Milliseconds since the connection was accepted.
    idle: AtomicU64,
    stirred: AtomicBool,
    /// The last request brought content.
    content: AtomicBool,
    /// Not all of that has come.
    receiving: AtomicBool,
    /// When its client ended its side, in milliseconds since it was accepted, and one; or 0.
    ended: AtomicU64,
}

/// Marks of its socket.
#[derive(Debug, Default)]
struct SocketMarks {
    blocked: AtomicBool,
    written: AtomicU64,
    /// The socket is to be asked for what it still holds of that, if it is full.
    ask: AtomicBool,
    queued: AtomicU64,
    reset: AtomicBool,
    /// The socket is to be closed when its client has what was sent.
    leaving: AtomicBool,
    /// What is written in the turn under way.
    turn: TurnMarks,
}

/// Marks of a response that fails.
#[derive(Debug, Default)]
struct FailureMarks {
    /// The close of the connection would look like the end of the response under way.
    closing_ends: AtomicBool,
    /// A body has failed, and what it gave before is not with the socket yet.
    flushing: AtomicBool,
    failed: Mutex<Option<BoxError>>,
    /// The streams of the connection are to fail.
    aborting: AtomicBool,
}

/// What its responses hold.
#[derive(Debug)]
struct Responses {
    streams: Streams,
    memory: Arc<Memory>,
}

/// Whether the connection is given up.
#[derive(Debug, Default)]
struct GivenUp {
    /// Why, or 0.
    why: AtomicU8,
    /// It is to make room for another one, unless a request comes first.
    gives_way: AtomicBool,
    /// Wakes the connection's task.
    task: OnceLock<Waker>,
}

impl Watch {
    /// `most` is up to how many unsent bytes the connection's responses are asked for more.
    pub(super) fn new(accepted: Instant, memory: Arc<Memory>, most: usize) -> Self {
        Self {
            accepted,
            preface: AtomicU8::new(0),
            requests: RequestMarks::default(),
            socket: SocketMarks::default(),
            failing: FailureMarks::default(),
            draining: AtomicBool::new(false),
            handed_over: AtomicBool::new(false),
            lane: Lane::default(),
            responses: Responses { streams: Streams::new(Arc::clone(&memory), most), memory },
            given_up: GivenUp::default(),
        }
    }

    /// Everything, for a judgement; the socket was full, or had room again, at `room`.
    pub(super) fn seen(&self, now: Instant, limits: &Limits, room: Instant) -> Seen {
        Seen { waiting: self.responses.streams.waiting(now, limits, room), ..self.glance() }
    }

    /// Everything but the streams.
    pub(super) fn glance(&self) -> Seen {
        Seen {
            h2: self.preface.load(Ordering::Relaxed) == H2,
            begun: self.requests.begun.load(Ordering::Relaxed),
            live: self.requests.live.load(Ordering::Acquire),
            idle_since: self.accepted
                + Duration::from_millis(self.requests.idle.load(Ordering::Relaxed)),
            stirred: self.requests.stirred.load(Ordering::Relaxed),
            blocked: self.socket.blocked.load(Ordering::Relaxed),
            written: self.socket.written.load(Ordering::Relaxed)
                - self.socket.queued.load(Ordering::Relaxed),
            half_closed: self.half_closed(),
            waiting: Waiting::default(),
        }
    }

    // ---- the socket ----

    /// The client has sent these bytes.
    pub(super) fn came(&self, bytes: &[u8]) {
        let matched = self.preface.load(Ordering::Relaxed);
        if matched < H1 {
            self.preface.store(sniffed(matched, bytes), Ordering::Relaxed);
        }
        if self.requests.live.load(Ordering::Relaxed) == 0 {
            self.requests.stirred.store(true, Ordering::Relaxed);
        }
    }

    /// The handshake has chosen HTTP/2, or the first request was of it.
    pub(super) fn is_h2(&self) {
        self.preface.store(H2, Ordering::Relaxed);
    }

    /// Whether the client speaks HTTP/2, or may yet.
    pub(super) fn may_be_h2(&self) -> bool {
        self.preface.load(Ordering::Relaxed) != H1
    }

    /// The socket has taken so many bytes.
    pub(super) fn took(&self, bytes: usize) {
        // Only the one who writes counts.
        let written = self.socket.written.load(Ordering::Relaxed) + bytes as u64;
        self.socket.written.store(written, Ordering::Relaxed);
        self.socket.blocked.store(false, Ordering::Relaxed);
    }

    /// Before a judgement: the next write that finds the socket full measures what is in it.
    pub(super) fn ask(&self) {
        self.socket.ask.store(true, Ordering::Relaxed);
    }

    /// The socket has taken nothing: it is full. `queued` counts what it holds.
    pub(super) fn is_full(&self, queued: impl FnOnce() -> u64) {
        self.socket.blocked.store(true, Ordering::Relaxed);
        if self.socket.ask.swap(false, Ordering::Relaxed) {
            // An upgrade's bytes, or none: what was written before is all that can be held.
            let queued = queued().min(self.socket.written.load(Ordering::Relaxed));
            self.socket.queued.store(queued, Ordering::Relaxed);
        }
    }

    /// What is on its way to the socket unread.
    pub(super) const fn lane(&self) -> &Lane {
        &self.lane
    }

    // ---- requests ----

    /// A request's head is whole; whether `content` follows on HTTP/1.
    pub(super) fn begin(&self, content: bool) {
        self.requests.content.store(content, Ordering::Relaxed);
        self.requests.receiving.store(content, Ordering::Relaxed);
        self.requests.live.fetch_add(1, Ordering::Relaxed);
        self.requests.begun.fetch_add(1, Ordering::Relaxed);
        self.requests.stirred.store(false, Ordering::Relaxed);
    }

    /// A response is over.
    pub(super) fn over(&self) {
        let idle = u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.requests.idle.store(idle, Ordering::Relaxed);
        self.requests.live.fetch_sub(1, Ordering::Release);
        if self.requests.ended.load(Ordering::Relaxed) > 0 {
            // hyper reads on, and hears of the end now.
            self.wake();
        }
    }

    // ---- what responses hold ----

    /// A frame of a response on HTTP/2 goes to hyper.
    pub(super) fn handed(self: &Arc<Self>, key: Option<u32>, bytes: usize) -> u32 {
        let (key, held) = self.responses.streams.handed(key, bytes);
        self.weigh(held);
        key
    }

    /// Data of a response on HTTP/1 goes to hyper.
    pub(super) fn holds(self: &Arc<Self>, bytes: usize) {
        self.weigh(self.responses.streams.holds(bytes));
    }

    fn weigh(self: &Arc<Self>, held: Held) {
        if held == Held::Fine {
            return;
        }
        if self.responses.streams.joins() {
            self.responses.memory.join(Arc::downgrade(self) as Weak<dyn Holder>);
        }
        if held == Held::TooMuch {
            self.responses.memory.shed();
        }
    }

    /// Some of it is with the socket.
    pub(super) fn sent(&self, key: Option<u32>, bytes: usize) {
        match key {
            Some(key) => self.responses.streams.took(key, bytes),
            None => self.responses.streams.frees(bytes),
        }
    }

    /// The rest of it is, or is given up.
    pub(super) fn gone(&self, key: Option<u32>, bytes: usize) {
        match key {
            Some(key) if self.responses.streams.gone(key, bytes) => self.over(),
            Some(_) => {}
            None => self.responses.streams.frees(bytes),
        }
    }

    /// There will be no more frames of a response.
    pub(super) fn done(&self, key: Option<u32>) {
        if key.is_none_or(|key| self.responses.streams.done(key)) {
            self.over();
        }
    }

    /// The response waits for its service or its body; if the streams are to fail, `waker` is woken.
    pub(super) fn park(&self, key: Option<u32>, waker: &Waker) -> u32 {
        self.responses.streams.park(key, waker)
    }

    /// Whether so much of the connection's responses is unsent that nothing more is to be asked for.
    pub(super) fn holds_enough(&self) -> bool {
        self.responses.streams.is_full()
    }

    /// Whether that is so for this response, whose task is woken when it is not any more.
    pub(super) fn starves(&self, key: Option<u32>, waker: &Waker) -> (u32, bool) {
        self.responses.streams.starves(key, waker)
    }

    /// The connection is given up: its client sends too many frames that belong to no request.
    pub(super) fn floods(&self) {
        self.given_up.why.store(FLOOD, Ordering::Release);
        self.wake();
    }

    /// Why the connection is given up; if it will be, `waker` is woken.
    pub(super) fn is_given_up(&self, waker: &Waker) -> Option<Cut> {
        // A task has one waker for its life.
        self.given_up.task.get_or_init(|| waker.clone());
        match self.given_up.why.load(Ordering::Acquire) {
            0 => None,
            MEMORY => Some(Cut::Memory),
            _ => Some(Cut::Flood),
        }
    }

    fn wake(&self) {
        if let Some(task) = self.given_up.task.get() {
            task.wake_by_ref();
        }
    }
}

/// The bytes of the preface seen after `matched` of them and then these, or the version.
fn sniffed(matched: u8, bytes: &[u8]) -> u8 {
    let rest = &PREFACE[usize::from(matched)..];
    let common = rest.iter().zip(bytes).take_while(|(wanted, found)| wanted == found).count();
    if common == rest.len() {
        H2
    } else if common == bytes.len() {
        // At most 24 in all.
        matched + u8::try_from(common).unwrap_or(0)
    } else {
        H1
    }
}

impl Holder for Watch {
    fn charged(&self) -> usize {
        self.responses.streams.charged()
    }

    fn shed(&self) {
        self.responses.streams.give_up();
        self.given_up.why.store(MEMORY, Ordering::Release);
        self.wake();
    }
}

impl Guest for Watch {
    fn idle_since(&self) -> Option<Instant> {
        let seen = self.glance();
        let is_idle = seen.live == 0 && !seen.blocked && !self.is_handed_over();
        (is_idle && !self.gives_way()).then_some(seen.idle_since)
    }

    fn asked_to_go(&self) {
        self.given_up.gives_way.store(true, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests;
