//! What responses hold, told in bytes and seconds.

use std::sync::atomic::{AtomicU32, Ordering};
use std::task::Wake;
use std::time::Duration;

use super::*;
use crate::serve::memory::STEP;

const WRITE: u64 = 20;

#[derive(Default)]
struct Woken(AtomicU32);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }
}

fn streams(most: usize) -> (Streams, Arc<Memory>) {
    let memory = Memory::new(3 * STEP);
    (Streams::new(Arc::clone(&memory), most), memory)
}

fn limits(least: u64) -> Limits {
    let time = Duration::from_secs(WRITE);
    Limits { head: time, idle: time, write: time, least }
}

/// How many have waited too long, so many seconds from now.
fn overdue(streams: &Streams, seconds: u64, least: u64) -> usize {
    let now = Instant::now();
    streams.waiting(now + Duration::from_secs(seconds), &limits(least), now).overdue
}

#[test]
fn a_response_waits_until_its_last_byte_is_gone_and_no_longer() {
    let (streams, _) = streams(usize::MAX);
    let (key, _) = streams.handed(None, 10);
    assert_eq!(streams.handed(Some(key), 5).0, key);
    assert_eq!(overdue(&streams, WRITE - 1, 0), 0);
    assert_eq!(overdue(&streams, WRITE + 1, 0), 1);
    streams.took(key, 9);
    assert_eq!(overdue(&streams, WRITE + 1, 0), 1);
    assert!(!streams.gone(key, 1));
    assert!(!streams.gone(key, 5));
    // Its body has nothing to send: it may wait for ever.
    assert_eq!(overdue(&streams, 1000, 0), 0);
    assert!(streams.done(key));
}

#[test]
fn the_end_of_a_body_is_not_the_end_of_its_response() {
    let (streams, _) = streams(usize::MAX);
    let (key, _) = streams.handed(None, 10);
    assert!(!streams.done(key));
    assert_eq!(overdue(&streams, WRITE + 1, 0), 1);
    streams.took(key, 4);
    assert!(streams.gone(key, 6));
    assert_eq!(overdue(&streams, 1000, 0), 0);
    // One that waited for its service and never had a frame.
    let key = streams.park(None, Waker::noop());
    assert_eq!(overdue(&streams, 1000, 0), 0);
    assert!(streams.done(key));
}

#[test]
fn a_rate_is_judged_over_each_window() {
    let (streams, _) = streams(usize::MAX);
    let (key, _) = streams.handed(None, 1000);
    streams.took(key, 100);
    assert_eq!(overdue(&streams, WRITE + 1, 101), 1);
    assert_eq!(overdue(&streams, WRITE + 1, 100), 1, "nothing came for as long");
    let now = Instant::now();
    let at = |seconds| now + Duration::from_secs(seconds);
    let seen = |seconds, room| streams.waiting(at(seconds), &limits(100), at(room));
    // While the socket was full it waited for that.
    assert_eq!((seen(30, 15).overdue, seen(30, 15).next), (0, Some(at(35))));
}

#[test]
fn who_waits_for_others_to_hold_less_is_woken_when_they_do() {
    let (streams, _) = streams(100);
    let woken = Arc::new(Woken::default());
    let waker = Waker::from(Arc::clone(&woken));
    assert!(!streams.is_full());
    let (key, _) = streams.handed(None, 150);
    assert!(streams.is_full());
    let (second, starved) = streams.starves(None, &waker);
    assert!(starved);
    assert_eq!(streams.starves(Some(second), &waker), (second, true));
    let now = Instant::now();
    assert_eq!(streams.waiting(now, &limits(0), now).starved, 1);
    streams.took(key, 50);
    assert_eq!(woken.0.load(Ordering::Relaxed), 0, "as much as it may hold");
    assert!(streams.is_full());
    streams.took(key, 1);
    assert_eq!(woken.0.load(Ordering::Relaxed), 1);
    assert!(!streams.is_full());
    assert_eq!(streams.starves(Some(second), &waker), (second, false));
    assert_eq!(streams.waiting(now, &limits(0), now).starved, 0);
    // One that is given up while it waits.
    streams.handed(Some(key), 100);
    assert!(streams.starves(Some(second), &waker).1);
    assert!(streams.done(second));
    assert_eq!(streams.waiting(now, &limits(0), now).starved, 0);
}

#[test]
fn the_server_is_told_in_steps_and_hears_of_too_much() {
    let (streams, memory) = streams(usize::MAX);
    let (key, held) = streams.handed(None, STEP - 1);
    assert_eq!((held, memory.total()), (Held::Fine, 0));
    assert_eq!((streams.holds(1), memory.total()), (Held::First, STEP));
    assert!(streams.joins());
    assert!(!streams.joins());
    assert_eq!(streams.holds(2 * STEP), Held::Fine);
    assert_eq!(streams.holds(STEP), Held::TooMuch);
    assert_eq!(memory.total(), 4 * STEP);
    streams.frees(3 * STEP);
    assert_eq!(memory.total(), STEP);
    // What is given up counts no more, whatever becomes of it.
    streams.give_up();
    assert_eq!((streams.holds(9 * STEP), memory.total()), (Held::Fine, 0));
    streams.frees(9 * STEP);
    streams.gone(key, STEP - 1);
    drop(streams);
    assert_eq!(memory.total(), 0);
}
