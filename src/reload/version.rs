//! One version of the file, read whole while no writer had it open.

use std::path::Path;
use std::time::{Duration, SystemTime};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::PolicyFileError;
use super::error::MOST_BYTES;
use crate::sys::{Handle, Identity, Opened, Operation, Proof, Refusal, Stat, read_at};

/// Where the kernel cannot say whether somebody writes, a file that changed so long ago is done; and what is written
/// from then on has another time.
const SETTLED: Duration = Duration::from_millis(40);

/// How often a version that changes while it is read is read again.
const MOST_READS: u32 = 3;

/// What was found under the name.
pub(super) enum Found {
    /// The version that is known.
    Same,
    /// Another one.
    Version(Identity, String),
    /// Somebody is writing, or may be: ask again soon.
    Unsettled,
}

/// Reads what stands under the name, unless it is `known`.
///
/// With `wait` a file that may be in the middle of a write is left for later; without, it is taken as it is.
pub(super) fn read(
    path: &Path,
    known: Option<&Identity>,
    wait: bool,
) -> Result<Found, PolicyFileError> {
    let refused = |refusal| PolicyFileError::refused(path, refusal);
    for _ in 0..MOST_READS {
        let handle = open(path).map_err(refused)?;
        let stat = *handle.stat();
        if known == Some(&stat.identity) {
            return Ok(Found::Same);
        }
        if wait && is_being_written(&handle) {
            return Ok(Found::Unsettled);
        }
        if stat.identity.size > MOST_BYTES {
            return Err(PolicyFileError::too_long(path, stat.identity.size));
        }
        let bytes = content(&handle).map_err(refused)?;
        let after = Stat::of(&handle).map_err(refused)?;
        if after.identity == stat.identity && bytes.len() as u64 == stat.identity.size {
            let text = String::from_utf8(bytes).map_err(|error| {
                PolicyFileError::not_text(path, error.utf8_error().valid_up_to())
            })?;
            return Ok(Found::Version(stat.identity, text));
        }
    }
    Ok(Found::Unsettled)
}

fn open(path: &Path) -> Result<Handle, Refusal> {
    // A pipe under that name would keep the call waiting without `NONBLOCK`; it is refused by its kind.
    let flags = OFlags::RDONLY | OFlags::CLOEXEC | OFlags::NOCTTY | OFlags::NONBLOCK;
    let descriptor = rustix::fs::open(path, flags, Mode::empty())
        .map_err(|errno| Refusal::errno(Operation::Resolve, errno))?;
    match Opened::of(descriptor)? {
        Opened::File(handle) => Ok(handle),
        Opened::Directory(_) => Err(Refusal::errno(Operation::Read, Errno::ISDIR)),
    }
}

/// All of the file, and a byte more than may be if there is.
fn content(handle: &Handle) -> Result<Vec<u8>, Refusal> {
    let mut bytes = Vec::new();
    let mut chunk = vec![0; 64 << 10];
    loop {
        let read = read_at(handle, &mut chunk, bytes.len() as u64)?;
        bytes.extend_from_slice(chunk.get(..read).unwrap_or_default());
        if read == 0 || bytes.len() as u64 > MOST_BYTES {
            return Ok(bytes);
        }
    }
}

/// Whether somebody has the file open for writing. Where the kernel cannot say, a file that changed just now
/// counts as one that is being written.
fn is_being_written(handle: &Handle) -> bool {
    let stat = handle.stat();
    match handle.prove() {
        Proof::Proved(again) => again.identity != stat.identity,
        Proof::WriterThere => true,
        Proof::NotPossible(_) => age(&stat.identity).is_some_and(|age| age < SETTLED),
    }
}

/// Whether another version with this identity may come: times of files have steps, of 4 ms on many kernels.
pub(super) fn is_young(identity: &Identity) -> bool {
    age(identity).is_none_or(|age| age < SETTLED)
}

/// How long ago it changed; nothing if that is in the future.
fn age(identity: &Identity) -> Option<Duration> {
    let changed = identity.mtime.max(identity.ctime).time()?;
    SystemTime::now().duration_since(changed).ok()
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

    use std::fs::{self, File};
    use std::io::Write as _;

    use super::*;

    #[test]
    fn what_somebody_writes_to_is_left_for_later_by_those_who_can_wait() {
        let path = std::env::temp_dir().join(format!("letterhead-version-{}", std::process::id()));
        let mut writer = File::create(&path).unwrap();
        writer.write_all(b"half").unwrap();
        let (waits, does_not) = (read(&path, None, true).unwrap(), read(&path, None, false));
        let asked = open(&path).unwrap().prove();
        drop(writer);
        let after = read(&path, None, false).unwrap();
        let known = match &after {
            Found::Version(identity, _) => *identity,
            Found::Same | Found::Unsettled => panic!("nobody writes any more"),
        };
        let same = read(&path, Some(&known), true).unwrap();
        fs::remove_file(&path).unwrap();
        let text = |found: &Found| match found {
            Found::Version(_, text) => Some(text.clone()),
            Found::Same | Found::Unsettled => None,
        };
        // Who does not wait takes what there is.
        assert_eq!(text(&does_not.unwrap()).as_deref(), Some("half"));
        assert_eq!(text(&after).as_deref(), Some("half"));
        assert!(matches!(same, Found::Same));
        match asked {
            Proof::WriterThere => assert!(matches!(waits, Found::Unsettled)),
            Proof::Proved(_) => panic!("there is a writer"),
            Proof::NotPossible(why) => crate::skip::place(format_args!("leases ({why:?})")),
        }
    }
}
