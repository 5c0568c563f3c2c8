//! The flags of a write that is followed by another one, where there are none.

/// Each write is sent by itself.
pub(crate) const MORE: i32 = 0;
