//! Every bit of a golden head, every end of a golden file: nothing wrong and nothing older is believed.

use super::*;
use crate::store::format::Layout;
use crate::store::tests::golden;

fn part(bytes: &[u8], offset: u64, length: usize) -> Vec<u8> {
    let start = usize::try_from(offset).expect("small").min(bytes.len());
    let end = start.saturating_add(length).min(bytes.len());
    bytes[start..end].to_vec()
}

fn read(bytes: &[u8]) -> Slots {
    let Ok(raw) =
        Raw::read::<std::convert::Infallible>(|offset, length| Ok(part(bytes, offset, length)));
    raw.judge()
}

/// One slot by itself.
fn read_one(bytes: &[u8], which: usize) -> Read {
    let block = part(bytes, Layout::first(which), 4096);
    let mut at = |offset, length| Ok::<_, std::convert::Infallible>(part(bytes, offset, length));
    let Ok(read) = one(block, which, &mut at);
    judged(&read?)
}

fn truth(name: &str) -> Slot {
    read(&golden::golden(name)).into_held().expect("a golden file holds").slot
}

#[test]
fn golden_files_are_read() {
    let check = |name, generation, status, fields, key: Option<&str>| {
        let bytes = golden::golden(name);
        let slot = truth(name);
        assert_eq!(slot.generation, generation, "{name}");
        assert_eq!((slot.payload, slot.place.clone()), (golden::payload(), golden::place()));
        assert_eq!(slot.head.status, status);
        assert_eq!(slot.head.fields.len(), fields);
        assert_eq!(slot.file_length(), bytes.len() as u64);
        assert_eq!(slot.signature.map(|signature| signature.key).as_deref(), key);
    };
    check("created", 1, 200, 3, None);
    check("updated", 2, 203, 73, Some("golden-ed25519"));
    check("between", 2, 203, 73, Some("golden-p384"));
    assert!(matches!(read(&golden::golden("created")), Slots::Equal(_)));
    assert!(matches!(read(&golden::golden("updated")), Slots::Equal(_)));
    assert!(matches!(read(&golden::golden("between")), Slots::Newer(_)));
}

#[test]
fn no_single_bit_goes_unseen() {
    for name in ["created", "updated"] {
        let mut bytes = golden::golden(name);
        let truth = truth(name);
        let head = usize::try_from(truth.layout.payload()).expect("small");
        for bit in 0..head * 8 {
            bytes[bit / 8] ^= 1 << (bit % 8);
            // The slot that the bit is in: slots do not share a block.
            let room = bit / 8 / 4096;
            let which = if room < 2 { room } else { (bit / 8 - 8192) / (head / 2 - 4096) };
            assert!(read_one(&bytes, which).is_err(), "{name}, bit {bit}");
            if bit % 101 == 0 {
                let slots = read(&bytes);
                assert!(matches!(slots, Slots::One(..)), "{name}, bit {bit}: {slots:?}");
                assert_eq!(slots.into_held().map(|held| held.slot).as_ref(), Some(&truth));
            }
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
        println!("{name}: each of {} bits flipped alone, each seen", head * 8);
    }
}

#[test]
fn the_same_bit_of_both_slots_leaves_nothing() {
    let mut bytes = golden::golden("created");
    for bit in (0..4096 * 8).step_by(97) {
        for slot in 0..2 {
            bytes[bit / 8 + 4096 * slot] ^= 1 << (bit % 8);
        }
        assert!(matches!(read(&bytes), Slots::None(_)), "bit {bit}");
        for slot in 0..2 {
            bytes[bit / 8 + 4096 * slot] ^= 1 << (bit % 8);
        }
    }
}

#[test]
fn no_truncated_file_is_taken_for_a_whole_one() {
    for name in golden::NAMES {
        let bytes = golden::golden(name);
        let truth = truth(name);
        for length in 0..bytes.len() {
            if let Some(held) = read(&bytes[..length]).into_held() {
                assert_ne!(held.slot.file_length(), length as u64, "{name} cut at {length}");
                assert!(
                    held.slot == truth || name == "between",
                    "{name} cut at {length}: another head"
                );
            }
        }
    }
}

#[test]
fn slots_that_cannot_be_of_one_file_are_not_chosen_from() {
    let [created, updated] = [golden::created_image(), golden::updated_image()];
    // Of two layouts.
    let mut bytes = golden::file(4096, [&updated, &updated]);
    bytes[..created.len()].copy_from_slice(&created);
    bytes[created.len()..4096].fill(0);
    assert_eq!(read(&bytes), Slots::Contradict);
}

#[test]
fn two_heads_of_one_generation_contradict() {
    let [first, second] = golden::rivals();
    assert_eq!(read(&golden::file(0, [&first, &second])), Slots::Contradict);
    assert!(matches!(read(&golden::file(0, [&first, &first])), Slots::Equal(_)));
}

/// Reads a file of which some bytes cannot be read.
fn read_around(bytes: &[u8], bad: std::ops::Range<u64>) -> Result<Slots, &'static str> {
    let raw = Raw::read(|offset, length| {
        let end = offset + length as u64;
        let is_bad = offset < bad.end && bad.start < end;
        if is_bad { Err("a bad place") } else { Ok(part(bytes, offset, length)) }
    })?;
    Ok(raw.judge())
}

#[test]
fn a_slot_that_cannot_be_read_leaves_the_other() {
    for name in ["created", "updated"] {
        let bytes = golden::golden(name);
        let truth = truth(name);
        let blocks = truth.layout.payload() / BLOCK;
        for block in 0..blocks {
            let slots = read_around(&bytes, block * BLOCK..(block + 1) * BLOCK);
            let which = if block < 2 { block } else { (block - 2) / (blocks / 2 - 1) };
            match slots {
                Ok(Slots::One(held, Flaw::Unreadable)) => {
                    assert_eq!((held.slot, held.at as u64), (truth.clone(), 1 - which), "{name}");
                }
                other => panic!("{name}, block {block}: {other:?}"),
            }
        }
        assert_eq!(read_around(&bytes, 0..blocks * BLOCK), Err("a bad place"));
        assert_eq!(read_around(&bytes, 100..4100), Err("a bad place"));
        assert!(matches!(read_around(&bytes, bytes.len() as u64..u64::MAX), Ok(Slots::Equal(_))));
    }
}
