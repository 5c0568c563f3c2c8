//! What was asked of the kernel when it refused.

/// A step on the way from a request's path to the file's bytes, or from bytes to a file.
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
    /// The kernel is asked to tell of changes.
    Watch,
    /// The kernel is asked how a directory is mounted, before anything is written to it.
    Mount,
    /// A file that is there is opened to be written to.
    Modify,
    /// A new file is made, without a name or with one of its own.
    Create,
    /// Room for bytes is reserved.
    Reserve,
    /// Bytes are written.
    Write,
    /// Bytes are written through a mapping of the file.
    Map,
    /// A file is cut to its length.
    Resize,
    /// A file's bytes are to be on the disk.
    Sync,
    /// A directory's names are to be on the disk.
    SyncDirectory,
    /// A new file is given a name that nobody has.
    Link,
    /// A new file takes over a name.
    Rename,
    /// A name is taken away.
    Remove,
    /// A lock is taken.
    Lock,
    /// A new file gets mode, owner and attributes of the one that it replaces.
    Attributes,
    /// A thread is wanted for work that may block.
    Thread,
}

impl Operation {
    /// Every operation, in the order of work.
    pub const ALL: &'static [Self] = &[
        Self::Open,
        Self::Resolve,
        Self::Stat,
        Self::Read,
        Self::List,
        Self::Lease,
        Self::Watch,
        Self::Mount,
        Self::Modify,
        Self::Create,
        Self::Reserve,
        Self::Write,
        Self::Map,
        Self::Resize,
        Self::Sync,
        Self::SyncDirectory,
        Self::Link,
        Self::Rename,
        Self::Remove,
        Self::Lock,
        Self::Attributes,
        Self::Thread,
    ];

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
            Self::Watch => "watch",
            Self::Mount => "mount",
            Self::Modify => "modify",
            Self::Create => "create",
            Self::Reserve => "reserve",
            Self::Write => "write",
            Self::Map => "map",
            Self::Resize => "resize",
            Self::Sync => "sync",
            Self::SyncDirectory => "sync directory",
            Self::Link => "link",
            Self::Rename => "rename",
            Self::Remove => "remove",
            Self::Lock => "lock",
            Self::Attributes => "attributes",
            Self::Thread => "thread",
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
            Self::Watch => "to watch it for changes",
            Self::Mount => "to know how the directory is mounted",
            Self::Modify => "a file to write to",
            Self::Create => "a new file",
            Self::Reserve => "room for the file's bytes",
            Self::Write => "the file's bytes written",
            Self::Map => "the file's bytes written through a mapping",
            Self::Resize => "the file cut to its length",
            Self::Sync => "the file's bytes on the disk",
            Self::SyncDirectory => "the directory's names on the disk",
            Self::Link => "a name for a new file",
            Self::Rename => "a new file to take over a name",
            Self::Remove => "a name taken away",
            Self::Lock => "a lock",
            Self::Attributes => "mode, owner and attributes of another file",
            Self::Thread => "a thread for work that may block",
        }
    }
}
