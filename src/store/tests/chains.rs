//! Chains and mappings of the made-up disk.

use rustix::io::Errno;

use super::disk::{Made, Open};
use crate::sys::write::{Chain, Disk as _, Ended, Flush};
use crate::sys::{Operation, Refusal};

impl Made {
    /// Each link is begun when the one before it is done whole: a call that can be stopped at, refused,
    /// or short.
    pub(super) fn chained(&self, file: &Open, chain: &mut Chain<'_>) -> Result<Ended, Refusal> {
        if self.machine().without.contains("ring") {
            return Ok(Ended::Elsewhere(libc::ENOSYS));
        }
        let answer = |done: Result<usize, Refusal>| match done {
            Ok(done) => i32::try_from(done).expect("small"),
            Err(refusal) => -refusal.raw_os_error(),
        };
        let mut answers = Vec::new();
        let mut whole = true;
        for (bytes, offset) in chain.writes() {
            let half = bytes.get(..bytes.len() / 2 + 1).filter(|_| self.is_short());
            let done = answer(self.write(file, half.unwrap_or(bytes), *offset));
            whole &= usize::try_from(done) == Ok(bytes.len());
            answers.push(done);
            if !whole {
                break;
            }
        }
        if whole && chain.flush() != Flush::Nothing {
            answers.push(answer(self.flush(file, chain.flush()).map(|()| 0)));
        }
        answers.resize(chain.writes().len() + 1, -libc::ECANCELED);
        chain.settle(&answers)
    }

    fn is_short(&self) -> bool {
        let mut machine = self.machine();
        machine.chained += 1;
        machine.short == Some(machine.chained)
    }

    /// Each stretch is copied by a call that can be stopped in the middle of a sector.
    pub(super) fn mapped(&self, file: &Open, chain: &Chain<'_>) -> Result<(), Refusal> {
        for (bytes, offset) in chain.writes() {
            let within = self.call(Operation::Map)?;
            let part = if within { bytes.len() / 2 + 100 } else { bytes.len() };
            let inside = self.machine().inodes[file.inode].store(&bytes[..part], *offset);
            if within {
                return Err(Refusal::errno(Operation::Map, Errno::from_raw_os_error(4000)));
            }
            if !inside {
                return Err(Refusal::errno(Operation::Map, Errno::FAULT));
            }
        }
        match chain.flush() {
            Flush::Nothing => Ok(()),
            flush @ (Flush::Data | Flush::All) => self.flush(file, flush),
        }
    }
}
