//! What the calls of each platform take and return.

/// How far the kernel may go while it follows a path.
#[derive(Clone, Copy, Debug)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "no such call on this platform"))]
#[expect(
    clippy::struct_excessive_bools,
    reason = "flags of the kernel's, independent of each other"
)]
pub(super) struct Reach {
    pub(super) beneath: bool,
    pub(super) links: bool,
    /// Only what the kernel has in its cache.
    pub(super) cached: bool,
    /// Nothing that is mounted below the root.
    pub(super) near: bool,
}

/// Attributes against which permissions do not help.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Attributes {
    pub(crate) immutable: bool,
    pub(crate) append_only: bool,
}

/// What is left of a filesystem, and of what this process may use.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Left {
    /// Bytes; `None`: it was not asked.
    pub(crate) bytes: Option<u64>,
    pub(crate) inodes: Option<u64>,
}

/// What is marked: a file, or a directory with the names in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Marked {
    File,
    Directory,
}

/// What an event says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), expect(dead_code, reason = "no inotify on this platform"))]
pub(super) enum Happened {
    /// Something changed.
    Changed,
    /// The watch is no more.
    Over,
    /// Events were lost.
    Lost,
}
