//! What other unixes answer where Linux has a call of its own: that they do not have it.

use std::os::fd::{AsFd, OwnedFd};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::operation::Operation;
use super::platform::{Attributes, Happened, Left, Marked, Reach};

/// How a directory is opened that is only passed through.
pub(super) const PASS: OFlags = OFlags::RDONLY;

pub(super) const NO_ATIME: OFlags = OFlags::empty();

pub(super) const ERRNOS: [(i32, &str); 0] = [];

pub(super) fn openat2(
    _root: impl AsFd,
    _path: &[u8],
    _flags: OFlags,
    _reach: Reach,
) -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn probe_openat2(_cached: bool) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn pread_nowait(
    _descriptor: impl AsFd,
    _buffer: &mut [u8],
    _offset: u64,
) -> Result<usize, Errno> {
    Err(Errno::OPNOTSUPP)
}

pub(super) fn filesystem(_descriptor: impl AsFd) -> Result<u32, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn path_of(_descriptor: impl AsFd) -> Option<Vec<u8>> {
    None
}

pub(super) fn lease(_descriptor: impl AsFd, _taken: bool) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn lease_in_silence(_descriptor: impl AsFd) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn attributes(_descriptor: impl AsFd) -> Option<Attributes> {
    None
}

pub(super) fn left(_descriptor: impl AsFd) -> Left {
    Left::default()
}

pub(super) fn access(_descriptor: impl AsFd, _bits: i32) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn filtered(_operation: Operation, _errno: i32) -> Option<&'static str> {
    None
}

pub(super) fn has_landlock() -> bool {
    false
}

pub(super) fn mounts() -> Option<String> {
    None
}

pub(super) fn attribute(
    _descriptor: impl AsFd,
    _name: &str,
    _value: &mut [u8],
) -> Result<usize, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn events() -> Result<OwnedFd, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn watch(
    _events: impl AsFd,
    _descriptor: impl AsFd,
    _what: Marked,
) -> Result<i32, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn watch_waker(_events: impl AsFd) -> Result<i32, Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn unwatch(_events: impl AsFd, _watch: i32) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}

pub(super) fn read_events(
    _events: impl AsFd,
    _on_event: impl FnMut(i32, Happened) -> bool,
) -> Result<(), Errno> {
    Err(Errno::NOSYS)
}
