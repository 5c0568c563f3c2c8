//! Doors to the kernel: what its error numbers mean to a client.

pub(crate) mod refusal;
