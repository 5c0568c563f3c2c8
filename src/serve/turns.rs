//! The task of a connection: hyper's work and the judgement of its client, in turns.

use std::ops::ControlFlow;
use std::pin::Pin;
use std::task::{Context, Poll, Waker};

use tokio::time::{Instant, Sleep};

use super::BoxError;
use super::hub::{Member, Phase};
use super::patience::{Cut, FAREWELL, Limits, Patience, Seen, Verdict};
use super::watch::Watch;

/// How a connection ended.
pub(super) enum End {
    Done(Result<(), BoxError>),
    Cut(Cut),
    /// At the deadline, with nothing under way.
    Closed,
    /// Before it, with nothing under way: it was asked to go, and stayed.
    Left,
}

/// What the task does next: it ends, polls hyper again, or goes on to the next step.
type Step = ControlFlow<End, Next>;

enum Next {
    PollAgain,
    GoOn,
}

/// What the turns are about.
pub(super) struct Parties<'a> {
    pub(super) member: &'a mut Member,
    pub(super) watch: &'a Watch,
    pub(super) limits: Limits,
}

/// What the task remembers between two polls.
pub(super) struct Turns<'a, C> {
    connection: Pin<&'a mut C>,
    /// Asks hyper to end behind what is under way.
    shut_down: fn(Pin<&mut C>),
    parties: Parties<'a>,
    patience: Patience,
    timer: Pin<&'a mut Sleep>,
    /// When the timer fires.
    due: Instant,
    /// The timer was polled since it was moved last.
    is_armed: bool,
    is_draining: bool,
    /// The shutdown began late for this connection: it is judged at once.
    is_late: bool,
}

impl<'a, C: Future<Output = Result<(), BoxError>>> Turns<'a, C> {
    /// `timer` fires at `due`, the first time at which `patience` wants a look.
    pub(super) const fn new(
        connection: Pin<&'a mut C>,
        shut_down: fn(Pin<&mut C>),
        parties: Parties<'a>,
        patience: Patience,
        (timer, due): (Pin<&'a mut Sleep>, Instant),
    ) -> Self {
        Self {
            connection,
            shut_down,
            parties,
            patience,
            timer,
            due,
            is_armed: false,
            is_draining: false,
            is_late: false,
        }
    }

    /// Whether hyper was asked to end.
    pub(super) const fn is_draining(&self) -> bool {
        self.is_draining
    }

    #[inline]
    pub(super) fn poll(&mut self, cx: &mut Context<'_>) -> Poll<End> {
        loop {
            if let Some(why) = self.parties.watch.is_given_up(cx.waker()) {
                return Poll::Ready(End::Cut(why));
            }
            // First, so that a request which has arrived is seen before anything is judged.
            if let Poll::Ready(outcome) = self.poll_connection(cx) {
                return Poll::Ready(End::Done(outcome));
            }
            let seen = self.parties.watch.glance();
            match self.follow_phase(cx.waker(), &seen) {
                ControlFlow::Break(end) => return Poll::Ready(end),
                ControlFlow::Continue(Next::PollAgain) => continue,
                ControlFlow::Continue(Next::GoOn) => {}
            }
            // Once it was polled it wakes this task, which has one waker for its life.
            let fired = (!self.is_armed || self.timer.is_elapsed())
                && self.timer.as_mut().poll(cx).is_ready();
            self.is_armed = true;
            if !fired && !std::mem::take(&mut self.is_late) && !self.patience.stale(&seen) {
                return Poll::Pending;
            }
            self.parties.watch.ask();
            if let Poll::Ready(outcome) = self.connection.as_mut().poll(cx) {
                return Poll::Ready(End::Done(outcome));
            }
            match self.judge(fired) {
                ControlFlow::Break(end) => return Poll::Ready(end),
                ControlFlow::Continue(Next::PollAgain) => {}
                ControlFlow::Continue(Next::GoOn) => return Poll::Pending,
            }
        }
    }

    /// Polls hyper, until what it has written is on its way.
    #[inline]
    fn poll_connection(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), BoxError>> {
        self.parties.watch.begin_turn();
        let polled = self.connection.as_mut().poll(cx);
        if self.parties.watch.end_turn() && polled.is_pending() {
            // It flushes whenever it is polled.
            return self.connection.as_mut().poll(cx);
        }
        polled
    }

    /// Does what the server's phase asks for.
    fn follow_phase(&mut self, waker: &Waker, seen: &Seen) -> Step {
        match self.parties.member.phase(waker) {
            Phase::Open if self.parties.watch.gives_way() => {
                if seen.live > 0 && !self.patience.is_drained() {
                    self.parties.watch.stays();
                } else {
                    // It had the moment in which a request could come.
                    let now = Instant::now();
                    return self.drain(now.checked_sub(FAREWELL).unwrap_or(now), seen);
                }
            }
            Phase::Open => {}
            Phase::Draining => {
                self.parties.watch.draining();
                return self.drain(Instant::now(), seen);
            }
            Phase::Over if seen.live > 0 || seen.blocked => {
                return ControlFlow::Break(End::Cut(Cut::Deadline));
            }
            Phase::Over => return ControlFlow::Break(End::Closed),
        }
        ControlFlow::Continue(Next::GoOn)
    }

    /// Ends the connection behind what is under way; it was asked to at `since`.
    fn drain(&mut self, since: Instant, seen: &Seen) -> Step {
        self.is_late |= self.patience.drains(since);
        // A head that is under way is waited for; hyper would forget it.
        if self.is_draining || seen.head() {
            return ControlFlow::Continue(Next::GoOn);
        }
        self.is_draining = true;
        (self.shut_down)(self.connection.as_mut());
        ControlFlow::Continue(Next::PollAgain)
    }

    /// Judges the client, and sets the timer for the next look; `fired` if it is the timer that wants it.
    fn judge(&mut self, fired: bool) -> Step {
        let Parties { watch, limits, .. } = &self.parties;
        let now = Instant::now();
        let verdict = self.patience.look(&watch.seen(now, limits, self.patience.room()), now);
        let next = match verdict {
            Verdict::Cut(why) => return ControlFlow::Break(End::Cut(why)),
            Verdict::Leave => return ControlFlow::Break(End::Left),
            Verdict::End(next) => {
                (self.shut_down)(self.connection.as_mut());
                next
            }
            Verdict::Wait(next) => next,
        };
        // A timer that fires too early costs a look; to move it for each look costs more.
        if fired || next < self.due {
            self.due = next;
            self.timer.as_mut().reset(next);
            self.is_armed = false;
        } else if matches!(verdict, Verdict::Wait(_)) {
            return ControlFlow::Continue(Next::GoOn);
        }
        ControlFlow::Continue(Next::PollAgain)
    }
}
