//! Every call refused with every error number: nothing torn, nothing left, the right strategy or answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use expect_test::expect_file;
use rustix::io::Errno;

use super::disk::{Made, Stop};
use super::model::{self, NAME, State, Step, judge, observe, ops};
use crate::store::error::StoreError;
use crate::store::lock::LOCK;
use crate::store::{Strategy, Writing};
use crate::sys::Operation;

macro_rules! errnos {
    ($($name:ident)*) => { &[$((stringify!($name), libc::$name)),*] };
}

const ERRNOS: &[(&str, i32)] = errnos!(
    EPERM EINTR EIO EAGAIN ENOMEM EACCES EBUSY EEXIST EXDEV EINVAL EMFILE ETXTBSY EFBIG ENOSPC EROFS EMLINK
    ENOSYS EOPNOTSUPP ESTALE EDQUOT
);

/// What is done: a new name, another file of that name, another head, a longer one, no file.
const ACTIONS: [(&str, &[Step], Step); 5] = [
    ("create", &[], Step::Create(1, 1)),
    ("put", &[Step::Create(1, 1)], Step::Put(2, 2)),
    ("update", &[Step::Create(1, 1), Step::Head(2)], Step::Head(3)),
    ("long", &[Step::Create(1, 1)], Step::LongHead(2)),
    ("remove", &[Step::Create(1, 1)], Step::Remove),
];

const WRITINGS: [Writing; 3] = [Writing::Positional, Writing::Ring, Writing::Mapped];

fn before(writing: Writing, steps: &[Step]) -> (Made, State) {
    let disk = Made::new();
    disk.machine().writing = writing;
    let mut state = None;
    for step in steps {
        step.run(&ops(&disk)).expect("nothing is in its way");
        state = step.after(state);
    }
    disk.measure(Stop::Never);
    (disk, state)
}

fn outcome(done: &Result<(Option<Strategy>, bool), StoreError>) -> String {
    match done {
        Ok((strategy, durable)) => {
            let strategy = match strategy {
                Some(Strategy::Anonymous) => "anonymous",
                Some(Strategy::InPlace) => "in place",
                Some(Strategy::Replace) => "replace",
                None => "removed",
            };
            format!("{strategy}{}", if *durable { "" } else { ", not known durable" })
        }
        Err(error) => error.status().as_str().to_owned(),
    }
}

/// Does it while calls are refused, and looks at what is there afterwards.
fn refused(
    writing: Writing,
    steps: &[Step],
    step: Step,
    mut refuse: impl FnMut(u64, Operation) -> Option<Errno> + Send + 'static,
) -> (String, bool) {
    let (disk, state) = before(writing, steps);
    let met = std::sync::Arc::new(std::sync::atomic::AtomicBool::new(false));
    let is_met = std::sync::Arc::clone(&met);
    disk.machine().refuse = Some(Box::new(move |number, operation| {
        let errno = refuse(number, operation);
        is_met.fetch_or(errno.is_some(), std::sync::atomic::Ordering::Relaxed);
        errno
    }));
    let done = step.outcome(&ops(&disk));
    disk.machine().refuse = None;
    // No word of the disk's being full, or of anything else, leaves something behind.
    let names: Vec<String> = disk.machine().names.keys().cloned().collect();
    let left = names.iter().find(|name| !matches!(name.as_str(), NAME | LOCK));
    assert_eq!(left, None, "{step:?}");
    let after = observe(&disk).expect("it can be believed");
    match &done {
        Ok(_) => assert_eq!(after, step.after(state), "{step:?} was done"),
        Err(_) => assert!([state, step.after(state)].contains(&after), "{step:?}: {after:?}"),
    }
    // Whoever comes later gets through.
    let next = if after.is_some() { Step::Head(9) } else { Step::Create(9, 9) };
    let allowed = model::run(&ops(&disk), &[after], &[next]);
    judge(&disk, &allowed).expect("it can be believed");
    assert_eq!(allowed, [next.after(after)], "{step:?}, then {next:?}");
    (outcome(&done), met.load(std::sync::atomic::Ordering::Relaxed))
}

/// What becomes of each operation by each error number.
fn table(writing: Writing) -> String {
    let mut table = String::new();
    for (name, steps, step) in ACTIONS {
        for operation in Operation::ALL.iter().copied() {
            let mut rows: BTreeMap<String, Vec<&str>> = BTreeMap::new();
            for (errno_name, errno) in ERRNOS {
                let errno = Errno::from_raw_os_error(*errno);
                let refuse = move |_, asked| (asked == operation).then_some(errno);
                let cannot_clean = matches!(operation, Operation::Remove);
                let (outcome, met) = refused(writing, steps, step, refuse);
                if met || cannot_clean && step == Step::Remove {
                    rows.entry(outcome).or_default().push(errno_name);
                }
            }
            if !rows.is_empty() {
                let _ = writeln!(table, "{name}: {}", operation.as_str());
            }
            for (outcome, errnos) in rows {
                let _ = writeln!(table, "    {outcome}: {}", errnos.join(" "));
            }
        }
    }
    table
}

#[test]
fn every_operation_refused_for_good() {
    expect_file!["errnos.txt"].assert_eq(&table(Writing::Positional));
    expect_file!["errnos_ring.txt"].assert_eq(&table(Writing::Ring));
    expect_file!["errnos_mapped.txt"].assert_eq(&table(Writing::Mapped));
}

#[test]
fn every_single_call_refused_once() {
    let mut refusals = 0;
    for writing in WRITINGS {
        for (name, steps, step) in ACTIONS {
            let (disk, _) = before(writing, steps);
            step.run(&ops(&disk)).expect("nothing is in its way");
            let calls = disk.machine().calls;
            for call in 1..=calls {
                for (_, errno) in ERRNOS {
                    let errno = Errno::from_raw_os_error(*errno);
                    let refuse = move |number, _| (number == call).then_some(errno);
                    let (_, met) = refused(writing, steps, step, refuse);
                    assert!(met, "{writing:?}, {name}: call {call}");
                    refusals += 1;
                }
            }
        }
    }
    println!("{refusals} single refusals: no torn file, nothing left over");
}

#[test]
fn a_file_whose_sync_failed_is_never_changed_in_place_again() {
    let (disk, _) = before(Writing::Positional, &[Step::Create(1, 1)]);
    let ops = ops(&disk);
    let strategy = |step: Step| step.outcome(&ops).map(|(strategy, _)| strategy);
    assert_eq!(strategy(Step::Head(2)).expect("nothing is in its way"), Some(Strategy::InPlace));
    // Nor can a new file be made, so the head stays as it may be.
    disk.machine().refuse = Some(Box::new(|_, operation| {
        matches!(operation, Operation::Sync | Operation::Create).then_some(Errno::IO)
    }));
    assert_eq!(strategy(Step::Head(3)).expect_err("no disk").status().as_u16(), 500);
    disk.machine().refuse = None;
    assert_eq!(strategy(Step::Head(4)).expect("nothing is in its way"), Some(Strategy::Replace));
    assert_eq!(strategy(Step::Head(5)).expect("nothing is in its way"), Some(Strategy::InPlace));
    assert_eq!(observe(&disk), Ok(Some((1, 5))));
}
