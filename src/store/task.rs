//! Work of a store on the blocking pool; where there may be a wait for a lock, in turn.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use super::disk_ops::DiskOps;
use super::error::{Kind, StoreError};
use crate::sys::Lost;
use crate::sys::write::{Directory, Disk};

/// Work that has not begun is not begun once this is dropped; what has begun is done, and its result
/// is dropped where it was made.
pub(super) struct Task<T, D: Disk = Directory> {
    task: crate::sys::Task<T>,
    ops: Arc<DiskOps<D>>,
}

impl<T: Send + 'static, D: Disk> Task<T, D> {
    pub(super) fn new(ops: &Arc<DiskOps<D>>, work: impl FnOnce() -> T + Send + 'static) -> Self {
        Self { task: crate::sys::Task::new(work), ops: Arc::clone(ops) }
    }
}

impl<T, D: Disk> Future for Task<T, D> {
    type Output = Result<T, StoreError>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let done = Pin::new(&mut self.task).poll(cx);
        done.map_err(|why| lost(&self.ops, why))
    }
}

/// Why the work of a task was not done.
pub(super) fn lost<D: Disk>(ops: &DiskOps<D>, why: Lost) -> StoreError {
    match why {
        Lost::NoThread(refusal) => ops.give_up("", refusal),
        Lost::Gone => Kind::Gone.into(),
    }
}

impl<T, D: Disk> fmt::Debug for Task<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Task").finish_non_exhaustive()
    }
}

/// Does work that may fail on the blocking pool.
pub(super) async fn blocking<D: Disk, T: Send + 'static>(
    ops: Arc<DiskOps<D>>,
    work: impl FnOnce(&DiskOps<D>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let own = Arc::clone(&ops);
    Task::new(&ops, move || work(&own)).await?
}

/// Does work that may wait for a lock, when it is its turn.
pub(super) async fn locking<D: Disk, T: Send + 'static>(
    ops: Arc<DiskOps<D>>,
    work: impl FnOnce(&DiskOps<D>) -> Result<T, StoreError> + Send + 'static,
) -> Result<T, StoreError> {
    let turn = if let Ok(turn) = Arc::clone(&ops.turns).try_acquire_owned() {
        turn
    } else {
        let begun = Instant::now();
        let turn = Arc::clone(&ops.turns).acquire_owned().await.map_err(|_| Kind::Gone)?;
        // The lock would be waited for as long again.
        let waited = begun.elapsed();
        if waited >= ops.settings.patience {
            return Err(ops.locked_out("", waited));
        }
        turn
    };
    blocking(ops, move |ops| {
        // It ends with the work, also if nobody waits for that any more.
        let _turn = turn;
        work(ops)
    })
    .await
}
