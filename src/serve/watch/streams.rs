//! The responses of one connection: which of them wait for their client, and what they hold.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::task::Waker;

use tokio::time::Instant;

use crate::serve::memory::Memory;
use crate::serve::patience::{Limits, Waiting};

/// The responses under way that hyper has data of, or whose task has to be woken if they are to fail.
#[derive(Debug)]
pub(super) struct Streams {
    inner: Mutex<Inner>,
    memory: Arc<Memory>,
    /// While so many bytes are unsent, nothing more is asked for.
    most: usize,
    /// So many are.
    full: AtomicBool,
}

#[derive(Debug, Default)]
struct Inner {
    slots: Vec<Slot>,
    free: Vec<u32>,
    /// Bytes of responses that hyper has, and the socket has not.
    unsent: usize,
    /// How much of that is in the server's memory count.
    charged: usize,
    /// How many wait for others to hold less.
    starving: usize,
    /// The server's memory knows the connection.
    joined: bool,
    /// It is given up: what it holds counts no more.
    given_up: bool,
}

/// What is to be done about bytes that hyper was handed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Held {
    Fine,
    /// The connection holds enough to be known to the server's memory.
    First,
    /// All connections hold too much.
    TooMuch,
}

/// One response.
#[derive(Debug)]
struct Slot {
    /// The call, and each of its frames that hyper still has.
    holders: u32,
    unsent: usize,
    /// When it last took something, or began to wait.
    moved: Instant,
    /// Since when a rate is judged, and what it has taken since then.
    window: (Instant, u64),
    /// It is asked for nothing before others hold less.
    starved: bool,
    /// Wakes the task of the stream.
    waker: Option<Waker>,
}

impl Streams {
    pub(super) fn new(memory: Arc<Memory>, most: usize) -> Self {
        Self { inner: Mutex::default(), memory, most, full: AtomicBool::new(false) }
    }

    /// A frame of so many bytes goes to hyper. `key` is that of the response, if it has one already.
    pub(super) fn handed(&self, key: Option<u32>, bytes: usize) -> (u32, Held) {
        let now = Instant::now();
        let mut inner = self.lock();
        let key = inner.key(key, now);
        let slot = inner.slot(key);
        slot.holders += 1;
        if slot.unsent == 0 {
            slot.moved = now;
            slot.window = (now, 0);
        }
        slot.unsent += bytes;
        (key, self.held(&mut inner, bytes))
    }

    /// The socket has so many bytes of a frame, and hyper has the rest.
    pub(super) fn took(&self, key: u32, bytes: usize) {
        let now = Instant::now();
        let mut inner = self.lock();
        let slot = inner.slot(key);
        slot.unsent -= bytes;
        slot.window.1 += bytes as u64;
        slot.moved = now;
        self.freed(inner, bytes);
    }

    /// The last of a frame, so many bytes, is with the socket, or given up. True if that was the end
    /// of the response.
    pub(super) fn gone(&self, key: u32, bytes: usize) -> bool {
        let mut inner = self.lock();
        let slot = inner.slot(key);
        slot.unsent -= bytes;
        slot.window.1 += bytes as u64;
        let (over, waker) = inner.release(key);
        self.freed(inner, bytes);
        drop(waker);
        over
    }

    /// There will be no more frames. True if that was the end of the response.
    pub(super) fn done(&self, key: u32) -> bool {
        let mut inner = self.lock();
        let (over, waker) = inner.release(key);
        drop(inner);
        // Not under the lock: it may be the last that there is of a task.
        drop(waker);
        over
    }

    /// The response waits for its service or its body; if the streams are to fail, `waker` is woken.
    pub(super) fn park(&self, key: Option<u32>, waker: &Waker) -> u32 {
        let now = Instant::now();
        let mut inner = self.lock();
        let key = inner.key(key, now);
        inner.slot(key).waker.get_or_insert_with(|| waker.clone());
        key
    }

    /// Whether so much is unsent that nothing more is to be asked for.
    pub(super) fn is_full(&self) -> bool {
        self.full.load(Ordering::Acquire)
    }

    /// Whether the response is to be asked for nothing more; its task is woken when it may.
    pub(super) fn starves(&self, key: Option<u32>, waker: &Waker) -> (u32, bool) {
        let now = Instant::now();
        let mut inner = self.lock();
        let key = inner.key(key, now);
        let full = inner.unsent >= self.most;
        let slot = inner.slot(key);
        if full {
            slot.waker.get_or_insert_with(|| waker.clone());
        }
        if slot.starved != full {
            slot.starved = full;
            inner.starving = if full { inner.starving + 1 } else { inner.starving - 1 };
        }
        (key, full)
    }

    /// Which of them wait for their client; not counted before `room`.
    pub(super) fn waiting(&self, now: Instant, limits: &Limits, room: Instant) -> Waiting {
        let mut inner = self.lock();
        let mut waiting = Waiting { starved: inner.starving, ..Waiting::default() };
        for slot in inner.slots.iter_mut().filter(|slot| slot.unsent > 0) {
            let mut due = slot.moved.max(room) + limits.write;
            if limits.least > 1 {
                let (since, taken) = slot.window;
                let until = since.max(room) + limits.write;
                if now >= until && taken >= limits.least {
                    slot.window = (now, 0);
                    due = due.min(now + limits.write);
                } else {
                    due = due.min(until);
                }
            }
            if now >= due {
                waiting.overdue += 1;
            } else {
                waiting.next = Some(waiting.next.map_or(due, |next| next.min(due)));
            }
        }
        waiting
    }

    /// Wakes the tasks of all that wait.
    pub(super) fn wake(&self) {
        let wakers: Vec<Waker> =
            self.lock().slots.iter_mut().filter_map(|slot| slot.waker.take()).collect();
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Bytes that are in the server's memory count.
    pub(super) fn charged(&self) -> usize {
        self.lock().charged
    }

    /// The server's memory is to know the connection. False if it does.
    pub(super) fn joins(&self) -> bool {
        !std::mem::replace(&mut self.lock().joined, true)
    }

    /// What the connection holds counts no more: it is about to be freed.
    pub(super) fn give_up(&self) {
        let mut inner = self.lock();
        inner.given_up = true;
        self.memory.settle(&mut inner.charged, 0);
    }

    /// So many bytes fewer are held: who waits for that is asked again.
    fn freed(&self, mut inner: MutexGuard<'_, Inner>, bytes: usize) {
        inner.frees(&self.memory, bytes);
        if inner.unsent >= self.most || !self.full.load(Ordering::Relaxed) {
            return;
        }
        self.full.store(false, Ordering::Release);
        if inner.starving == 0 {
            return;
        }
        let starved = inner.slots.iter().filter(|slot| slot.starved);
        let wakers: Vec<Waker> = starved.filter_map(|slot| slot.waker.clone()).collect();
        drop(inner);
        wakers.into_iter().for_each(Waker::wake);
    }

    /// Data of HTTP/1 goes to hyper; whether it waits is seen at the socket.
    pub(super) fn holds(&self, bytes: usize) -> Held {
        self.held(&mut self.lock(), bytes)
    }

    /// It is with the socket, or given up.
    pub(super) fn frees(&self, bytes: usize) {
        self.freed(self.lock(), bytes);
    }

    fn held(&self, inner: &mut Inner, bytes: usize) -> Held {
        let held = inner.holds(&self.memory, bytes);
        if inner.unsent >= self.most {
            self.full.store(true, Ordering::Release);
        }
        held
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Streams {
    fn drop(&mut self) {
        let inner = self.inner.get_mut().unwrap_or_else(PoisonError::into_inner);
        self.memory.settle(&mut inner.charged, 0);
    }
}

impl Inner {
    /// The response's place: the one it has, or a new one.
    fn key(&mut self, key: Option<u32>, now: Instant) -> u32 {
        if let Some(key) = key {
            return key;
        }
        let slot = Slot {
            holders: 1,
            unsent: 0,
            moved: now,
            window: (now, 0),
            starved: false,
            waker: None,
        };
        if let Some(free) = self.free.pop() {
            self.slots[free as usize] = slot;
            return free;
        }
        self.slots.push(slot);
        // More streams than that do not fit into memory.
        u32::try_from(self.slots.len() - 1).unwrap_or(u32::MAX)
    }

    fn slot(&mut self, key: u32) -> &mut Slot {
        &mut self.slots[key as usize]
    }

    /// One holder fewer. True if it was the last one; and the waker, which is not dropped under the lock.
    fn release(&mut self, key: u32) -> (bool, Option<Waker>) {
        let slot = self.slot(key);
        slot.holders -= 1;
        if slot.holders > 0 {
            return (false, None);
        }
        let waker = slot.waker.take();
        if std::mem::take(&mut slot.starved) {
            self.starving -= 1;
        }
        self.free.push(key);
        (true, waker)
    }

    fn holds(&mut self, memory: &Memory, bytes: usize) -> Held {
        self.unsent += bytes;
        if self.given_up {
            return Held::Fine;
        }
        if memory.settle(&mut self.charged, self.unsent) {
            return Held::TooMuch;
        }
        if self.charged > 0 && !self.joined { Held::First } else { Held::Fine }
    }

    fn frees(&mut self, memory: &Memory, bytes: usize) {
        self.unsent -= bytes;
        if !self.given_up {
            memory.settle(&mut self.charged, self.unsent);
        }
    }
}

#[cfg(test)]
mod tests;
