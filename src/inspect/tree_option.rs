//! The senders that an application shows.

use super::inspector::Inspector;
use crate::files::FileSender;

impl Inspector {
    /// Shows the [list](FileSender::manifest) by which this sender sends on the page `trust`, in the order in which senders are given:
    /// its version and its end, what was counted, and each file that is not as listed, with what was wanted and found.
    ///
    /// Give it the sender as it is served: one that is given other options afterwards is another one. A sender without a list shows
    /// nothing.
    #[must_use]
    pub fn trust(mut self, files: &FileSender) -> Self {
        self.settings.trees.0.push(files.clone());
        self
    }
}
