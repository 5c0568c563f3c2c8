//! How long a connection may take over what it is doing: a pure decision from what was seen of it.
//!
//! ```text
//!            first bytes are no preface             head whole                  last body dropped
//!  accepted ────────────────────────────► head ────────────────► calls under way ─────────────────► idle
//!     └── the preface of HTTP/2 ──► idle     ▲                                                        │
//!                                            └───────── bytes came (HTTP/1 only) ─────────────────────┘
//! ```
//! A head may take `head`, idleness `idle`. Beside that, a socket or a stream that takes nothing may
//! do so for `write`. On HTTP/2 frames that begin no request do not end idleness. When the server ends,
//! whatever has nothing under way, half a head too, has [`FAREWELL`].

use std::time::Duration;

use tokio::time::Instant;

/// How long a connection without a request may stay after the server was asked to stop.
pub(super) const FAREWELL: Duration = Duration::from_secs(1);
/// How often a full socket is looked at, at least: so much later than its time a client is cut.
const TICK: Duration = Duration::from_secs(1);

/// The times and rates of the settings.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    pub(super) head: Duration,
    pub(super) idle: Duration,
    pub(super) write: Duration,
    /// Bytes that a client has to take within each `write` in which some wait for it.
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
    /// Since when the client has ended its side, on HTTP/1.
    pub(super) half_closed: Option<Instant>,
    /// The socket is full.
    pub(super) blocked: bool,
    /// Bytes that the client's system took, ever; known when it was asked, see `Watch::ask`.
    pub(super) written: u64,
    /// Responses of which the client has yet to take what was sent.
    pub(super) waiting: Waiting,
}

impl Seen {
    /// A head is under way on HTTP/1.
    pub(super) const fn head(&self) -> bool {
        self.stirred && self.live == 0 && !self.h2
    }
}

/// The responses on HTTP/2 of which hyper still has bytes.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Waiting {
    /// When the next of them will have waited for too long.
    pub(super) next: Option<Instant>,
    /// How many have.
    pub(super) overdue: usize,
    /// How many are asked for nothing because of them.
    pub(super) starved: usize,
}

/// What becomes of the connection.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    /// It is well; look again at this time.
    Wait(Instant),
    /// It takes no further request, and ends with what it has.
    End(Instant),
    /// It is closed, behind what is on its way.
    Leave,
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
    /// The client sent more frames of HTTP/2 that belong to no request than it may.
    Flood,
    /// All connections held more unsent bytes of responses than they may, and this one the most.
    Memory,
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
            Self::Flood => "flood",
            Self::Memory => "memory",
        }
    }
}

/// The memory between two looks.
#[derive(Debug)]
pub(super) struct Patience {
    limits: Limits,
    /// Since when a head has been coming, and after how many others.
    head: Option<(u64, Instant)>,
    /// The socket is full.
    full: Option<Full>,
    /// The last look at which the socket was full, or had room again: no stream waits for itself
    /// before that.
    room: Instant,
    /// When it was asked to end.
    ended: Option<Instant>,
    /// When the server was asked to stop.
    drained: Option<Instant>,
    /// When the client that ended its side was last seen to be sent something, and how much that was in all.
    alone: Option<(Instant, u64)>,
}

/// What a full socket has taken.
#[derive(Clone, Copy, Debug)]
struct Full {
    /// Since when the rate is judged, and what it had taken by then.
    since: Instant,
    had: u64,
    /// When it was seen to take something, and what it has taken.
    moved: Instant,
    has: u64,
}

impl Patience {
    pub(super) fn new(limits: Limits, accepted: Instant) -> Self {
        let head = Some((0, accepted));
        Self { limits, head, full: None, room: accepted, ended: None, drained: None, alone: None }
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
        (seen.head() && self.head_since(seen).is_none())
            || (seen.blocked != self.full.is_some())
            || (seen.half_closed.is_some() && self.alone.is_none())
    }

    fn head_since(&self, seen: &Seen) -> Option<Instant> {
        self.head.filter(|(begun, _)| *begun == seen.begun).map(|(_, since)| since)
    }

    /// Whether it was asked to end without a request, see [`drains`](Self::drains).
    pub(super) const fn is_drained(&self) -> bool {
        self.drained.is_some()
    }

    /// The server was asked to stop, or the connection to make room. False if that was known.
    pub(super) fn drains(&mut self, now: Instant) -> bool {
        let first = self.drained.is_none();
        self.drained.get_or_insert(now);
        first
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
            if let Some(until) = self.alone(seen, now) {
                return if now < until { Verdict::Wait(again.min(until)) } else { Verdict::Leave };
            }
            if !seen.h2 || seen.blocked {
                // The socket says it all: there is one response, or all wait for the same room.
                return Verdict::Wait(again);
            }
            let waiting = seen.waiting;
            let again = waiting.next.map_or(again, |next| next.min(again));
            if waiting.overdue == 0 {
                return Verdict::Wait(again);
            }
            // What still moves on other streams is finished first, and what was finished is read.
            let read = seen.idle_since + limits.write;
            if now < read {
                return self.end(now, again.min(read));
            }
            let moving = waiting.overdue + waiting.starved < seen.live;
            return if moving { self.end(now, again) } else { Verdict::Cut(Cut::Write) };
        }
        self.without_request(seen, now, again)
    }

    fn without_request(&mut self, seen: &Seen, now: Instant, again: Instant) -> Verdict {
        let limits = self.limits;
        let wait = |until: Instant| Verdict::Wait(again.min(until));
        let farewell = self.drained.map(|drained| drained + FAREWELL);
        if !seen.h2 && (seen.stirred || seen.begun == 0) {
            let since = self.head_since(seen).unwrap_or(now);
            self.head = Some((seen.begun, since));
            let until = since + limits.head;
            let until =
                farewell.map_or(until, |farewell| farewell.max(since + FAREWELL).min(until));
            return if now >= until { Verdict::Cut(Cut::Head) } else { wait(until) };
        }
        if let Some(farewell) = farewell {
            let until = farewell.max(seen.idle_since + FAREWELL);
            return match now >= until {
                // hyper has bytes yet.
                true if seen.blocked => Verdict::Wait(again),
                true => Verdict::Leave,
                false => wait(until),
            };
        }
        if let Some(ended) = self.ended {
            let until = ended.max(seen.idle_since) + limits.write;
            return if now >= until { Verdict::Cut(Cut::Lingering) } else { wait(until) };
        }
        let until = seen.idle_since + limits.idle;
        if now >= until { self.end(now, again) } else { wait(until) }
    }

    /// How long the response to a client that has ended its side may go on: whether it waits for that or
    /// has gone is not known before it is sent something.
    fn alone(&mut self, seen: &Seen, now: Instant) -> Option<Instant> {
        let ended = seen.half_closed?;
        let (since, written) = self.alone.get_or_insert((ended, seen.written));
        if seen.written > *written {
            (*since, *written) = (now, seen.written);
        }
        Some(*since + self.limits.write)
    }

    /// When to look again at a full socket; `None` if it has been full for too long.
    #[expect(clippy::option_option, reason = "not full is no time, and too long is no answer")]
    fn full(&mut self, seen: &Seen, now: Instant) -> Option<Option<Instant>> {
        if !seen.blocked {
            if self.full.take().is_some() {
                self.room = now;
            }
            return Some(None);
        }
        self.room = now;
        let Limits { write, least, .. } = self.limits;
        let has = seen.written;
        let full = self.full.get_or_insert(Full { since: now, had: has, moved: now, has });
        if has > full.has {
            (full.moved, full.has) = (now, has);
        }
        let mut until = full.moved + write;
        if least > 1 {
            if now >= full.since + write {
                if has.saturating_sub(full.had) < least {
                    return None;
                }
                (full.since, full.had) = (now, has);
            }
            until = until.min(full.since + write);
        }
        (now < until).then(|| Some(until.min(now + TICK.min(write / 4))))
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
