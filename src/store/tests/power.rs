//! What a loss of power can leave: every choice of what reached the disk, or many of them.

use std::collections::HashSet;

use sha2::{Digest as _, Sha256};

use super::disk::Machine;
use super::inode::Inode;

/// Calls `each` with the machine as it may be after the power is back: all possible states up to a
/// number, else the two extremes and random ones. How many were different.
pub(super) fn each_state(
    machine: &Machine,
    most: usize,
    random: &mut fastrand::Rng,
    mut each: impl FnMut(Machine),
) -> u64 {
    let mut states = HashSet::new();
    for names in &machine.past {
        // Directories reach the disk in the order in which they were changed.
        let mut dimensions = Vec::new();
        let state = |picks: &mut dyn FnMut(usize) -> usize| {
            let mut after = machine.booted(names.clone());
            for (number, inode) in machine.inodes.iter().enumerate() {
                let named = names.values().any(|named| *named == number);
                after.inodes.push(if named {
                    inode.after(&mut |n| picks(n))
                } else {
                    Inode::default()
                });
            }
            after
        };
        state(&mut |choices| {
            dimensions.push(choices);
            0
        });
        let total = dimensions.iter().try_fold(1_usize, |total, n| total.checked_mul(*n));
        let all = total.filter(|total| *total <= most);
        for nth in 0..all.unwrap_or(most) {
            let mut rest = nth;
            let mut picks = |choices: usize| match (all, nth) {
                (Some(_), _) => {
                    let pick = rest % choices;
                    rest /= choices;
                    pick
                }
                (None, 0) => 0,
                (None, 1) => choices - 1,
                (None, _) => random.usize(..choices),
            };
            let after = state(&mut picks);
            let mut hasher = Sha256::new();
            for (name, inode) in &after.names {
                hasher.update(format!("{name}/{inode}/"));
            }
            for inode in &after.inodes {
                hasher.update(inode.cache.len().to_le_bytes());
                hasher.update(&inode.cache);
            }
            if states.insert(<[u8; 32]>::from(hasher.finalize())) {
                each(after);
            }
        }
    }
    states.len() as u64
}
