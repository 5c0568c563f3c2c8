//! All that is asked of a directory that is written to, behind one trait, so that a made-up disk can stand in.

mod chain;
#[cfg(feature = "io-uring")]
mod ring;
#[cfg(not(feature = "io-uring"))]
#[path = "ring_elsewhere.rs"]
mod ring;
mod lock;
mod mapped;
mod real;
#[cfg(test)]
mod tests;

pub(crate) use chain::{Chain, Ended, Flush};
pub(crate) use real::Directory;

use rustix::io::Errno;

use crate::sys::operation::Operation;
use crate::sys::refusal::Refusal;
use crate::sys::stat::Stat;

/// What a file is opened for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Access {
    Read,
    /// To read and to write.
    Write,
}

/// What may have the name that a file takes over.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Onto {
    /// Nothing: if something has it, that is `EEXIST`.
    Nothing,
    /// Anything; it is replaced.
    Anything,
}

/// How a directory is mounted, and what room there is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Mounted {
    pub(crate) read_only: bool,
    /// Bytes that anybody may still write, as far as the filesystem tells: what it keeps for root is not counted,
    /// and of quotas it tells some (XFS those of projects). `None`: it does not count.
    pub(crate) free: Option<u64>,
    /// How long a file of this process may become (`RLIMIT_FSIZE`).
    pub(crate) longest: u64,
}

impl Mounted {
    /// Whether a file of so many bytes may be written, as far as that can be known before. On a mount that is
    /// read-only that is not the question.
    pub(crate) fn holds(&self, length: u64) -> Result<(), Refusal> {
        if self.read_only {
            return Ok(());
        }
        if length > self.longest {
            return Err(Refusal::errno(Operation::Reserve, Errno::FBIG));
        }
        match self.free {
            Some(free) if length > free => Err(Refusal::no_room(length, free)),
            Some(_) | None => Ok(()),
        }
    }
}

/// One directory, and the files directly in it. A name is one component of a path.
///
/// Each call is one system call, made again if a signal interrupts it, and its refusal has the
/// operation for the table of recovery. Nothing is decided here.
pub(crate) trait Disk: Send + Sync + 'static {
    /// An open file.
    type File: Send + Sync + std::fmt::Debug + 'static;

    /// Lets others go on: one of them may be in the middle of writing what was read.
    fn give_way(&self) {
        std::thread::yield_now();
    }

    fn mounted(&self) -> Result<Mounted, Refusal>;
    /// Opens a regular file; a symbolic link is not followed.
    fn open(&self, name: &str, access: Access) -> Result<Self::File, Refusal>;
    /// Opens a file to be locked, and makes it if it is not there.
    fn open_lock(&self, name: &str) -> Result<Self::File, Refusal>;
    /// Makes a file without a name.
    fn create_unnamed(&self) -> Result<Self::File, Refusal>;
    /// Makes a file of a name that nobody has.
    fn create(&self, name: &str) -> Result<Self::File, Refusal>;
    /// Reserves room; the file's length stays.
    fn reserve(&self, file: &Self::File, offset: u64, length: u64) -> Result<(), Refusal>;
    /// Writes as many of the bytes as can be written at once.
    fn write(&self, file: &Self::File, bytes: &[u8], offset: u64) -> Result<usize, Refusal>;
    /// Asks for a chain at once (`io_uring`), and waits for its end. What was written is taken off it,
    /// however it ended.
    fn ring(&self, file: &Self::File, chain: &mut Chain<'_>) -> Result<Ended, Refusal>;
    /// Writes a chain within the file's length, through a mapping of it (`mmap`), and waits for the disk
    /// (`msync`). If it is refused, any of it may be written.
    fn map(&self, file: &Self::File, chain: &Chain<'_>) -> Result<(), Refusal>;
    /// Fills the buffer; fewer bytes are the end of the file.
    fn read(&self, file: &Self::File, buffer: &mut [u8], offset: u64) -> Result<usize, Refusal>;
    /// Cuts a file to a length, and gives back the room behind it.
    fn resize(&self, file: &Self::File, length: u64) -> Result<(), Refusal>;
    /// Bytes and length are on the disk.
    fn sync_data(&self, file: &Self::File) -> Result<(), Refusal>;
    /// All of the file is on the disk.
    fn sync_all(&self, file: &Self::File) -> Result<(), Refusal>;
    /// The names in the directory are on the disk.
    fn sync_directory(&self) -> Result<(), Refusal>;
    /// Gives a name to a file without one.
    fn link(&self, file: &Self::File, name: &str) -> Result<(), Refusal>;
    fn rename(&self, from: &str, to: &str, onto: Onto) -> Result<(), Refusal>;
    fn remove(&self, name: &str) -> Result<(), Refusal>;
    /// Takes the lock of a file for this open file alone; `false` if another has it.
    fn try_lock(&self, file: &Self::File) -> Result<bool, Refusal>;
    fn unlock(&self, file: &Self::File);
    fn stat(&self, file: &Self::File) -> Result<Stat, Refusal>;
    /// Looks at what has a name; a symbolic link is not followed.
    fn look(&self, name: &str) -> Result<Stat, Refusal>;
    /// The names of regular files that are text, in no order.
    fn list(&self) -> Result<Vec<String>, Refusal>;
    /// Gives a file mode, owner and extended attributes of another.
    fn resemble(&self, file: &Self::File, other: &Self::File) -> Result<(), Refusal>;
    /// A refusal that was about a name, and why, as far as that can be seen.
    fn diagnosed(&self, refusal: Refusal, _name: &str) -> Refusal {
        refusal
    }
    /// What denies a ring.
    fn why_no_ring(&self, _errno: i32) -> Option<String> {
        None
    }
    /// Sixteen bytes that nobody can guess.
    fn random(&self) -> Result<[u8; 16], Refusal>;
}

/// What the kernel would say of a write on a mount that is read-only.
pub(crate) fn read_only() -> Refusal {
    Refusal::errno(Operation::Write, Errno::ROFS)
}
