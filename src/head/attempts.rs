//! Which calls of named layers a write belongs to, and which of them led to the response.
//!
//! A layer that retries or hedges calls its inner service several times for one request. Each call
//! that passes the inner side of a [named](crate::named()) layer is an *attempt*; attempt 0 is the
//! request itself. A write belongs to the attempt whose request its [`Head`](crate::Head) came with.

use std::sync::atomic::{AtomicU8, AtomicU32, AtomicU64, Ordering};

/// The most starts and answers that one request tells apart. Calls beyond that count as part of the
/// attempt that they were made in.
const MOST: usize = 128;

/// The number of an attempt; 0 is the request itself.
pub(crate) type Attempt = u8;

/// In the place of a parent: this time is that of an answer, not of a start.
const ANSWER: u8 = u8::MAX;

/// The attempts of one exchange: who started them, and when each was answered.
///
/// Starts and answers share one clock, so that an attempt's number is the time of its start.
pub(crate) struct Attempts {
    clock: AtomicU32,
    parents: [AtomicU8; MOST],
    /// When the attempt was answered; 0 while it was not.
    answers: [AtomicU8; MOST],
    /// The attempts whose requests are gone: handed on to another attempt, or dropped.
    left: [AtomicU64; MOST / 64],
}

impl Attempts {
    pub(crate) const fn new() -> Self {
        Self {
            clock: AtomicU32::new(0),
            parents: [const { AtomicU8::new(0) }; MOST],
            answers: [const { AtomicU8::new(0) }; MOST],
            left: [const { AtomicU64::new(0) }; MOST / 64],
        }
    }

    /// Forgets every attempt, for another exchange.
    pub(crate) fn clear(&mut self) {
        *self.clock.get_mut() = 0;
        self.left.iter_mut().for_each(|left| *left.get_mut() = 0);
    }

    /// Begins an attempt inside `parent`; `None` if there were too many.
    pub(crate) fn start(&self, parent: Attempt) -> Option<Attempt> {
        let time = self.tick();
        let at = usize::from(time);
        let (started, answered) = (self.parents.get(at)?, self.answers.get(at)?);
        started.store(parent, Ordering::Relaxed);
        answered.store(0, Ordering::Relaxed);
        Some(time)
    }

    /// The inner side of the named layer was given a response to `attempt`.
    pub(crate) fn answer(&self, attempt: Attempt) {
        let time = self.tick();
        if let Some(parent) = self.parents.get(usize::from(time)) {
            parent.store(ANSWER, Ordering::Relaxed);
        }
        if let Some(answer) = self.answers.get(usize::from(attempt)) {
            answer.store(time, Ordering::Relaxed);
        }
    }

    /// The request of `attempt` is gone.
    pub(crate) fn leave(&self, attempt: Attempt) {
        if let Some(left) = self.left.get(usize::from(attempt / 64)) {
            left.fetch_or(1 << (attempt % 64), Ordering::Relaxed);
        }
    }

    /// Whether the request of `attempt` is still there, so that a copy of it is for another response.
    pub(crate) fn is_at_home(&self, attempt: Attempt) -> bool {
        let left = self.left.get(usize::from(attempt / 64));
        left.is_some_and(|left| left.load(Ordering::Relaxed) & (1 << (attempt % 64)) == 0)
    }

    /// Whether `attempt` was answered.
    pub(crate) fn is_answered(&self, attempt: Attempt) -> bool {
        self.answered_at(attempt) != 0
    }

    /// Whether `attempt` is `root`, or was made in the course of it.
    pub(crate) fn is_within(&self, mut attempt: Attempt, root: Attempt) -> bool {
        while attempt != root {
            if attempt == 0 {
                return false;
            }
            attempt = self.parent(attempt);
        }
        true
    }

    /// Whether `attempt` led to the response that `root` has now, as far as can be known: `carried`
    /// are attempts whose writes the response has with it. Of siblings without such a proof the one
    /// counts that was answered last, and the last one, if that was started afterwards.
    pub(crate) fn is_current(
        &self,
        mut attempt: Attempt,
        root: Attempt,
        carried: &[Attempt],
    ) -> bool {
        while attempt != root {
            if attempt == 0 || !self.stands(attempt, carried) {
                return false;
            }
            attempt = self.parent(attempt);
        }
        true
    }

    fn stands(&self, attempt: Attempt, carried: &[Attempt]) -> bool {
        if carried.iter().any(|carried| self.is_within(*carried, attempt)) {
            return true;
        }
        let (parent, answered) = (self.parent(attempt), self.answered_at(attempt));
        let made = usize::try_from(self.clock.load(Ordering::Relaxed)).unwrap_or(MOST);
        let last = u8::try_from(made.min(MOST - 1)).unwrap_or(0);
        !(1..=last).any(|sibling| {
            let is_later = if answered == 0 {
                sibling > attempt || self.answered_at(sibling) > attempt
            } else {
                self.answered_at(sibling) > answered
            };
            let carries = || carried.iter().any(|carried| self.is_within(*carried, sibling));
            sibling != attempt && self.parent(sibling) == parent && (is_later || carries())
        })
    }

    fn parent(&self, attempt: Attempt) -> Attempt {
        self.parents.get(usize::from(attempt)).map_or(0, |parent| parent.load(Ordering::Relaxed))
    }

    fn answered_at(&self, attempt: Attempt) -> u8 {
        self.answers.get(usize::from(attempt)).map_or(0, |answer| answer.load(Ordering::Relaxed))
    }

    /// One step of the clock; it stops at 255.
    fn tick(&self) -> u8 {
        let before = self.clock.fetch_add(1, Ordering::Relaxed);
        u8::try_from(before).map_or(u8::MAX, |before| before.saturating_add(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Attempts of one exchange, as `start parent` and `answer attempt`.
    fn attempts(events: &[(&str, Attempt)]) -> (Attempts, Vec<Attempt>) {
        let (attempts, mut started) = (Attempts::new(), Vec::new());
        for (event, number) in events {
            let number = number.checked_sub(1).map_or(0, |at| started[usize::from(at)]);
            match *event {
                "start" => started.extend(attempts.start(number)),
                "answer" => attempts.answer(number),
                other => panic!("{other}"),
            }
        }
        (attempts, started)
    }

    /// Which of the attempts lead to the response of the request, without a proof.
    fn check(events: &[(&str, Attempt)], expected: &[bool]) {
        let (attempts, started) = attempts(events);
        let found: Vec<_> = started.iter().map(|one| attempts.is_current(*one, 0, &[])).collect();
        assert_eq!(found, expected, "{events:?}");
    }

    #[test]
    fn the_attempt_that_was_answered_last_counts_and_one_that_began_after_it() {
        check(&[("start", 0)], &[true]);
        check(&[("start", 0), ("start", 1)], &[true, true]);
        // A retry after an answer, and after none.
        check(&[("start", 0), ("answer", 1), ("start", 0), ("answer", 2)], &[false, true]);
        check(&[("start", 0), ("answer", 1), ("start", 0)], &[true, true]);
        check(&[("start", 0), ("start", 0), ("answer", 2)], &[false, true]);
        // Neither was answered.
        check(&[("start", 0), ("start", 0)], &[false, true]);
        // Two at once, of which the first is answered.
        check(&[("start", 0), ("start", 0), ("answer", 1)], &[true, false]);
        // What was made in the course of an attempt goes with it.
        let nested = [("start", 0), ("start", 1), ("answer", 2), ("answer", 1), ("start", 0)];
        check(&nested, &[true, true, true]);
        let retried = [&nested[..], &[("answer", 3)]].concat();
        check(&retried, &[false, false, true]);
    }

    #[test]
    fn what_a_response_carries_is_proof() {
        let (attempts, started) =
            attempts(&[("start", 0), ("start", 0), ("answer", 1), ("answer", 2), ("start", 1)]);
        let [first, second, inner] = started[..] else { panic!("{started:?}") };
        assert!(attempts.is_current(first, 0, &[inner]));
        assert!(!attempts.is_current(second, 0, &[inner]));
        assert!(attempts.is_within(inner, first) && !attempts.is_within(inner, second));
        assert!(attempts.is_answered(second) && !attempts.is_answered(inner));
    }

    #[test]
    fn attempts_beyond_the_most_belong_to_the_one_that_they_are_in() {
        let attempts = Attempts::new();
        let started: Vec<_> = (0..1000).map_while(|_| attempts.start(0)).collect();
        assert_eq!(started.len(), MOST - 1);
        assert_eq!(attempts.start(5), None);
        attempts.answer(5);
        assert!(attempts.is_answered(5) && attempts.is_current(5, 0, &[]));
        assert!(!attempts.is_current(4, 0, &[]));
    }
}
