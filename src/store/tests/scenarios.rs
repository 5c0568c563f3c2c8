//! What the crash matrix does: every operation, by every strategy and by each kind of call.

use super::model::Step;
use crate::store::Writing;

/// Something that is done, and what was before.
#[derive(Clone, Copy, Debug)]
pub(super) struct Scenario {
    pub(super) name: &'static str,
    /// What the disk does not have.
    pub(super) without: &'static [&'static str],
    /// What other processes did before, each one step.
    pub(super) before: &'static [Step],
    /// What one process does.
    pub(super) steps: &'static [Step],
    /// The first of those before was killed when the file had its name, and that was not on the disk.
    pub(super) killed: bool,
    /// By which calls.
    pub(super) writing: Writing,
    /// Syncs that could be left out here, as it happens; whoever makes them cannot know. Other
    /// scenarios show what they are for.
    pub(super) idle: &'static [u64],
}

const fn scenario(
    name: &'static str,
    without: &'static [&'static str],
    before: &'static [Step],
    steps: &'static [Step],
) -> Scenario {
    let writing = Writing::Positional;
    Scenario { name, without, before, steps, killed: false, writing, idle: &[] }
}

const fn ring(scenario: Scenario) -> Scenario {
    Scenario { writing: Writing::Ring, ..scenario }
}

const fn mapped(scenario: Scenario) -> Scenario {
    Scenario { writing: Writing::Mapped, ..scenario }
}

use Step::{Create, Head, LongHead, Put, Remove};

/// Every operation by every strategy.
pub(super) const SCENARIOS: [Scenario; 20] = [
    scenario("create, anonymous", &[], &[], &[Create(1, 1)]),
    scenario("create, replace", &["unnamed", "reserve"], &[], &[Create(2, 1)]),
    scenario(
        "create, replace, no RENAME_NOREPLACE",
        &["unnamed", "noreplace"],
        &[],
        &[Create(1, 1)],
    ),
    scenario("put over another", &[], &[Create(1, 1), Head(2)], &[Put(2, 3)]),
    // A file without a name that cannot be given one was synced for nothing, and is not published.
    Scenario {
        idle: &[1],
        ..scenario("put over another, named", &["link"], &[Create(1, 1)], &[Put(2, 2)])
    },
    scenario("update in place, known", &[], &[], &[Create(1, 1), Head(2), Head(3), Head(4)]),
    // The name is on the disk already.
    Scenario {
        idle: &[2],
        ..scenario("update in place, unknown", &[], &[Create(1, 1), Head(2), Head(3)], &[Head(4)])
    },
    // The slots are on the disk already, the name is not.
    Scenario {
        killed: true,
        idle: &[1],
        ..scenario("update in place, name unknown", &[], &[Create(1, 1)], &[Head(4)])
    },
    scenario("update by replacing", &[], &[Create(1, 1), Head(2)], &[LongHead(3), Head(4)]),
    scenario("remove and create again", &[], &[Create(1, 1), Head(2)], &[Remove, Create(2, 3)]),
    // In one submission, cut at each of its links.
    ring(scenario("create, anonymous, ring", &[], &[], &[Create(1, 1)])),
    ring(scenario("create, replace, ring", &["unnamed", "reserve"], &[], &[Create(2, 1)])),
    ring(scenario("put over another, ring", &[], &[Create(1, 1), Head(2)], &[Put(2, 3)])),
    ring(scenario("update in place, ring", &[], &[], &[Create(1, 1), Head(2), Head(3)])),
    Scenario {
        idle: &[2],
        ..ring(scenario(
            "update in place, unknown, ring",
            &[],
            &[Create(1, 1), Head(2), Head(3)],
            &[Head(4)],
        ))
    },
    ring(scenario("update by replacing, ring", &[], &[Create(1, 1)], &[LongHead(3), Head(4)])),
    // Any of it may be on the disk from its first byte on.
    mapped(scenario("create, mapped", &[], &[], &[Create(1, 1)])),
    mapped(scenario("put over another, mapped", &[], &[Create(1, 1), Head(2)], &[Put(2, 3)])),
    mapped(scenario("update in place, mapped", &[], &[], &[Create(1, 1), Head(2), Head(3)])),
    Scenario {
        idle: &[2],
        ..mapped(scenario(
            "update in place, unknown, mapped",
            &[],
            &[Create(1, 1), Head(2), Head(3)],
            &[Head(4)],
        ))
    },
];
