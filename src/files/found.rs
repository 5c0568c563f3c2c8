//! What a request's path leads to: a file, opened or kept, or a reason for which there is none.

use std::borrow::Cow;
use std::sync::Arc;

use super::cache::Ready;
use super::directory::Listing;
use super::opened::OpenedFile;
use crate::answer::Coding;
use crate::sys::{Decision, Handle, Moment, Refusal, Ruling};

/// A file that was chosen, in which coding, and the name that it has without the ending of it.
pub(super) struct Chosen<'a> {
    pub(super) found: Found,
    pub(super) coding: Coding,
    /// Whether there may be other codings of it.
    pub(super) varies: bool,
    pub(super) name: Cow<'a, [u8]>,
}

/// What a file is had from.
pub(super) enum Found {
    /// It was kept, and is the present version.
    Ready(Arc<Ready>),
    File(OpenedFile),
}

/// What a name leads to.
pub(super) enum Named {
    Ready(Arc<Ready>),
    /// Changed last at that time, and not opened.
    Known(Moment),
    File(Handle),
    Directory,
}

impl Named {
    /// When it was changed last; of a directory that means nothing.
    pub(super) fn modified(&self) -> Option<Moment> {
        match self {
            Self::Ready(ready) => Some(ready.stat.identity.mtime),
            Self::Known(modified) => Some(*modified),
            Self::File(handle) => Some(handle.stat().identity.mtime),
            Self::Directory => None,
        }
    }
}

/// Why there is no file.
pub(super) enum LookupError {
    Nothing,
    Redirect(String),
    /// A directory and the names in it.
    Listed(Box<Listing>),
    Refused(Refusal, Ruling),
    NotAcceptable,
    /// That can only be found out on the blocking pool.
    NeedsBlocking,
}

impl LookupError {
    /// Whether what is there cannot be had for a reason of ours, perhaps just now.
    pub(super) fn is_failure(&self) -> bool {
        match self {
            Self::Refused(_, ruling) => match ruling.decision() {
                Decision::Answer { status, .. } => status.is_server_error(),
                Decision::Retry { .. } | Decision::ReResolve | Decision::Next | Decision::Abort => {
                    true
                }
            },
            Self::Nothing
            | Self::Redirect(_)
            | Self::Listed(_)
            | Self::NotAcceptable
            | Self::NeedsBlocking => false,
        }
    }
}
