//! A reader that takes no lock can see both slots half written, and has to look again.

use super::disk::{Made, Stop};
use super::model::{NAME, Step, head, ops};
use crate::store::format::Layout;
use crate::store::publish::Existing;
use crate::store::update::expect_existing;

#[test]
fn a_head_that_is_being_written_is_not_taken_for_a_damaged_one() {
    let disk = Made::new();
    let ops = ops(&disk);
    Step::Create(1, 1).run(&ops).expect("nothing is in its way");
    disk.measure(Stop::Never);
    disk.machine().torn = 1;
    assert_eq!(ops.find(NAME, None).expect("it is there").held.slot.generation, 1);
    assert_eq!(disk.machine().torn, 0);

    let layout = Layout::with_room(0).expect("none");
    let making = ops.begin(NAME, layout, None).expect("room");
    let plan = |existing: Option<&Existing<'_, Made>>| {
        expect_existing(Some(1), existing)?;
        Ok((head(2, 1000), 2))
    };
    disk.machine().torn = 1;
    assert_eq!(ops.publish(NAME, making, &plan).expect("it has that generation").generation, 2);
    assert_eq!(disk.machine().torn, 0);
}
