//! Without the feature `trust` every file is admitted, and nothing more is known of it.

use super::admission::Checks;
use super::context::{Context, Interrupted};
use super::opened::{Name, OpenedFile};
use super::standing::Standing;
use crate::answer::{EntityTag, Facts};

/// What is known of a file by a list: nothing.
pub(super) struct Pinned;

#[expect(clippy::unnecessary_wraps, reason = "with a list there may be another answer")]
pub(super) const fn admit(
    _: &Context<'_>,
    _: &OpenedFile,
    _: Standing,
) -> Result<Pinned, Interrupted> {
    Ok(Pinned)
}

#[expect(clippy::unused_self, reason = "with a list it has something to say")]
impl Pinned {
    pub(super) const fn tag(&self) -> Option<EntityTag> {
        None
    }

    pub(super) fn on(&self, facts: Facts) -> Facts {
        facts
    }

    pub(super) const fn checks(&self, _: &Name) -> Option<Box<Checks>> {
        None
    }

    pub(super) const fn is_by_blocks(&self) -> bool {
        false
    }
}
