//! Built without `io_uring`: what is asked of it is asked for call by call.

use std::os::fd::BorrowedFd;

use super::Chain;

/// None, ever.
#[derive(Debug, Default)]
pub(super) struct Rings(());

impl Rings {
    #[expect(clippy::unused_self, reason = "with the feature there are some")]
    pub(super) fn run(&self, _: BorrowedFd<'_>, _: &Chain<'_>) -> Result<Vec<i32>, i32> {
        Err(libc::ENOSYS)
    }
}
