//! No sync is there for nothing: without any one of them, something acknowledged is lost.

use super::crash::{Score, measured, prepared};
use super::disk::Stop;
use super::model::{self, ops};
use super::scenarios::SCENARIOS;

#[test]
fn without_any_single_sync_something_is_lost() {
    let mut random = fastrand::Rng::with_seed(10);
    let mut figures = Vec::new();
    for scenario in &SCENARIOS {
        let (calls, syncs) = measured(scenario);
        for ignored in 1..=syncs {
            let mut score = Score::default();
            for at in 1..=calls {
                for stop in [Stop::Before(at), Stop::Within(at), Stop::Never] {
                    let (disk, states) = prepared(scenario);
                    disk.measure(stop);
                    disk.machine().ignored = Some(ignored);
                    let allowed = model::run(&ops(&disk), &states, scenario.steps);
                    score.lose_power(&disk, &allowed, 64, &mut random, scenario.name);
                }
                if !score.wrong.is_empty() {
                    break;
                }
            }
            let (name, tried) = (scenario.name, score.tried);
            let idle = scenario.idle.contains(&ignored);
            assert_eq!(
                score.wrong.is_empty(),
                idle,
                "{name}: what is sync {ignored} of {syncs} for? ({tried} states)"
            );
            if idle {
                continue;
            }
            figures.push(format!("{name}: without sync {ignored} of {syncs}: {}", score.wrong[0]));
        }
    }
    println!("{}", figures.join("\n"));
    assert!(figures.len() > 15, "{} syncs", figures.len());
}
