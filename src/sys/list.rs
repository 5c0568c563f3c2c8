//! The names in a directory, in the order in which the kernel has them.

use std::ops::ControlFlow;

use rustix::fs::{AtFlags, Dir};

use super::again::uninterrupted;
use super::open::Handle;
use super::operation::Operation;
use super::refusal::Refusal;
use super::stat::Stat;

impl Handle {
    /// Calls `each` with the names in this directory but `.` and `..`, until it breaks.
    pub(crate) fn names(
        &self,
        mut each: impl FnMut(&[u8]) -> ControlFlow<()>,
    ) -> Result<(), Refusal> {
        let refused = |errno| Refusal::errno(Operation::List, errno);
        let directory = uninterrupted(|| Dir::read_from(self)).map_err(refused)?;
        for entry in directory {
            let entry = entry.map_err(refused)?;
            let name = entry.file_name().to_bytes();
            if !matches!(name, b"." | b"..") && each(name).is_break() {
                break;
            }
        }
        Ok(())
    }

    /// One look at what has `name` in this directory: a symbolic link itself, not where it leads.
    pub(crate) fn look_at(&self, name: &[u8]) -> Result<Stat, Refusal> {
        uninterrupted(|| rustix::fs::statat(self, name, AtFlags::SYMLINK_NOFOLLOW))
            .map(|stat| Stat::read(&stat))
            .map_err(|errno| Refusal::errno(Operation::Stat, errno))
    }
}
