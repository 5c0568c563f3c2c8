//! The stage machine's table, and a walk of random inputs against a plain model.

use std::fmt::Write as _;

use expect_test::expect;

use super::{CommitCause, Input, Life, Verdict};
use crate::ledger::Stage;

const LIVES: [Life; 7] = [
    Life::Open { flushed: false },
    Life::Open { flushed: true },
    Life::Held { flushed: false },
    Life::Held { flushed: true },
    Life::Committing(CommitCause::Bytes),
    Life::Committed(CommitCause::Bytes),
    Life::Ended(None),
];

const INPUTS: [Input; 6] = [
    Input::Answered,
    Input::Flush,
    Input::Due(CommitCause::FirstFrame),
    Input::Failed,
    Input::Written,
    Input::Ended,
];

#[test]
fn the_whole_table() {
    let mut table = String::new();
    for life in LIVES {
        for input in INPUTS {
            let (next, verdict) = life.step(input);
            if verdict == Verdict::Ignore {
                assert_eq!(next, life, "an ignored input changes nothing");
                continue;
            }
            writeln!(table, "{life:?} + {input:?} -> {next:?}, {verdict:?}").expect("a string");
        }
    }
    expect![[r"
        Open { flushed: false } + Answered -> Held { flushed: false }, Hold
        Open { flushed: false } + Flush -> Open { flushed: true }, Wait
        Open { flushed: false } + Due(FirstFrame) -> Committing(FirstFrame), Commit(FirstFrame)
        Open { flushed: false } + Failed -> Committing(Failure), Replace
        Open { flushed: false } + Ended -> Ended(None), Finish
        Open { flushed: true } + Answered -> Committing(Flush), Commit(Flush)
        Open { flushed: true } + Flush -> Open { flushed: true }, Wait
        Open { flushed: true } + Due(FirstFrame) -> Committing(FirstFrame), Commit(FirstFrame)
        Open { flushed: true } + Failed -> Committing(Failure), Replace
        Open { flushed: true } + Ended -> Ended(None), Finish
        Held { flushed: false } + Flush -> Held { flushed: true }, Wake
        Held { flushed: false } + Due(FirstFrame) -> Committing(FirstFrame), Commit(FirstFrame)
        Held { flushed: false } + Failed -> Committing(Failure), Replace
        Held { flushed: false } + Ended -> Ended(None), Finish
        Held { flushed: true } + Flush -> Held { flushed: true }, Wait
        Held { flushed: true } + Due(FirstFrame) -> Committing(FirstFrame), Commit(FirstFrame)
        Held { flushed: true } + Failed -> Committing(Failure), Replace
        Held { flushed: true } + Ended -> Ended(None), Finish
        Committing(Bytes) + Flush -> Committing(Bytes), Wait
        Committing(Bytes) + Failed -> Committing(Failure), Replace
        Committing(Bytes) + Written -> Committed(Bytes), Send
        Committing(Bytes) + Ended -> Ended(None), Finish
        Committed(Bytes) + Flush -> Committed(Bytes), Wait
        Committed(Bytes) + Ended -> Ended(Some(Bytes)), Finish
    "]]
    .assert_eq(&table);
}

/// What a head may be, told in the simplest way: a place in a row, and whether it was committed.
#[derive(Default)]
struct Model {
    place: usize,
    commits: usize,
    sends: usize,
    finishes: usize,
}

#[test]
fn random_walks_only_go_forward_and_commit_send_and_finish_at_most_once() {
    let mut random = fastrand::Rng::with_seed(7);
    for _ in 0..20_000 {
        let mut life = Life::Open { flushed: false };
        let mut model = Model::default();
        for _ in 0..random.usize(1..24) {
            let input = INPUTS[random.usize(..INPUTS.len())];
            let (next, verdict) = life.step(input);
            let place = match next.stage() {
                Stage::Open => 0,
                Stage::Held => 1,
                Stage::Committing => 2,
                Stage::Committed => 3,
                Stage::Ended => 4,
            };
            assert!(place >= model.place, "{life:?} + {input:?} went back to {next:?}");
            match verdict {
                Verdict::Commit(cause) => {
                    model.commits += 1;
                    assert_eq!(next.cause(), Some(cause));
                    assert!(model.place < 2 && place == 2);
                }
                Verdict::Replace => {
                    assert_eq!(next.cause(), Some(CommitCause::Failure));
                    assert!(model.place < 3 && place == 2);
                }
                Verdict::Send => {
                    model.sends += 1;
                    assert_eq!(next.cause(), life.cause());
                    assert!(model.place == 2 && place == 3);
                }
                Verdict::Finish => {
                    model.finishes += 1;
                    assert_eq!(place, 4);
                }
                Verdict::Hold => assert_eq!((model.place, place), (0, 1)),
                Verdict::Wake => assert!(!life.flushed() && next.flushed()),
                Verdict::Wait => assert_eq!(input, Input::Flush),
                Verdict::Ignore => assert_eq!(next, life),
            }
            model.place = place;
            life = next;
        }
        assert!(model.commits <= 1 && model.sends <= 1 && model.finishes <= 1);
        assert!(model.finishes == usize::from(model.place == 4));
    }
}
