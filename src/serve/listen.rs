//! Where connections come from: one listener, or one for each of several threads.

use std::io;
use std::net::SocketAddr;

use socket2::{Domain, Protocol, Socket, Type};
use tokio::net::TcpListener;

/// Connections that wait to be accepted, at most; the system may allow fewer.
const BACKLOG: i32 = 1024;

/// What [`serve`](super::serve) takes: a tokio `TcpListener`, or [`Workers`].
#[derive(Debug)]
pub struct Listen(pub(super) Source);

#[derive(Debug)]
pub(super) enum Source {
    One(TcpListener),
    Several(Vec<std::net::TcpListener>),
}

impl From<TcpListener> for Listen {
    fn from(listener: TcpListener) -> Self {
        Self(Source::One(listener))
    }
}

impl From<Workers> for Listen {
    fn from(workers: Workers) -> Self {
        Self(Source::Several(workers.listeners))
    }
}

/// Several listeners on one address (`SO_REUSEPORT`), each with a thread and a runtime of its own.
///
/// A connection stays on the thread that accepted it, so requests never wait for another thread's
/// locks, and nothing moves between cores. In exchange the kernel deals connections out by their
/// addresses, not by load: a handful of long, heavy connections may meet on one thread. Handlers that
/// block a thread block its connections. Each runtime has a pool of its own for blocking work.
///
/// # Examples
///
/// ```no_run
/// use axum::{Router, routing::get};
/// use letterhead::serve::Workers;
///
/// # async fn run() -> std::io::Result<()> {
/// let app = Router::new().route("/", get(|| async { "hello" }));
/// let workers = Workers::bind("127.0.0.1:3000".parse().unwrap(), 4)?;
/// letterhead::serve(workers, app).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Debug)]
pub struct Workers {
    listeners: Vec<std::net::TcpListener>,
    addr: SocketAddr,
}

impl Workers {
    /// Binds `threads` listeners (at least one) to the address. Port 0 takes a free one.
    ///
    /// # Errors
    ///
    /// Those of the system; and `Unsupported` where there is no `SO_REUSEPORT`. Another process of
    /// the same user that has asked for `SO_REUSEPORT` too is no error: the two share the address.
    pub fn bind(addr: SocketAddr, threads: usize) -> io::Result<Self> {
        let first = bound(addr)?;
        let addr = first.local_addr()?;
        let mut listeners = vec![first];
        for _ in 1..threads {
            listeners.push(bound(addr)?);
        }
        Ok(Self { listeners, addr })
    }

    /// The address they listen on.
    #[must_use]
    pub const fn local_addr(&self) -> SocketAddr {
        self.addr
    }
}

fn bound(addr: SocketAddr) -> io::Result<std::net::TcpListener> {
    let socket = Socket::new(Domain::for_address(addr), Type::STREAM, Some(Protocol::TCP))?;
    // As tokio does on unix; on Windows it means something else.
    #[cfg(unix)]
    socket.set_reuse_address(true)?;
    share(&socket)?;
    socket.set_nonblocking(true)?;
    socket.bind(&addr.into())?;
    socket.listen(BACKLOG)?;
    Ok(socket.into())
}

#[cfg(all(unix, not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))))]
fn share(socket: &Socket) -> io::Result<()> {
    socket.set_reuse_port(true)
}

#[cfg(not(all(
    unix,
    not(any(target_os = "solaris", target_os = "illumos", target_os = "cygwin"))
)))]
fn share(_: &Socket) -> io::Result<()> {
    Err(io::ErrorKind::Unsupported.into())
}
