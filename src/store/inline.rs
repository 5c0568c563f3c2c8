//! A stored response is answered at once, if all that it takes is in memory: nothing here waits.
//!
//! Whatever is not at hand, or not as it should be, is left to a thread that may block: that one reads
//! again, and tells what is wrong.

use std::sync::Arc;
use std::time::SystemTime;

use bytes::Bytes;
use http::Response;

use super::Verify;
use super::body::StoreBody;
use super::cache::is_settled;
use super::desk::Desk;
use super::format::BLOCK;
use super::notice::count;
use super::payload::Reader;
use super::slots::{Held, Raw, Slots};
use super::store::Store;
use super::told::Told;
use crate::answer::{Asked, Plan};
use crate::sys::write::Directory;
use crate::sys::{Handle, Tried};

/// Up to this length a file is read whole, head and payload at once.
const SMALL: u64 = 32 << 10;

/// Answers a request, or `None`: where that may block, it is answered.
pub(super) fn respond(
    store: &Store,
    asked: &Asked,
    name: &str,
    least: Option<u64>,
    now: SystemTime,
) -> Option<Response<StoreBody>> {
    let desk = &store.desk;
    // A name that cannot be one is refused there, too.
    super::read::check_name(name).ok()?;
    let file = desk.disk.open_now(name)?;
    let (mut told, ahead) = desk.told_now(name, &file, now)?;
    if least.is_some_and(|least| told.generation < least) {
        return None;
    }
    // Nobody remembers it, and nothing will be kept of it.
    let own = Arc::get_mut(&mut told).filter(|_| store.cache.is_none());
    let reply = match own {
        Some(told) => told.reply_once(asked, now),
        None => told.reply(asked, now),
    };
    let length = reply.length(&told.payload);
    if reply.is_promise && told.payload.length > 0 {
        read_now(&file, told.start, 1)?;
    }
    let verified = match desk.settings.verify {
        _ if length == 0 => false,
        Verify::Once => !desk.memory.was_checked(file.stat(), told.payload.id),
        Verify::Whole => true,
        Verify::Always if matches!(reply.plan, Plan::Whole) => true,
        // All of it has to be read first.
        Verify::Always => return None,
    };
    if length == 0 {
        count(&desk.counts.read);
        return Some(reply.head.map(|()| StoreBody::empty()));
    }
    let mut reader = Reader::new(Arc::clone(desk), name, file, told, &reply.plan, verified);
    let first = reader.with(ahead).try_first().ok()?;
    count(&desk.counts.read);
    Some(store.begun(name, reply, first, reader, now))
}

impl Desk<Directory> {
    /// The head of a file, and what was read together with it from the beginning of the file on.
    fn told_now(&self, name: &str, file: &Handle, now: SystemTime) -> Option<(Arc<Told>, Bytes)> {
        let stat = file.stat();
        let is_kept = self.settings.verify != Verify::Always;
        let known = self.memory.told(stat).filter(|told| is_kept && told.is_of(name));
        if let Some(told) = known {
            return Some((told, Bytes::new()));
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
        let told = Arc::new(Told::of(held.slot));
        if is_kept {
            self.memory.is_told(stat, &told);
        }
        Some((told, Bytes::from(read)))
    }
}

/// All of so many bytes, if they are in memory.
fn read_now(file: &Handle, offset: u64, length: u64) -> Option<Vec<u8>> {
    let mut bytes = vec![0; usize::try_from(length).ok()?];
    fill_now(file, &mut bytes, offset).then_some(bytes)
}

/// Fills a buffer with what is in memory; `false` if not all of it is.
pub(super) fn fill_now(file: &Handle, buffer: &mut [u8], offset: u64) -> bool {
    match file.try_read_at(buffer, offset) {
        Ok(Tried::Hit(read)) => read == buffer.len(),
        Ok(Tried::WouldBlock | Tried::Unsupported) | Err(_) => false,
    }
}
