//! Of requests for one file that is not in memory the first leads, and those that come meanwhile wait for it.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Semaphore;

/// The names for which a request leads.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Box<[u8]>, Arc<Semaphore>>>);

/// The request that leads for a name. Dropped, it lets the others go on.
#[derive(Debug)]
pub(super) struct Leader {
    flights: Arc<Flights>,
    name: Box<[u8]>,
}

/// Comes when the leader is done, with or without the file.
pub(super) struct Waiter(Pin<Box<dyn Future<Output = ()> + Send>>);

thread_local! {
    /// The leader whose work is done on this thread.
    static AHEAD: Cell<Option<Leader>> = const { Cell::new(None) };
}

/// Does the work of a leader, if there is one. Those who wait go on when it is done, or when
/// [`release_waiters`] is called before.
pub(super) fn run<T>(leader: Option<Leader>, work: impl FnOnce() -> T) -> T {
    /// Also behind a panic.
    struct Release;
    impl Drop for Release {
        fn drop(&mut self) {
            release_waiters();
        }
    }
    AHEAD.set(leader);
    let _release = Release;
    work()
}

/// Lets the requests go on that wait for the work on this thread: before code of the application runs, which may
/// wait for one of them.
pub(super) fn release_waiters() {
    drop(AHEAD.take());
}

impl Flights {
    /// Leads for this name, or waits for the request that does.
    pub(super) fn join_or_lead(self: &Arc<Self>, name: &[u8]) -> Result<Leader, Waiter> {
        match self.names().entry(name.into()) {
            Entry::Vacant(vacant) => {
                // Nobody ever gets a permit: it is closed, and that is what they wait for.
                vacant.insert(Arc::new(Semaphore::new(0)));
                Ok(Leader { flights: Arc::clone(self), name: name.into() })
            }
            Entry::Occupied(ahead) => {
                let ahead = Arc::clone(ahead.get());
                Err(Waiter(Box::pin(async move { drop(ahead.acquire().await) })))
            }
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<Box<[u8]>, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Waiter {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Waiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Waiter").finish_non_exhaustive()
    }
}

impl Drop for Leader {
    fn drop(&mut self) {
        let ahead = self.flights.names().remove(&self.name);
        if let Some(ahead) = ahead {
            ahead.close();
        }
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    #[test]
    fn those_who_wait_go_on_when_the_first_is_back_or_gone() {
        let flights = Arc::new(Flights::default());
        let cx = &mut Context::from_waker(Waker::noop());
        let first = flights.join_or_lead(b"a").expect("nobody is ahead");
        assert!(flights.join_or_lead(b"b").is_ok());
        let mut before = flights.join_or_lead(b"a").expect_err("one is ahead");
        let mut early = flights.join_or_lead(b"a").expect_err("one is ahead");
        assert_eq!(Pin::new(&mut early).poll(cx), Poll::Pending);
        drop(first);
        assert_eq!(Pin::new(&mut early).poll(cx), Poll::Ready(()));
        // One that was not polled before is not left behind.
        assert_eq!(Pin::new(&mut before).poll(cx), Poll::Ready(()));
        assert!(flights.join_or_lead(b"a").is_ok(), "the next one goes ahead");
        assert!(flights.names().is_empty());
    }
}
