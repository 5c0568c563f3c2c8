//! A watch by itself: the preface, streams that wait, flushes and slots.

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
    assert!(matches!(watch.failed(), Poll::Ready(Some(error)) if error.to_string() == "broken"));
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
