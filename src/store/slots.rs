//! Which of the two slots holds: a judgement on what was read of them. Pure.

use super::format::{BLOCK, Flaw, Slot, decode, extent};

/// What the bytes of one slot came to: the slot and its image.
pub(crate) type Read = Result<(Slot, Vec<u8>), Flaw>;

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

impl Slots {
    /// Reads both slots of a file: the two first blocks at once, and what goes beyond them. `at` gives
    /// as many bytes from an offset on as there are, up to a number.
    pub(crate) fn read<E>(mut at: impl FnMut(u64, usize) -> Result<Vec<u8>, E>) -> Result<Self, E> {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let blocks = at(0, 2 * block)?;
        Self::in_blocks(&blocks, at)
    }

    /// As [`read`](Self::read), with the two first blocks at hand.
    pub(crate) fn in_blocks<E>(
        blocks: &[u8],
        mut at: impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
    ) -> Result<Self, E> {
        let block = usize::try_from(BLOCK).unwrap_or(usize::MAX);
        let (first, second) = blocks.split_at(block.min(blocks.len()));
        // At rest they are the same, and most heads do not go beyond them: one is read for both.
        if first == second && !extent(first).is_ok_and(|extent| extent.length > block) {
            return Ok(match one(first, 0, &mut at)? {
                Ok((slot, image)) => Self::Equal(Held { slot, image, at: 0 }),
                Err(flaw) => Self::None([flaw; 2]),
            });
        }
        let reads = [one(first, 0, &mut at)?, one(second, 1, &mut at)?];
        Ok(Self::of(reads))
    }

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

/// Reads one slot, of which this is the first block.
fn one<E>(
    block: &[u8],
    which: usize,
    at: &mut impl FnMut(u64, usize) -> Result<Vec<u8>, E>,
) -> Result<Read, E> {
    let extent = match extent(block) {
        Ok(extent) => extent,
        Err(flaw) => return Ok(Err(flaw)),
    };
    let beyond = extent.length.saturating_sub(block.len());
    if beyond == 0 {
        let image = block.get(..extent.length).unwrap_or(block);
        return Ok(decode(block).map(|slot| (slot, image.to_vec())));
    }
    let mut bytes = block.to_vec();
    // Whole blocks: what is behind the image is looked at too.
    let beyond = (beyond as u64).div_ceil(BLOCK) * BLOCK;
    let beyond = usize::try_from(beyond).unwrap_or(usize::MAX);
    bytes.extend_from_slice(&at(extent.layout.rest(which), beyond)?);
    Ok(decode(&bytes).map(|slot| {
        bytes.truncate(extent.length);
        (slot, bytes)
    }))
}

#[cfg(test)]
mod tests;
