//! What an application may choose of a store.

use std::sync::Arc;
use std::time::Duration;

use super::cache::Cache;
use super::disk_ops::Settings;
use super::notice::Notice;
use super::sign::{KeyRing, Unsigned};
use super::store::Store;
use super::{Verify, Writing};
use crate::sys::Recovery;

impl Store {
    pub(super) fn with(self, change: impl FnOnce(&mut Settings)) -> Self {
        let mut settings = self.ops.settings.clone();
        change(&mut settings);
        let Self { budget, local, .. } = self;
        // What was believed by other settings is not kept.
        let cache = (local && budget > 0).then(|| Arc::new(Cache::new(budget)));
        Self { ops: Arc::new(self.ops.with(settings)), cache, budget, local }
    }

    /// The store's id, which is in each head. One of another store is refused. By default it is all
    /// zeros.
    #[must_use]
    pub fn id(self, id: [u8; 16]) -> Self {
        self.with(|settings| settings.id = id)
    }

    /// The keys that sign and are believed.
    ///
    /// A head without a signature is still served: whoever can write to the directory can take a signature
    /// away, unless those are [refused](Self::unsigned).
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::store::{KeyRing, SigningKey, Store, Unsigned};
    ///
    /// # fn open(seed: &[u8; 32]) -> Result<Store, letterhead::store::StoreError> {
    /// let keys = KeyRing::new().sign_with(SigningKey::ed25519("2026", seed));
    /// let store = Store::open("responses")?.keys(keys).unsigned(Unsigned::Refused);
    /// # Ok(store)
    /// # }
    /// ```
    #[must_use]
    pub fn keys(self, keys: KeyRing) -> Self {
        self.with(|settings| settings.keys = keys)
    }

    /// What becomes of heads without a signature; by default they are served, and a store that signs does not
    /// change them: that would sign what nobody signed.
    #[must_use]
    pub fn unsigned(self, unsigned: Unsigned) -> Self {
        self.with(|settings| settings.unsigned = unsigned)
    }

    /// What becomes of each refusal of the kernel.
    #[must_use]
    pub fn recovery(self, recovery: Recovery) -> Self {
        self.with(|settings| settings.recovery = recovery)
    }

    /// When payloads are held against the digests in their heads.
    #[must_use]
    pub fn verify(self, verify: Verify) -> Self {
        self.with(|settings| settings.verify = verify)
    }

    /// By which calls of the kernel it is written; by default each is a call of its own. What is read,
    /// and what is on the disk, is the same.
    #[must_use]
    pub fn writing(self, writing: Writing) -> Self {
        self.with(|settings| settings.writing = writing)
    }

    /// Lets the directory's group read and change what this store makes from now on: files and the lock have the mode
    /// 0660, whatever the umask. Without it they have 0600, because heads hold cookies; a file that takes the place of
    /// another keeps that one's mode.
    ///
    /// It is for several users of one directory: give it a common group and the bit that hands it on
    /// (`chgrp GROUP DIR; chmod 2770 DIR`), and call this in each process. It holds for clones of this store, too.
    /// Who may do what then is [in the guide](crate::guide::store).
    #[must_use]
    pub fn shared_with_group(self) -> Self {
        self.ops.disk.share_with_group();
        self
    }

    /// How long a lock is waited for that another writer has; the default is 10 s.
    #[must_use]
    pub fn lock_wait(self, patience: Duration) -> Self {
        self.with(|settings| settings.patience = patience)
    }

    /// The bytes that a head may grow to before its file is written again, for files whose head is not
    /// known when they are begun; the default is 8192, the most is 1 MiB.
    #[must_use]
    pub fn head_room(self, bytes: usize) -> Self {
        self.with(|settings| settings.room = bytes)
    }

    /// About how many bytes small responses may take in memory that were sent lately; the default is 8 MiB,
    /// and 0 keeps none. One that is kept was read whole, checked, and is older than 2 s; it is sent again
    /// as long as one look at the name finds the same file, unchanged. On a filesystem that is not known
    /// to be of this machine none is.
    #[must_use]
    pub fn cache(mut self, bytes: u64) -> Self {
        self.budget = bytes;
        self.with(|_| ())
    }

    /// Calls `callback` with everything that an operator may want to know. It runs where the work is
    /// done, so it must not take long.
    #[must_use]
    pub fn on_notice(self, callback: impl Fn(&Notice) + Send + Sync + 'static) -> Self {
        self.with(|settings| settings.on_notice = Some(Arc::new(callback)))
    }
}
