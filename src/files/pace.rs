//! How fast a response is sent at most, and how slow its client may be.

use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use tokio::runtime::Handle;
use tokio::task::AbortHandle;
use tokio::time::{Instant, Sleep, sleep_until};

use super::failed::{FileError, Why};
use super::options::CHUNK;
use super::reader::Reader;
use super::settings::Settings;
use crate::stream::Chunks;
use crate::sys::detached;

/// How long the watch of a client rests at least, however little grace there is.
const REST: Duration = Duration::from_millis(50);

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

impl Pace {
    /// The pace that a sender says; `None`: as fast as it is asked for.
    pub(super) fn of(settings: &Settings) -> Option<Box<Self>> {
        let (least, grace) = settings.sending.least_rate;
        if settings.sending.throttle == 0 && least == 0 {
            return None;
        }
        let now = Instant::now();
        let throttle = (settings.sending.throttle > 0).then(|| Throttle {
            rate: settings.sending.throttle,
            due: now,
            timer: None,
            rest: Bytes::new(),
        });
        let watch = (least > 0).then(|| {
            let parked = Parked { reader: None, until: now, late: false };
            Watch { least, grace, parked: Arc::new(Mutex::new(parked)), task: None }
        });
        Some(Box::new(Self { throttle, watch }))
    }

    /// Bytes that were read and wait for their time.
    pub(super) fn waiting(&self) -> u64 {
        self.throttle.as_ref().map_or(0, |throttle| throttle.rest.len() as u64)
    }

    /// The next bytes, in their time.
    pub(super) fn poll(
        &mut self,
        chunks: &mut Chunks<Reader>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, FileError>>> {
        // Taken back first: from then on it cannot be closed between a look whether it was and its use.
        self.resume(chunks);
        if let Some(watch) = self.watch.as_ref().filter(|watch| watch.is_late()) {
            chunks.end();
            let late = FileError(Why::Slow(watch.least));
            (self.throttle, self.watch) = (None, None);
            return Poll::Ready(Some(Err(late)));
        }
        let bytes = match &mut self.throttle {
            None => match ready!(chunks.poll_bytes(cx)) {
                Some(Ok(bytes)) => bytes,
                over => return Poll::Ready(over),
            },
            // The end has not to be waited for.
            Some(throttle) if throttle.rest.is_empty() && chunks.is_over() => {
                return Poll::Ready(None);
            }
            Some(throttle) => {
                ready!(throttle.poll_due(cx));
                if throttle.rest.is_empty() {
                    match ready!(chunks.poll_bytes(cx)) {
                        Some(Ok(bytes)) => throttle.rest = bytes,
                        over => return Poll::Ready(over),
                    }
                }
                throttle.part()
            }
        };
        if let Some(watch) = &mut self.watch {
            watch.park(chunks, bytes.len());
        }
        Poll::Ready(Some(Ok(bytes)))
    }

    /// Gives the reader back to its chunks.
    pub(super) fn resume(&mut self, chunks: &mut Chunks<Reader>) {
        if let Some(reader) = self.watch.as_ref().and_then(Watch::taken) {
            chunks.unpark(reader);
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
        let most = most.clamp(1024, CHUNK).min(self.rest.len());
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
    fn park(&mut self, chunks: &mut Chunks<Reader>, given: usize) {
        let Ok(runtime) = Handle::try_current() else { return };
        let Some(reader) = chunks.park() else { return };
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
        let mut chunks = Chunks::parked(7);
        let parked = Parked { reader: None, until: Instant::now(), late: true };
        let (least, grace) = (1, Duration::ZERO);
        let watch = Watch { least, grace, parked: Arc::new(Mutex::new(parked)), task: None };
        let mut pace = Pace { throttle: None, watch: Some(watch) };
        let cx = &mut Context::from_waker(std::task::Waker::noop());
        pace.resume(&mut chunks);
        let polled = chunks.poll_bytes(cx);
        assert!(matches!(polled, Poll::Ready(Some(Err(_)))), "{polled:?}");
    }
}
