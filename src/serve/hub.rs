//! Where the connections of a server are counted, and learn that it ends.

use std::fmt;
use std::sync::atomic::{AtomicU8, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;
use std::time::Duration;

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore};
use tokio::time::Instant;

/// A connection is not closed for another's sake before it has been without a request for so long: the request of
/// a client that has just connected may be on its way.
const SPARED: Duration = Duration::from_secs(1);
/// The most connections that are asked to go at one time.
const MOST_ASKED: usize = 32;

/// A connection that may be closed so that another one can be accepted.
pub(super) trait Guest: fmt::Debug + Send + Sync {
    /// Since when it has no request under way; `None` if it has one, or is going.
    fn idle_since(&self) -> Option<Instant>;

    /// It is to go, unless a request has come meanwhile; its task is woken behind this.
    fn asked_to_go(&self);
}

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
    /// The connections' tasks, each in its place.
    tasks: Mutex<Tasks>,
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
    places: Arc<Semaphore>,
}

/// The tasks of connections, each in its place, and the places that are free.
#[derive(Debug, Default)]
struct Tasks {
    places: Vec<Option<Task>>,
    free: Vec<usize>,
}

/// The task of a connection.
#[derive(Clone, Debug)]
struct Task {
    waker: Waker,
    guest: Option<Arc<dyn Guest>>,
}

impl Hub {
    /// For so many connections at most.
    pub(super) fn new(most: usize) -> Arc<Self> {
        let places = Arc::new(Semaphore::new(most.min(Semaphore::MAX_PERMITS)));
        Arc::new(Self {
            phase: AtomicU8::new(Phase::Open as u8),
            tasks: Mutex::new(Tasks::default()),
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
        let tasks: Vec<Task> = self.tasks().places.iter().flatten().cloned().collect();
        for task in &tasks {
            task.waker.wake_by_ref();
        }
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
        Arc::clone(&self.places).acquire_owned().await.ok()
    }

    /// A place for one more connection, if there is one now.
    pub(super) fn place_now(&self) -> Option<OwnedSemaphorePermit> {
        Arc::clone(&self.places).try_acquire_owned().ok()
    }

    /// Asks connections to go, those first that have had no request under way for longest: an eighth of those that may
    /// be asked, at least one. How many there were.
    pub(super) fn make_room(&self) -> usize {
        let now = Instant::now();
        let idle = |task: &Task| {
            let since = task.guest.as_ref()?.idle_since()?;
            (since + SPARED <= now).then(|| (since, task.clone()))
        };
        let mut idle: Vec<(Instant, Task)> =
            self.tasks().places.iter().flatten().filter_map(idle).collect();
        idle.sort_by_key(|(since, _)| *since);
        idle.truncate((idle.len() / 8).clamp(1, MOST_ASKED));
        for (_, task) in &idle {
            if let Some(guest) = &task.guest {
                guest.asked_to_go();
            }
            task.waker.wake_by_ref();
        }
        idle.len()
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

    fn tasks(&self) -> MutexGuard<'_, Tasks> {
        self.tasks.lock().unwrap_or_else(PoisonError::into_inner)
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
        Member::new(Arc::clone(&self.hub), None)
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
    /// Asked to go where there is no place for another, if it may be.
    guest: Option<Arc<dyn Guest>>,
    listening: Option<(usize, Waker)>,
}

impl Member {
    pub(super) fn new(hub: Arc<Hub>, guest: Option<Arc<dyn Guest>>) -> Self {
        hub.driven.fetch_add(1, Ordering::SeqCst);
        Self { hub, guest, listening: None }
    }

    /// The phase; `waker` is woken when it goes on.
    pub(super) fn phase(&mut self, waker: &Waker) -> Phase {
        match &self.listening {
            Some((_, known)) if known.will_wake(waker) => {}
            Some((place, _)) => {
                let place = *place;
                self.hub.tasks().places[place] = Some(self.task(waker));
                self.listening = Some((place, waker.clone()));
            }
            None => {
                let mut tasks = self.hub.tasks();
                let place = tasks.free.pop().unwrap_or_else(|| {
                    tasks.places.push(None);
                    tasks.places.len() - 1
                });
                tasks.places[place] = Some(self.task(waker));
                drop(tasks);
                self.listening = Some((place, waker.clone()));
            }
        }
        // After the waker stands there, so that a change between the two wakes.
        self.hub.phase()
    }

    fn task(&self, waker: &Waker) -> Task {
        Task { waker: waker.clone(), guest: self.guest.clone() }
    }
}

impl Drop for Member {
    fn drop(&mut self) {
        if let Some((place, _)) = self.listening {
            let mut tasks = self.hub.tasks();
            let left = tasks.places[place].take();
            tasks.free.push(place);
            drop(tasks);
            drop(left);
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

#[cfg(test)]
mod tests {
    use std::sync::atomic::AtomicBool;

    use super::*;

    #[derive(Debug)]
    struct Idle(Option<Instant>, AtomicBool);

    impl Guest for Idle {
        fn idle_since(&self) -> Option<Instant> {
            self.0.filter(|_| !self.1.load(Ordering::SeqCst))
        }

        fn asked_to_go(&self) {
            self.1.store(true, Ordering::SeqCst);
        }
    }

    /// Connections that have been idle for so many milliseconds, or are not; who of them is asked to go, time after time.
    #[track_caller]
    fn check(idle: &[Option<u64>], expected: &[&[usize]]) {
        let (hub, now) = (Hub::new(9), Instant::now());
        let since = |ms: &u64| now.checked_sub(Duration::from_millis(*ms));
        let guests: Vec<_> = idle
            .iter()
            .map(|ms| Arc::new(Idle(ms.as_ref().and_then(since), AtomicBool::new(false))))
            .collect();
        let mut members: Vec<_> = guests
            .iter()
            .map(|guest| Member::new(Arc::clone(&hub), Some(Arc::clone(guest) as Arc<dyn Guest>)))
            .collect();
        // One that only reads on is a member, and no guest.
        members.push(Member::new(Arc::clone(&hub), None));
        for member in &mut members {
            assert_eq!(member.phase(Waker::noop()), Phase::Open);
        }
        for asked in expected {
            let before: Vec<_> = guests.iter().map(|one| one.1.load(Ordering::SeqCst)).collect();
            assert_eq!(hub.make_room(), asked.len());
            let now = guests.iter().map(|one| one.1.load(Ordering::SeqCst));
            let new = now.enumerate().filter(|(at, is)| *is && !before[*at]);
            assert_eq!(new.map(|(at, _)| at).collect::<Vec<_>>(), *asked);
        }
        drop(members);
        assert_eq!((hub.driven(), hub.make_room()), (0, 0));
    }

    #[test]
    fn those_that_are_idle_for_longest_are_asked_to_go() {
        check(&[Some(2000), Some(4000), None, Some(3000)], &[&[1], &[3], &[0], &[]]);
        // Nobody has been for long enough.
        check(&[Some(0), None, Some(500)], &[&[]]);
        check(&[], &[&[]]);
        // An eighth of them.
        let crowd: Vec<_> = (0..17).map(|nth| Some(9000 - nth)).collect();
        check(&crowd, &[&[0, 1], &[2], &[3]]);
    }

    #[test]
    fn no_more_are_asked_than_there_are_places_for_soon() {
        let crowd: Vec<_> = (0..300).map(|nth| Some(9000 - nth)).collect();
        check(&crowd, &[&(0..32).collect::<Vec<_>>()]);
    }
}
