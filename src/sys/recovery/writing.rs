//! The rows of the table that are about writing.

use std::time::Duration;

use http::StatusCode;

use super::super::operation::Operation;
use super::{Decision, PAUSE};

/// The rows that try something before they give up, or answer otherwise than others: what, why, and how
/// often at most.
pub(super) fn standard(
    operation: Operation,
    errno: i32,
    attempt: u32,
) -> Option<(Decision, &'static str, u32)> {
    use Operation::{
        Attributes, Create, Link, Map, Modify, Mount, Remove, Rename, Reserve, Resize,
    };
    use Operation::{Sync, SyncDirectory, Write};
    let pause = Decision::Retry { after: PAUSE.saturating_mul(1 << attempt.min(10)) };
    let at_once = Decision::Retry { after: Duration::ZERO };
    let taken = Decision::Answer { status: StatusCode::PRECONDITION_FAILED, retry_after: None };
    let next = |reason| Some((Decision::Next, reason, 1));
    match (operation, errno) {
        // An interrupted sync has not failed yet.
        (Sync | SyncDirectory, libc::EINTR) => Some((at_once, "a signal came in between", 3)),
        (Mount, _) => next("how it is mounted shows when it is written to"),
        (Map, _) => next("what cannot be written through a mapping is written by position"),
        (Attributes, _) => next("the new file has mode and owner of its own"),
        (SyncDirectory, _) => next("the name is there, and not known to be on the disk"),
        // What it left in the page cache may never get to the disk.
        (Sync, _) => next("after a failed sync only a new file is to be trusted"),
        (Modify, libc::EACCES | libc::EPERM | libc::ETXTBSY) => {
            next("it may not be written to; a new file may take its place")
        }
        (Create, libc::EOPNOTSUPP | libc::EISDIR | libc::EINVAL | libc::ENOSYS) => {
            next("the filesystem has no files without a name")
        }
        (Create, libc::EEXIST) => Some((at_once, "somebody has just made a file of this name", 3)),
        (Reserve, libc::EOPNOTSUPP | libc::ENOSYS | libc::EINVAL | libc::ENODEV | libc::EPERM) => {
            next("room cannot be reserved here; zeros are written")
        }
        // A bad place of the disk, or a file that may only be appended to.
        (Write, libc::EIO | libc::EPERM) => next("this file cannot be written to; a new one may"),
        (Link | Rename, libc::EEXIST) => Some((taken, "the name is taken", 1)),
        (Rename, libc::EXDEV) => next(
            "the directory is of another project than the file; a new file will be of the same",
        ),
        (
            Link,
            libc::EPERM
            | libc::EACCES
            | libc::EOPNOTSUPP
            | libc::ENOSYS
            | libc::EINVAL
            | libc::EXDEV
            | libc::ENOENT
            | libc::EMLINK,
        ) => next("a file without a name cannot be given one here"),
        (Rename, libc::EINVAL | libc::ENOSYS) => {
            next("the kernel cannot refuse to replace; it is looked at under the lock")
        }
        (Link | Rename | Remove | Create | Modify, libc::EBUSY)
        | (
            Modify | Create | Reserve | Write | Resize | Link | Rename | Remove,
            libc::EAGAIN | libc::ENOMEM,
        ) => Some((pause, "it may pass", 3)),
        _ => None,
    }
}
