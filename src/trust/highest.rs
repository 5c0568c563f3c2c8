//! The highest version that was seen, in a file that a crash leaves whole.

use std::fs::{self, File};
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use rustix::fs::{FlockOperation, flock};

use crate::manifest::{Manifest, ManifestError, Reason, Seen};

/// Refuses a list that is older than what the file remembers, and remembers it if it is newer. It blocks.
///
/// The file is replaced by renaming one that is on the disk over it, so it has the old version or the new one, whatever happens.
/// Of several processes one at a time looks and writes.
pub(super) fn check_and_remember(path: &Path, manifest: &Manifest) -> Result<(), ManifestError> {
    let failed = |error: io::Error| {
        let text = format!("{}: the highest version seen: {error}", path.display());
        ManifestError::new(Reason::Unreadable, text)
    };
    let _lock = locked(path).map_err(failed)?;
    let seen = match fs::read(path) {
        Ok(bytes) => {
            let seen = Seen::read(&bytes).map_err(|error| {
                let text = format!("{}: the highest version seen: {error}", path.display());
                ManifestError::new(Reason::Unreadable, text)
            })?;
            Some(seen)
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => None,
        Err(error) => return Err(failed(error)),
    };
    if let Some(seen) = &seen {
        manifest.check_order(seen)?;
    }
    let now = manifest.seen();
    if seen.as_ref() == Some(&now) {
        return Ok(());
    }
    replace(path, &now.text()).map_err(failed)
}

fn beside(path: &Path, ending: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(ending);
    PathBuf::from(name)
}

/// Waits for the others. The lock goes with the file that is returned. Who can open the file can hold the lock, so its mode lets no other user open it.
fn locked(path: &Path) -> io::Result<File> {
    let mut options = File::options();
    options.create(true).truncate(false).write(true).mode(0o600);
    let file = options.open(beside(path, ".lock"))?;
    flock(&file, FlockOperation::LockExclusive)?;
    Ok(file)
}

fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let new = beside(path, ".new");
    let mut file = File::create(&new)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    drop(file);
    fs::rename(&new, path)?;
    let directory = path.parent().filter(|directory| !directory.as_os_str().is_empty());
    File::open(directory.unwrap_or_else(|| Path::new(".")))?.sync_all()
}
