//! Where the connections of a server are counted, and learn that it ends.

use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};

/// How far the server is; it only goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Phase {
    /// Connections are accepted.
    Open,
    /// What runs is finished.
    Draining,
    /// What still runs is cut.
    Over,
}

/// Shared by the acceptors, the connections and whoever waits for them.
#[derive(Debug)]
pub(super) struct Hub {
    phase: AtomicU8,
    /// The wakers of connections, each in its place.
    wakers: Mutex<Wakers>,
    /// Connections that were accepted, ever.
    accepted: AtomicU64,
    /// Connections that hyper drives.
    driven: AtomicUsize,
    /// Open sockets, those of upgrades too.
    sockets: AtomicUsize,
    /// Worker threads.
    threads: AtomicUsize,
    /// Connections that were cut at the deadline.
    cut: AtomicU64,
    /// One of the counts went down, or the phase went on.
    stirred: Notify,
    places: Option<Arc<Semaphore>>,
}

/// Wakers, each in its place, and the places that are free.
#[derive(Debug, Default)]
struct Wakers {
    places: Vec<Option<Waker>>,
    free: Vec<usize>,
}

impl Hub {
    pub(super) fn new(most: Option<usize>) -> Arc<Self> {
        let places = most.map(|most| Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS))));
        Arc::new(Self {
            phase: AtomicU8::new(Phase::Open as u8),
            wakers: Mutex::new(Wakers::default()),
            accepted: AtomicU64::new(0),
            driven: AtomicUsize::new(0),
            sockets: AtomicUsize::new(0),
            threads: AtomicUsize::new(0),
            cut: AtomicU64::new(0),
            stirred: Notify::new(),
            places,
        })
    }

    pub(super) fn phase(&self) -> Phase {
        match self.phase.load(Ordering::SeqCst) {
            0 => Phase::Open,
            1 => Phase::Draining,
            _ => Phase::Over,
        }
    }

    /// Goes on to this phase, and wakes whoever has to know.
    pub(super) fn go_on(&self, phase: Phase) {
        self.phase.fetch_max(phase as u8, Ordering::SeqCst);
        let wakers: Vec<Waker> = self.wakers().places.iter().flatten().cloned().collect();
        wakers.iter().for_each(Waker::wake_by_ref);
        self.stirred.notify_waiters();
    }

    /// Ready when `reached` is true; it is asked whenever a count goes down or the phase goes on.
    pub(super) async fn until(&self, reached: impl Fn(&Self) -> bool) {
        loop {
            let mut stirred = std::pin::pin!(self.stirred.notified());
            stirred.as_mut().enable();
            if reached(self) {
                return;
            }
            stirred.await;
        }
    }

    /// Ready when a socket of this server is closed.
    pub(super) async fn freed(&self) {
        let before = self.sockets();
        self.until(|hub| hub.sockets() < before || hub.phase() != Phase::Open).await;
    }

    /// A place for one more connection, when there is one.
    pub(super) async fn place(&self) -> Option<OwnedSemaphorePermit> {
        // Nobody closes it.
        Arc::clone(self.places.as_ref()?).acquire_owned().await.ok()
    }

    pub(super) fn accepted(&self) -> u64 {
        self.accepted.load(Ordering::SeqCst)
    }

    pub(super) fn driven(&self) -> usize {
        self.driven.load(Ordering::SeqCst)
    }

    pub(super) fn sockets(&self) -> usize {
        self.sockets.load(Ordering::SeqCst)
    }

    pub(super) fn threads(&self) -> usize {
        self.threads.load(Ordering::SeqCst)
    }

    /// Connections that were cut at the deadline.
    pub(super) fn was_cut(&self) -> u64 {
        self.cut.load(Ordering::SeqCst)
    }

    pub(super) fn count_cut(&self) {
        self.cut.fetch_add(1, Ordering::SeqCst);
    }

    fn wakers(&self) -> MutexGuard<'_, Wakers> {
        self.wakers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// An open socket is counted.
#[derive(Debug)]
pub(super) struct Seat {
    hub: Arc<Hub>,
    _place: Option<OwnedSemaphorePermit>,
}

impl Seat {
    pub(super) fn new(hub: Arc<Hub>, place: Option<OwnedSemaphorePermit>) -> Self {
        hub.accepted.fetch_add(1, Ordering::SeqCst);
        hub.sockets.fetch_add(1, Ordering::SeqCst);
        Self { hub, _place: place }
    }

    /// The same connection, counted as one that the server waits for.
    pub(super) fn member(&self) -> Member {
        Member::new(Arc::clone(&self.hub))
    }

    pub(super) fn phase(&self) -> Phase {
        self.hub.phase()
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.hub.sockets.fetch_sub(1, Ordering::SeqCst);
        self.hub.stirred.notify_waiters();
    }
}

/// A connection that hyper drives is counted, and hears of the phase.
#[derive(Debug)]
pub(super) struct Member {
    hub: Arc<Hub>,
    listening: Option<(usize, Waker)>,
}

impl Member {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        hub.driven.fetch_add(1, Ordering::SeqCst);
        Self { hub, listening: None }
    }

    /// The phase; `waker` is woken when it goes on.
    pub(super) fn phase(&mut self, waker: &Waker) -> Phase {
        match &self.listening {
            Some((_, known)) if known.will_wake(waker) => {}
            Some((place, _)) => {
                let place = *place;
                self.hub.wakers().places[place] = Some(waker.clone());
                self.listening = Some((place, waker.clone()));
            }
            None => {
                let mut wakers = self.hub.wakers();
                let place = wakers.free.pop().unwrap_or_else(|| {
                    wakers.places.push(None);
                    wakers.places.len() - 1
                });
                wakers.places[place] = Some(waker.clone());
                drop(wakers);
                self.listening = Some((place, waker.clone()));
            }
        }
        // After the waker stands there, so that a change between the two wakes.
        self.hub.phase()
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some((place, _)) = self.listening {
            let mut wakers = self.hub.wakers();
            wakers.places[place] = None;
            wakers.free.push(place);
        }
        self.hub.driven.fetch_sub(1, Ordering::SeqCst);
        self.hub.stirred.notify_waiters();
    }
}

/// A worker thread is counted.
#[derive(Debug)]
pub(super) struct Hand(Arc<Hub>);

impl Hand {
    pub(super) fn new(hub: Arc<Hub>) -> Self {
        hub.threads.fetch_add(1, Ordering::SeqCst);
        Self(hub)
    }
}

impl Drop for Hand {
    fn drop(&mut self) {
        self.0.threads.fetch_sub(1, Ordering::SeqCst);
        self.0.stirred.notify_waiters();
    }
}
