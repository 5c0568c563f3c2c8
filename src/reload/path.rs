//! Which directories a path leads through: a change in any of them may lead it elsewhere.

use std::fs;
use std::path::{Component, Path, PathBuf};

/// The most symbolic links that are followed, as the kernel has it (`path_resolution(7)`).
const MOST_LINKS: u32 = 40;

/// The directories that names are looked up in on the way to `path`, links included.
///
/// A link that leads nowhere, and a loop, end the list: what is on it is enough to see that mended.
pub(super) fn directories(path: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut links = 0;
    follow(Path::new(""), path, &mut links, &mut found);
    found
}

/// Follows `path` from the directory `from`; returns what it leads to.
fn follow(from: &Path, path: &Path, links: &mut u32, found: &mut Vec<PathBuf>) -> Option<PathBuf> {
    let mut at = from.to_owned();
    for component in path.components() {
        match component {
            Component::Prefix(_) | Component::RootDir => at = PathBuf::from("/"),
            Component::CurDir => {}
            // `at` has no links in it, so its parent is the kernel's.
            Component::ParentDir if at.file_name().is_some() => {
                at.pop();
            }
            Component::ParentDir => at.push(".."),
            Component::Normal(name) => {
                let directory = if at.as_os_str().is_empty() { Path::new(".") } else { &at };
                if !found.iter().any(|known| known == directory) {
                    found.push(directory.to_owned());
                }
                let next = at.join(name);
                match fs::read_link(&next) {
                    Ok(target) => {
                        *links += 1;
                        if *links > MOST_LINKS {
                            return None;
                        }
                        at = follow(&at, &target, links, found)?;
                    }
                    Err(_) => at = next,
                }
            }
        }
    }
    Some(at)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "in a test, a panic is the report")]

    use std::os::unix::fs::symlink;

    use super::*;

    /// The directories on the way to `path` in `place`, from there on.
    fn below(place: &Path, path: &str) -> Vec<String> {
        let all = directories(&place.join(path));
        let inside = all.iter().filter_map(|directory| directory.strip_prefix(place).ok());
        inside.map(|directory| directory.display().to_string()).collect()
    }

    #[test]
    fn every_directory_on_the_way_is_named_once_and_those_behind_links_too() {
        let place = std::env::temp_dir().join(format!("letterhead-way-{}", std::process::id()));
        fs::create_dir_all(place.join("..2026")).unwrap();
        let place = place.canonicalize().unwrap();
        fs::write(place.join("..2026/_headers"), "").unwrap();
        symlink("..2026", place.join("..data")).unwrap();
        symlink("..data/_headers", place.join("_headers")).unwrap();
        symlink("loop", place.join("loop")).unwrap();
        let of_a_map = below(&place, "_headers");
        let (twice, astray) = (below(&place, "..data/../_headers"), below(&place, "loop/a"));
        let missing = below(&place, "no/such");
        fs::remove_dir_all(&place).unwrap();
        assert_eq!(of_a_map, ["", "..2026"]);
        assert_eq!(twice, ["", "..2026"]);
        assert_eq!(astray, [""]);
        assert_eq!(missing, ["", "no"]);
        assert_eq!(directories(Path::new("_headers")), [Path::new(".")]);
        assert_eq!(directories(Path::new("../_headers")), [Path::new("..")]);
    }
}
