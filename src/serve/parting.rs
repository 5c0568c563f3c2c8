//! The last of a connection whose response was broken off: no client may take it for the whole.
//!
//! Where the close of the connection would look like the end of the response, it is reset, once the client's
//! system has all that was sent: a reset throws away what is on its way. On HTTP/2 the streams are reset.

use std::io;
use std::pin::Pin;
use std::time::Duration;

use socket2::Socket;
use tokio::runtime::Handle;
use tokio::time::{Instant, Sleep, sleep};

use super::first::first_of;
use super::hub::{Member, Phase, Seat};
use super::patience::Limits;
use super::watch::Watch;
use crate::sys::unsent;

/// How much longer than the deadline of the shutdown a connection stays, and how long what was sent may
/// take where the system does not say what has arrived: longer than any round trip.
const LAST: Duration = Duration::from_millis(500);
/// The first pause between two looks; each further one is twice as long.
const FIRST: Duration = Duration::from_millis(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_millis(50);

/// Resets the streams under way, then ends the connection; with a reset if it does not end in time.
pub(super) async fn reset_streams<C: Future + ?Sized>(
    connection: Pin<&mut C>,
    mut timer: Pin<&mut Sleep>,
    watch: &Watch,
) {
    watch.abort_streams();
    timer.as_mut().reset(Instant::now() + LAST);
    if !first_of(connection, timer).await {
        // A stream without room, or a full socket: the reset of the connection is all that can arrive.
        watch.reset();
    }
}

/// Resets the connection when its client has what was sent, in a task of its own. False if that cannot be
/// waited for: there is no descriptor for it, or no runtime.
pub(super) fn reset_when_sent(socket: io::Result<Socket>, seat: Seat, limits: Limits) -> bool {
    let (Ok(socket), Ok(runtime)) = (socket, Handle::try_current()) else { return false };
    let parting = Parting { member: seat.member(), socket: Resets(socket), seat };
    runtime.spawn(parting.run(limits));
    true
}

/// A connection that nobody writes to any more; the server waits for it.
struct Parting {
    socket: Resets,
    seat: Seat,
    member: Member,
}

impl Parting {
    async fn run(self, limits: Limits) {
        let mut tail = Tail::new(limits, Instant::now());
        loop {
            let left = if self.is_open() { unsent(&self.socket.0) } else { Some(0) };
            let over = self.seat.phase() == Phase::Over;
            let Some(pause) = tail.look(left, over, Instant::now()) else { break };
            sleep(pause).await;
        }
        // In this order: the server is not over before the socket is closed.
        drop(self.socket);
        drop(self.seat);
        drop(self.member);
    }

    /// Whether there still is somebody who could take anything.
    fn is_open(&self) -> bool {
        self.socket.0.peer_addr().is_ok()
    }
}

/// A socket that is reset when it is dropped.
struct Resets(Socket);

impl Drop for Resets {
    fn drop(&mut self) {
        let _ = self.0.set_linger(Some(Duration::ZERO));
    }
}

/// How long it is waited for what was sent: as long as the client takes some of it.
struct Tail {
    limits: Limits,
    begun: Instant,
    /// Since when less and less is left, and how much there was then.
    window: Option<(Instant, u64)>,
    /// The server is over since then.
    over: Option<Instant>,
    pause: Duration,
}

impl Tail {
    const fn new(limits: Limits, begun: Instant) -> Self {
        Self { limits, begun, window: None, over: None, pause: FIRST }
    }

    /// When to look again; `None` if it is time to reset.
    ///
    /// `left` is what the client has not acknowledged, if the system says so.
    fn look(&mut self, left: Option<u64>, over: bool, now: Instant) -> Option<Duration> {
        let pause = self.pause;
        self.pause = LONGEST.min(pause * 2);
        if over && now >= *self.over.get_or_insert(now) + LAST {
            return None;
        }
        let Some(left) = left else {
            return (now < self.begun + LAST).then_some(pause);
        };
        let (since, had) = *self.window.get_or_insert((now, left));
        if now >= since + self.limits.write {
            if had.saturating_sub(left) < self.limits.least.max(1) {
                return None;
            }
            self.window = Some((now, left));
        }
        (left > 0).then_some(pause)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What is left at these milliseconds, with what is wanted of each look; `write` is 1000 ms.
    fn check(least: u64, looks: &[(u64, Option<u64>, bool, Option<u64>)]) {
        let begun = Instant::now();
        let write = Duration::from_secs(1);
        let mut tail = Tail::new(Limits { head: write, idle: write, write, least }, begun);
        for (at, left, over, wanted) in looks {
            let found = tail.look(*left, *over, begun + Duration::from_millis(*at));
            assert_eq!(found, wanted.map(Duration::from_millis), "{left:?} at {at} ms");
        }
    }

    #[test]
    fn what_has_arrived_is_not_waited_for() {
        check(0, &[(0, Some(0), false, None)]);
        check(
            0,
            &[
                (0, Some(9), false, Some(1)),
                (1, Some(9), false, Some(2)),
                (3, Some(0), false, None),
            ],
        );
    }

    #[test]
    fn the_pauses_become_longer_up_to_a_bound() {
        let looks = [1, 2, 4, 8, 16, 32, 50, 50].map(|pause| (0, Some(9), false, Some(pause)));
        check(0, &looks);
    }

    #[test]
    fn a_client_that_takes_nothing_is_waited_for_as_long_as_in_the_middle() {
        check(
            0,
            &[
                (0, Some(9), false, Some(1)),
                (999, Some(9), false, Some(2)),
                (1000, Some(9), false, None),
            ],
        );
        // One that takes some has its time again; unless that is less than the rate.
        let slow = [(0, Some(9), false, Some(1)), (1000, Some(8), false, Some(2))];
        check(
            0,
            &[slow[0], slow[1], (1999, Some(8), false, Some(4)), (2000, Some(8), false, None)],
        );
        check(2, &[slow[0], (1000, Some(8), false, None)]);
    }

    #[test]
    fn after_the_deadline_of_the_shutdown_there_is_half_a_second() {
        check(
            0,
            &[
                (0, Some(9), false, Some(1)),
                (100, Some(9), true, Some(2)),
                (599, Some(9), true, Some(4)),
                (600, Some(9), true, None),
            ],
        );
        check(0, &[(0, Some(0), true, None)]);
    }

    #[test]
    fn where_the_system_says_nothing_there_is_half_a_second_for_all() {
        check(
            0,
            &[(0, None, false, Some(1)), (499, None, false, Some(2)), (500, None, false, None)],
        );
    }
}
