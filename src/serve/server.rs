//! The server and its settings.

use std::fmt;
use std::future::IntoFuture;
use std::io;
use std::marker::PhantomData;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use hyper_util::rt::TokioTimer;
use hyper_util::server::conn::auto::Builder;

use super::connection::Shared;
use super::connections::{Connections, ForAll};
use super::event::{Event, OnEvent};
use super::hub::Hub;
use super::listen::Listen;
use super::memory::Memory;
use super::patience::Limits;
use super::run::{Served, run};
use super::tasks::Tasks;
use super::tls::Secure;
use crate::sys::most_descriptors;

/// Longer than any server runs; a sum with a clock's time does not overflow.
const FOREVER: Duration = Duration::from_secs(60 * 60 * 24 * 365 * 10);

/// Serves HTTP/1 and HTTP/2 on the connections of `listener`, until it is asked to stop.
///
/// `service` is any tower service over requests with a [`RequestBody`](super::RequestBody): an axum `Router`, a
/// [`LetterheadLayer`](crate::LetterheadLayer) around one, a service of your own. It is cloned for each
/// connection and each request. With the feature `axum` it is what a `Router`'s
/// `into_make_service_with_connect_info` makes, too: `ConnectInfo<SocketAddr>` and `ConnectInfo<Peer>` are known then. The [`Serve`] that comes back has the settings, and is awaited.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use axum::{Router, routing::get};
/// use tokio::net::TcpListener;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let app = Router::new().route("/", get(|| async { "hello" }));
/// let listener = TcpListener::bind("127.0.0.1:0").await?;
/// # let ctrl_c = std::future::ready(());
/// let served = letterhead::serve(listener, app)
///     .idle_timeout(Duration::from_secs(30))
///     .max_connections(10_000)
///     .shutdown_on(ctrl_c)
///     .on_event(|event| eprintln!("{event}"))
///     .await?;
/// assert_eq!(served.cut, 0);
/// # Ok(())
/// # }
/// ```
pub fn serve<S, M>(listener: impl Into<Listen>, service: S) -> Serve<S, M>
where
    S: Connections<M>,
{
    Serve {
        listen: listener.into(),
        service,
        times: Times {
            header: Duration::from_secs(30),
            idle: Duration::from_secs(75),
            write: Duration::from_secs(60),
            body: Duration::from_secs(60),
            grace: Duration::from_secs(30),
        },
        bounds: Bounds {
            rate: 0,
            most: None,
            buffer: 128 * 1024,
            unsent: 4 << 20,
            unsent_in_all: 1 << 30,
            frames: 10_000,
        },
        stop: None,
        secure: None,
        peer: false,
        on_event: None,
        by: PhantomData,
    }
}

/// How long what may take.
struct Times {
    header: Duration,
    idle: Duration,
    write: Duration,
    body: Duration,
    grace: Duration,
}

/// How much there may be, and how little.
struct Bounds {
    /// Bytes a second.
    rate: u64,
    /// Connections.
    most: Option<usize>,
    buffer: usize,
    unsent: usize,
    unsent_in_all: usize,
    /// Frames a second that belong to no stream.
    frames: u32,
}

/// A server that runs when it is awaited; made by [`serve`].
///
/// Each time that can be set is a `Duration`; `Duration::MAX` is never.
///
/// # Panics
///
/// Awaiting it panics outside of a tokio runtime with `enable_all` (as `#[tokio::main]` has it).
#[must_use = "a server does nothing before it is awaited"]
pub struct Serve<S, M = ForAll> {
    listen: Listen,
    service: S,
    times: Times,
    bounds: Bounds,
    stop: Option<Pin<Box<dyn Future<Output = ()> + Send>>>,
    pub(super) secure: Option<Secure>,
    peer: bool,
    on_event: Option<OnEvent>,
    by: PhantomData<fn() -> M>,
}

impl<S, M> Serve<S, M> {
    /// How long a request head may take, from its first byte to its last; 30 s if nothing is said.
    ///
    /// The first one counts from the moment in which the connection was accepted, TLS handshake
    /// included, so a client that connects and says nothing is closed then. On HTTP/2 it is the
    /// preface that has to come in this time.
    pub fn header_timeout(mut self, time: Duration) -> Self {
        self.times.header = time;
        self
    }

    /// How long a connection may be open without a request under way; 75 s if nothing is said.
    ///
    /// On HTTP/1 it is closed then, on HTTP/2 asked to go (`GOAWAY`), and closed when the client has
    /// had [`write_timeout`](Self::write_timeout) to do so.
    pub fn idle_timeout(mut self, time: Duration) -> Self {
        self.times.idle = time;
        self
    }

    /// How long a client may take nothing of a response that waits for it; 60 s if nothing is said.
    ///
    /// The connection is reset then, so no client takes what it has for the whole. If one stream of an HTTP/2 connection takes nothing while others
    /// do, the connection is asked to go, and reset when nothing else moves. A response that has
    /// nothing to send (an event stream between two events) takes no part in this.
    ///
    /// On Linux what waits in the system's own buffers does not count as taken; elsewhere it does, and
    /// a very short time cuts clients that are merely slow.
    pub fn write_timeout(mut self, time: Duration) -> Self {
        self.times.write = time;
        self
    }

    /// How many bytes a second a client has to take of a response that waits for it; one byte in each
    /// [`write_timeout`](Self::write_timeout) if nothing is said.
    ///
    /// It is judged over each such time.
    pub fn min_rate(mut self, bytes_per_second: u64) -> Self {
        self.bounds.rate = bytes_per_second;
        self
    }

    /// How long a handler may wait for the next piece of a request's content; 60 s if nothing is said.
    ///
    /// Only the time counts in which the content is polled and nothing is there. Then it fails, and what the service
    /// makes of that, if it is an error, becomes 408; a response that has begun is the service's to end. Requests of
    /// gRPC on HTTP/2 may take any time, and so may those of which a handler says so by [`BodyTimeout`](super::BodyTimeout).
    pub fn body_timeout(mut self, time: Duration) -> Self {
        self.times.body = time;
        self
    }

    /// How many connections may be open at once, upgraded ones included; if nothing is said, three quarters of the
    /// descriptors that the process may have when the server starts (`RLIMIT_NOFILE`), which leaves the rest to its handlers.
    ///
    /// At the limit one more client is accepted, and waits for a place; the others wait in the system's queue. For it
    /// connections are closed that have had no request under way for a second or more: those first that have had none for longest, as many as an
    /// eighth of them, 32 at most. An unused connection, half a head and half a handshake are such ones; a response that is under
    /// way, an upgrade and a tunnel are not. The same is done where the system has no descriptor for a client.
    /// [`Event::Full`] tells of it. `usize::MAX` is any number.
    pub fn max_connections(mut self, most: usize) -> Self {
        self.bounds.most = Some(most);
        self
    }

    /// How many bytes a connection buffers in each direction; 128 KiB if nothing is said, 8 KiB at least.
    ///
    /// On HTTP/1 it is how large a request head may be (beyond it: 431), and up to how many bytes a
    /// response is asked for more while its client is slow. The last frame comes on top, so a body of
    /// 256 KiB frames holds one of them. On HTTP/2 it is what a stream keeps waiting for its window.
    /// hyper's own figure is 408 KiB.
    pub fn buffer(mut self, bytes: usize) -> Self {
        self.bounds.buffer = bytes;
        self
    }

    /// Up to how many bytes of responses that the client has not taken a connection on HTTP/2 goes on; 4 MiB if
    /// nothing is said.
    ///
    /// As long as so many or more wait, none of its responses is asked for more, and the service is called for
    /// none of its requests. What is a body's already comes on top: that of each request under way, one frame of it.
    /// On HTTP/1, where there is one response at a time, it is [`buffer`](Self::buffer) that bounds it.
    pub fn max_unsent(mut self, bytes: usize) -> Self {
        self.bounds.unsent = bytes.max(1);
        self
    }

    /// How many bytes of responses may wait for the clients of all connections; 1 GiB if nothing is said.
    ///
    /// Beyond it the connection for which most wait is reset ([`Cut::Memory`](super::Cut::Memory)), then the next.
    /// What several responses share is counted for each; what the kernel sends from a file is not, nor is what
    /// a connection has of less than 16 KiB.
    pub fn max_unsent_in_all(mut self, bytes: usize) -> Self {
        self.bounds.unsent_in_all = bytes;
        self
    }

    /// How many frames a client of HTTP/2 may send within a second that belong to no request, as `PING`, `SETTINGS` and
    /// `PRIORITY`; 10,000 if nothing is said.
    ///
    /// The connection is reset then ([`Cut::Flood`](super::Cut::Flood)). A client of gRPC that measures its path sends a ping
    /// for each round trip, which on one machine may be thousands in a second.
    pub fn max_control_frames(mut self, per_second: u32) -> Self {
        self.bounds.frames = per_second;
        self
    }

    /// When this is ready the server stops: nothing more is accepted, idle connections are closed, and
    /// what runs is finished.
    ///
    /// # Examples
    ///
    /// Signals are the application's: `tokio::signal` has them.
    ///
    /// ```no_run
    /// # async fn run(listener: tokio::net::TcpListener, app: axum::Router) -> std::io::Result<()> {
    /// letterhead::serve(listener, app)
    ///     .shutdown_on(async {
    ///         // Without a handler for it there is no way to hear of it: run on.
    ///         if tokio::signal::ctrl_c().await.is_err() {
    ///             std::future::pending::<()>().await;
    ///         }
    ///     })
    ///     .await?;
    /// # Ok(())
    /// # }
    /// ```
    pub fn shutdown_on(mut self, signal: impl Future<Output = ()> + Send + 'static) -> Self {
        self.stop = Some(Box::pin(signal));
        self
    }

    /// How long what runs may take after the signal; 30 s if nothing is said. What runs longer is cut: streams of
    /// HTTP/2 are reset, which may take half a second more.
    pub fn grace(mut self, time: Duration) -> Self {
        self.times.grace = time;
        self
    }

    /// Puts a [`Peer`](super::Peer) into the extensions of each request.
    pub fn peer(mut self) -> Self {
        self.peer = true;
        self
    }

    /// Called with what happens beside requests; on the connection's task, so it must not block.
    pub fn on_event(mut self, callback: impl Fn(&Event) + Send + Sync + 'static) -> Self {
        self.on_event = Some(Arc::new(callback));
        self
    }
}

impl<S, M> fmt::Debug for Serve<S, M> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Serve")
            .field("listen", &self.listen)
            .field("header_timeout", &self.times.header)
            .field("idle_timeout", &self.times.idle)
            .field("write_timeout", &self.times.write)
            .field("body_timeout", &self.times.body)
            .field("min_rate", &self.bounds.rate)
            .field("max_connections", &self.bounds.most)
            .field("buffer", &self.bounds.buffer)
            .field("max_unsent", &self.bounds.unsent)
            .field("max_unsent_in_all", &self.bounds.unsent_in_all)
            .field("max_control_frames", &self.bounds.frames)
            .field("grace", &self.times.grace)
            .finish_non_exhaustive()
    }
}

/// A running server.
///
/// # Cancel safety
///
/// Dropped, it accepts nothing more and cuts all its connections, except upgraded ones on the
/// runtime of the caller.
#[must_use = "a server does nothing before it is awaited"]
pub struct Serving(Pin<Box<dyn Future<Output = io::Result<Served>> + Send>>);

impl Future for Serving {
    type Output = io::Result<Served>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.0.as_mut().poll(cx)
    }
}

impl fmt::Debug for Serving {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Serving")
    }
}

impl<S, M> IntoFuture for Serve<S, M>
where
    S: Connections<M>,
    M: 'static,
{
    type Output = io::Result<Served>;
    type IntoFuture = Serving;

    fn into_future(self) -> Serving {
        let write = self.times.write.min(FOREVER);
        let limits = Limits {
            head: self.times.header.min(FOREVER),
            idle: self.times.idle.min(FOREVER),
            write,
            least: least(self.bounds.rate, write),
        };
        let shared = Shared {
            hub: Hub::new(self.bounds.most.unwrap_or_else(most_connections)),
            limits,
            body: self.times.body,
            frames: self.bounds.frames,
            memory: Memory::new(self.bounds.unsent_in_all),
            unsent: self.bounds.unsent,
            http: http(self.bounds.buffer),
            secure: self.secure,
            peer: self.peer,
            on_event: self.on_event,
        };
        let grace = self.times.grace.min(FOREVER);
        Serving(Box::pin(run(self.listen, self.service, Arc::new(shared), self.stop, grace)))
    }
}

/// Three quarters of the descriptors.
fn most_connections() -> usize {
    let descriptors = usize::try_from(most_descriptors()).unwrap_or(usize::MAX);
    (descriptors - descriptors / 4).max(1)
}

/// What a rate comes to in this time.
fn least(rate: u64, time: Duration) -> u64 {
    let bytes = u128::from(rate) * time.as_millis() / 1000;
    u64::try_from(bytes).unwrap_or(u64::MAX)
}

/// hyper's part of the settings.
fn http(buffer: usize) -> Builder<Tasks> {
    let buffer = buffer.max(8 * 1024);
    let mut http = Builder::new(Tasks);
    // hyper's own time-out makes a timer for each request, and begins after the version is known.
    http.http1().timer(TokioTimer::new()).header_read_timeout(None).max_buf_size(buffer);
    http.http2().timer(TokioTimer::new()).enable_connect_protocol().max_send_buf_size(buffer);
    http
}
