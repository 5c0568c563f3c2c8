//! One request for a file that is not at hand goes ahead; those that come meanwhile wait for it.

use std::cell::Cell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::{Context, Poll};

use tokio::sync::Semaphore;

/// The names for which somebody went ahead.
#[derive(Debug, Default)]
pub(super) struct Flights(Mutex<HashMap<Box<[u8]>, Arc<Semaphore>>>);

/// Who went ahead for a name. Dropped, it lets the others go on.
#[derive(Debug)]
pub(super) struct Flight {
    flights: Arc<Flights>,
    name: Box<[u8]>,
}

/// Comes when whoever went ahead is back, with or without the file.
pub(super) struct Landing(Pin<Box<dyn Future<Output = ()> + Send>>);

thread_local! {
    /// What those wait for who wait for the work on this thread.
    static AHEAD: Cell<Option<Flight>> = const { Cell::new(None) };
}

/// Does the work of one who went ahead, if it is. Those who wait go on when it is done, or lands before.
pub(super) fn fly<T>(flight: Option<Flight>, work: impl FnOnce() -> T) -> T {
    /// Also behind a panic.
    struct Landed;
    impl Drop for Landed {
        fn drop(&mut self) {
            land();
        }
    }
    AHEAD.set(flight);
    let _landed = Landed;
    work()
}

/// Lets those go on who wait for the work on this thread: before code of the application runs, which may
/// wait for one of them.
pub(super) fn land() {
    drop(AHEAD.take());
}

impl Flights {
    /// Goes ahead, or says how long to wait for the one who did.
    pub(super) fn board(self: &Arc<Self>, name: &[u8]) -> Result<Flight, Landing> {
        match self.names().entry(name.into()) {
            Entry::Vacant(vacant) => {
                // Nobody ever gets a permit: it is closed, and that is what they wait for.
                vacant.insert(Arc::new(Semaphore::new(0)));
                Ok(Flight { flights: Arc::clone(self), name: name.into() })
            }
            Entry::Occupied(ahead) => {
                let ahead = Arc::clone(ahead.get());
                Err(Landing(Box::pin(async move { drop(ahead.acquire().await) })))
            }
        }
    }

    fn names(&self) -> MutexGuard<'_, HashMap<Box<[u8]>, Arc<Semaphore>>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Future for Landing {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<()> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Landing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Landing").finish_non_exhaustive()
    }
}

impl Drop for Flight {
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
        let first = flights.board(b"a").expect("nobody is ahead");
        assert!(flights.board(b"b").is_ok());
        let mut before = flights.board(b"a").expect_err("one is ahead");
        let mut early = flights.board(b"a").expect_err("one is ahead");
        assert_eq!(Pin::new(&mut early).poll(cx), Poll::Pending);
        drop(first);
        assert_eq!(Pin::new(&mut early).poll(cx), Poll::Ready(()));
        // One that was not polled before is not left behind.
        assert_eq!(Pin::new(&mut before).poll(cx), Poll::Ready(()));
        assert!(flights.board(b"a").is_ok(), "the next one goes ahead");
        assert!(flights.names().is_empty());
    }
}
