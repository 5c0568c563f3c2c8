//! What is seen of one connection, from wherever it is seen.

mod ending;

use std::sync::atomic::{AtomicBool, AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Mutex, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::time::Instant;

use super::BoxError;
use super::patience::{Handed, Seen};
use super::zero::Lane;

/// How HTTP/2 begins (RFC 9113, section 3.4).
const PREFACE: &[u8; 24] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
const H1: u8 = 100;
const H2: u8 = 101;

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
    /// The connection is its handler's.
    handed_over: AtomicBool,
    blocked: AtomicBool,
    written: AtomicU64,
    /// The socket is to be asked for what it still holds of that, if it is full.
    ask: AtomicBool,
    queued: AtomicU64,
    reset: AtomicBool,
    /// The close of the connection would look like the end of the response under way.
    closing_ends: AtomicBool,
    /// A body has failed, and what it gave before is not with the socket yet.
    flushing: AtomicBool,
    failed: Mutex<Option<BoxError>>,
    /// The streams of the connection are to fail.
    aborting: AtomicBool,
    lane: Lane,
    streams: Mutex<Vec<Slot>>,
}

/// A response under way that has handed out a frame which was not its last, or that waits on HTTP/2.
#[derive(Debug)]
struct Slot {
    room: Room,
    /// Wakes the stream that waits, if it has to fail.
    waker: Option<Waker>,
}

/// Whether a response waits for room.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Room {
    Free,
    /// Nothing waits for room.
    Moving,
    Handed(Instant),
}

impl Watch {
    pub(super) fn new(accepted: Instant) -> Self {
        Self {
            accepted,
            preface: AtomicU8::new(0),
            begun: AtomicU64::new(0),
            live: AtomicUsize::new(0),
            idle: AtomicU64::new(0),
            stirred: AtomicBool::new(false),
            content: AtomicBool::new(false),
            handed_over: AtomicBool::new(false),
            blocked: AtomicBool::new(false),
            written: AtomicU64::new(0),
            ask: AtomicBool::new(false),
            queued: AtomicU64::new(0),
            reset: AtomicBool::new(false),
            closing_ends: AtomicBool::new(false),
            flushing: AtomicBool::new(false),
            failed: Mutex::new(None),
            aborting: AtomicBool::new(false),
            lane: Lane::default(),
            streams: Mutex::new(Vec::new()),
        }
    }

    /// Everything, for a judgement; `write` is how long a stream may wait, not counted before `room`.
    pub(super) fn seen(&self, now: Instant, write: Duration, room: Instant) -> Seen {
        let mut handed = Handed::default();
        for slot in self.slots().iter() {
            if let Room::Handed(at) = slot.room {
                let at = at.max(room);
                handed.oldest = Some(handed.oldest.map_or(at, |oldest| oldest.min(at)));
                handed.overdue += usize::from(now >= at + write);
            }
        }
        Seen { handed, ..self.glance() }
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
            handed: Handed::default(),
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
        self.live.fetch_add(1, Ordering::Relaxed);
        self.begun.fetch_add(1, Ordering::Relaxed);
        self.stirred.store(false, Ordering::Relaxed);
    }

    /// A response is over.
    pub(super) fn over(&self) {
        let idle = u64::try_from(self.accepted.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.idle.store(idle, Ordering::Relaxed);
        self.live.fetch_sub(1, Ordering::Release);
    }

    // ---- responses that wait ----

    /// A frame was handed out that is not the last.
    pub(super) fn handed(&self, key: Option<u32>) -> u32 {
        let room = Room::Handed(Instant::now());
        self.fill(key, room, None)
    }

    /// There was room: the next frame is asked for.
    pub(super) fn asked(&self, key: u32) {
        self.slots()[index(key)].room = Room::Moving;
    }

    /// The response waits for its service or its body; if the streams are to fail, `waker` is woken.
    pub(super) fn park(&self, key: Option<u32>, waker: &Waker) -> u32 {
        self.fill(key, Room::Moving, Some(waker.clone()))
    }

    /// There will be no more frames.
    pub(super) fn done(&self, key: u32) {
        let waker = {
            let slot = &mut self.slots()[index(key)];
            slot.room = Room::Free;
            slot.waker.take()
        };
        // Not under the lock: it may be the last that there is of a task.
        drop(waker);
    }

    fn fill(&self, key: Option<u32>, room: Room, waker: Option<Waker>) -> u32 {
        let mut slots = self.slots();
        let free = || slots.iter().position(|slot| slot.room == Room::Free);
        let at = key.map(index).or_else(free).unwrap_or(slots.len());
        if at == slots.len() {
            slots.push(Slot { room, waker });
        } else {
            let slot = &mut slots[at];
            slot.room = room;
            // There is one for each response, which is set once.
            slot.waker = slot.waker.take().or(waker);
        }
        // More streams than that do not fit into memory.
        u32::try_from(at).unwrap_or(u32::MAX)
    }

    fn slots(&self) -> std::sync::MutexGuard<'_, Vec<Slot>> {
        self.streams.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const fn index(key: u32) -> usize {
    key as usize
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

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::task::Wake;

    use std::task::Poll;

    use super::*;

    #[derive(Default)]
    struct Woken(AtomicUsize);

    impl Wake for Woken {
        fn wake(self: Arc<Self>) {
            self.0.fetch_add(1, Ordering::Relaxed);
        }
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
        let watch = Watch::new(Instant::now());
        let woken: [Arc<Woken>; 3] = Default::default();
        let waker = |at: usize| Waker::from(Arc::clone(&woken[at]));
        let (first, over) = (watch.park(None, &waker(0)), watch.park(None, &waker(1)));
        assert_eq!(watch.handed(Some(first)), first);
        watch.done(over);
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
        let watch = Watch::new(Instant::now());
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
        let watch = Watch::new(Instant::now());
        let (first, second) = (watch.handed(None), watch.handed(None));
        assert_ne!(first, second);
        assert_eq!(watch.handed(Some(first)), first);
        watch.done(first);
        assert_eq!(watch.handed(None), first);
        watch.asked(second);
        let (now, write) = (Instant::now() + Duration::from_secs(9), Duration::from_secs(8));
        assert_eq!(watch.seen(now, write, watch.accepted).handed.overdue, 1);
        // While the socket was full the stream waited for that.
        let room = now - Duration::from_secs(2);
        let handed = watch.seen(now, write, room).handed;
        assert_eq!((handed.overdue, handed.oldest), (0, Some(room)));
    }
}
