//! The files of a directory, and of those below it, in the order of their paths.

use std::fs;
use std::io;
use std::os::unix::ffi::OsStrExt as _;
use std::path::{Path, PathBuf};

use crate::field::glob;

/// The most directories below each other.
const DEEPEST: usize = 256;

/// A name below a root.
pub(super) struct Found {
    /// With `/` between names and none in front.
    pub(super) path: Vec<u8>,
    pub(super) at: PathBuf,
    pub(super) kind: FoundKind,
    /// How many bytes it has, if it is a file.
    pub(super) length: u64,
}

/// What a name is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundKind {
    File,
    /// A link to nothing, to a directory, or out of the root.
    Link,
    /// A pipe, a socket, a device.
    Other,
}

/// Everything below a directory but what the patterns leave out, which are matched against the path with a slash in front.
pub(super) fn walk(root: &Path, left_out: &[Box<str>]) -> io::Result<Vec<Found>> {
    let real = fs::canonicalize(root)?;
    let mut found = Vec::new();
    let walk = Walk { real: &real, left_out };
    walk.directory(root, &[], 0, &mut found)?;
    found.sort_unstable_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

struct Walk<'a> {
    real: &'a Path,
    left_out: &'a [Box<str>],
}

impl Walk<'_> {
    fn directory(
        &self,
        at: &Path,
        above: &[u8],
        depth: usize,
        found: &mut Vec<Found>,
    ) -> io::Result<()> {
        if depth > DEEPEST {
            let text = format!("wanted at most {DEEPEST} directories below each other, found more");
            return Err(io::Error::other(text));
        }
        let named =
            |error: io::Error| io::Error::new(error.kind(), format!("{}: {error}", at.display()));
        for entry in fs::read_dir(at).map_err(named)? {
            let entry = entry.map_err(named)?;
            let name = entry.file_name();
            let path = match above {
                [] => name.as_bytes().to_vec(),
                above => [above, b"/", name.as_bytes()].concat(),
            };
            let seen = [b"/", path.as_slice()].concat();
            if self.left_out.iter().any(|pattern| glob::matches(pattern.as_bytes(), &seen)) {
                continue;
            }
            let (at, kind) = (entry.path(), entry.file_type().map_err(named)?);
            if kind.is_dir() {
                self.directory(&at, &path, depth + 1, found)?;
                continue;
            }
            let (kind, length) = if kind.is_symlink() {
                self.link(&at)
            } else if kind.is_file() {
                (FoundKind::File, entry.metadata().map_err(named)?.len())
            } else {
                (FoundKind::Other, 0)
            };
            found.push(Found { path, at, kind, length });
        }
        Ok(())
    }

    /// A link to a file that stays below the root is a file: a sender follows it.
    fn link(&self, at: &Path) -> (FoundKind, u64) {
        let target = fs::canonicalize(at).ok().filter(|target| target.starts_with(self.real));
        match target.and_then(|target| fs::metadata(target).ok()) {
            Some(metadata) if metadata.is_file() => (FoundKind::File, metadata.len()),
            Some(_) | None => (FoundKind::Link, 0),
        }
    }
}
