//! Who looks into a directory, and who takes what another one found there.
//!
//! A look counts for every request that came before it began. So of many that come at once the first looks,
//! and the others wait for the one look after that; no request gets what was there before it asked. What is
//! found is shared for as long as somebody has it, and not kept for others.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError, Weak};

use super::rows::Rows;
use crate::sys::Identity;

/// A directory: device and inode.
type Key = (u64, u64);

/// The directories of which somebody has the rows, or is about to.
#[derive(Default)]
pub(in crate::files) struct Desk {
    places: Mutex<HashMap<Key, Place>>,
    /// A look is over.
    over: Condvar,
    /// How many looks were begun.
    begun: AtomicU64,
}

#[derive(Default)]
struct Place {
    /// The number of the look that is being made.
    ahead: Option<u64>,
    /// How many wait for it.
    waiting: usize,
    /// The number of the look that found what is known.
    number: u64,
    rows: Weak<Rows>,
    proof: Option<Identity>,
    /// Keeps the rows while somebody waits.
    kept: Option<Arc<Rows>>,
}

/// What was found in a directory.
#[derive(Clone)]
pub(in crate::files) struct Known {
    pub(in crate::files) rows: Arc<Rows>,
    /// As long as the directory is this version it has the same names.
    pub(in crate::files) proof: Option<Identity>,
}

/// Who looks into a directory. Dropped, it lets the others go on.
pub(in crate::files) struct Ahead<'a> {
    desk: &'a Desk,
    key: Key,
    number: u64,
}

/// Before which looks a request came.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::files) struct Ticket(u64);

impl Ticket {
    /// Of a request for which no other's look counts.
    pub(in crate::files) const NONE: Self = Self(u64::MAX);
}

impl Desk {
    /// For a request that came before now.
    pub(in crate::files) fn ticket(&self) -> Ticket {
        Ticket(self.begun.load(Ordering::SeqCst))
    }

    /// What is in the directory `key`, by a look that began behind the ticket: another one's, or `look`, which is
    /// given what is known. It blocks.
    pub(in crate::files) fn rows<E>(
        &self,
        key: Key,
        ticket: Ticket,
        look: impl FnOnce(&Ahead<'_>, Option<Known>) -> Result<Known, E>,
    ) -> Result<Arc<Rows>, E> {
        let (number, known) = match self.turn(key, ticket) {
            Ok(rows) => return Ok(rows),
            Err(turn) => turn,
        };
        let ahead = Ahead { desk: self, key, number };
        let found = look(&ahead, known)?;
        self.keep(key, number, &found);
        Ok(found.rows)
    }

    /// Waits for somebody else's look, or says that it is the caller's turn, with the number of the look and
    /// what is known.
    fn turn(&self, key: Key, ticket: Ticket) -> Result<Arc<Rows>, (u64, Option<Known>)> {
        let mut places = self.places();
        loop {
            let place = places.entry(key).or_default();
            if let Some(rows) = place.rows.upgrade().filter(|_| place.number > ticket.0) {
                place.let_go();
                return Ok(rows);
            }
            let Some(ahead) = place.ahead else {
                let number = self.begun.fetch_add(1, Ordering::SeqCst) + 1;
                place.ahead = Some(number);
                let proof = place.proof;
                let known = place.rows.upgrade().map(|rows| Known { rows, proof });
                place.let_go();
                return Err((number, known));
            };
            place.waiting += 1;
            let is_there = |places: &mut HashMap<Key, Place>| {
                places.get(&key).is_some_and(|place| place.ahead == Some(ahead))
            };
            places = self.over.wait_while(places, is_there).unwrap_or_else(PoisonError::into_inner);
            if let Some(place) = places.get_mut(&key) {
                place.waiting = place.waiting.saturating_sub(1);
            }
        }
    }

    fn keep(&self, key: Key, number: u64, found: &Known) {
        let mut places = self.places();
        let place = places.entry(key).or_default();
        // Who was let by may have found something later.
        if number > place.number {
            place.number = number;
            place.rows = Arc::downgrade(&found.rows);
            place.proof = found.proof;
            place.kept = (place.waiting > 0).then(|| Arc::clone(&found.rows));
        }
    }

    fn land(&self, key: Key, number: u64) {
        let mut places = self.places();
        if let Some(place) = places.get_mut(&key).filter(|place| place.ahead == Some(number)) {
            place.ahead = None;
        }
        places.retain(|_, place| place.is_used());
        drop(places);
        self.over.notify_all();
    }

    fn places(&self) -> MutexGuard<'_, HashMap<Key, Place>> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Place {
    /// What was kept for those who waited is not, once they all have it.
    fn let_go(&mut self) {
        if self.waiting == 0 {
            self.kept = None;
        }
    }

    fn is_used(&self) -> bool {
        self.ahead.is_some() || self.waiting > 0 || self.rows.strong_count() > 0
    }
}

impl Ahead<'_> {
    /// Lets those go on who wait: before code of the application runs, which may wait for one of them.
    pub(in crate::files) fn land(&self) {
        self.desk.land(self.key, self.number);
    }
}

impl Drop for Ahead<'_> {
    fn drop(&mut self) {
        self.land();
    }
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;
    use std::thread;

    use super::*;
    use crate::files::listing::rows::Draft;

    const KEY: Key = (1, 2);

    fn found() -> Known {
        Known { rows: Arc::new(Draft::default().finish()), proof: None }
    }

    fn rows(desk: &Desk, ticket: Ticket) -> Arc<Rows> {
        desk.rows(KEY, ticket, |_, _| Ok::<_, ()>(found())).expect("it never fails")
    }

    /// Waits until so many wait for a look.
    fn until_waiting(desk: &Desk, count: usize) {
        while desk.places().get(&KEY).map_or(0, |place| place.waiting) < count {
            thread::yield_now();
        }
    }

    #[test]
    fn those_who_come_during_a_look_share_the_next_one() {
        const OTHERS: usize = 19;
        let desk = Desk::default();
        let mut ticket = Ticket::NONE;
        let first = desk.rows(KEY, desk.ticket(), |_, known| {
            assert!(known.is_none());
            // They come now, and do not get what was seen before.
            ticket = desk.ticket();
            Ok::<_, ()>(found())
        });
        let first = first.expect("it never fails");
        let (begin, begun) = mpsc::channel::<()>();
        let begun = Mutex::new(begun);
        let looks = AtomicU64::new(0);
        let all: Vec<_> = thread::scope(|scope| {
            let one = || {
                desk.rows(KEY, ticket, |_, known| {
                    assert!(known.is_some_and(|known| Arc::ptr_eq(&known.rows, &first)));
                    looks.fetch_add(1, Ordering::Relaxed);
                    let _ = begun.lock().unwrap_or_else(PoisonError::into_inner).recv();
                    Ok::<_, ()>(found())
                })
            };
            let threads: Vec<_> = (0..OTHERS).map(|_| scope.spawn(one)).collect();
            until_waiting(&desk, OTHERS - 1);
            drop(begin);
            threads.into_iter().map(|each| each.join().expect("no panic")).collect()
        });
        assert_eq!(looks.load(Ordering::Relaxed), 1);
        let all: Vec<_> = all.into_iter().map(|rows| rows.expect("it never fails")).collect();
        assert!(all.iter().all(|rows| Arc::ptr_eq(rows, &all[0])));
        assert!(!Arc::ptr_eq(&all[0], &first));
    }

    #[test]
    fn nobody_waits_for_one_who_was_let_by_and_what_it_found_is_not_newer() {
        let desk = Desk::default();
        let (mut later, mut ticket) = (None, Ticket::NONE);
        let early = desk.rows(KEY, desk.ticket(), |ahead, _| {
            ticket = desk.ticket();
            ahead.land();
            later = Some(rows(&desk, desk.ticket()));
            Ok::<_, ()>(found())
        });
        let (early, later) = (early.expect("it never fails"), later.expect("it was found"));
        let known = rows(&desk, ticket);
        assert!(Arc::ptr_eq(&known, &later) && !Arc::ptr_eq(&known, &early));
    }

    #[test]
    fn nothing_is_left_of_what_nobody_has() {
        let desk = Desk::default();
        let kept = rows(&desk, desk.ticket());
        assert_eq!(desk.rows((3, 4), desk.ticket(), |_, _| Err("refused")).err(), Some("refused"));
        let panic = crate::caught::caught(|| {
            desk.rows(KEY, desk.ticket(), |_, _| -> Result<Known, ()> { panic!("as a test wants") })
        });
        assert!(panic.is_err());
        assert!(rows(&desk, Ticket(0)).digest() == kept.digest(), "it is known still");
        drop(kept);
        drop(rows(&desk, Ticket::NONE));
        let other = desk.rows((3, 4), desk.ticket(), |_, _| Ok::<_, ()>(found()));
        assert_eq!(desk.places().len(), 1);
        drop(other);
    }
}
