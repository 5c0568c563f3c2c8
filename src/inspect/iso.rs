//! Points of time as the pages write them.

use std::time::SystemTime;

use crate::report::Clock;

/// `2026-11-29T06:23:52.017Z`
pub(super) fn iso(at: SystemTime) -> String {
    let mut clock = Clock::new();
    let millis = clock.turn(at);
    format!("{}.{millis:03}Z", String::from_utf8_lossy(clock.iso()))
}

/// `06:23:52.017`
pub(super) fn of_day(at: SystemTime) -> String {
    let text = iso(at);
    let time = text.split_once('T').map_or("", |(_, time)| time);
    time.trim_end_matches('Z').to_owned()
}
