//! How fast a response is sent at most, and how slow its client may be.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use http::Response;
use http_body::Body as _;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::body::{FileBody, Reader};
use super::failed::{FileError, Why};
use super::sender::FileSender;
use super::settings::Settings;
use crate::sys::detached;

/// The longest grace: a year.
const PATIENCE: Duration = Duration::from_secs(365 * 86_400);

/// How long the watch of a client rests at least, however little grace there is.
const REST: Duration = Duration::from_millis(50);

impl FileSender {
    /// Sends each response with content of a file at no more than so many bytes a second. With 0, the default, as fast
    /// as it is taken.
    ///
    /// What is sent at once is an eighth of a second's worth, at least 1 KiB and at most a
    /// [chunk](Self::CHUNK). A chunk is read ahead. Time is tokio's: a body that is
    /// polled where there is no runtime, or one without its time, panics.
    #[must_use]
    pub fn throttle(self, bytes_per_second: u64) -> Self {
        self.with(|settings| settings.throttle = bytes_per_second)
    }

    /// Gives up on clients that take fewer than so many bytes a second, each chunk with `grace` on top: the file is closed,
    /// and the response broken off as soon as the server asks for more of it. With 0 bytes, the default,
    /// clients may be as slow as they like.
    ///
    /// A chunk of up to [`CHUNK`](Self::CHUNK) bytes has to be taken, and the next one asked for, within `grace`
    /// and the time that the chunk may last at this rate. Time in which a file is read, or a
    /// [throttle](Self::throttle) is waited for, does not count. Sockets and servers ask in
    /// lumps of up to some megabytes: with 10 000 bytes a second, `grace` should be some minutes. A server that
    /// waits for its socket does not ask for more; it needs a time-out of its own to close the connection.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::time::Duration;
    ///
    /// use letterhead::FileSender;
    ///
    /// let files = FileSender::new("src").unwrap().least_rate(20_000, Duration::from_secs(120));
    /// # let _ = files;
    /// ```
    #[must_use]
    pub fn least_rate(self, bytes_per_second: u64, grace: Duration) -> Self {
        // Longer than any download, and added to a clock without an overflow.
        let grace = grace.min(PATIENCE);
        self.with(|settings| settings.least_rate = (bytes_per_second, grace))
    }
}

/// The pace of one response.
pub(super) struct Pace {
    throttle: Option<Throttle>,
    watch: Option<Watch>,
}

struct Throttle {
    rate: u64,
    /// When the next bytes may go.
    due: Instant,
    timer: Option<Pin<Box<Sleep>>>,
    /// What was read and has to wait.
    rest: Bytes,
}

struct Watch {
    least: u64,
    grace: Duration,
    parked: Arc<Mutex<Parked>>,
    task: Option<AbortHandle>,
}

/// A reader for whose next bytes nobody asks.
struct Parked {
    reader: Option<Box<Reader>>,
    until: Instant,
    late: bool,
}

/// The response, at the pace of the sender.
pub(super) fn paced(settings: &Settings, mut response: Response<FileBody>) -> Response<FileBody> {
    let (least, grace) = settings.least_rate;
    let wanted = settings.throttle > 0 || least > 0;
    if wanted && response.status().is_success() && !response.body().is_end_stream() {
        let now = Instant::now();
        let throttle = (settings.throttle > 0).then(|| Throttle {
            rate: settings.throttle,
            due: now,
            timer: None,
            rest: Bytes::new(),
        });
        let watch = (least > 0).then(|| {
            let parked = Parked { reader: None, until: now, late: false };
            Watch { least, grace, parked: Arc::new(Mutex::new(parked)), task: None }
        });
        response.body_mut().at_pace(Box::new(Pace { throttle, watch }));
    }
    response
}

impl Pace {
    /// Bytes that were read and wait for their time.
    pub(super) fn waiting(&self) -> u64 {
        self.throttle.as_ref().map_or(0, |throttle| throttle.rest.len() as u64)
    }

    /// The next bytes, in their time.
    pub(super) fn poll(
        &mut self,
        body: &mut FileBody,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, FileError>>> {
        // Taken back first: from then on it cannot be closed between a look whether it was and its use.
        self.resume(body);
        if let Some(watch) = self.watch.as_ref().filter(|watch| watch.is_late()) {
            let late = body.fail(Why::Slow(watch.least));
            (self.throttle, self.watch) = (None, None);
            return Poll::Ready(Some(Err(late)));
        }
        let bytes = match &mut self.throttle {
            None => match ready!(body.poll_bytes(cx)) {
                Some(Ok(bytes)) => bytes,
                over => return Poll::Ready(over),
            },
            // The end has not to be waited for.
            Some(throttle) if throttle.rest.is_empty() && body.is_end_stream() => {
                return Poll::Ready(None);
            }
            Some(throttle) => {
                ready!(throttle.poll_due(cx));
                if throttle.rest.is_empty() {
                    match ready!(body.poll_bytes(cx)) {
                        Some(Ok(bytes)) => throttle.rest = bytes,
                        over => return Poll::Ready(over),
                    }
                }
                throttle.part()
            }
        };
        if let Some(watch) = &mut self.watch {
            watch.park(body, bytes.len());
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    /// Gives the reader back to its body.
    pub(super) fn resume(&mut self, body: &mut FileBody) {
        if let Some(reader) = self.watch.as_ref().and_then(Watch::taken) {
            body.unpark(reader);
        }
    }
}

impl Throttle {
    fn poll_due(&mut self, cx: &mut Context<'_>) -> Poll<()> {
        if self.due <= Instant::now() {
            return Poll::Ready(());
        }
        let due = self.due;
        let timer = self.timer.get_or_insert_with(|| Box::pin(sleep_until(due)));
        if timer.deadline() != due {
            timer.as_mut().reset(due);
        }
        timer.as_mut().poll(cx)
    }

    /// What may go at once.
    fn part(&mut self) -> Bytes {
        let most = usize::try_from(self.rate / 8).unwrap_or(usize::MAX);
        let most = most.clamp(1024, FileSender::CHUNK).min(self.rest.len());
        let part = self.rest.split_to(most);
        self.due = self.due.max(Instant::now()) + lasting(most, self.rate);
        part
    }
}

/// How long so many bytes last at this rate.
fn lasting(bytes: usize, rate: u64) -> Duration {
    let nanos = (bytes as u128).saturating_mul(1_000_000_000) / u128::from(rate.max(1));
    // An hour is as good as for ever, and cannot overflow a clock.
    Duration::from_nanos(u64::try_from(nanos).unwrap_or(u64::MAX)).min(Duration::from_secs(3600))
}

impl Watch {
    fn is_late(&self) -> bool {
        locked(&self.parked).late
    }

    fn taken(&self) -> Option<Box<Reader>> {
        locked(&self.parked).reader.take()
    }

    /// Waits for the next bytes to be asked for.
    fn park(&mut self, body: &mut FileBody, given: usize) {
        let Ok(runtime) = Handle::try_current() else { return };
        let Some(reader) = body.park() else { return };
        let mut parked = locked(&self.parked);
        parked.reader = Some(reader);
        parked.until = Instant::now() + self.grace + lasting(given, self.least);
        drop(parked);
        let (parked, grace) = (&self.parked, self.grace);
        self.task.get_or_insert_with(|| {
            runtime.spawn(watch(Arc::downgrade(parked), grace)).abort_handle()
        });
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        if let Some(task) = &self.task {
            task.abort();
        }
    }
}

/// Closes the file of a client that is late.
async fn watch(parked: Weak<Mutex<Parked>>, grace: Duration) {
    loop {
        let until = {
            let Some(parked) = parked.upgrade() else { return };
            let mut parked = locked(&parked);
            let now = Instant::now();
            if parked.reader.is_some() && parked.until <= now {
                parked.late = true;
                let reader = parked.reader.take();
                drop(parked);
                // A file is closed where that may wait.
                detached(move || drop(reader));
                return;
            }
            // Whatever is given from now on lasts longer than the grace.
            if parked.reader.is_some() { parked.until } else { now + grace.max(REST) }
        };
        sleep_until(until).await;
    }
}

fn locked(parked: &Mutex<Parked>) -> MutexGuard<'_, Parked> {
    parked.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_file_that_is_closed_while_more_is_asked_for_is_no_end() {
        // The watch closes it just before it is taken back.
        let mut response = Response::new(FileBody::parked(7));
        let parked = Parked { reader: None, until: Instant::now(), late: true };
        let (least, grace) = (1, Duration::ZERO);
        let watch = Watch { least, grace, parked: Arc::new(Mutex::new(parked)), task: None };
        let mut pace = Pace { throttle: None, watch: Some(watch) };
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        pace.resume(response.body_mut());
        let polled = response.body_mut().poll_bytes(cx);
        assert!(matches!(polled, Poll::Ready(Some(Err(_)))), "{polled:?}");
    }
}
