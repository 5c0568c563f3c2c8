//! Which of the two slots holds: a judgement on what was read of them. Pure.

use super::format::{BLOCK, Flaw, Layout, Slot, decode, extent};

/// What the bytes of one slot came to: the slot and its image.
pub(crate) type Read = Result<(Slot, Vec<u8>), Flaw>;

/// The bytes of the two slots, as they were read: each an image and what is behind it up to a whole block,
/// or why there is none.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Raw([Result<Vec<u8>, Flaw>; 2]);

/// What the two slots of a file say together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Slots {
    /// They agree to the last byte, as they do at rest.
    Equal(Held),
    /// Both are whole, and one is newer: somebody updates, or was stopped while doing so.
    Newer(Held),
    /// One is whole, the other is not.
    One(Held, Flaw),
    /// Both are whole, and cannot both be of this file.
    Contradict,
    /// None is whole.
    None([Flaw; 2]),
}

/// A slot that holds, and which one it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Held {
    pub(crate) slot: Slot,
    pub(crate) image: Vec<u8>,
    pub(crate) at: usize,
}

impl Raw {
    /// Reads both slots of a file: the two first blocks at once, and what goes beyond them. `at` gives
    /// as many bytes from an offset on as there are, up to a number. If but one slot can be read, that is
    /// a flaw of the other.
    pub(crate) fn read<E>(mut at: impl FnMut(u64, usize) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        if let Ok(blocks) = at(0, 2 * block) {
            return Self::in_blocks(blocks, at);
        }
        // The bad place may be in one of the two.
        let blocks = [at(Layout::first(0), block), at(Layout::first(1), block)];
        Self::rest(blocks, at)
    }

    /// As [`read`](Self::read), with the two first blocks in memory.
    pub(crate) fn in_blocks<E>(
        mut first: Vec<u8>,
        at: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let second = first.split_off(block.min(first.len()));
        Self::rest([Ok(first), Ok(second)], at)
    }

    fn rest<E>(
        [first, second]: [Result<Vec<u8>, E>; 2],
        mut at: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let first = first.and_then(|first| one(first, 0, &mut at));
        let second = second.and_then(|second| one(second, 1, &mut at));
        match (first, second) {
            (Err(error), Err(_)) => Err(error),
            (first, second) => {
                Ok(Self([first, second].map(|read| read.unwrap_or(Err(Flaw::Unreadable)))))
            }
        }
    }

    /// What they say.
    pub(crate) fn judge(&self) -> Slots {
        // At rest they are the same: one is judged for both.
        if let [Ok(first), Ok(second)] = &self.0 {
            if first == second {
                return match judged(first) {
                    Ok((slot, image)) => Slots::Equal(Held { slot, image, at: 0 }),
                    Err(flaw) => Slots::None([flaw; 2]),
                };
            }
        }
        Slots::of([&self.0[0], &self.0[1]].map(|read| match read {
            Ok(bytes) => judged(bytes),
            Err(flaw) => Err(*flaw),
        }))
    }
}

impl Held {
    /// The head of a file at rest, if the two first blocks hold all of it twice; they are not copied.
    pub(crate) fn at_rest(blocks: &[u8]) -> Option<Self> {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let (first, second) = blocks.split_at_checked(block)?;
        let length = extent(first).ok()?.length;
        let image = first.get(..length).filter(|_| first == second)?;
        let slot = decode(first).ok()?;
        Some(Self { slot, image: image.to_vec(), at: 0 })
    }
}

impl Slots {
    /// Judges the two.
    pub(crate) fn of(reads: [Read; 2]) -> Self {
        let held = |(slot, image), at| Held { slot, image, at };
        match reads {
            [Ok(first), Ok(second)] if !first.0.is_of_one_file(&second.0) => Self::Contradict,
            [Ok(first), Ok(second)] if first.1 == second.1 => Self::Equal(held(first, 0)),
            [Ok(first), Ok(second)] => match first.0.generation.cmp(&second.0.generation) {
                std::cmp::Ordering::Less => Self::Newer(held(second, 1)),
                std::cmp::Ordering::Greater => Self::Newer(held(first, 0)),
                // Two heads of one generation: neither is known to be the true one.
                std::cmp::Ordering::Equal => Self::Contradict,
            },
            [Ok(first), Err(flaw)] => Self::One(held(first, 0), flaw),
            [Err(flaw), Ok(second)] => Self::One(held(second, 1), flaw),
            [Err(first), Err(second)] => Self::None([first, second]),
        }
    }

    /// The slot that holds, if there is one.
    pub(crate) fn into_held(self) -> Option<Held> {
        match self {
            Self::Equal(held) | Self::Newer(held) | Self::One(held, _) => Some(held),
            Self::Contradict | Self::None(_) => None,
        }
    }

    /// Whether a slot was written by somebody who knows more than we do.
    pub(crate) fn is_foreign(&self) -> bool {
        match self {
            Self::Equal(_) | Self::Newer(_) | Self::Contradict => false,
            Self::One(_, flaw) => flaw.is_foreign(),
            Self::None(flaws) => flaws.iter().any(|flaw| flaw.is_foreign()),
        }
    }
}

/// Reads the rest of one slot, of which this is the first block.
fn one<E>(
    mut bytes: Vec<u8>,
    which: usize,
    at: &mut impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
) -> Result<Result<Vec<u8>, Flaw>, E> {
    let extent = match extent(&bytes) {
        Ok(extent) => extent,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let beyond = extent.length.saturating_sub(bytes.len());
    if beyond > 0 {
        // Whole blocks: what is behind the image is looked at too.
        let beyond = (beyond as u64).div_ceil(BLOCK) * BLOCK;
        let beyond = usize::try_from(beyond).unwrap_or(usize::MAX);
        bytes.extend_from_slice(&at(extent.layout.rest(which), beyond)?);
    }
    Ok(Ok(bytes))
}

/// The slot that these bytes are, and its image.
fn judged(bytes: &[u8]) -> Read {
    let slot = decode(bytes)?;
    let length = extent(bytes)?.length;
    Ok((slot, bytes.get(..length).unwrap_or_default().to_vec()))
}

#[cfg(test)]
mod tests;
