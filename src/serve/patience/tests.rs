//! Connections told as stories: what is seen, when it is looked at, and the verdict.

use super::*;

const HEAD: u64 = 10;
const WRITE: u64 = 20;
const IDLE: u64 = 30;

/// A story on a clock of its own; seconds since the connection was accepted.
struct Story {
    accepted: Instant,
    patience: Patience,
    seen: Seen,
}

fn at(accepted: Instant, seconds: u64) -> Instant {
    accepted + Duration::from_secs(seconds)
}

impl Story {
    fn new() -> Self {
        Self::least(0)
    }

    /// The socket has to take so many bytes in each window.
    fn least(least: u64) -> Self {
        let accepted = Instant::now();
        let limits = Limits {
            head: Duration::from_secs(HEAD),
            idle: Duration::from_secs(IDLE),
            write: Duration::from_secs(WRITE),
            least,
        };
        let seen = Seen {
            h2: false,
            begun: 0,
            live: 0,
            idle_since: accepted,
            stirred: false,
            half_closed: None,
            blocked: false,
            written: 0,
            waiting: Waiting::default(),
        };
        Self { accepted, patience: Patience::new(limits, accepted), seen }
    }

    fn h2(mut self) -> Self {
        self.seen.h2 = true;
        self
    }

    fn begin(&mut self) {
        self.seen.begun += 1;
        self.seen.live += 1;
        self.seen.stirred = false;
    }

    fn over(&mut self, seconds: u64) {
        self.seen.live -= 1;
        self.seen.idle_since = at(self.accepted, seconds);
    }

    /// One stream has waited since then.
    fn handed(&mut self, seconds: u64, overdue: usize) {
        let next = (overdue == 0).then(|| at(self.accepted, seconds + WRITE));
        self.seen.waiting = Waiting { next, overdue, starved: 0 };
    }

    #[track_caller]
    fn check(&mut self, seconds: u64, wanted: &str) {
        let verdict = self.patience.look(&self.seen, at(self.accepted, seconds));
        let since = |time: Instant| (time - self.accepted).as_secs();
        let found = match verdict {
            Verdict::Wait(next) => format!("wait {}", since(next)),
            Verdict::End(next) => format!("end, wait {}", since(next)),
            Verdict::Leave => "leave".to_owned(),
            Verdict::Cut(why) => format!("cut {}", why.as_str()),
        };
        assert_eq!(found, wanted, "at {seconds} s");
    }
}

#[test]
fn the_first_head_counts_from_the_accept() {
    let mut story = Story::new();
    assert_eq!(story.patience.first(story.accepted), at(story.accepted, HEAD));
    story.check(4, "wait 10");
    story.seen.stirred = true;
    story.check(9, "wait 10");
    story.check(10, "cut head");
}

#[test]
fn a_later_head_counts_from_its_first_byte() {
    let mut story = Story::new();
    story.begin();
    story.over(5);
    story.check(5, "wait 25");
    assert!(!story.patience.stale(&story.seen));
    story.seen.stirred = true;
    assert!(story.patience.stale(&story.seen));
    story.check(20, "wait 30");
    assert!(!story.patience.stale(&story.seen));
    // That one is whole; the time of the next one is its own.
    story.begin();
    story.over(21);
    story.seen.stirred = true;
    assert!(story.patience.stale(&story.seen));
    story.check(29, "wait 39");
    story.check(39, "cut head");
}

#[test]
fn a_connection_without_requests_is_asked_to_end_and_then_cut() {
    let mut story = Story::new().h2();
    story.check(4, "wait 24");
    story.begin();
    story.over(6);
    story.check(30, "wait 36");
    story.check(36, "end, wait 56");
    story.check(50, "wait 56");
    // A request that was on its way is answered.
    story.begin();
    story.check(56, "wait 76");
    story.over(60);
    story.check(76, "wait 80");
    story.check(80, "cut lingering");
}

#[test]
fn frames_that_begin_no_request_do_not_end_idleness() {
    let mut story = Story::new().h2();
    story.seen.stirred = true;
    assert!(!story.patience.stale(&story.seen));
    story.check(20, "wait 30");
    story.check(30, "end, wait 50");
}

#[test]
fn a_handler_may_take_its_time() {
    let mut story = Story::new();
    story.begin();
    story.check(1000, "wait 1020");
}

#[test]
fn a_full_socket_has_to_move() {
    let mut story = Story::new();
    story.begin();
    story.seen.blocked = true;
    assert!(story.patience.stale(&story.seen));
    // Looked at each second, so that a client is cut a second after its time at most.
    story.check(1, "wait 2");
    story.seen.written = 1;
    story.check(21, "wait 22");
    story.check(40, "wait 41");
    story.check(41, "cut write");
}

#[test]
fn a_socket_that_took_something_at_first_is_cut_at_its_time() {
    let mut story = Story::new();
    story.begin();
    story.seen.blocked = true;
    story.check(1, "wait 2");
    // What the client's system took in the first moment.
    story.seen.written = 200_000;
    story.check(2, "wait 3");
    story.check(21, "wait 22");
    story.check(22, "cut write");
}

#[test]
fn a_socket_that_had_room_meanwhile_begins_anew() {
    let mut story = Story::new();
    story.begin();
    story.seen.blocked = true;
    story.check(1, "wait 2");
    story.seen.blocked = false;
    assert!(story.patience.stale(&story.seen));
    story.check(20, "wait 40");
    story.seen.blocked = true;
    story.check(22, "wait 23");
    story.check(41, "wait 42");
    story.check(42, "cut write");
}

#[test]
fn a_full_socket_is_looked_at_four_times_in_a_short_time_and_each_second_of_a_long_one() {
    for (write, tick) in [(400, 100), (60_000, 1000)] {
        let mut story = Story::new();
        let accepted = story.accepted;
        story.patience.limits.write = Duration::from_millis(write);
        story.begin();
        story.seen.blocked = true;
        let verdict = story.patience.look(&story.seen, accepted);
        assert_eq!(verdict, Verdict::Wait(accepted + Duration::from_millis(tick)));
    }
}

#[test]
fn a_rate_is_judged_over_each_window() {
    let mut story = Story::least(1000);
    story.begin();
    story.seen.blocked = true;
    story.check(0, "wait 1");
    story.seen.written = 1000;
    story.check(20, "wait 21");
    story.seen.written = 1999;
    story.check(39, "wait 40");
    story.check(40, "cut write");
}

#[test]
fn the_end_of_a_response_has_to_move_too() {
    let mut story = Story::new();
    story.begin();
    story.seen.blocked = true;
    story.over(1);
    story.check(1, "wait 2");
    story.check(21, "cut write");
}

#[test]
fn one_stalled_stream_ends_a_connection_when_nothing_else_moves() {
    let mut story = Story::new().h2();
    story.begin();
    story.begin();
    story.handed(1, 0);
    story.check(5, "wait 21");
    story.handed(1, 1);
    story.check(21, "end, wait 41");
    story.check(41, "wait 61");
    // What was finished a moment ago may not have been read yet.
    story.over(60);
    story.check(61, "wait 80");
    story.check(80, "cut write");
}

#[test]
fn streams_that_are_asked_for_nothing_because_of_others_do_not_move() {
    let mut story = Story::new().h2();
    story.begin();
    story.begin();
    story.seen.waiting = Waiting { next: None, overdue: 1, starved: 1 };
    story.check(20, "cut write");
    // This one has its own time yet.
    story.seen.waiting = Waiting { next: Some(at(story.accepted, 25)), overdue: 1, starved: 0 };
    story.check(20, "end, wait 25");
}

#[test]
fn streams_that_wait_for_a_full_socket_are_judged_by_the_socket() {
    let mut story = Story::new().h2();
    story.begin();
    story.seen.blocked = true;
    story.handed(1, 1);
    story.check(21, "wait 22");
    story.seen.written = 1;
    story.check(40, "wait 41");
    assert_eq!(story.patience.room(), at(story.accepted, 40));
    story.seen.blocked = false;
    story.handed(41, 0);
    story.check(42, "wait 61");
    assert_eq!(story.patience.room(), at(story.accepted, 42));
}

#[test]
fn the_one_response_of_the_old_version_is_judged_by_the_socket() {
    let mut story = Story::new();
    story.begin();
    story.handed(1, 1);
    story.check(21, "wait 41");
}

#[test]
fn a_server_that_ends_does_not_wait_for_a_client_that_stays() {
    let mut story = Story::new().h2();
    story.begin();
    let drained = at(story.accepted, 3);
    assert!(story.patience.drains(drained));
    assert!(!story.patience.drains(drained));
    story.check(3, "wait 23");
    story.over(10);
    story.check(10, "wait 11");
    // hyper has bytes that the socket has no room for.
    story.seen.blocked = true;
    story.check(11, "wait 12");
    story.seen.blocked = false;
    story.check(12, "leave");
}

#[test]
fn half_a_head_has_a_moment_when_the_server_ends() {
    for begun in [0, 1] {
        let mut story = Story::new();
        (story.seen.begun, story.seen.stirred) = (begun, true);
        story.check(2, if begun == 0 { "wait 10" } else { "wait 12" });
        story.patience.drains(at(story.accepted, 3));
        story.check(3, "wait 4");
        story.check(4, "cut head");
    }
}

#[test]
fn half_a_head_that_began_behind_the_stop_has_a_moment_too() {
    let mut story = Story::new();
    story.patience.drains(at(story.accepted, 3));
    story.begin();
    story.over(3);
    story.seen.stirred = true;
    story.check(4, "wait 5");
    story.check(5, "cut head");
}

#[test]
fn a_client_that_has_ended_its_side_is_answered_for_a_while() {
    let mut story = Story::new();
    story.begin();
    story.check(2, "wait 22");
    story.seen.half_closed = Some(at(story.accepted, 5));
    assert!(story.patience.stale(&story.seen));
    story.check(5, "wait 25");
    assert!(!story.patience.stale(&story.seen));
    story.seen.written = 1;
    story.check(24, "wait 44");
    story.check(44, "leave");
}
