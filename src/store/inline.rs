//! A stored response is answered at once, if all that it takes is in memory: nothing here waits.
//!
//! Whatever is not in memory, or not as it should be, is left to the blocking pool: there it is read again, and what
//! is wrong is reported.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::Response;

use super::Verify;
use super::body::StoreBody;
use super::cache::is_settled;
use super::disk_ops::DiskOps;
use super::format::BLOCK;
use super::notice::count;
use super::payload::Reader;
use super::slots::{Held, Raw, Slots};
use super::store::Store;
use super::stored_head::StoredHead;
use crate::answer::{Asked, Plan};
use crate::sys::Handle;
use crate::sys::write::Directory;

/// Up to this length a file is read whole, head and payload at once.
const SMALL: u64 = 32 << 10;

/// Answers a request, or `None`: then it is answered on the blocking pool.
pub(super) fn respond(
    store: &Store,
    asked: &Asked,
    name: &str,
    least: Option<u64>,
    now: SystemTime,
) -> Option<Response<StoreBody>> {
    let ops = &store.ops;
    // A name that cannot be one is refused there, too.
    super::read::check_name(name).ok()?;
    let file = ops.disk.open_now(name)?;
    let (mut stored, ahead) = ops.head_now(name, &file, now)?;
    if least.is_some_and(|least| stored.generation < least) {
        return None;
    }
    // Nobody remembers it, and nothing will be kept of it.
    let own = Arc::get_mut(&mut stored).filter(|_| store.cache.is_none());
    let reply = match own {
        Some(stored) => stored.reply_once(asked, now),
        None => stored.reply(asked, now),
    };
    let length = reply.length(&stored.payload);
    if reply.is_promise && stored.payload.length > 0 {
        read_now(&file, stored.start, 1)?;
    }
    let verified = match ops.settings.verify {
        _ if length == 0 => false,
        Verify::Once => !ops.memory.was_checked(file.stat(), stored.payload.id),
        Verify::Whole => true,
        Verify::Always if matches!(reply.plan, Plan::Whole) => true,
        // All of it has to be read first.
        Verify::Always => return None,
    };
    if length == 0 {
        count(&ops.counts.read);
        return Some(reply.head.map(|()| StoreBody::empty()));
    }
    let mut reader = Reader::new(Arc::clone(ops), name, file, stored, &reply.plan, verified);
    let first = reader.with(ahead).try_first().ok()?;
    count(&ops.counts.read);
    Some(store.begun(name, reply, first, reader, now))
}

impl DiskOps<Directory> {
    /// The head of a file, and what was read together with it from the beginning of the file on.
    fn head_now(
        &self,
        name: &str,
        file: &Handle,
        now: SystemTime,
    ) -> Option<(Arc<StoredHead>, Bytes)> {
        let stat = file.stat();
        let is_kept = self.settings.verify != Verify::Always;
        let known = self.memory.head(stat).filter(|stored| is_kept && stored.is_of(name));
        if let Some(stored) = known {
            return Some((stored, Bytes::new()));
        }
        let size = stat.identity.size;
        let read = read_now(file, 0, if size <= SMALL { size } else { 2 * BLOCK })?;
        let blocks = read.get(..usize::try_from(2 * BLOCK).ok()?)?;
        let beyond = |offset: u64, length: usize| {
            let left = size.saturating_sub(offset).min(length as u64);
            read_now(file, offset, left).ok_or(())
        };
        let held = match Held::at_rest(blocks) {
            Some(held) => held,
            None => match Raw::in_blocks(blocks.to_vec(), beyond).ok()?.judge() {
                Slots::Equal(held) | Slots::Newer(held) => held,
                // A writer may be at work, or there is something to be reported.
                Slots::One(..) | Slots::Contradict | Slots::None(_) => return None,
            },
        };
        // A signature that is new takes its time.
        if held.slot.signature.is_some() && self.memory.signer(&held.slot.checksum).is_none() {
            return None;
        }
        self.trust(name, &held, stat).ok()?;
        let is_kept = is_kept && is_settled(stat, now) && held.image.len() as u64 <= BLOCK;
        let stored = Arc::new(StoredHead::of(held.slot));
        if is_kept {
            self.memory.remember_head(stat, &stored);
        }
        Some((stored, Bytes::from(read)))
    }
}

/// All of so many bytes, if they are in memory.
fn read_now(file: &Handle, offset: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    file.try_fill_at(&mut bytes, offset).then_some(bytes)
}
