//! The crash matrix: power is lost or a process killed at every call, and every possible rest is looked at.

use std::fmt::Write as _;

use super::disk::{Loss, Made, Stop};
use super::model::{self, State, Step, judge, observe, ops, started};
use super::power::each_state;
use super::scenarios::{SCENARIOS, Scenario};
use crate::store::Writing;

/// The most states that are tried for one point; beyond that there are samples.
const MOST: usize = 256;

use Step::{Create, Head};

/// The disk as it is before the process begins, and what may be there.
pub(super) fn prepared(scenario: &Scenario) -> (Made, Vec<State>) {
    let disk = Made::new();
    disk.machine().without.extend(scenario.without);
    disk.machine().writing = scenario.writing;
    let mut states = vec![None];
    for (nth, step) in scenario.before.iter().enumerate() {
        let killed = scenario.killed && nth == 0;
        disk.machine().ignored = killed.then_some(2);
        assert!(step.run(&ops(&disk)).expect("nothing is in its way"), "{}", scenario.name);
        disk.killed();
        let after: Vec<State> = states.iter().map(|state| step.after(*state)).collect();
        if killed {
            states.extend(after);
        } else {
            states = after;
        }
    }
    disk.machine().ignored = None;
    (disk, states)
}

/// How many states there were, and what was wrong with some.
#[derive(Default)]
pub(super) struct Score {
    pub(super) tried: u64,
    pub(super) wrong: Vec<String>,
}

impl Score {
    /// Looks at everything that a loss of power can leave.
    pub(super) fn lose_power(
        &mut self,
        disk: &Made,
        allowed: &[State],
        most: usize,
        random: &mut fastrand::Rng,
        what: &str,
    ) {
        let machine = disk.machine();
        let wrong = &mut self.wrong;
        self.tried += each_state(&machine, most, random, |after| {
            if let Err(why) = judge(&started(after), allowed) {
                wrong.push(format!("{what}: {why}"));
            }
        });
    }
}

/// How many calls and syncs a scenario makes.
pub(super) fn measured(scenario: &Scenario) -> (u64, u64) {
    let (disk, states) = prepared(scenario);
    disk.measure(Stop::Never);
    let allowed = model::run(&ops(&disk), &states, scenario.steps);
    assert_eq!(allowed.len(), 1, "{}: every step is done", scenario.name);
    let machine = disk.machine();
    (machine.calls, machine.syncs)
}

fn stops(calls: u64) -> impl Iterator<Item = Stop> {
    (1..=calls).flat_map(|at| [Stop::Before(at), Stop::Within(at)]).chain([Stop::Never])
}

/// Everything that is done to one scenario: power lost at each point, the process killed at each
/// point and another one after it, and power lost at some point of that.
fn matrix(scenario: &Scenario) -> Score {
    let mut score = Score::default();
    let mut random = fastrand::Rng::with_seed(8);
    let (calls, _) = measured(scenario);
    for stop in stops(calls) {
        let at = format!("{}, {stop:?}", scenario.name);
        let (disk, states) = prepared(scenario);
        disk.measure(stop);
        let allowed = model::run(&ops(&disk), &states, scenario.steps);
        score.lose_power(&disk, &allowed, MOST, &mut random, &at);

        disk.killed();
        match observe(&disk) {
            Ok(state) if allowed.contains(&state) => {}
            other => score.wrong.push(format!("{at}, killed: {other:?} where {allowed:?}")),
        }
        // What is left to those who come after is the same by whichever calls.
        let rounds = if scenario.writing == Writing::Positional { 4 } else { 1 };
        for _ in 0..rounds {
            let again =
                [Stop::Never, Stop::Before(random.u64(1..40)), Stop::Within(random.u64(1..40))];
            for second in again {
                let (disk, _) = replayed(scenario, stop);
                let what = format!("{at}, killed, then {second:?}");
                after_kill(&mut score, &disk, &allowed, second, &mut random, &what);
            }
        }
    }
    score
}

/// The disk as a killed process left it.
fn replayed(scenario: &Scenario, stop: Stop) -> (Made, Vec<State>) {
    let (disk, states) = prepared(scenario);
    disk.measure(stop);
    let allowed = model::run(&ops(&disk), &states, scenario.steps);
    disk.killed();
    (disk, allowed)
}

/// A second writer comes, and the power goes at some point of its work; then a third one, which
/// always gets through.
fn after_kill(
    score: &mut Score,
    disk: &Made,
    allowed: &[State],
    stop: Stop,
    random: &mut fastrand::Rng,
    what: &str,
) {
    let observed = match observe(disk) {
        Ok(observed) => observed,
        Err(why) => return score.wrong.push(format!("{what}: {why}")),
    };
    let step = if observed.is_some() { Head(20) } else { Create(20, 20) };
    disk.measure(stop);
    let mut after = model::run(&ops(disk), &[observed], &[step]);
    if disk.is_stopped() {
        // What the first writer was at may be undone as well.
        after.extend_from_slice(allowed);
    }
    score.lose_power(disk, &after, 16, random, what);
    let machine = disk.machine();
    let mut boots = Vec::new();
    each_state(&machine, 3, random, |machine| boots.push(machine));
    drop(machine);
    for machine in boots {
        let disk = started(machine);
        let Ok(observed) = observe(&disk) else { continue };
        let step = if observed.is_some() { Head(30) } else { Create(30, 30) };
        let allowed = model::run(&ops(&disk), &[observed], &[step]);
        if allowed.len() != 1 {
            score.wrong.push(format!("{what}: a third writer does not get through"));
        }
        score.lose_power(&disk, &allowed, 8, random, what);
    }
}

#[test]
fn whatever_a_loss_of_power_leaves_is_old_or_new_and_verifies() {
    let mut figures = String::new();
    let mut wrong = Vec::new();
    for scenario in &SCENARIOS {
        let score = matrix(scenario);
        let right = score.tried - score.wrong.len() as u64;
        let _ = writeln!(figures, "{}: {} states, {right} right", scenario.name, score.tried);
        assert!(score.tried > 100, "{figures}");
        wrong.extend(score.wrong);
    }
    println!("{figures}");
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}

#[test]
fn after_a_failed_sync_nothing_acknowledged_is_lost() {
    let mut score = Score::default();
    let mut random = fastrand::Rng::with_seed(9);
    for scenario in &SCENARIOS {
        let (_, syncs) = measured(scenario);
        for sync in 1..=syncs {
            for loss in [Loss::Kept, Loss::Dropped, Loss::Partial] {
                let prepare = |stop| {
                    let (disk, states) = prepared(scenario);
                    disk.measure(stop);
                    disk.machine().failing = Some((sync, loss));
                    let allowed = model::run(&ops(&disk), &states, scenario.steps);
                    (disk, allowed)
                };
                let (disk, _) = prepare(Stop::Never);
                let calls = disk.machine().calls;
                for stop in stops(calls) {
                    let (disk, allowed) = prepare(stop);
                    let what = format!("{}, sync {sync} fails ({loss:?}), {stop:?}", scenario.name);
                    score.lose_power(&disk, &allowed, 16, &mut random, &what);
                    if scenario.writing != Writing::Positional && random.u8(..3) > 0 {
                        continue;
                    }
                    disk.machine().failing = None;
                    disk.killed();
                    let second = match random.u8(..3) {
                        0 => Stop::Never,
                        1 => Stop::Before(random.u64(1..30)),
                        _ => Stop::Within(random.u64(1..30)),
                    };
                    let what = format!("{what}, killed, then {second:?}");
                    after_kill(&mut score, &disk, &allowed, second, &mut random, &what);
                }
            }
        }
    }
    let (tried, wrong) = (score.tried, score.wrong);
    println!("failed syncs: {tried} states, {} right", tried - wrong.len() as u64);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}

#[test]
fn a_slot_that_went_bad_is_no_ground_to_stand_on() {
    let mut score = Score::default();
    let mut random = fastrand::Rng::with_seed(11);
    for slot in [0, 1] {
        for stop in stops(40) {
            let disk = Made::new();
            // It knows which slot it wrote and waited for.
            let ops = ops(&disk);
            for step in [Create(1, 1), Head(2)] {
                assert!(step.run(&ops).expect("nothing is in its way"));
            }
            let inode = disk.machine().names[model::NAME];
            // Its twin has come to the disk as well, by itself.
            disk.machine().inodes[inode].synced();
            disk.machine().inodes[inode].rot(slot * 4096 + 200);
            disk.measure(stop);
            let allowed = model::run(&ops, &[Some((1, 2))], &[Head(3)]);
            score.lose_power(&disk, &allowed, MOST, &mut random, &format!("{slot}, {stop:?}"));
        }
    }
    let (tried, wrong) = (score.tried, score.wrong);
    println!("one slot bad: {tried} states, {} right", tried - wrong.len() as u64);
    assert!(
        wrong.is_empty(),
        "{} wrong:\n{}",
        wrong.len(),
        wrong[..wrong.len().min(20)].join("\n")
    );
}
