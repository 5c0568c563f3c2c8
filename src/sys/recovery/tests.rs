//! The whole table of recovery as a snapshot, and what overrides may change of it.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect_file;

use super::*;
use crate::sys::door;
use crate::sys::errno::COMMON;

/// What is done about one error number again and again, until it ends.
fn course(recovery: &Recovery, operation: Operation, errno: i32, committed: bool) -> String {
    let mut course = Vec::new();
    for attempt in 0..100 {
        let ruling = recovery.decide(operation, errno, attempt, committed);
        course.push(ruling.decision().to_string());
        match ruling.decision() {
            Decision::Retry { .. } | Decision::ReResolve | Decision::Next => {}
            Decision::Answer { .. } | Decision::Abort => break,
        }
        // What can be done without is always followed by doing without.
        if operation.is_a_question() && attempt >= 2 && ruling.decision() == Decision::Next {
            break;
        }
        assert!(attempt < 99, "{operation:?} {errno} never ends");
    }
    course.dedup_by(|a, b| operation.is_a_question() && a == b && a == "next strategy");
    course.join(", then ")
}

#[test]
fn the_whole_table() {
    let recovery = Recovery::standard();
    let mut table = String::new();
    for operation in Operation::ALL.iter().copied() {
        for committed in [false, true] {
            let mut rows: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (errno, name) in COMMON.iter().chain(&door::ERRNOS) {
                rows.entry(course(&recovery, operation, *errno, committed)).or_default().push(name);
            }
            let nameless = course(&recovery, operation, 4000, committed);
            rows.entry(nameless).or_default().push("others");
            let when = if committed { "after the commit" } else { "before" };
            writeln!(table, "{} {when}", operation.as_str()).expect("a string");
            for (course, names) in rows {
                writeln!(table, "    {course}: {}", names.join(" ")).expect("a string");
            }
        }
    }
    expect_file!["table.txt"].assert_eq(&table);
}

#[test]
fn an_override_is_bounded_and_never_an_answer_after_the_commit() {
    let eio = |decision| Recovery::standard().on(Operation::Read, libc::EIO, decision);
    let check = |recovery: &Recovery, committed, wanted: &str| {
        assert_eq!(course(recovery, Operation::Read, libc::EIO, committed), wanted);
        // Other rows are as they were.
        assert_eq!(
            course(recovery, Operation::Stat, libc::EIO, committed).len(),
            [3, 5][usize::from(committed)]
        );
    };
    let retry = eio(Decision::Retry { after: Duration::from_millis(5) });
    check(&retry, false, "retry in 5 ms, then retry in 5 ms, then retry in 5 ms, then 500");
    check(&retry.clone().attempts(1), true, "retry in 5 ms, then abort");
    check(&retry.clone().attempts(0), true, "abort");
    let gone = eio(Decision::Answer { status: StatusCode::GONE, retry_after: None });
    check(&gone, false, "410");
    check(&gone, true, "abort");
    check(&retry.on(Operation::Read, libc::EIO, Decision::Abort), false, "abort");
    assert_eq!(
        gone.decide(Operation::Read, libc::EIO, 0, false).reason(),
        "the application says so"
    );
}

#[test]
fn no_table_has_a_failed_sync_made_again() {
    let retry = Decision::Retry { after: Duration::ZERO };
    for operation in [Operation::Sync, Operation::SyncDirectory] {
        for (errno, name) in COMMON {
            let decision = Recovery::standard().on(operation, errno, retry);
            let decision = decision.decide(operation, errno, 0, false).decision();
            let wanted = if errno == libc::EINTR { retry } else { Decision::Next };
            assert_eq!(decision, wanted, "{operation:?} {name}");
        }
    }
}

#[test]
fn what_a_refusal_knows_beyond_its_number_decides_the_status() {
    use crate::sys::refusal::Found;
    use rustix::io::Errno;
    let status = |found| {
        let refusal = Refusal::new(Operation::Resolve, found, Errno::LOOP);
        Recovery::standard().judge(&refusal, 0, false).to_string()
    };
    assert_eq!(status(Found::Errno), "404: there is no such file to be had");
    assert_eq!(status(Found::Link), "403: it is there, and may not be had");
}
