//! A socket that is closed in stages, so that its client can read what it was sent.
//!
//! The system resets a connection whose socket was closed with unread bytes in it, and one
//! on which bytes come after that. A client that still sends (content that was refused, window updates
//! of HTTP/2) would lose what it has not read yet. So the server ends its own side first, then reads and
//! drops what comes until the client ends the other (RFC 9112, section 9.6).

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead as _, AsyncWrite as _, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::{Instant, Sleep, sleep};

use super::watch::Watch;
use crate::sys::unsent;

/// A client that has everything and sends nothing for so long is not waited for.
pub(super) const QUIET: Duration = Duration::from_secs(2);
/// Nor is one that takes nothing more for so long, whatever it sends.
pub(super) const LONGEST: Duration = Duration::from_secs(30);

/// How far a socket has been closed.
#[derive(Debug)]
pub(super) enum Closing {
    /// Neither side has ended.
    Open,
    /// The server's side has ended, and the client may still be sending.
    Waiting(Box<Wait>),
    /// The client's side has ended as well, or is not waited for.
    Done,
}

impl Closing {
    /// Ends the server's side; ready when the socket may be closed.
    pub(super) fn poll(
        &mut self,
        tcp: &mut TcpStream,
        watch: &Watch,
        cx: &mut Context<'_>,
    ) -> Poll<io::Result<()>> {
        if matches!(self, Self::Open) {
            ready!(Pin::new(&mut *tcp).poll_shutdown(cx))?;
            let mut client = Client::new(unsent(tcp).unwrap_or(0), Instant::now());
            // What comes on a connection that was handed over is not for us to read.
            let over = watch.is_handed_over() || client.drain(tcp, cx).is_ready();
            *self = if !over && (client.came || watch.may_send()) {
                Self::Waiting(Box::new(Wait { timer: Box::pin(sleep(QUIET)), client }))
            } else {
                Self::Done
            };
        }
        if let Self::Waiting(wait) = self {
            ready!(wait.poll(tcp, cx));
            *self = Self::Done;
        }
        Poll::Ready(Ok(()))
    }
}

/// What is waited for.
#[derive(Debug)]
pub(super) struct Wait {
    timer: Pin<Box<Sleep>>,
    client: Client,
}

impl Wait {
    fn poll(&mut self, tcp: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        // First, because a client that sends without a pause leaves no turn for it.
        while self.timer.as_mut().poll(cx).is_ready() {
            let now = Instant::now();
            if !self.client.stays(unsent(tcp).unwrap_or(0), now) {
                return Poll::Ready(());
            }
            self.timer.as_mut().reset(now + QUIET);
        }
        self.client.drain(tcp, cx)
    }
}

/// What is known of a client that is waited for.
#[derive(Debug)]
struct Client {
    /// When it last took something.
    took: Instant,
    /// How many bytes it has not taken, the end of the stream among them.
    held: u64,
    /// It has sent something since the last look.
    came: bool,
}

impl Client {
    const fn new(held: u64, now: Instant) -> Self {
        Self { took: now, held, came: false }
    }

    /// Reads and drops what comes; ready at its end.
    fn drain(&mut self, tcp: &mut TcpStream, cx: &mut Context<'_>) -> Poll<()> {
        loop {
            let mut space = [0; 4096];
            let mut bytes = ReadBuf::new(&mut space);
            let outcome = ready!(Pin::new(&mut *tcp).poll_read(cx, &mut bytes));
            if outcome.is_err() || bytes.filled().is_empty() {
                return Poll::Ready(());
            }
            self.came = true;
        }
    }

    /// Whether it is waited for until the next look.
    fn stays(&mut self, held: u64, now: Instant) -> bool {
        if held < self.held {
            self.took = now;
        }
        self.held = held;
        let came = std::mem::take(&mut self.came);
        (came || held > 0) && now < self.took + LONGEST
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Each look: seconds, bytes held, whether something came, whether it is waited for.
    fn check(held: u64, looks: &[(u64, u64, bool, bool)]) {
        let begun = Instant::now();
        let mut client = Client::new(held, begun);
        for &(at, held, came, stays) in looks {
            client.came = came;
            let found = client.stays(held, begun + Duration::from_secs(at));
            assert_eq!(found, stays, "at {at} of {looks:?}");
        }
    }

    #[test]
    fn a_client_is_waited_for_while_it_takes_or_sends() {
        check(0, &[(2, 0, false, false)]);
        check(0, &[(2, 0, true, true), (4, 0, false, false)]);
        // It takes nothing, and may yet.
        check(9, &[(2, 9, false, true), (28, 9, false, true), (30, 9, false, false)]);
        // It takes something now and then.
        check(9, &[(28, 8, false, true), (56, 8, false, true), (58, 8, false, false)]);
        check(9, &[(28, 1, false, true), (56, 0, false, false)]);
        // It sends for ever.
        check(0, &[(2, 0, true, true), (28, 0, true, true), (30, 0, true, false)]);
    }
}
