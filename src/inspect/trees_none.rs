//! Without the feature `trust` there are no signed trees to show.

/// The senders whose trees are shown; there are none.
#[derive(Clone, Default)]
pub(super) struct Trees(());

#[expect(clippy::unused_self, reason = "with lists it has something to say")]
impl Trees {
    pub(super) const fn is_empty(&self) -> bool {
        true
    }
}
