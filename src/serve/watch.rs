//! What is seen of one connection, from wherever it is seen.

mod ending;
mod streams;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, OnceLock, Weak};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::BoxError;
use super::memory::{Holder, Memory};
use super::patience::{Cut, Limits, Seen, Waiting};
use super::zero::Lane;
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
    begun: AtomicU64,
    live: AtomicUsize,
    /// Milliseconds since `accepted`.
    idle: AtomicU64,
    stirred: AtomicBool,
    /// The last request brought content.
    content: AtomicBool,
    /// Not all of that has come.
    receiving: AtomicBool,
    /// When its client ended its side, in milliseconds since `accepted`, and one; or 0.
    ended: AtomicU64,
    /// The server was asked to stop.
    draining: AtomicBool,
    /// The connection is its handler's.
    handed_over: AtomicBool,
    blocked: AtomicBool,
    written: AtomicU64,
    /// The socket is to be asked for what it still holds of that, if it is full.
    ask: AtomicBool,
    queued: AtomicU64,
    reset: AtomicBool,
    /// The socket is to be closed when its client has what was sent.
    leaving: AtomicBool,
    /// The close of the connection would look like the end of the response under way.
    closing_ends: AtomicBool,
    /// A body has failed, and what it gave before is not with the socket yet.
    flushing: AtomicBool,
    failed: Mutex<Option<BoxError>>,
    /// The streams of the connection are to fail.
    aborting: AtomicBool,
    lane: Lane,
    streams: Streams,
    memory: Arc<Memory>,
    /// It is given up: why, or 0.
    given_up: AtomicU8,
    /// Wakes the connection's task.
    task: OnceLock<Waker>,
}

impl Watch {
    /// `most` is up to how many unsent bytes the connection's responses are asked for more.
    pub(super) fn new(accepted: Instant, memory: Arc<Memory>, most: usize) -> Self {
        Self {
            accepted,
            preface: AtomicU8::new(0),
            begun: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            idle: AtomicU64::new(0),
            stirred: AtomicBool::new(false),
            content: AtomicBool::new(false),
            receiving: AtomicBool::new(false),
            ended: AtomicU64::new(0),
            draining: AtomicBool::new(false),
            handed_over: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            written: AtomicU64::new(0),
            ask: AtomicBool::new(false),
            queued: AtomicU64::new(0),
            reset: AtomicBool::new(false),
            leaving: AtomicBool::new(false),
            closing_ends: AtomicBool::new(false),
            flushing: AtomicBool::new(false),
            failed: Mutex::new(None),
            aborting: AtomicBool::new(false),
            lane: Lane::default(),
            streams: Streams::new(Arc::clone(&memory), most),
            memory,
            given_up: AtomicU8::new(0),
            task: OnceLock::new(),
        }
    }

    /// Everything, for a judgement; the socket was full, or had room again, at `room`.
    pub(super) fn seen(&self, now: Instant, limits: &Limits, room: Instant) -> Seen {
        Seen { waiting: self.streams.waiting(now, limits, room), ..self.glance() }
    }

    /// Everything but the streams.
    pub(super) fn glance(&self) -> Seen {
        Seen {
            h2: self.preface.load(Ordering::Relaxed) == H2,
            begun: self.begun.load(Ordering::Relaxed),
            live: self.live.load(Ordering::Acquire),
            idle_since: self.accepted + Duration::from_millis(self.idle.load(Ordering::Relaxed)),
            stirred: self.stirred.load(Ordering::Relaxed),
            blocked: self.blocked.load(Ordering::Relaxed),
            written: self.written.load(Ordering::Relaxed) - self.queued.load(Ordering::Relaxed),
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
        if self.live.load(Ordering::Relaxed) == 0 {
            self.stirred.store(true, Ordering::Relaxed);
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
        let written = self.written.load(Ordering::Relaxed) + bytes as u64;
        self.written.store(written, Ordering::Relaxed);
        self.blocked.store(false, Ordering::Relaxed);
    }

    /// Before a judgement: the next write that finds the socket full measures what is in it.
    pub(super) fn ask(&self) {
        self.ask.store(true, Ordering::Relaxed);
    }

    /// The socket has taken nothing: it is full. `queued` counts what it holds.
    pub(super) fn is_full(&self, queued: impl FnOnce() -> u64) {
        self.blocked.store(true, Ordering::Relaxed);
        if self.ask.swap(false, Ordering::Relaxed) {
            // An upgrade's bytes, or none: what was written before is all that can be held.
            let queued = queued().min(self.written.load(Ordering::Relaxed));
            self.queued.store(queued, Ordering::Relaxed);
        }
    }

    /// What is on its way to the socket unread.
    pub(super) const fn lane(&self) -> &Lane {
        &self.lane
    }

    // ---- requests ----

    /// A request's head is whole; whether `content` follows on HTTP/1.
    pub(super) fn begin(&self, content: bool) {
        self.content.store(content, Ordering::Relaxed);
        self.receiving.store(content, Ordering::Relaxed);
        self.live.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.stirred.store(false, Ordering::Relaxed);
    }

    /// A response is over.
    pub(super) fn over(&self) {
        let idle = u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.idle.store(idle, Ordering::Relaxed);
        self.live.fetch_sub(1, Ordering::Release);
        if self.ended.load(Ordering::Relaxed) > 0 {
            // hyper reads on, and hears of the end now.
            self.wake();
        }
    }

    // ---- what responses hold ----

    /// A frame of a response on HTTP/2 goes to hyper.
    pub(super) fn handed(self: &Arc<Self>, key: Option<u32>, bytes: usize) -> u32 {
        let (key, held) = self.streams.handed(key, bytes);
        self.weigh(held);
        key
    }

    /// Data of a response on HTTP/1 goes to hyper.
    pub(super) fn holds(self: &Arc<Self>, bytes: usize) {
        self.weigh(self.streams.holds(bytes));
    }

    fn weigh(self: &Arc<Self>, held: Held) {
        if held == Held::Fine {
            return;
        }
        if self.streams.joins() {
            self.memory.join(Arc::downgrade(self) as Weak<dyn Holder>);
        }
        if held == Held::TooMuch {
            self.memory.shed();
        }
    }

    /// Some of it is with the socket.
    pub(super) fn sent(&self, key: Option<u32>, bytes: usize) {
        match key {
            Some(key) => self.streams.took(key, bytes),
            None => self.streams.frees(bytes),
        }
    }

    /// The rest of it is, or is given up.
    pub(super) fn gone(&self, key: Option<u32>, bytes: usize) {
        match key {
            Some(key) if self.streams.gone(key, bytes) => self.over(),
            Some(_) => {}
            None => self.streams.frees(bytes),
        }
    }

    /// There will be no more frames of a response.
    pub(super) fn done(&self, key: Option<u32>) {
        if key.is_none_or(|key| self.streams.done(key)) {
            self.over();
        }
    }

    /// The response waits for its service or its body; if the streams are to fail, `waker` is woken.
    pub(super) fn park(&self, key: Option<u32>, waker: &Waker) -> u32 {
        self.streams.park(key, waker)
    }

    /// Whether so much of the connection's responses is unsent that nothing more is to be asked for.
    pub(super) fn holds_enough(&self) -> bool {
        self.streams.is_full()
    }

    /// Whether that is so for this response, whose task is woken when it is not any more.
    pub(super) fn starves(&self, key: Option<u32>, waker: &Waker) -> (u32, bool) {
        self.streams.starves(key, waker)
    }

    /// The connection is given up: its client sends too many frames that belong to no request.
    pub(super) fn floods(&self) {
        self.given_up.store(FLOOD, Ordering::Release);
        self.wake();
    }

    /// Why the connection is given up; if it will be, `waker` is woken.
    pub(super) fn is_given_up(&self, waker: &Waker) -> Option<Cut> {
        // A task has one waker for its life.
        self.task.get_or_init(|| waker.clone());
        match self.given_up.load(Ordering::Acquire) {
            0 => None,
            MEMORY => Some(Cut::Memory),
            _ => Some(Cut::Flood),
        }
    }

    fn wake(&self) {
        if let Some(task) = self.task.get() {
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
        self.streams.charged()
    }

    fn shed(&self) {
        self.streams.give_up();
        self.given_up.store(MEMORY, Ordering::Release);
        self.wake();
    }
}

#[cfg(test)]
mod tests {
    use std::task::{Poll, Wake};

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
    }

    /// Two requests are under way.
    fn watch(memory: Arc<Memory>) -> Arc<Watch> {
        let watch = Arc::new(Watch::new(Instant::now(), memory, usize::MAX));
        watch.begin(false);
        watch.begin(false);
        watch
    }

    fn version(chunks: &[&[u8]]) -> u8 {
        chunks.iter().fold(0, |seen, bytes| if seen < H1 { sniffed(seen, bytes) } else { seen })
    }

    #[test]
    fn the_preface_is_known_however_it_is_cut() {
        assert_eq!(version(&[PREFACE]), H2);
        assert_eq!(version(&[b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\nmore"]), H2);
        assert_eq!(version(&PREFACE.chunks(1).collect::<Vec<_>>()), H2);
        assert_eq!(version(&[b"PRI"]), 3);
        assert_eq!(version(&[b"P", b"OST / HTTP/1.1"]), H1);
        assert_eq!(version(&[b"GET / HTTP/1.1"]), H1);
        assert_eq!(version(&[b"PRI * HTTP/1.1\r\n"]), H1);
    }

    #[test]
    fn streams_that_wait_are_woken_once_to_fail() {
        let watch = watch(Memory::new(usize::MAX));
        let woken: [Arc<Woken>; 3] = Default::default();
        let waker = |at: usize| Waker::from(Arc::clone(&woken[at]));
        let (first, over) = (watch.park(None, &waker(0)), watch.park(None, &waker(1)));
        assert_eq!(watch.handed(Some(first), 1), first);
        watch.done(Some(over));
        // The place is used again, and not the waker.
        assert_eq!(watch.park(None, &waker(2)), over);
        assert!(!watch.aborts());
        for _ in 0..2 {
            watch.abort_streams();
            assert!(watch.aborts());
        }
        let counts = woken.map(|woken| woken.0.load(Ordering::Relaxed));
        assert_eq!(counts, [1, 0, 1]);
    }

    #[test]
    fn a_flush_is_told_to_a_failed_body_alone() {
        let watch = watch(Memory::new(usize::MAX));
        assert!(!watch.flushed());
        watch.flush_first("broken".into());
        assert!(watch.failed().is_pending());
        assert!(watch.flushed());
        assert!(!watch.flushed());
        assert!(
            matches!(watch.failed(), Poll::Ready(Some(error)) if error.to_string() == "broken")
        );
    }

    #[test]
    fn a_slot_is_used_again() {
        let watch = watch(Memory::new(usize::MAX));
        let (first, second) = (watch.handed(None, 1), watch.handed(None, 1));
        assert_ne!(first, second);
        assert_eq!(watch.handed(Some(first), 2), first);
        watch.gone(Some(first), 1);
        watch.gone(Some(first), 2);
        assert_eq!(watch.glance().live, 2);
        watch.done(Some(first));
        assert_eq!(watch.glance().live, 1);
        assert_eq!(watch.handed(None, 1), first);
    }
}
