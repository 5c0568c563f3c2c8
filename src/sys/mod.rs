//! Doors to the kernel: what its error numbers mean to a client.

mod meaning;

pub(crate) use meaning::Meaning;
