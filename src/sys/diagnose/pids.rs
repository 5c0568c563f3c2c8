//! The limit of processes that a cgroup sets, of version 1 or 2, wherever its tree is mounted.

use super::process::read;
use crate::sys::door;

/// The limit of this process's cgroup, or of one above it that can be seen, if it is reached.
pub(super) fn pids() -> Option<u64> {
    reached(&read("/proc/self/cgroup")?, &door::mounts()?, |path| read(path)?.trim().parse().ok())
}

/// The same, by the texts of `cgroup` and `mountinfo`, and the numbers that files say.
fn reached(cgroups: &str, mountinfo: &str, number: impl Fn(&str) -> Option<u64>) -> Option<u64> {
    let limit = |(tree, path): (Tree<'_>, &str)| {
        // In a container the root of the mount may be any part of the tree, as far as its cgroup.
        let below = path.strip_prefix(tree.root.trim_end_matches('/'));
        let below = below.filter(|below| below.is_empty() || below.starts_with('/'));
        let mut below = below.unwrap_or("").trim_end_matches('/');
        loop {
            let at = format!("{}{below}", tree.at);
            let most = number(&format!("{at}/pids.max"));
            if most.is_some() && number(&format!("{at}/pids.current")) >= most {
                return most;
            }
            below = below.rsplit_once('/')?.0;
        }
    };
    let trees = mountinfo.lines().filter_map(Tree::read);
    trees.filter_map(|tree| Some((tree, tree.path_in(cgroups)?))).find_map(limit)
}

/// A mounted tree of cgroups that may limit processes.
#[derive(Clone, Copy)]
struct Tree<'a> {
    /// Which part of the tree is mounted.
    root: &'a str,
    at: &'a str,
    is_v2: bool,
}

impl<'a> Tree<'a> {
    /// `36 35 0:31 /root /at rw,noatime master:1 - cgroup none rw,pids`
    fn read(line: &'a str) -> Option<Self> {
        let (left, right) = line.split_once(" - ")?;
        let mut left = left.split(' ').skip(3);
        let (root, at) = (left.next()?, left.next()?);
        let mut right = right.split(' ');
        let (kind, options) = (right.next()?, right.nth(1)?);
        let is_v2 = kind == "cgroup2";
        let limits = is_v2 || (kind == "cgroup" && options.split(',').any(|one| one == "pids"));
        limits.then_some(Self { root, at, is_v2 })
    }

    /// Where the process is in it: `0::/path`, or `8:pids:/path`.
    fn path_in<'b>(&self, cgroups: &'b str) -> Option<&'b str> {
        cgroups.lines().find_map(|line| {
            let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
            let is_here = if self.is_v2 {
                controllers.is_empty()
            } else {
                controllers.split(',').any(|one| one == "pids")
            };
            is_here.then_some(path)
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const V2: &str = "23 1 0:20 / / rw - ext4 /dev/root rw\n\
                      30 23 0:28 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n";
    const HYBRID: &str = "31 23 0:28 / /sys/fs/cgroup rw - tmpfs tmpfs rw\n\
                          39 31 0:36 / /sys/fs/cgroup/pids rw - cgroup cgroup rw,pids\n\
                          41 31 0:38 / /sys/fs/cgroup/unified rw - cgroup2 cgroup2 rw\n";
    const CONTAINER: &str =
        "39 31 0:36 /docker/abc /sys/fs/cgroup/pids ro - cgroup cgroup rw,cpu,pids\n";

    /// Each directory with its limit and how many processes there are; no limit is `max`.
    #[track_caller]
    fn check(
        cgroups: &str,
        mountinfo: &str,
        files: &[(&str, Option<u64>, u64)],
        expected: Option<u64>,
    ) {
        let number = |path: &str| {
            let (directory, name) = path.rsplit_once('/')?;
            let (_, most, current) = files.iter().find(|(at, ..)| *at == directory)?;
            if name == "pids.max" { *most } else { Some(*current) }
        };
        assert_eq!(reached(cgroups, mountinfo, number), expected, "{cgroups:?}");
    }

    #[test]
    fn the_limit_that_is_reached_is_found_on_the_way_up() {
        let own = "0::/system.slice/web.service/worker\n";
        let (slice, service) =
            ("/sys/fs/cgroup/system.slice", "/sys/fs/cgroup/system.slice/web.service");
        let worker = "/sys/fs/cgroup/system.slice/web.service/worker";
        check(own, V2, &[(worker, Some(9), 9), (service, Some(20), 20)], Some(9));
        check(own, V2, &[(worker, Some(9), 8), (service, Some(20), 20)], Some(20));
        check(own, V2, &[(worker, None, 8), (service, None, 20), (slice, Some(70), 71)], Some(70));
        check(own, V2, &[(worker, Some(9), 8), (service, None, 20), (slice, Some(70), 60)], None);
        // What is above the tree, or beside it, is not ours.
        check(own, V2, &[("", Some(1), 2), ("/sys/fs", Some(1), 2)], None);
        check("0::/\n", V2, &[("/sys/fs/cgroup", Some(64), 64)], Some(64));
    }

    #[test]
    fn either_version_is_found_where_it_is_mounted() {
        let own = "9:name=systemd:/\n8:pids:/a/b\n4:memory:/x\n0::/c\n";
        let (old, new) = ("/sys/fs/cgroup/pids/a/b", "/sys/fs/cgroup/unified/c");
        check(own, HYBRID, &[(old, Some(3), 3), (new, Some(5), 4)], Some(3));
        check(own, HYBRID, &[(old, Some(3), 2), (new, Some(5), 5)], Some(5));
        check(own, HYBRID, &[("/sys/fs/cgroup/pids/x", Some(3), 3)], None);
        // A container of version 1 sees its own part of the tree, and the path from the top.
        let own = "8:cpu,pids:/docker/abc/sub\n";
        check(own, CONTAINER, &[("/sys/fs/cgroup/pids/sub", Some(3), 3)], Some(3));
        check(own, CONTAINER, &[("/sys/fs/cgroup/pids", Some(4), 4)], Some(4));
        // One that was moved is shown from somewhere else.
        check("8:pids:/../x\n", CONTAINER, &[("/sys/fs/cgroup/pids", Some(4), 4)], Some(4));
    }

    #[test]
    fn a_text_that_is_none_says_nothing() {
        for end in 0..HYBRID.len() {
            let text = HYBRID.get(..end).unwrap_or("");
            check("0::/c\n8:pids", text, &[], None);
        }
        check("", V2, &[("/sys/fs/cgroup", Some(1), 1)], None);
    }
}
