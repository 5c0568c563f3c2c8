//! Counters and histograms, in a recorder of our own.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use expect_test::expect;
use letterhead::report::Metrics;
use metrics::{
    Counter, CounterFn, Gauge, Histogram, HistogramFn, Key, KeyName, Metadata, Recorder,
    SharedString, Unit,
};

use crate::app;

/// The sum under each name with its labels, printed.
type Sums = Arc<Mutex<BTreeMap<String, u64>>>;

#[derive(Clone, Default)]
struct Sheet {
    sums: Sums,
    described: Arc<Mutex<BTreeSet<String>>>,
}

struct Cell {
    sums: Sums,
    key: String,
}

impl Sheet {
    fn cell(&self, key: &Key) -> Arc<Cell> {
        let labels: Vec<_> =
            key.labels().map(|label| format!("{}={}", label.key(), label.value())).collect();
        let key = format!("{}{{{}}}", key.name(), labels.join(","));
        Arc::new(Cell { sums: Arc::clone(&self.sums), key })
    }

    fn describe(&self, name: &KeyName, kind: &str, unit: Option<Unit>) {
        let unit = unit.map_or("", |unit| unit.as_str()).to_owned();
        self.described.lock().unwrap().insert(format!("{} {kind} {unit}", name.as_str()));
    }

    fn printed(&self) -> String {
        let sums = self.sums.lock().unwrap();
        let lines: Vec<_> = sums.iter().map(|(key, sum)| format!("{key} {sum}")).collect();
        lines.join("\n")
    }
}

impl Cell {
    fn add(&self, value: u64) {
        *self.sums.lock().unwrap().entry(self.key.clone()).or_default() += value;
    }
}

impl CounterFn for Cell {
    fn increment(&self, value: u64) {
        self.add(value);
    }

    fn absolute(&self, _: u64) {}
}

impl HistogramFn for Cell {
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "small sums")]
    fn record(&self, value: f64) {
        self.add(value as u64);
    }
}

impl Recorder for Sheet {
    fn describe_counter(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, "counter", unit);
    }

    fn describe_gauge(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, "gauge", unit);
    }

    fn describe_histogram(&self, name: KeyName, unit: Option<Unit>, _: SharedString) {
        self.describe(&name, "histogram", unit);
    }

    fn register_counter(&self, key: &Key, _: &Metadata<'_>) -> Counter {
        Counter::from_arc(self.cell(key))
    }

    fn register_gauge(&self, _: &Key, _: &Metadata<'_>) -> Gauge {
        Gauge::noop()
    }

    fn register_histogram(&self, key: &Key, _: &Metadata<'_>) -> Histogram {
        Histogram::from_arc(self.cell(key))
    }
}

async fn measured(reporter: Metrics) -> Sheet {
    let sheet = Sheet::default();
    let kept = sheet.clone();
    let _here = metrics::set_default_local_recorder(&sheet);
    Metrics::describe();
    let layer = app::reported(reporter);
    app::plain(&layer).await;
    app::odd(&layer).await;
    app::check_secrets(&kept.printed());
    kept
}

#[tokio::test]
async fn responses_conflicts_late_writes_and_notes_are_counted() {
    let sheet = measured(Metrics::new()).await;
    expect![[r"
        letterhead_conflicts_total{rule=framing,action=report,settled=reported} 1
        letterhead_conflicts_total{rule=late-write,action=report,settled=reported} 1
        letterhead_conflicts_total{rule=list-replaced,action=merge,settled=resolved} 1
        letterhead_conflicts_total{rule=overwritten,action=report,settled=reported} 2
        letterhead_held_bytes{} 8
        letterhead_late_writes_total{fate=refused} 1
        letterhead_notes_total{kind=mended} 1
        letterhead_responses_total{outcome=handed,cause=first frame} 2
        letterhead_sent_bytes{} 8"]]
    .assert_eq(&sheet.printed());
}

#[tokio::test]
async fn the_route_is_a_label_if_that_is_asked_for_and_the_path_never_is() {
    let sheet = Sheet::default();
    let kept = sheet.clone();
    let _here = metrics::set_default_local_recorder(&sheet);
    let layer = app::reported(Metrics::new().with_route(true));
    app::plain(&layer).await;
    app::routed(&layer).await;
    expect![[r"
        letterhead_conflicts_total{rule=overwritten,action=report,settled=reported,route=/users/{id}} 1
        letterhead_held_bytes{route=/users/{id}} 4
        letterhead_held_bytes{route=none} 4
        letterhead_responses_total{outcome=handed,cause=first frame,route=/users/{id}} 1
        letterhead_responses_total{outcome=handed,cause=first frame,route=none} 1
        letterhead_sent_bytes{route=/users/{id}} 4
        letterhead_sent_bytes{route=none} 4"]].assert_eq(&kept.printed());
}

#[tokio::test]
async fn every_name_is_described() {
    let sheet = measured(Metrics::new()).await;
    let described: Vec<_> = sheet.described.lock().unwrap().iter().cloned().collect();
    let described = described.join("\n");
    expect![[r"
        letterhead_conflicts_total counter count
        letterhead_held_bytes histogram bytes
        letterhead_late_writes_total counter count
        letterhead_notes_total counter count
        letterhead_responses_total counter count
        letterhead_sent_bytes histogram bytes
        letterhead_writes_cut_total counter count"]]
    .assert_eq(&described);
    for line in sheet.printed().lines() {
        let name = line.split('{').next().unwrap();
        assert!(described.contains(&format!("{name} ")), "{name} is not described");
    }
    let guide = include_str!("../../src/guide/reports.md");
    for name in described.lines().map(|line| line.split(' ').next().unwrap()) {
        assert!(guide.contains(&format!("| `{name}` |")), "{name} is not in the guide");
    }
}
