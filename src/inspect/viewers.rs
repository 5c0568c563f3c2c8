//! Who looks at the list as it grows: a bounded queue for each, and none for those that do not read. What is
//! queued is one for all of them, and is rendered once.

use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, Weak};
use std::task::{Context, Poll, Waker};

use bytes::Bytes;

/// The most exchanges that wait for one viewer; with one more it is cut.
pub(super) const MOST_WAITING: usize = 256;

/// The most viewers at one time; for one more the first is cut, which may have left long ago.
pub(super) const MOST_VIEWERS: usize = 128;

/// All viewers.
#[derive(Default)]
pub(super) struct Viewers {
    all: Mutex<Vec<Weak<Viewer>>>,
    /// How many are listed, so that the lock is not taken for none.
    listed: AtomicUsize,
    cut: AtomicU64,
}

/// One viewer, which reads of exchanges.
#[derive(Default)]
pub(super) struct Viewer(Mutex<Waiting>);

/// An exchange that has ended, for all viewers. It is there as long as one of them has not read it, which is until
/// [`MOST_WAITING`] more have ended.
#[derive(Debug)]
pub(super) struct Row {
    pub(super) id: u64,
    /// Its event, as the first viewer that shows it rendered it.
    pub(super) event: OnceLock<Rendered>,
}

/// An event of the stream.
#[derive(Clone, Debug)]
pub(super) struct Rendered {
    /// What stands before its links.
    pub(super) base: Box<str>,
    pub(super) event: Bytes,
}

#[derive(Default)]
struct Waiting {
    rows: VecDeque<Arc<Row>>,
    waker: Option<Waker>,
    cut: bool,
}

/// What is new for a viewer.
#[derive(Debug)]
pub(super) enum News {
    /// Exchanges, in order.
    Ended(Vec<Arc<Row>>),
    /// It did not read what waited for it, or there were too many.
    Cut,
}

impl Viewers {
    /// One more viewer.
    pub(super) fn join(&self) -> Arc<Viewer> {
        let viewer = Arc::new(Viewer::default());
        let mut all = unpoisoned(self.all.lock());
        all.retain(|viewer| viewer.strong_count() > 0);
        let first = (all.len() >= MOST_VIEWERS).then(|| all.remove(0).upgrade()).flatten();
        all.push(Arc::downgrade(&viewer));
        self.listed.store(all.len(), Ordering::Release);
        drop(all);
        if let Some(first) = first {
            self.cut.fetch_add(1, Ordering::Relaxed);
            let waker = first.end();
            waker.into_iter().for_each(Waker::wake);
        }
        viewer
    }

    /// An exchange has ended. It waits for no viewer, and runs no foreign code under the lock.
    pub(super) fn announce(&self, id: u64) {
        if self.listed.load(Ordering::Acquire) == 0 {
            return;
        }
        let row = Arc::new(Row { id, event: OnceLock::new() });
        let mut wakers = Vec::new();
        let mut all = unpoisoned(self.all.lock());
        // A viewer may leave meanwhile: then its waker is dropped with it, which is foreign code, too.
        let mut viewers = Vec::with_capacity(all.len());
        all.retain(|viewer| {
            let Some(viewer) = viewer.upgrade() else { return false };
            let stays = viewer.push(&row, &mut wakers);
            if !stays {
                self.cut.fetch_add(1, Ordering::Relaxed);
            }
            viewers.push(viewer);
            stays
        });
        self.listed.store(all.len(), Ordering::Release);
        drop(all);
        drop(viewers);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// How many were cut.
    pub(super) fn cut(&self) -> u64 {
        self.cut.load(Ordering::Relaxed)
    }
}

impl Viewer {
    /// Cuts it; who waits for it is to be woken.
    fn end(&self) -> Option<Waker> {
        let mut waiting = unpoisoned(self.0.lock());
        waiting.cut = true;
        waiting.rows = VecDeque::new();
        waiting.waker.take()
    }

    /// Puts an exchange into the queue; `false` if there is no room for it.
    fn push(&self, row: &Arc<Row>, wakers: &mut Vec<Waker>) -> bool {
        let mut waiting = unpoisoned(self.0.lock());
        wakers.extend(waiting.waker.take());
        if waiting.rows.len() < MOST_WAITING {
            waiting.rows.push_back(Arc::clone(row));
        } else {
            waiting.cut = true;
            waiting.rows = VecDeque::new();
        }
        !waiting.cut
    }

    /// What came since the last time.
    pub(super) fn poll(&self, cx: &Context<'_>) -> Poll<News> {
        let waker = cx.waker().clone();
        let mut waiting = unpoisoned(self.0.lock());
        if waiting.cut {
            return Poll::Ready(News::Cut);
        }
        if !waiting.rows.is_empty() {
            return Poll::Ready(News::Ended(waiting.rows.drain(..).collect()));
        }
        let old = waiting.waker.replace(waker);
        drop(waiting);
        drop(old);
        Poll::Pending
    }
}

fn unpoisoned<'a, T>(
    lock: Result<MutexGuard<'a, T>, PoisonError<MutexGuard<'a, T>>>,
) -> MutexGuard<'a, T> {
    lock.unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The numbers of what is new; `None` for a viewer that was cut.
    fn poll(viewer: &Viewer) -> Poll<Option<Vec<u64>>> {
        viewer.poll(&Context::from_waker(Waker::noop())).map(|news| match news {
            News::Ended(rows) => Some(rows.iter().map(|row| row.id).collect()),
            News::Cut => None,
        })
    }

    #[test]
    fn a_viewer_that_does_not_read_is_cut_and_the_others_go_on() {
        let viewers = Viewers::default();
        let (slow, quick) = (viewers.join(), viewers.join());
        for id in 1..=300 {
            viewers.announce(id);
            assert_eq!(poll(&quick), Poll::Ready(Some(vec![id])));
        }
        assert_eq!((poll(&slow), poll(&slow)), (Poll::Ready(None), Poll::Ready(None)));
        assert_eq!(viewers.cut(), 1);
        assert_eq!(slow.0.lock().expect("unpoisoned").rows.capacity(), 0);
        assert_eq!(poll(&quick), Poll::Pending);
        viewers.announce(301);
        assert_eq!(poll(&quick), Poll::Ready(Some(vec![301])));
    }

    #[test]
    fn for_one_viewer_too_many_the_first_is_cut() {
        let viewers = Viewers::default();
        let mut all: Vec<_> = (0..MOST_VIEWERS).map(|_| viewers.join()).collect();
        assert!(all.iter().all(|viewer| poll(viewer) == Poll::Pending));
        all.pop();
        all.push(viewers.join());
        assert_eq!(viewers.cut(), 0, "one had left");
        all.push(viewers.join());
        assert_eq!((viewers.cut(), poll(&all[0])), (1, Poll::Ready(None)));
        assert_eq!(poll(&all[1]), Poll::Pending);
        drop(all);
        viewers.announce(1);
        assert_eq!(viewers.listed.load(Ordering::Acquire), 0);
    }
}
