//! Closes files on the blocking pool, where that may block.

use std::sync::Arc;

use crate::sys::{Handle, Place, Stat, detached};

/// From this length on it takes a worker's thread too long to give back what a file has in memory and on
/// the disk: some milliseconds for each 100 MiB.
pub(super) const LONG: u64 = 16 * 1024 * 1024;

/// Whether to close it may wait for a network, for a daemon, or for a disk.
pub(super) fn may_wait(handle: &Arc<Handle>) -> bool {
    handle.place() == Place::Elsewhere || frees(handle)
}

/// Whether to close it now gives back the room of a long file that has no name any more.
fn frees(handle: &Arc<Handle>) -> bool {
    handle.stat().identity.size >= LONG
        && Arc::strong_count(handle) == 1
        && Stat::of(handle.as_ref()).is_ok_and(|stat| stat.nlink == 0)
}

/// Drops what has a file open, on the blocking pool. Without a runtime there is nobody to wait; without
/// a thread to be had it is dropped here.
pub(super) fn spawn_close<T: Send + 'static>(holder: T) {
    detached(move || drop(holder));
}

/// Drops a descriptor.
pub(super) fn close(handle: Arc<Handle>) {
    if may_wait(&handle) {
        spawn_close(handle);
    }
}
