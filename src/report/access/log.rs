//! The access log as the application holds it.

use std::fmt;
use std::io::{self, Write};
use std::net::IpAddr;
use std::path::Path;
use std::sync::Arc;
use std::thread::{self, ThreadId};
use std::time::Duration;

use http::{Extensions, HeaderMap};

use super::form::LogForm;
use super::queue::Queue;
use super::sink::{Sink, past_the_lock, work};
use super::text;
use crate::caught::{caught, discard};
use crate::report::Peer;

/// Who asked, by the request's fields and extensions.
type ClientOf = Arc<dyn Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync>;

/// An access log: one line for each exchange, in the [combined form](LogForm::Combined) or as JSON in
/// [names of its own](LogForm::Json), in [Caddy's](LogForm::Caddy) or in [Elastic's](LogForm::Ecs).
///
/// Give it to [`LetterheadLayer::access_log`](crate::LetterheadLayer::access_log). The task that served the
/// response makes the text and puts it into a buffer; a thread of the log's own writes many lines with one call,
/// after 250 ms or when there are 64 KiB. No response waits for the writer: where the buffer is full, because a disk is full
/// or the reader of a pipe does not read, lines are dropped and [counted](Self::dropped), and the log says how many as soon
/// as it goes on. No line is torn.
///
/// The client's address is that of the [`Peer`] in the request's extensions (`serve(..).peer()` puts it there), or
/// what [`client`](Self::client) finds; `-` without either. Bytes are those of the content that was handed to the
/// server. Requests that no service saw, because their heads made no sense, have no line.
///
/// Clones write to the same log. The last one that is dropped writes what is left, and waits for at most one
/// second; the layer and its services are among them, so a program that ends calls [`shutdown`](Self::shutdown).
///
/// # Examples
///
/// ```
/// use letterhead::LetterheadLayer;
/// use letterhead::report::{AccessLog, LogForm};
///
/// # fn main() -> std::io::Result<()> {
/// # let directory = std::env::temp_dir().join(format!("letterhead-log-{}", std::process::id()));
/// # std::fs::create_dir_all(&directory)?;
/// let log = AccessLog::file(directory.join("access.log"))?.form(LogForm::Json);
/// let layer = LetterheadLayer::new().access_log(&log);
/// // ... serve; on SIGHUP, when the file was renamed: `log.reopen()` ...
/// assert!(log.shutdown(), "the disk did not take everything");
/// assert_eq!(log.dropped(), 0);
/// # std::fs::remove_dir_all(&directory)?;
/// # let _ = layer;
/// # Ok(())
/// # }
/// ```
#[derive(Clone)]
pub struct AccessLog {
    pub(super) owner: Arc<Owner>,
    pub(super) form: LogForm,
    client: Option<ClientOf>,
}

/// Whose drop ends the thread.
pub(super) struct Owner {
    pub(super) queue: Arc<Queue>,
    writer: ThreadId,
}

impl AccessLog {
    /// How many bytes may wait if nothing else is said: 1 MiB, some ten thousand lines.
    pub const ROOM: usize = 1 << 20;

    /// How long a line waits at most if nothing else is said: 250 ms.
    pub const INTERVAL: Duration = Duration::from_millis(250);

    /// How long [`flush`](Self::flush), [`shutdown`](Self::shutdown) and the last drop wait for the writer: one second.
    pub const PATIENCE: Duration = Duration::from_secs(1);

    /// How many bytes of a target or a field a line shows: 2048. A longer one is cut, and ends with `...`.
    pub const MOST_SHOWN: usize = text::MOST_SHOWN;

    /// A log in the combined form that is written to `writer`. It needs no buffer, and may block: it is called on a
    /// thread of its own.
    ///
    /// # Errors
    ///
    /// The system has no thread to give.
    pub fn new(writer: impl Write + Send + 'static) -> io::Result<Self> {
        Self::of(Sink::new(writer))
    }

    /// A log at the end of the file `path`, which is made if it is not there.
    ///
    /// # Errors
    ///
    /// The file cannot be opened, or the system has no thread to give.
    pub fn file(path: impl AsRef<Path>) -> io::Result<Self> {
        Self::of(Sink::file(path.as_ref())?)
    }

    /// A log on standard error; other writers to it do not wait for this one.
    ///
    /// # Errors
    ///
    /// Standard error is closed, or the system has no thread to give.
    pub fn stderr() -> io::Result<Self> {
        Self::of(Sink::new(past_the_lock(&io::stderr())?))
    }

    /// A log on standard output; other writers to it do not wait for this one.
    ///
    /// # Errors
    ///
    /// Standard output is closed, or the system has no thread to give.
    pub fn stdout() -> io::Result<Self> {
        Self::of(Sink::new(past_the_lock(&io::stdout())?))
    }

    fn of(sink: Sink) -> io::Result<Self> {
        let queue = Arc::new(Queue::new(Self::ROOM, Self::INTERVAL));
        let theirs = Arc::clone(&queue);
        let thread = thread::Builder::new()
            .name("letterhead-log".to_owned())
            .spawn(move || work(&theirs, sink))?;
        let owner = Arc::new(Owner { queue, writer: thread.thread().id() });
        Ok(Self { owner, form: LogForm::Combined, client: None })
    }

    /// How lines are written; [combined](LogForm::Combined) if nothing is said.
    #[must_use]
    pub fn form(mut self, form: LogForm) -> Self {
        self.form = form;
        self.owner.queue.set_form(form);
        self
    }

    /// How many bytes may wait for the writer, [`ROOM`](Self::ROOM) if nothing is said. It takes up to twice as much memory.
    #[must_use]
    pub fn room(self, bytes: usize) -> Self {
        self.owner.queue.set_room(bytes);
        self
    }

    /// How long a line waits for others, [`INTERVAL`](Self::INTERVAL) if nothing is said.
    #[must_use]
    pub fn interval(self, time: Duration) -> Self {
        self.owner.queue.set_interval(time);
        self
    }

    /// Who asked, where that is not the [`Peer`]: behind a proxy, or around another server. A panic in it is
    /// caught, and the line has no address.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::report::AccessLog;
    ///
    /// # fn main() -> std::io::Result<()> {
    /// // Only where a proxy in front sets the field: clients write what they like.
    /// let log = AccessLog::stderr()?.client(|fields, _extensions| {
    ///     fields.get("x-real-ip")?.to_str().ok()?.parse().ok()
    /// });
    /// # let _ = log;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn client(
        mut self,
        of: impl Fn(&HeaderMap, &Extensions) -> Option<IpAddr> + Send + Sync + 'static,
    ) -> Self {
        self.client = Some(Arc::new(of));
        self
    }

    pub(super) fn client_of(&self, fields: &HeaderMap, extensions: &Extensions) -> Option<IpAddr> {
        match &self.client {
            Some(of) => caught(|| of(fields, extensions)).unwrap_or_else(|payload| {
                discard(payload);
                None
            }),
            // An address of IPv4 is one, also on a socket of both families.
            None => extensions.get::<Peer>().map(|peer| peer.addr.ip().to_canonical()),
        }
    }

    /// How many lines the writer was not given, or did not take whole.
    #[must_use]
    pub fn dropped(&self) -> u64 {
        self.owner.queue.dropped()
    }

    /// Opens the file of [`AccessLog::file`] by its path anew, before the next line is written: for logs that are
    /// rotated by renaming. If that fails the open file is written on. It does not wait.
    pub fn reopen(&self) {
        self.owner.queue.reopen();
    }

    /// Has what waits written now, and waits for that; says whether it was done within
    /// [`PATIENCE`](Self::PATIENCE). What the writer refused is [counted](Self::dropped). It blocks the thread.
    #[expect(clippy::must_use_candidate, reason = "what it does counts, too")]
    pub fn flush(&self) -> bool {
        self.owner.queue.flush(Self::PATIENCE)
    }

    /// Takes in nothing more and writes what waits; says whether that was done within [`PATIENCE`](Self::PATIENCE). What
    /// was not is counted as dropped. It blocks the thread.
    #[expect(clippy::must_use_candidate, reason = "what it does counts, too")]
    pub fn shutdown(&self) -> bool {
        self.owner.close()
    }
}

impl Owner {
    fn close(&self) -> bool {
        // The writer itself, if it has the last one, does not wait for itself.
        let is_own = thread::current().id() == self.writer;
        self.queue.close(if is_own { Duration::ZERO } else { AccessLog::PATIENCE })
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        self.close();
    }
}

impl fmt::Debug for AccessLog {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AccessLog")
            .field("form", &self.form)
            .field("dropped", &self.dropped())
            .finish_non_exhaustive()
    }
}
