//! Receipts as JSON lines: one object for each response.

mod line;

use std::fmt;
use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

pub(crate) use line::Line;

use super::Reporter;
use crate::caught::{caught, discard};
use crate::head::Receipt;

/// Writes each receipt as one JSON object on one line.
///
/// [The guide](crate::guide::reports) lists every key. A line begins with `{"v":1`: within a
/// version keys may be added, none changes its meaning or goes away. Secret values never appear,
/// and what is not visible ASCII is escaped in field values.
///
/// Each line is written with as few calls of the writer as it takes, while others wait; so give it
/// a buffer ([`BufWriter`](std::io::BufWriter), or [`LineWriter`](std::io::LineWriter) to see each
/// line at once), and put it into a [`Background`](super::Background) if the writer is slow. It
/// flushes when [asked](Self::flush); a buffer also does when it is dropped.
///
/// # Examples
///
/// ```
/// use std::sync::Arc;
/// use letterhead::report::JsonLines;
/// use letterhead::{LetterheadLayer, Rules};
///
/// let lines = Arc::new(JsonLines::new(std::io::stderr()).only_with_conflicts(true));
/// let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(Arc::clone(&lines));
/// // ... serve ...
/// assert_eq!(lines.errors(), 0);
/// # let _ = layer;
/// ```
pub struct JsonLines<W> {
    out: Mutex<Out<W>>,
    errors: AtomicU64,
    only_with_conflicts: bool,
}

struct Out<W> {
    writer: W,
    /// The last line may have no end.
    torn: bool,
}

impl<W: Write + Send + 'static> JsonLines<W> {
    /// Writes a line for every response.
    #[must_use]
    pub const fn new(writer: W) -> Self {
        Self {
            out: Mutex::new(Out { writer, torn: false }),
            errors: AtomicU64::new(0),
            only_with_conflicts: false,
        }
    }

    /// Writes a line only for a response that has conflicts, or was [denied](crate::LetterheadLayer::deny).
    #[must_use]
    pub const fn only_with_conflicts(mut self, on: bool) -> Self {
        self.only_with_conflicts = on;
        self
    }

    /// How many lines were lost, or cut short, because the writer failed or panicked.
    ///
    /// A line that was cut short is ended before the next one, so the others can be read.
    #[must_use]
    pub fn errors(&self) -> u64 {
        self.errors.load(Ordering::Relaxed)
    }

    /// Flushes the writer.
    ///
    /// # Errors
    ///
    /// Those of the writer.
    pub fn flush(&self) -> io::Result<()> {
        self.out.lock().unwrap_or_else(PoisonError::into_inner).writer.flush()
    }

    fn write(&self, receipt: &Receipt) -> io::Result<()> {
        let mut line = serde_json::to_vec(&Line(receipt))?;
        line.push(b'\n');
        self.out.lock().unwrap_or_else(PoisonError::into_inner).write(&line)
    }

    /// The writer, as it is.
    #[must_use]
    pub fn into_inner(self) -> W {
        self.out.into_inner().unwrap_or_else(PoisonError::into_inner).writer
    }
}

impl<W: Write + Send + 'static> Reporter for JsonLines<W> {
    fn report(&self, receipt: &Receipt) {
        let is_plain = receipt.conflicts().is_empty() && receipt.denied().is_none();
        if self.only_with_conflicts && is_plain {
            return;
        }
        let failed = match caught(|| self.write(receipt)) {
            Ok(written) => written.is_err(),
            Err(payload) => {
                discard(payload);
                true
            }
        };
        if failed {
            self.errors.fetch_add(1, Ordering::Relaxed);
        }
    }

    fn needs_times(&self) -> bool {
        true
    }
}

impl<W: Write> Out<W> {
    fn write(&mut self, line: &[u8]) -> io::Result<()> {
        // It stays so if the writer fails or panics on the way.
        if std::mem::replace(&mut self.torn, true) {
            self.writer.write_all(b"\n")?;
        }
        self.writer.write_all(line)?;
        self.torn = false;
        Ok(())
    }
}

impl<W> fmt::Debug for JsonLines<W> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("JsonLines")
            .field("errors", &self.errors)
            .field("only_with_conflicts", &self.only_with_conflicts)
            .finish_non_exhaustive()
    }
}
