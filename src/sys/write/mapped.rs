//! Bytes written through a mapping of a file, so that no fault of it ever ends the process.
//!
//! A store to a mapping raises `SIGBUS` where the file has become shorter, the disk is full or a page cannot be
//! read. So nothing here stores to one: the bytes go into a pipe, and the kernel copies them out of
//! it into the mapping. Where it cannot, it says `EFAULT`.
#![allow(unsafe_code, reason = "memory of a file that others may write to or cut is no slice")]

use std::os::fd::{AsFd, AsRawFd as _, OwnedFd};

use rustix::io::Errno;
use rustix::mm::{MapFlags, MsyncFlags, ProtFlags};
use rustix::pipe::PipeFlags;

use super::{Chain, Flush};
use crate::sys::again::uninterrupted;
use crate::sys::operation::Operation;
use crate::sys::refusal::Refusal;
use crate::sys::stat::Stat;

/// A stretch of a file, mapped, to be written to.
struct Mapping {
    start: *mut std::ffi::c_void,
    length: usize,
    /// Where in the file it begins.
    offset: u64,
}

/// Writes all of a chain into one mapping, and waits for the disk as it says.
pub(super) fn write(file: impl AsFd, chain: &Chain<'_>) -> Result<(), Refusal> {
    let refused = |operation| move |errno| Refusal::errno(operation, errno);
    let start = chain.writes().iter().map(|(_, offset)| *offset).min().unwrap_or(0);
    let end = |(bytes, offset): &(&[u8], u64)| offset.saturating_add(bytes.len() as u64);
    let end = chain.writes().iter().map(end).max().unwrap_or(0);
    if start < end {
        let mapping = Mapping::of(&file, start, end).map_err(refused(Operation::Map))?;
        let pipe = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK);
        let pipe = pipe.map_err(refused(Operation::Map))?;
        for (bytes, offset) in chain.writes() {
            mapping.copy(&pipe, bytes, *offset).map_err(refused(Operation::Map))?;
        }
        // Behind the end of a file its last page still takes bytes, and forgets them.
        if Stat::of(&file)?.identity.size < end {
            return Err(Refusal::errno(Operation::Map, Errno::FAULT));
        }
        if chain.flush() == Flush::Data {
            mapping.sync().map_err(refused(Operation::Sync))?;
        }
    }
    match chain.flush() {
        Flush::Nothing | Flush::Data => Ok(()),
        // Of the file there is more to be kept than what was mapped.
        Flush::All => rustix::fs::fsync(file).map_err(refused(Operation::Sync)),
    }
}

impl Mapping {
    fn of(file: impl AsFd, start: u64, end: u64) -> Result<Self, Errno> {
        let page = rustix::param::page_size() as u64;
        let offset = start / page * page;
        let length = usize::try_from(end - offset).map_err(|_| Errno::INVAL)?;
        // SAFETY: the kernel chooses an address that nothing else has.
        let start = unsafe {
            let prot = ProtFlags::READ | ProtFlags::WRITE;
            rustix::mm::mmap(std::ptr::null_mut(), length, prot, MapFlags::SHARED, file, offset)
        }?;
        Ok(Self { start, length, offset })
    }

    /// Has the kernel copy bytes to where they are in the file.
    fn copy(&self, (out, into): &(OwnedFd, OwnedFd), bytes: &[u8], at: u64) -> Result<(), Errno> {
        let at = at.checked_sub(self.offset).and_then(|at| usize::try_from(at).ok());
        let at =
            at.filter(|at| self.length.checked_sub(*at).is_some_and(|room| bytes.len() <= room));
        let mut at = at.ok_or(Errno::INVAL)?;
        let mut rest = bytes;
        while !rest.is_empty() {
            // As much as the pipe takes; it is empty, so it takes some.
            let filled = uninterrupted(|| rustix::io::write(into, rest))?;
            rest = rest.get(filled..).unwrap_or_default();
            let end = at + filled;
            while at < end {
                at += self.receive(out, at, end - at)?;
            }
        }
        Ok(())
    }

    /// Has the kernel copy at most `length` bytes out of a pipe.
    fn receive(&self, out: &OwnedFd, at: usize, length: usize) -> Result<usize, Errno> {
        uninterrupted(|| {
            // Nobody has a reference to these bytes, and what cannot be written the kernel refuses.
            // SAFETY: `at` and `length` are within the mapping, as `copy` has seen to.
            let read = unsafe { libc::read(out.as_raw_fd(), self.start.byte_add(at), length) };
            match usize::try_from(read) {
                // Somebody would have to have closed it.
                Ok(0) => Err(Errno::PIPE),
                Ok(read) => Ok(read),
                Err(_) => {
                    let error = std::io::Error::last_os_error();
                    Err(Errno::from_io_error(&error).unwrap_or(Errno::IO))
                }
            }
        })
    }

    fn sync(&self) -> Result<(), Errno> {
        // SAFETY: it is a mapping of this length, and it stays one.
        unsafe { rustix::mm::msync(self.start, self.length, MsyncFlags::SYNC) }
    }
}

impl Drop for Mapping {
    fn drop(&mut self) {
        // SAFETY: it is a mapping of this length, and nobody uses it any more.
        let _ = unsafe { rustix::mm::munmap(self.start, self.length) };
    }
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]
mod tests {
    use std::fs::File;
    use std::process::Command;

    use super::*;
    use crate::sys::tests::Scratch;

    fn file(scratch: &Scratch, length: usize) -> File {
        scratch.write("a", "x".repeat(length));
        File::options().read(true).write(true).open(scratch.path("a")).unwrap()
    }

    #[test]
    fn bytes_get_to_where_they_belong() {
        let scratch = Scratch::new();
        let file = file(&scratch, 300_000);
        // More than a pipe takes at once, and not at the beginning of a page.
        let long = "y".repeat(200_000);
        let chain = Chain::new([(long.as_bytes(), 5000), (&b"z"[..], 299_999)], Flush::Data);
        write(&file, &chain).unwrap();
        let found = std::fs::read_to_string(scratch.path("a")).unwrap();
        let wanted = ["x".repeat(5000), long, "x".repeat(94_999), "z".to_owned()].concat();
        assert!(found == wanted);
        write(&file, &Chain::new([], Flush::All)).unwrap();
    }

    #[test]
    fn a_file_that_another_process_cuts_under_the_mapping_is_an_error_number() {
        let scratch = Scratch::new();
        let file = file(&scratch, 16384);
        let mapping = Mapping::of(&file, 4096, 16384).unwrap();
        let pipe = rustix::pipe::pipe_with(PipeFlags::CLOEXEC | PipeFlags::NONBLOCK).unwrap();
        mapping.copy(&pipe, &[b'y'; 8192], 4096).unwrap();
        let cut = Command::new("truncate").args(["-s", "4096"]).arg(scratch.path("a")).status();
        assert!(cut.unwrap().success());
        // A store of our own would be the end of this process.
        assert_eq!(mapping.copy(&pipe, &[b'z'; 8192], 4096), Err(Errno::FAULT));
        assert_eq!(std::fs::metadata(scratch.path("a")).unwrap().len(), 4096);
    }

    #[test]
    fn nothing_is_written_behind_the_end_of_a_file() {
        let scratch = Scratch::new();
        let file = file(&scratch, 5000);
        for (bytes, offset) in [(&[b'y'; 100][..], 8192), (&[b'y'; 100], 4990), (&[], 0)] {
            let done = write(&file, &Chain::new([(bytes, offset)], Flush::Data));
            let errno = done.map_err(|refusal| (refusal.operation(), refusal.raw_os_error()));
            let wanted =
                if bytes.is_empty() { Ok(()) } else { Err((Operation::Map, libc::EFAULT)) };
            assert_eq!(errno, wanted, "{offset}");
        }
        let read_only = File::open(scratch.path("a")).unwrap();
        let refusal = write(&read_only, &Chain::new([(&b"y"[..], 0)], Flush::Data)).unwrap_err();
        assert_eq!((refusal.operation(), refusal.raw_os_error()), (Operation::Map, libc::EACCES));
    }

    #[test]
    fn whoever_cuts_a_file_meanwhile_ends_no_process() {
        let scratch = Scratch::new();
        let file = file(&scratch, 16384);
        let stop = std::sync::atomic::AtomicBool::new(false);
        std::thread::scope(|scope| {
            scope.spawn(|| {
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    file.set_len(0).unwrap();
                    file.set_len(16384).unwrap();
                }
            });
            let mut refused = 0;
            // Until it has happened, and some more.
            while refused < 20 {
                let chain = Chain::new([(&[b'y'; 4096][..], 8192)], Flush::Data);
                if let Err(refusal) = write(&file, &chain) {
                    assert_eq!(refusal.raw_os_error(), libc::EFAULT);
                    refused += 1;
                }
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
        });
    }
}
