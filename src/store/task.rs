//! Work on a thread that may block, given up with whoever waits for it.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::Semaphore;
use tokio::task::{JoinHandle, spawn_blocking};

use super::desk::Desk;
use super::error::{Kind, StoreError};
use crate::sys::write::Disk;

/// How many tasks of a store may wait for locks at once. tokio has 512 threads that may block, and a reader
/// needs one for a moment.
const MOST_WAITING: usize = 32;

/// Work that has not begun is not begun once this is dropped; what has begun is done, and its result
/// is dropped where it was made.
#[derive(Debug)]
pub(super) struct Task<T>(JoinHandle<T>);

impl<T: Send + 'static> Task<T> {
    pub(super) fn new(work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self(spawn_blocking(work))
    }
}

impl<T> Future for Task<T> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        Pin::new(&mut self.0).poll(cx).map_err(|_| Kind::Gone.into())
    }
}

impl<T> Drop for Task<T> {
    fn drop(&mut self) {
        self.0.abort();
    }
}

/// Does work that may fail where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    Task::new(work).await?
}

/// Turns for those who may have to wait for a lock. Whoever has it may have been stopped, or be slow: that
/// must not take the threads from readers, who wait for nobody.
pub(super) fn turns() -> Arc<Semaphore> {
    Arc::new(Semaphore::new(MOST_WAITING))
}

/// Does work that may wait for a lock, when it is its turn.
pub(super) async fn locking<D: Disk, T: Send + 'static>(
    desk: Arc<Desk<D>>,
    work: impl FnOnce(&Desk<D>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let turn = if let Ok(turn) = Arc::clone(&desk.turns).try_acquire_owned() {
        turn
    } else {
        let begun = Instant::now();
        let turn = Arc::clone(&desk.turns).acquire_owned().await.map_err(|_| Kind::Gone)?;
        // The lock would be waited for as long again.
        let waited = begun.elapsed();
        if waited >= desk.settings.patience {
            return Err(Kind::Locked(waited).into());
        }
        turn
    };
    blocking(move || {
        // It ends with the work, also if nobody waits for that any more.
        let _turn = turn;
        work(&desk)
    })
    .await
}
