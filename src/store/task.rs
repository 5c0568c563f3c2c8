//! Work of a store on a thread that may block; where there may be a wait for a lock, in turn.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use tokio::sync::Semaphore;

use super::desk::Desk;
use super::error::{Kind, StoreError};
use crate::sys::Lost;
use crate::sys::write::{Directory, Disk};

/// How many tasks of a store may wait for locks at once. tokio has 512 threads that may block, and a reader
/// needs one for a moment.
const MOST_WAITING: usize = 32;

/// Work that has not begun is not begun once this is dropped; what has begun is done, and its result
/// is dropped where it was made.
pub(super) struct Task<T, D: Disk = Directory> {
    task: crate::sys::Task<T>,
    desk: Arc<Desk<D>>,
}

impl<T: Send + 'static, D: Disk> Task<T, D> {
    pub(super) fn new(desk: &Arc<Desk<D>>, work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self { task: crate::sys::Task::new(work), desk: Arc::clone(desk) }
    }
}

impl<T, D: Disk> Future for Task<T, D> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let done = Pin::new(&mut self.task).poll(cx);
        done.map_err(|lost| match lost {
            Lost::NoThread(refusal) => self.desk.give_up("", refusal),
            Lost::Gone => Kind::Gone.into(),
        })
    }
}

impl<T, D: Disk> fmt::Debug for Task<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

/// Does work that may fail where blocking is allowed.
pub(super) async fn blocking<D: Disk, T: Send + 'static>(
    desk: Arc<Desk<D>>,
    work: impl FnOnce(&Desk<D>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let own = Arc::clone(&desk);
    Task::new(&desk, move || work(&own)).await?
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
            return Err(desk.locked_out("", waited));
        }
        turn
    };
    blocking(desk, move |desk| {
        // It ends with the work, also if nobody waits for that any more.
        let _turn = turn;
        work(desk)
    })
    .await
}
