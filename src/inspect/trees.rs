//! The senders whose signed trees are shown.

use crate::files::FileSender;
use crate::files::TreeState;

/// The senders whose trees are shown.
#[derive(Clone, Default)]
pub(super) struct Trees(pub(super) Vec<FileSender>);

impl Trees {
    /// Whether there is nothing to show, and no page.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    pub(super) fn states(&self) -> impl Iterator<Item = TreeState> {
        self.0.iter().filter_map(FileSender::tree_state)
    }
}
