//! By whichever calls a store writes: the same bytes, cut or refused wherever.

use std::sync::{Arc, Mutex};

use super::disk::Made;
use super::model::{self, NAME, Step, observe};
use crate::store::disk_ops::DiskOps;
use crate::store::{Notice, Writing};
use crate::sys::write::Flush;
use crate::sys::{Decision, Operation, Recovery};

const STEPS: [Step; 7] = [
    Step::Create(1, 1),
    Step::Head(2),
    Step::Put(2, 3),
    Step::Head(4),
    Step::LongHead(5),
    Step::Head(6),
    Step::Head(7),
];

/// What each of them waits for: a head that does not fit goes with a new file.
const WAITED: [Flush; 7] =
    [Flush::All, Flush::Data, Flush::All, Flush::Data, Flush::All, Flush::Data, Flush::Data];

fn disk(writing: Writing) -> Made {
    let disk = Made::new();
    disk.machine().writing = writing;
    disk
}

/// What the notices said, a line each.
fn listening(disk: &Made, recovery: Recovery) -> (DiskOps<Made>, Arc<Mutex<Vec<String>>>) {
    let heard = Arc::new(Mutex::new(Vec::new()));
    let ops = model::ops(disk);
    let mut settings = ops.settings.clone();
    let hears = Arc::clone(&heard);
    settings.recovery = recovery;
    settings.on_notice = Some(Arc::new(move |notice: &Notice| {
        hears.lock().expect("no panic").push(notice.to_string());
    }));
    (DiskOps::new(disk.clone(), settings), heard)
}

/// What the file is after each step.
fn versions(disk: &Made) -> Vec<Vec<u8>> {
    let ops = model::ops(disk);
    let bytes = |step: Step| {
        assert!(step.run(&ops).expect("nothing is in its way"), "{step:?}");
        let machine = disk.machine();
        machine.inodes[machine.names[NAME]].cache.clone()
    };
    STEPS.into_iter().map(bytes).collect()
}

#[test]
fn the_bytes_are_the_same_by_whichever_calls() {
    let usual = versions(&disk(Writing::Positional));
    for writing in [Writing::Ring, Writing::Mapped] {
        assert!(versions(&disk(writing)) == usual, "{writing:?}");
    }
}

#[test]
fn all_of_a_new_file_is_waited_for_and_the_bytes_of_a_head_in_place() {
    for writing in [Writing::Positional, Writing::Ring, Writing::Mapped] {
        let disk = disk(writing);
        let ops = model::ops(&disk);
        for (step, wanted) in STEPS.into_iter().zip(WAITED) {
            disk.machine().flushed.clear();
            step.run(&ops).expect("nothing is in its way");
            assert_eq!(disk.machine().flushed, [wanted], "{writing:?} {step:?}");
        }
    }
}

#[test]
fn a_chain_that_is_cut_at_any_link_is_completed() {
    let usual = versions(&disk(Writing::Positional));
    let whole = disk(Writing::Ring);
    versions(&whole);
    let links = whole.machine().chained;
    assert!(links > 10, "{links}");
    for link in 1..=links {
        let disk = disk(Writing::Ring);
        disk.machine().short = Some(link);
        assert!(versions(&disk) == usual, "link {link}");
        // Of what was cut, the rest is asked for once more.
        assert!(disk.machine().chained > links, "link {link}");
    }
}

#[test]
fn without_a_ring_it_is_written_by_position_and_told_once() {
    let disk = disk(Writing::Ring);
    disk.machine().without.insert("ring");
    let (ops, heard) = listening(&disk, Recovery::standard());
    for step in STEPS {
        step.run(&ops).expect("nothing is in its way");
    }
    let written = ops.update(NAME, None, &model::head(8, 1000)).expect("nothing is in its way");
    assert_eq!(written.writing, Writing::Positional);
    let heard = heard.lock().expect("no panic");
    assert_eq!(*heard, ["Ring is not to be had, ENOSYS (38): written by position"]);
    assert_eq!(observe(&disk), Ok(Some((2, 8))));
}

#[test]
fn what_a_mapping_refuses_is_written_by_position_or_as_the_table_says() {
    let refused = || {
        let disk = disk(Writing::Mapped);
        let ops = model::ops(&disk);
        Step::Create(1, 1).run(&ops).expect("nothing is in its way");
        disk.machine().refuse = Some(Box::new(|_, operation| {
            (operation == Operation::Map).then_some(rustix::io::Errno::FAULT)
        }));
        disk
    };
    let disk = refused();
    let (ops, heard) = listening(&disk, Recovery::standard());
    let written = ops.update(NAME, None, &model::head(2, 1000)).expect("by position");
    assert_eq!(written.writing, Writing::Positional);
    let heard = heard.lock().expect("no panic");
    assert!(heard[0].contains("map refused with EFAULT (14): next strategy"), "{heard:?}");

    let disk = refused();
    let full =
        Decision::Answer { status: http::StatusCode::INSUFFICIENT_STORAGE, retry_after: None };
    let table = Recovery::standard().on(Operation::Map, libc::EFAULT, full);
    let (ops, _) = listening(&disk, table);
    let error = ops.update(NAME, None, &model::head(2, 1000)).expect_err("as the table says");
    assert_eq!((error.status().as_u16(), error.refused()), (507, Some((Operation::Map, 14))));
    assert_eq!(observe(&disk), Ok(Some((1, 1))));
}
