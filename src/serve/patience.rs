//! How long a connection may take over what it is doing: a pure decision from what was seen of it.
//!
//! ```text
//!            first bytes are no preface             head whole                  last body dropped
//!  accepted ────────────────────────────► head ────────────────► calls under way ─────────────────► idle
//!     └── the preface of HTTP/2 ──► idle     ▲                                                        │
//!                                            └───────── bytes came (HTTP/1 only) ─────────────────────┘
//! ```
//! A head may take `head`, idleness `idle`. Beside that, a socket or a stream that takes nothing may
//! do so for `write`. On HTTP/2 frames that begin no request do not end idleness.

use std::time::Duration;

use tokio::time::Instant;

/// The times and rates of the settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    /// Bytes that the socket has to take within each `write` in which it is full.
    pub(super) least: u64,
}

/// What was seen of a connection up to now.
#[derive(Clone, Copy, Debug)]
pub(super) struct Seen {
    /// It speaks HTTP/2.
    pub(super) h2: bool,
    /// Requests whose head was whole, ever.
    pub(super) begun: u64,
    /// Requests whose response is not over.
    pub(super) live: usize,
    /// When the last response was over, or the connection began.
    pub(super) idle_since: Instant,
    /// Bytes came while no request was under way, and since the last one.
    pub(super) stirred: bool,
    /// The socket is full.
    pub(super) blocked: bool,
    /// Bytes that the client's system took, ever; known when it was asked, see `Watch::ask`.
    pub(super) written: u64,
    /// Responses under way of which nobody asked for more since a frame was handed out.
    pub(super) handed: Handed,
}

impl Seen {
    /// A head is under way on HTTP/1.
    pub(super) const fn head(&self) -> bool {
        self.stirred && self.live == 0 && !self.h2
    }
}

/// The responses whose last frame waits for room.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Handed {
    /// The one that waits longest.
    pub(super) oldest: Option<Instant>,
    /// How many have waited for `write` and more.
    pub(super) overdue: usize,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is well; look again at this time.
    Wait(Instant),
    /// It takes no further request, and ends with what it has.
    End(Instant),
    /// It is cut.
    Cut(Cut),
}

/// Why a connection was cut.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Cut {
    /// No whole request head (or TLS handshake) came in time.
    Head,
    /// The client took too little of a response, or nothing, for too long.
    Write,
    /// It had been asked to end, had nothing under way, and stayed.
    Lingering,
    /// A request was still under way at the deadline of the shutdown.
    Deadline,
}

impl Cut {
    /// One word, for labels.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Head => "head",
            Self::Write => "write",
            Self::Lingering => "lingering",
            Self::Deadline => "deadline",
        }
    }
}

/// The memory between two looks.
#[derive(Debug)]
pub(super) struct Patience {
    limits: Limits,
    /// Since when a head has been coming, and after how many others.
    head: Option<(u64, Instant)>,
    /// Since when the socket has been full, and what it had taken by then.
    window: Option<(Instant, u64)>,
    /// The last look at which the socket was full, or had room again: no stream waits for itself
    /// before that.
    room: Instant,
    /// When it was asked to end.
    ended: Option<Instant>,
}

impl Patience {
    pub(super) fn new(limits: Limits, accepted: Instant) -> Self {
        Self { limits, head: Some((0, accepted)), window: None, room: accepted, ended: None }
    }

    /// When the first look is due.
    pub(super) fn first(&self, accepted: Instant) -> Instant {
        accepted + self.limits.head.min(self.every())
    }

    /// Since when a stream that waits for room waits for its own.
    pub(super) fn room(&self) -> Instant {
        self.room
    }

    /// How often a connection is looked at, whatever it does: streams of HTTP/2 end and stall in tasks
    /// of their own, and what begins after a look ends no sooner than this.
    fn every(&self) -> Duration {
        self.limits.idle.min(self.limits.write)
    }

    /// Whether something began that the next look does not know of yet.
    pub(super) fn stale(&self, seen: &Seen) -> bool {
        (seen.head() && self.head_since(seen).is_none()) || (seen.blocked != self.window.is_some())
    }

    fn head_since(&self, seen: &Seen) -> Option<Instant> {
        self.head.filter(|(begun, _)| *begun == seen.begun).map(|(_, since)| since)
    }

    /// From now on it takes no further request; said by the server.
    pub(super) fn drained(&mut self, now: Instant) {
        self.ended.get_or_insert(now);
    }

    /// Judges the connection at `now`.
    pub(super) fn look(&mut self, seen: &Seen, now: Instant) -> Verdict {
        let limits = self.limits;
        let Some(full) = self.full(seen, now) else {
            return Verdict::Cut(Cut::Write);
        };
        let again = now + self.every();
        let again = full.map_or(again, |full| full.min(again));
        if seen.live > 0 {
            if !seen.h2 || seen.blocked {
                // The socket says it all: there is one response, or all wait for the same room.
                return Verdict::Wait(again);
            }
            if seen.handed.overdue == 0 {
                let stalled = seen.handed.oldest.map(|oldest| oldest + limits.write);
                return Verdict::Wait(stalled.map_or(again, |stalled| stalled.min(again)));
            }
            // What still moves on other streams is finished first, and what was finished is read.
            let moving = seen.handed.overdue < seen.live || now < seen.idle_since + limits.write;
            return if moving { self.end(now, again) } else { Verdict::Cut(Cut::Write) };
        }
        let wait = |until: Instant| Verdict::Wait(again.min(until));
        if !seen.h2 && (seen.stirred || seen.begun == 0) {
            let since = self.head_since(seen).unwrap_or(now);
            self.head = Some((seen.begun, since));
            let until = since + limits.head;
            return if now >= until { Verdict::Cut(Cut::Head) } else { wait(until) };
        }
        if let Some(ended) = self.ended {
            let until = ended.max(seen.idle_since) + limits.write;
            return if now >= until { Verdict::Cut(Cut::Lingering) } else { wait(until) };
        }
        let until = seen.idle_since + limits.idle;
        if now >= until { self.end(now, again) } else { wait(until) }
    }

    /// When a full socket will have been full for too long; `None` if it has.
    #[expect(clippy::option_option, reason = "not full is no time, and too long is no answer")]
    fn full(&mut self, seen: &Seen, now: Instant) -> Option<Option<Instant>> {
        if !seen.blocked {
            if self.window.take().is_some() {
                self.room = now;
            }
            return Some(None);
        }
        self.room = now;
        let (mut since, taken) = *self.window.get_or_insert((now, seen.written));
        if now >= since + self.limits.write {
            if seen.written - taken < self.limits.least.max(1) {
                return None;
            }
            since = now;
            self.window = Some((now, seen.written));
        }
        Some(Some(since + self.limits.write))
    }

    fn end(&mut self, now: Instant, next: Instant) -> Verdict {
        if self.ended.is_some() {
            return Verdict::Wait(next);
        }
        self.ended = Some(now);
        Verdict::End(next)
    }
}

#[cfg(test)]
mod tests;
