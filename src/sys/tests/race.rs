//! Parents and links swapped in a loop while paths are resolved: never a byte from outside.

use std::fs;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::fs::{CWD, RenameFlags};

use super::{BENEATH, FOLLOW, NO_LINKS, Scratch, both_ways, outcome};
use crate::skip;

const ROUNDS: u32 = 20_000;

/// Resolves `paths` while `swap` runs over and over; what was found how often.
fn hammer(scratch: &Scratch, paths: &[&str], swap: impl Fn() + Sync) {
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                swap();
            }
        });
        let (mut inside, mut refused) = (0_u32, 0_u32);
        for root in both_ways(&scratch.path("root")) {
            for round in 0..ROUNDS {
                for path in paths {
                    let how = if round % 2 == 0 { BENEATH } else { NO_LINKS };
                    let found = outcome(&root, path.as_bytes(), how);
                    match found.as_str() {
                        "inside" => inside += 1,
                        "outside" => {
                            stop.store(true, Ordering::Relaxed);
                            panic!("{path} led outside in round {round}");
                        }
                        _ => refused += 1,
                    }
                    assert!(!found.starts_with("503"), "{path}: {found}");
                }
            }
        }
        stop.store(true, Ordering::Relaxed);
        // Both sides of the swap were seen.
        assert!(inside > 0 && refused > 0, "{inside} inside, {refused} refused");
    });
}

fn exchange(scratch: &Scratch, one: &str, other: &str) -> bool {
    let (one, other) = (scratch.path(one), scratch.path(other));
    rustix::fs::renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE).is_ok()
}

#[test]
fn a_parent_swapped_for_a_link_to_outside_never_leads_there() {
    let scratch = Scratch::new();
    scratch
        .write("outside/x/f", "outside")
        .write("root/d/x/f", "inside")
        .write("root/d/y", "inside");
    scratch.link("root/l", "../outside");
    if !exchange(&scratch, "root/d", "root/l") {
        return skip::place("RENAME_EXCHANGE");
    }
    hammer(&scratch, &["d/x/f", "d/x/../x/f", "d/../d/x/f"], || {
        exchange(&scratch, "root/d", "root/l");
    });
}

#[test]
fn a_link_swapped_between_inside_and_outside_never_leads_there() {
    let scratch = Scratch::new();
    scratch.write("secret", "outside").write("root/good", "inside");
    let out = scratch.path("secret").to_str().unwrap().to_owned();
    scratch.link("root/a", "good").link("root/b", &out).link("root/c", "../secret");
    hammer(&scratch, &["a", "b", "good"], || {
        exchange(&scratch, "root/a", "root/b");
        exchange(&scratch, "root/b", "root/c");
    });
}

#[test]
fn an_absolute_link_beneath_the_root_never_leads_outside_while_its_target_is_swapped() {
    let scratch = Scratch::new();
    scratch
        .write("outside/x/f", "outside")
        .write("secret", "outside")
        .write("root/d/x/f", "inside");
    let inside = |name: &str| scratch.path("root").join(name).to_str().unwrap().to_owned();
    let outside = |name: &str| scratch.path(name).to_str().unwrap().to_owned();
    scratch.link("root/l", &outside("outside")).link("root/via", &inside("d/x/f"));
    scratch.link("root/dir", &inside("d")).link("root/a", &inside("via"));
    scratch.link("root/b", &outside("secret")).link("root/c", &inside("../secret"));
    if !exchange(&scratch, "root/d", "root/l") {
        return skip::place("RENAME_EXCHANGE");
    }
    hammer(&scratch, &["via", "dir/x/f", "a", "d/x/f"], || {
        exchange(&scratch, "root/d", "root/l");
        exchange(&scratch, "root/a", "root/b");
        exchange(&scratch, "root/b", "root/c");
    });
}

#[test]
fn these_races_would_find_an_escape_if_links_were_followed() {
    let scratch = Scratch::new();
    scratch.write("secret", "outside").write("root/good", "inside");
    scratch.link("root/a", "good").link("root/b", "../secret");
    let root = scratch.root("root");
    let found = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !found.load(Ordering::Relaxed) {
                exchange(&scratch, "root/a", "root/b");
            }
        });
        let found_one = (0..ROUNDS).any(|_| outcome(&root, b"a", FOLLOW) == "outside");
        found.store(true, Ordering::Relaxed);
        assert!(found_one);
    });
}

#[test]
fn a_directory_moved_out_of_the_root_does_not_take_the_walk_along() {
    let scratch = Scratch::new();
    scratch.write("root/d/e/f", "inside").write("root/f", "inside").write("out/f", "outside");
    hammer(&scratch, &["d/e/../../f", "d/e/../e/f"], || {
        // From inside `d`, `..` is now the root and now `out`.
        let _ = fs::rename(scratch.path("root/d"), scratch.path("out/d"));
        let _ = fs::rename(scratch.path("out/d"), scratch.path("root/d"));
    });
}
