//! What was asked of the kernel when it refused.

/// A step on the way from a request's path to the file's bytes.
///
/// It is the left column of the [`Recovery`](crate::Recovery) table: the same error number can
/// mean one thing while a path is resolved and another while a file is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
#[non_exhaustive]
pub enum Operation {
    /// The root directory is opened.
    Open,
    /// A path is followed beneath the root, and what is there is opened.
    Resolve,
    /// Size, times and kind are read.
    Stat,
    /// Bytes are read.
    Read,
    /// The names in a directory are read.
    List,
    /// The kernel is asked whether a writer has the file open.
    Lease,
}

impl Operation {
    /// Every operation, in the order of work.
    pub const ALL: &'static [Self] =
        &[Self::Open, Self::Resolve, Self::Stat, Self::Read, Self::List, Self::Lease];

    /// One word, for logs and labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Resolve => "resolve",
            Self::Stat => "stat",
            Self::Read => "read",
            Self::List => "list",
            Self::Lease => "lease",
        }
    }

    /// What it was good for, in a message.
    pub(super) const fn wanted(self) -> &'static str {
        match self {
            Self::Open => "the root directory",
            Self::Resolve => "a file beneath the root",
            Self::Stat => "the file's size and times",
            Self::Read => "the file's bytes",
            Self::List => "the directory's names",
            Self::Lease => "to know whether a writer is there",
        }
    }
}
