//! Digests of files, several at once, each read once and in pieces.

use std::fs::File;
use std::io::{self, Read as _};
use std::os::unix::fs::MetadataExt as _;
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::thread;

use sha2::{Digest as _, Sha256};

use super::progress::Meter;
use super::verity::VerityDigest;
use super::walk::Found;
use crate::manifest::{BLOCK, Entry};

/// Bytes that are read at once; a block is a multiple of it.
const PIECE: usize = 256 * 1024;

/// Which digests a file has beside its own.
#[derive(Clone, Copy)]
pub(super) struct Digests {
    /// Those of its blocks, if it has more bytes than this.
    pub(super) blocks_above: u64,
    /// That of fs-verity.
    pub(super) verity: bool,
}

/// The entry of each file, in the order of the files.
pub(super) fn entries(
    files: &[&Found],
    threads: usize,
    digests: Digests,
    meter: &Meter<'_>,
) -> Vec<io::Result<Entry>> {
    let next = AtomicUsize::new(0);
    let done = Mutex::new(Vec::with_capacity(files.len()));
    let work = || {
        let mut buffer = vec![0; PIECE];
        let mut mine = Vec::new();
        while let Some(found) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
            mine.push((found.path.as_slice(), entry(found, digests, &mut buffer, meter)));
        }
        done.lock().unwrap_or_else(PoisonError::into_inner).append(&mut mine);
    };
    thread::scope(|scope| {
        for _ in 1..threads.min(files.len()) {
            // Without a thread the others do its share.
            let _ = thread::Builder::new().spawn_scoped(scope, work);
        }
        work();
    });
    let mut done = done.into_inner().unwrap_or_else(PoisonError::into_inner);
    done.sort_unstable_by(|one, other| one.0.cmp(other.0));
    done.into_iter().map(|(_, entry)| entry).collect()
}

/// Reads a file to its end. One that changes meanwhile is an error: no digest is of two versions.
fn entry(
    found: &Found,
    digests: Digests,
    buffer: &mut [u8],
    meter: &Meter<'_>,
) -> io::Result<Entry> {
    let mut file = File::open(&found.at)?;
    let before = file.metadata()?;
    let has_blocks = before.len() > digests.blocks_above;
    let (mut whole, mut block, mut blocks) = (Sha256::new(), Sha256::new(), Vec::new());
    let (mut length, mut in_block) = (0, 0);
    let mut verity = digests.verity.then(VerityDigest::default);
    loop {
        let wanted = usize::try_from(BLOCK - in_block).unwrap_or(PIECE).min(buffer.len());
        let piece = buffer.get_mut(..wanted).unwrap_or_default();
        let read = match file.read(piece) {
            Ok(0) => break,
            Ok(read) => read,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        let piece = piece.get(..read).unwrap_or_default();
        whole.update(piece);
        if let Some(verity) = &mut verity {
            verity.update(piece);
        }
        length += read as u64;
        meter.bytes(read as u64);
        if has_blocks {
            block.update(piece);
            in_block += read as u64;
            if in_block == BLOCK {
                blocks.push(block.finalize_reset().into());
                in_block = 0;
            }
        }
    }
    if in_block > 0 {
        blocks.push(block.finalize().into());
    }
    let after = file.metadata()?;
    let times = |of: &std::fs::Metadata| (of.mtime(), of.mtime_nsec(), of.ctime(), of.ctime_nsec());
    if length != before.len() || after.len() != length || times(&before) != times(&after) {
        return Err(io::Error::other(
            "wanted one version of it, found that it changed while it was read",
        ));
    }
    meter.file();
    let entry = Entry::new(length, whole.finalize().into());
    let entry = match verity {
        Some(verity) => entry.with_verity(verity.finish()),
        None => entry,
    };
    Ok(if has_blocks { entry.with_blocks(blocks) } else { entry })
}
