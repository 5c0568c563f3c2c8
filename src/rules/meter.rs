//! Counts what a body hands over against what its head declared.

use std::num::NonZeroU64;

/// What the next frame means for the declared length.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Count {
    /// There is more to come, or nothing was declared.
    Within,
    /// This frame makes the declared length complete.
    Complete,
    /// This frame goes past it; `reached` is where it would end.
    Past { declared: u64, reached: u64 },
}

/// The bytes declared and the bytes handed over so far.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Meter {
    /// The complement of the declared length, so that a body without one needs no word more: it is moved about.
    undeclared: Option<NonZeroU64>,
    handed: u64,
}

impl Meter {
    /// A meter for a body of `declared` bytes; `None` if no length was declared. No body is as long as [`u64::MAX`].
    pub(crate) fn new(declared: Option<u64>) -> Self {
        Self { undeclared: declared.and_then(|declared| NonZeroU64::new(!declared)), handed: 0 }
    }

    fn declared(&self) -> Option<u64> {
        self.undeclared.map(|undeclared| !undeclared.get())
    }

    /// Judges a frame of `bytes` and counts it, unless it goes past the declared length.
    pub(crate) fn count(&mut self, bytes: u64) -> Count {
        let reached = self.handed.saturating_add(bytes);
        match self.declared() {
            Some(declared) if reached > declared => Count::Past { declared, reached },
            Some(declared) if reached == declared => {
                self.handed = reached;
                Count::Complete
            }
            Some(_) | None => {
                self.handed = reached;
                Count::Within
            }
        }
    }

    /// What is missing if the body ends here: the declared and the reached length.
    pub(crate) fn missing(&self) -> Option<(u64, u64)> {
        match self.declared() {
            Some(declared) if self.handed < declared => Some((declared, self.handed)),
            Some(_) | None => None,
        }
    }

    /// The bytes that are still due, if a length was declared.
    pub(crate) fn rest(&self) -> Option<u64> {
        self.declared().map(|declared| declared.saturating_sub(self.handed))
    }

    /// Whether a length was declared and every byte of it was handed over.
    pub(crate) fn is_full(&self) -> bool {
        match self.declared() {
            Some(declared) => self.handed >= declared,
            None => false,
        }
    }

    pub(crate) const fn handed(&self) -> u64 {
        self.handed
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_frame_past_the_length_is_not_counted() {
        let mut meter = Meter::new(Some(5));
        assert_eq!(meter.count(3), Count::Within);
        assert_eq!(meter.missing(), Some((5, 3)));
        assert_eq!(meter.count(3), Count::Past { declared: 5, reached: 6 });
        assert_eq!(meter.handed(), 3);
        assert!(!meter.is_full());
        assert_eq!(meter.count(2), Count::Complete);
        assert!(meter.is_full());
        assert_eq!(meter.missing(), None);
        assert_eq!(meter.count(1), Count::Past { declared: 5, reached: 6 });
    }

    #[test]
    fn without_a_length_there_is_nothing_to_miss() {
        let mut meter = Meter::new(None);
        assert_eq!(meter.count(u64::MAX), Count::Within);
        assert_eq!(meter.count(1), Count::Within);
        assert_eq!(meter.missing(), None);
        assert!(!meter.is_full());
    }

    #[test]
    fn an_empty_length_is_full_from_the_start() {
        let mut meter = Meter::new(Some(0));
        assert!(meter.is_full());
        assert_eq!(meter.count(0), Count::Complete);
        assert_eq!(meter.count(1), Count::Past { declared: 0, reached: 1 });
    }
}
