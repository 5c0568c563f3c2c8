//! What a sender is told about times and permissions: access times, what is forbidden, older siblings.

use super::sender::FileSender;

impl FileSender {
    /// Leaves the access times of files alone where they belong to the user of this process (Linux); elsewhere
    /// they are read like any other. Off by default: most mounts keep access times only roughly anyway.
    #[must_use]
    pub fn no_atime(self, left_alone: bool) -> Self {
        self.with(|settings| settings.no_atime = left_alone)
    }

    /// Answers what may not be had as if it were not there: 404, or whatever answers a missing file, in place of
    /// 403. Off by default. A [listing](Self::listing) leaves it out, and opens each name to know.
    ///
    /// [`on_refusal`](Self::on_refusal) hears of it all the same, with its diagnosis.
    #[must_use]
    pub fn conceal(self, concealed: bool) -> Self {
        self.with(|settings| settings.concealed = concealed)
    }

    /// Serves [precompressed](Self::precompressed) siblings also if their modification time is more than two
    /// seconds earlier than that of the file itself. By default those are passed over: they are of an older
    /// version. Within two seconds nobody can tell: copies keep times to the microsecond (node's `cpSync`, Python's
    /// `copytree`), to the second (`tar`), or not at all. A build that takes less than that is better
    /// served from another directory.
    ///
    /// For trees that are put in place with times in no order.
    #[must_use]
    pub fn older_siblings(self, served: bool) -> Self {
        self.with(|settings| settings.older_siblings = served)
    }
}
