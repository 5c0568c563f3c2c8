//! The flags of a write that is followed by another one.

/// The kernel may wait for more before it sends the last segment; a client that has gone is an error and no signal.
pub(crate) const MORE: i32 = libc::MSG_MORE | libc::MSG_NOSIGNAL;
