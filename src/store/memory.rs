//! What this process knows of files that it has worked on.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::slots::Held;
use super::stored_head::StoredHead;
use crate::sys::Stat;

/// The most files that something is remembered of. Who is forgotten costs one more sync or one more
/// check, nothing else; but what must not be changed in place any more is never forgotten for that.
const MOST: usize = 4096;

#[derive(Debug, Default)]
pub(super) struct Memory {
    files: Arc<Mutex<HashMap<(u64, u64), Known>>>,
    /// A sync of the directory failed: what of its names is on the disk no later one can tell.
    doubted: Arc<AtomicBool>,
    trusted: Mutex<HashMap<[u8; 32], String>>,
    checked: Mutex<HashMap<(u64, u64), Checked>>,
    heads: Mutex<HashMap<(u64, u64), KnownHead>>,
}

/// A version of a file, and its payload's id.
type Checked = (Stat, [u8; 16]);

/// A version of a file, and its head.
type KnownHead = (Stat, Arc<StoredHead>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Known {
    /// This slot, with this generation of this payload's head, is on the disk, and so is its name.
    Durable { payload: [u8; 16], generation: u64, slot: usize },
    /// A sync of it failed.
    Retired,
}

const fn key(stat: &Stat) -> (u64, u64) {
    (stat.identity.dev, stat.identity.ino)
}

/// Nothing is half changed under these locks.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memory {
    /// The same of what is on the disk, which no setting changes; nothing of what was believed.
    pub(super) fn of_the_disk(&self) -> Self {
        let (files, doubted) = (Arc::clone(&self.files), Arc::clone(&self.doubted));
        Self { files, doubted, ..Self::default() }
    }

    pub(super) fn doubt_names(&self) {
        self.doubted.store(true, Ordering::Relaxed);
    }

    pub(super) fn names_are_doubted(&self) -> bool {
        self.doubted.load(Ordering::Relaxed)
    }

    /// The slot that is known to be on the disk with what was just read.
    pub(super) fn durable_slot(&self, stat: &Stat, held: &Held) -> Option<usize> {
        match locked(&self.files).get(&key(stat)) {
            Some(Known::Durable { payload, generation, slot })
                if *payload == held.slot.payload.id && *generation == held.slot.generation =>
            {
                Some(*slot)
            }
            _ => None,
        }
    }

    pub(super) fn mark_durable(
        &self,
        stat: &Stat,
        payload: [u8; 16],
        generation: u64,
        slot: usize,
    ) {
        let mut files = locked(&self.files);
        if files.len() >= MOST && !files.contains_key(&key(stat)) {
            let durable = |known: &Known| matches!(known, Known::Durable { .. });
            let one = files.iter().find(|(_, known)| durable(known)).map(|(key, _)| *key);
            match one {
                Some(one) => files.remove(&one),
                None => return,
            };
        }
        if files.get(&key(stat)) != Some(&Known::Retired) {
            files.insert(key(stat), Known::Durable { payload, generation, slot });
        }
    }

    pub(super) fn is_retired(&self, stat: &Stat) -> bool {
        locked(&self.files).get(&key(stat)) == Some(&Known::Retired)
    }

    pub(super) fn retire(&self, stat: &Stat) {
        locked(&self.files).insert(key(stat), Known::Retired);
    }

    /// A file that has lost its name: its number may be another's soon.
    pub(super) fn forget(&self, stat: &Stat) {
        locked(&self.files).remove(&key(stat));
        locked(&self.checked).remove(&key(stat));
        locked(&self.heads).remove(&key(stat));
    }

    /// Who signed the image of this checksum, if that was seen before.
    pub(super) fn signer(&self, checksum: &[u8; 32]) -> Option<String> {
        locked(&self.trusted).get(checksum).cloned()
    }

    pub(super) fn mark_signed(&self, checksum: [u8; 32], key: String) {
        remember(&mut locked(&self.trusted), checksum, key);
    }

    /// Whether the payload of this very file was read and found to be the one of its head.
    pub(super) fn was_checked(&self, stat: &Stat, payload: [u8; 16]) -> bool {
        locked(&self.checked).get(&key(stat)) == Some(&(*stat, payload))
    }

    /// The head of this very file, if it was read and believed.
    pub(super) fn head(&self, stat: &Stat) -> Option<Arc<StoredHead>> {
        let heads = locked(&self.heads);
        heads
            .get(&key(stat))
            .filter(|(version, _)| version == stat)
            .map(|(_, head)| Arc::clone(head))
    }

    /// Remembers a head. The file has to be so old that a later change of it would show.
    pub(super) fn remember_head(&self, stat: &Stat, head: &Arc<StoredHead>) {
        remember(&mut locked(&self.heads), key(stat), (*stat, Arc::clone(head)));
    }

    pub(super) fn mark_checked(&self, stat: &Stat, payload: [u8; 16]) {
        remember(&mut locked(&self.checked), key(stat), (*stat, payload));
    }
}

fn remember<K: Clone + Eq + std::hash::Hash, V>(map: &mut HashMap<K, V>, key: K, value: V) {
    if map.len() >= MOST && !map.contains_key(&key) {
        if let Some(one) = map.keys().next().cloned() {
            map.remove(&one);
        }
    }
    map.insert(key, value);
}

#[cfg(test)]
#[expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]
mod tests {
    use crate::store::Store;
    use crate::sys::Stat;

    #[test]
    fn other_settings_do_not_bring_back_a_file_whose_sync_failed() {
        let store = Store::open("src").unwrap();
        let stat = Stat::of(std::fs::File::open("src/lib.rs").unwrap()).unwrap();
        store.ops.memory.retire(&stat);
        store.ops.memory.mark_signed([1; 32], "key".to_owned());
        let strict = store.id([1; 16]);
        assert!(strict.ops.memory.is_retired(&stat));
        assert_eq!(strict.ops.memory.signer(&[1; 32]), None);
    }
}
