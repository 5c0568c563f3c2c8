//! Where the parts of a headed file are.

/// The bytes of a first block, and the unit of everything before the payload.
pub(crate) const BLOCK: u64 = 4096;

/// The most room that a slot may have beyond its first block.
pub(crate) const MOST_ROOM: u32 = 1 << 20;

/// Where the parts are: first blocks at 0 and 4096, then room for what a head has beyond 4096 bytes,
/// once for each slot, then the payload.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Layout {
    room: u32,
}

impl Layout {
    /// One with this much room for each slot beyond its first block; `None` for what is too much or
    /// no multiple of a block.
    pub(crate) const fn with_room(room: u32) -> Option<Self> {
        if room > MOST_ROOM || !(room as u64).is_multiple_of(BLOCK) {
            return None;
        }
        Some(Self { room })
    }

    /// The smallest one whose slots hold an image of this many bytes.
    pub(crate) fn holding(image: usize) -> Option<Self> {
        let beyond = (image as u64).saturating_sub(BLOCK).div_ceil(BLOCK) * BLOCK;
        Self::with_room(u32::try_from(beyond).ok()?)
    }

    pub(crate) const fn room(self) -> u32 {
        self.room
    }

    /// The longest image that fits a slot.
    pub(crate) const fn longest(self) -> u64 {
        BLOCK + self.room as u64
    }

    pub(crate) const fn payload(self) -> u64 {
        2 * BLOCK + 2 * self.room as u64
    }

    /// Where the first block of a slot is.
    pub(crate) const fn first(slot: usize) -> u64 {
        BLOCK * slot as u64
    }

    /// Where the rest of a slot is.
    pub(crate) const fn rest(self, slot: usize) -> u64 {
        2 * BLOCK + self.room as u64 * slot as u64
    }
}
