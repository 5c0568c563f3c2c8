//! One connection, from the accepted socket to its end.

use std::fmt;
use std::io::{self, ErrorKind};
use std::net::SocketAddr;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::Poll;
use std::time::Duration;

use hyper_util::rt::TokioIo;
use hyper_util::server::conn::auto::{Builder, UpgradeableConnection};
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio::time::{Instant, sleep_until};

use super::Peer;
use super::call::Counted;
use super::event::{Event, OnEvent};
use super::frames::{Count, Counting};
use super::gather::Gather;
use super::http_service::HttpService;
use super::hub::{Guest, Hub, Member, Phase, Seat};
use super::memory::Memory;
use super::parting;
use super::patience::{Cut, Limits, Patience};
use super::tasks::Tasks;
use super::tls::Secure;
use super::turns::{End, Parties, Turns};
use super::watch::Watch;
use super::wire::Wire;
use crate::caught::contained;

/// What every connection of a server needs.
pub(super) struct Shared {
    pub(super) hub: Arc<Hub>,
    pub(super) limits: Limits,
    /// How long the content of a request may keep its handler waiting.
    pub(super) body: Duration,
    /// How many frames that belong to no stream a client of HTTP/2 may send in a second.
    pub(super) frames: u32,
    pub(super) memory: Arc<Memory>,
    /// Up to so many unsent bytes the responses of a connection are asked for more.
    pub(super) unsent: usize,
    pub(super) http: Builder<Tasks>,
    pub(super) secure: Option<Secure>,
    /// Requests carry a [`Peer`].
    pub(super) peer: bool,
    pub(super) on_event: Option<OnEvent>,
}

impl Shared {
    pub(super) fn tell(&self, event: &Event) {
        if let Some(on_event) = &self.on_event {
            contained(|| on_event(event));
        }
    }
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared")
            .field("hub", &self.hub)
            .field("limits", &self.limits)
            .finish_non_exhaustive()
    }
}

/// A connection that has been accepted, and that nobody has polled yet.
#[derive(Debug)]
pub(super) struct Accepted {
    shared: Arc<Shared>,
    member: Member,
    watch: Arc<Watch>,
    wire: Wire,
    peer: SocketAddr,
    at: Instant,
}

impl Accepted {
    pub(super) fn new(shared: &Arc<Shared>, tcp: TcpStream, peer: SocketAddr, seat: Seat) -> Self {
        let at = Instant::now();
        let memory = Arc::clone(&shared.memory);
        let watch = Arc::new(Watch::new(at, memory, shared.unsent));
        // Under TLS what comes is no frames; they are counted above it.
        let count = shared.secure.is_none().then(|| Count::new(shared.frames, at));
        Self {
            shared: Arc::clone(shared),
            member: Member::new(
                Arc::clone(&shared.hub),
                Some(Arc::clone(&watch) as Arc<dyn Guest>),
            ),
            wire: Wire::new(tcp, Arc::clone(&watch), seat, shared.limits, count),
            watch,
            peer,
            at,
        }
    }

    /// Runs it in a task of its own.
    pub(super) fn spawn<S: HttpService>(self, service: S) {
        // Two tasks of different size: the plain one does not pay for the other.
        if self.shared.secure.is_some() {
            tokio::spawn(self.secured(service));
        } else {
            tokio::spawn(self.plain(service));
        }
    }

    async fn plain<S: HttpService>(self, service: S) {
        let Self { shared, member, watch, wire, peer, at } = self;
        drive(Open { shared, member, watch, peer, at, secure: false }, wire, service).await;
    }

    async fn secured<S: HttpService>(self, service: S) {
        let Self { shared, mut member, watch, wire, peer, at } = self;
        let Some(secure) = &shared.secure else { return };
        let deadline = at + shared.limits.head;
        match in_time(secure.handshake(wire), &mut member, &watch, deadline).await {
            Shaken::Done(Ok((stream, h2))) => {
                if h2 {
                    watch.is_h2();
                }
                let open =
                    Open { shared: Arc::clone(&shared), member, watch, peer, at, secure: true };
                let count = h2.then(|| Count::new(shared.frames, Instant::now()));
                let stream = Counting::new(stream, Arc::clone(&open.watch), count);
                drive(open, stream, service).await;
            }
            Shaken::Done(Err(error)) => shared.tell(&Event::HandshakeFailed { peer, error }),
            Shaken::Late => shared.tell(&Event::Cut { peer, why: Cut::Head }),
            Shaken::Ending => {}
        }
    }
}

/// What became of a handshake.
enum Shaken<T> {
    Done(io::Result<T>),
    Late,
    /// The server ends, or another connection has no place; and nothing has been asked yet.
    Ending,
}

async fn in_time<T>(
    handshake: impl Future<Output = io::Result<T>>,
    member: &mut Member,
    watch: &Watch,
    deadline: Instant,
) -> Shaken<T> {
    let mut handshake = pin!(handshake);
    let mut timer = pin!(sleep_until(deadline));
    std::future::poll_fn(|cx| {
        if member.phase(cx.waker()) != Phase::Open || watch.gives_way() {
            return Poll::Ready(Shaken::Ending);
        }
        if let Poll::Ready(outcome) = handshake.as_mut().poll(cx) {
            return Poll::Ready(Shaken::Done(outcome));
        }
        timer.as_mut().poll(cx).map(|()| Shaken::Late)
    })
    .await
}

/// A connection that speaks HTTP.
struct Open {
    shared: Arc<Shared>,
    member: Member,
    watch: Arc<Watch>,
    peer: SocketAddr,
    at: Instant,
    secure: bool,
}

async fn drive<I, S>(open: Open, io: I, service: S)
where
    I: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    S: HttpService,
{
    let Open { shared, mut member, watch, peer, at, secure } = open;
    let limits = shared.limits;
    let sender = shared.peer.then_some(Peer { addr: peer, secure });
    let service = Counted::new(service, Arc::clone(&watch), sender, !secure, shared.body);
    let io = TokioIo::new(Gather::new(io, Arc::clone(&watch)));
    let connection = shared.http.serve_connection_with_upgrades(io, service);
    let mut connection = pin!(connection);
    let patience = Patience::new(limits, at);
    let due = patience.first(at);
    let mut timer = pin!(sleep_until(due));

    let (end, was_draining) = {
        let parties = Parties { member: &mut member, watch: &watch, limits };
        let shut_down =
            |connection: Pin<&mut _>| UpgradeableConnection::graceful_shutdown(connection);
        let timer = (timer.as_mut(), due);
        let mut turns = Turns::new(connection.as_mut(), shut_down, parties, patience, timer);
        (std::future::poll_fn(|cx| turns.poll(cx)).await, turns.is_draining())
    };

    match end {
        End::Cut(why) => {
            shared.tell(&Event::Cut { peer, why });
            if why != Cut::Deadline {
                watch.reset();
                return;
            }
            shared.hub.count_cut();
            if watch.glance().h2 {
                connection.as_mut().graceful_shutdown();
                parting::reset_streams(connection, timer, &watch).await;
            }
        }
        End::Done(Err(error)) => {
            let seen = watch.glance();
            // One that is asked to end before its first byte ends with an error of hyper's.
            let unused = was_draining && seen.begun == 0;
            let left = seen.live == 0 && !seen.blocked && is_farewell(error.as_ref());
            if !unused && !left {
                shared.tell(&Event::Failed { peer, error });
            }
        }
        End::Left => watch.leaves(),
        End::Done(_) | End::Closed => {}
    }
}

/// Whether a client between two requests has gone, by whatever way: many close TLS without a word.
fn is_farewell(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut next = Some(error);
    while let Some(error) = next {
        if let Some(error) = error.downcast_ref::<io::Error>() {
            return matches!(
                error.kind(),
                ErrorKind::UnexpectedEof | ErrorKind::ConnectionReset | ErrorKind::BrokenPipe
            );
        }
        next = error.source();
    }
    false
}
