//! The thread that writes, and where it writes to.

use std::fs::{File, OpenOptions};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use super::clock::Clock;
use super::queue::{Queue, Work};
use crate::caught::{caught, contained, discard};

/// How long the thread waits before it asks a writer again that had no room and does not block.
const AGAIN: Duration = Duration::from_millis(10);

/// A writer, and the path that it can be opened at again.
pub(super) struct Sink {
    writer: Box<dyn Write + Send>,
    path: Option<PathBuf>,
    /// The last line may have no end.
    torn: bool,
}

impl Sink {
    pub(super) fn new(writer: impl Write + Send + 'static) -> Self {
        Self { writer: Box::new(writer), path: None, torn: false }
    }

    pub(super) fn file(path: &Path) -> io::Result<Self> {
        let file = appended(path)?;
        Ok(Self { writer: Box::new(file), path: Some(path.to_owned()), torn: false })
    }

    /// Opens the path anew. If that fails the file that is open is written on: lines in an old file are
    /// better than none.
    fn reopen(&mut self) {
        if let Some(Ok(file)) = self.path.as_deref().map(appended) {
            self.writer = Box::new(file);
            self.torn = false;
        }
    }

    /// Writes `lines`, and says how many bytes of them went out.
    fn write(&mut self, lines: &[u8], queue: &Queue) -> usize {
        if self.torn && self.write_some(b"\n", queue) == 0 {
            return 0;
        }
        self.torn = true;
        let written = self.write_some(lines, queue);
        let is_whole = written == 0 || lines.get(written - 1) == Some(&b'\n');
        // A buffer of the writer's own is emptied now: what it did not take may be anywhere.
        if self.flush(queue) {
            self.torn = !is_whole;
            written
        } else {
            0
        }
    }

    fn flush(&mut self, queue: &Queue) -> bool {
        loop {
            match self.writer.flush() {
                Ok(()) => return true,
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && queue.pause(AGAIN) => {}
                Err(_) => return false,
            }
        }
    }

    fn write_some(&mut self, bytes: &[u8], queue: &Queue) -> usize {
        let mut written = 0;
        while let Some(rest) = bytes.get(written..).filter(|rest| !rest.is_empty()) {
            match self.writer.write(rest) {
                Ok(0) => break,
                Ok(some) => written += some.min(rest.len()),
                Err(error) if error.kind() == ErrorKind::Interrupted => {}
                Err(error) if error.kind() == ErrorKind::WouldBlock && queue.pause(AGAIN) => {}
                Err(_) => break,
            }
        }
        written
    }
}

/// Lines of several processes do not overwrite each other, and a file that is cut short is written on
/// from its new end.
fn appended(path: &Path) -> io::Result<File> {
    OpenOptions::new().append(true).create(true).open(path)
}

/// Standard error or output, past the lock and the buffer that the rest of the process uses: a reader
/// who does not read holds up the log alone.
#[cfg(unix)]
pub(super) fn past_the_lock(stream: &impl std::os::fd::AsFd) -> io::Result<File> {
    stream.as_fd().try_clone_to_owned().map(File::from)
}

/// The same, where streams are handles.
#[cfg(windows)]
pub(super) fn past_the_lock(stream: &impl std::os::windows::io::AsHandle) -> io::Result<File> {
    stream.as_handle().try_clone_to_owned().map(File::from)
}

/// The thread's life.
pub(super) fn work(queue: &Queue, mut sink: Sink) {
    let (mut spare, mut clock) = (Vec::new(), Clock::new());
    while let Some(Work { mut lines, gap, form, reopen }) = queue.next(spare) {
        if reopen {
            contained(|| sink.reopen());
        }
        let own = lines.len();
        if gap > 0 {
            let millis = clock.turn(SystemTime::now());
            form.gap(&mut lines, gap, &clock, millis);
        }
        let written = caught(|| sink.write(&lines, queue)).unwrap_or_else(|payload| {
            discard(payload);
            0
        });
        if written < lines.len() {
            let lost = count(lines.get(written..own).unwrap_or_default());
            queue.lose(lost, gap);
        }
        lines.clear();
        spare = lines;
    }
    // What it buffers is written now, while the shutdown still waits.
    contained(move || {
        let _ = sink.writer.flush();
        drop(sink);
    });
    queue.over();
}

fn count(lines: &[u8]) -> u64 {
    lines.iter().map(|byte| u64::from(*byte == b'\n')).sum()
}
