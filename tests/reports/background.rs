//! A reporter on its own thread: nobody waits for it, and what it misses is counted.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, mpsc};
use std::time::Duration;

use letterhead::Receipt;
use letterhead::report::{Background, Collector, Reporter};

use crate::app;

/// No test waits longer than this for something that must come.
const PATIENCE: Duration = Duration::from_secs(20);

/// A reporter that says when it begins and then waits to be let on.
struct Gated {
    began: mpsc::Sender<()>,
    gate: Mutex<mpsc::Receiver<()>>,
    seen: Collector,
}

impl Reporter for Gated {
    fn report(&self, receipt: &Receipt) {
        self.began.send(()).unwrap();
        // An open gate stays open.
        let _ = self.gate.lock().unwrap().recv();
        self.seen.report(receipt);
    }
}

/// Both ends of a gate.
struct Keeper {
    began: mpsc::Receiver<()>,
    gate: mpsc::Sender<()>,
    seen: Collector,
}

fn gated() -> (Gated, Keeper) {
    let (began, begins) = mpsc::channel();
    let (gate, opens) = mpsc::channel();
    let seen = Collector::new();
    let gated = Gated { began, gate: Mutex::new(opens), seen: seen.clone() };
    (gated, Keeper { began: begins, gate, seen })
}

#[tokio::test]
async fn responses_do_not_wait_and_what_there_is_no_room_for_is_counted() {
    let (gated, keeper) = gated();
    let background = Arc::new(Background::new(gated, 2).unwrap().patience(PATIENCE));
    let layer = app::reported(Arc::clone(&background));
    app::odd(&layer).await;
    keeper.began.recv_timeout(PATIENCE).unwrap();
    for _ in 0..5 {
        app::plain(&layer).await;
    }
    assert_eq!(background.dropped(), 3);
    assert!(keeper.seen.take().is_empty());
    drop(keeper.gate);
    assert!(background.shutdown());
    let seen = keeper.seen.take();
    let paths: Vec<_> = seen.iter().map(|receipt| receipt.path().unwrap()).collect();
    assert_eq!(paths, ["/odd", "/plain", "/plain"]);
    app::plain(&layer).await;
    assert_eq!(background.dropped(), 4, "nothing is taken in after the shutdown");
    assert!(background.shutdown(), "once more does no harm");
}

#[tokio::test]
async fn a_shutdown_is_over_in_its_time_even_if_the_reporter_is_stuck() {
    let (gated, keeper) = gated();
    let background = Background::new(gated, 8).unwrap().patience(Duration::from_millis(1));
    let background = Arc::new(background);
    let layer = app::reported(Arc::clone(&background));
    app::plain(&layer).await;
    keeper.began.recv_timeout(PATIENCE).unwrap();
    app::plain(&layer).await;
    app::plain(&layer).await;
    assert!(!background.shutdown());
    assert_eq!(background.dropped(), 2);
    drop(layer);
    drop(background);
    drop(keeper.gate);
    // The thread sees that there is no more, and drops what it reported to.
    assert!(keeper.began.recv_timeout(PATIENCE).is_err());
    assert_eq!(keeper.seen.take().len(), 1);
}

#[tokio::test]
async fn a_reporter_that_panics_is_called_again() {
    let seen = Collector::new();
    let kept = seen.clone();
    let calls = AtomicUsize::new(0);
    let reporter = move |receipt: &Receipt| {
        assert!(calls.fetch_add(1, Ordering::Relaxed) % 2 == 1, "the reporter's own");
        kept.report(receipt);
    };
    let background = Arc::new(Background::new(reporter, 16).unwrap().patience(PATIENCE));
    let layer = app::reported(Arc::clone(&background));
    for _ in 0..4 {
        app::plain(&layer).await;
    }
    assert!(background.shutdown());
    assert_eq!((background.panicked(), background.dropped()), (2, 0));
    assert_eq!(seen.take().len(), 2);
}

#[tokio::test]
async fn dropping_the_last_handle_lets_the_reporter_finish() {
    let seen = Collector::new();
    let layer = app::reported(Background::new(seen.clone(), 16).unwrap().patience(PATIENCE));
    for _ in 0..8 {
        app::odd(&layer).await;
    }
    drop(layer);
    assert_eq!(seen.take().len(), 8);
}

#[tokio::test]
async fn a_reporter_that_holds_the_last_handle_does_not_wait_for_itself() {
    let (done, is_done) = mpsc::channel();
    let (give, given) = mpsc::channel::<Arc<Background>>();
    let given = Mutex::new(given);
    let reporter = move |_: &Receipt| {
        drop(given.lock().unwrap().recv().unwrap());
        done.send(()).unwrap();
    };
    let background = Arc::new(Background::new(reporter, 1).unwrap().patience(Duration::MAX));
    let layer = app::reported(Arc::clone(&background));
    app::plain(&layer).await;
    drop(layer);
    assert_eq!(Arc::strong_count(&background), 1);
    give.send(background).unwrap();
    is_done.recv_timeout(PATIENCE).unwrap();
}
