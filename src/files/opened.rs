//! A file that was opened, and what it is called.

use crate::sys::Handle;

/// What a file is called.
#[derive(Clone)]
pub(super) enum Name {
    /// The path that leads to it beneath the root.
    Beneath(Vec<u8>),
    /// A word for it: nothing leads to it but its descriptor.
    Foreign(Vec<u8>),
}

/// A file that is open, and its name.
pub(super) struct OpenedFile {
    pub(super) name: Name,
    pub(super) handle: Handle,
}
