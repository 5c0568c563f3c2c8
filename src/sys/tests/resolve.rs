//! Paths against one tree, by `openat2` and by the walk: both have to say the same.

use std::fs;
use std::os::unix::net::UnixListener;

use rustix::fs::{CWD, FileType, Mode};

use super::{BENEATH, FOLLOW, How, NO_LINKS, Scratch, both_ways, is_root, outcome, tool};
use crate::skip;
use crate::sys::filesystem::Place;
use crate::sys::open::Opened;
use crate::sys::read::Tried;

const OUTSIDE: &str = "404 Outside EXDEV (18)";
const LINK: &str = "403 Link ELOOP (40)";
const ABSENT: &str = "404 Errno ENOENT (2)";
const NOT_DIR: &str = "404 Errno ENOTDIR (20)";
const LOOP: &str = "404 Errno ELOOP (40)";
const TOO_LONG: &str = "404 Errno ENAMETOOLONG (36)";

fn tree() -> Scratch {
    let scratch = Scratch::new();
    scratch.write("secret", "secret").write("root/a", "a").write("root/d/e/f", "f");
    scratch.write("root/d/g", "g").write("root/\u{1f4c4} x", "odd").write("root/..b", "..b");
    let out = scratch.path("secret").to_str().unwrap().to_owned();
    scratch.link("root/to-a", "a").link("root/to-d", "d").link("root/d/up", "../a");
    scratch.link("root/d/e/up-up", "../../to-a").link("root/slash", "d/").link("root/dot", ".");
    scratch
        .link("root/out", &out)
        .link("root/climb", "../secret")
        .link("root/d/climb", "../../secret");
    scratch.link("root/round", "d/../a").link("root/loop", "loop").link("root/ping", "pong");
    scratch.link("root/pong", "ping").link("root/dangling", "nothing").link("root/a-slash", "a/");
    let inside = |name: &str| scratch.path("root").join(name).to_str().unwrap().to_owned();
    scratch.link("root/abs-in", &inside("a")).link("root/abs-d", &inside("d/"));
    scratch.link("root/d/abs-root", &inside("")).link("root/abs-abs", &inside("abs-d/e/f"));
    scratch
        .link("root/abs-climb", &inside("d/../../secret"))
        .link("root/abs-none", &inside("nothing"));
    scratch.link("root/abs-loop", &inside("abs-loop")).link("root/abs-round", &inside("d/../a"));
    // Its text begins like the root, and leads beside it.
    scratch
        .write("rootx/a", "beside")
        .link("root/abs-near", scratch.path("rootx/a").to_str().unwrap());
    for at in 0..42 {
        scratch.link(&format!("root/chain{at}"), &format!("chain{}", at + 1));
    }
    scratch.write("root/chain42", "end");
    scratch
}

#[test]
fn openat2_and_the_walk_say_the_same() {
    let scratch = tree();
    let roots = both_ways(&scratch.path("root"));
    let long = vec![b'x'; 300];
    let deep = b"./".repeat(3000);
    // Path; with links beneath the root; with none.
    let rows: &[(&[u8], &str, &str)] = &[
        (b"a", "a", "a"),
        (b"./a", "a", "a"),
        (b"d//e/./f", "f", "f"),
        (b"d/e/../g", "g", "g"),
        (b"d/..//a", "a", "a"),
        (b"", "directory", "directory"),
        (b".", "directory", "directory"),
        (b"d", "directory", "directory"),
        (b"d/", "directory", "directory"),
        (b"d/e/..", "directory", "directory"),
        (b"d/..", "directory", "directory"),
        ("\u{1f4c4} x".as_bytes(), "odd", "odd"),
        (b"..b", "..b", "..b"),
        (b"\xff\xfe", ABSENT, ABSENT),
        (b"nothing", ABSENT, ABSENT),
        (b"nothing/..", ABSENT, ABSENT),
        (b"a/", NOT_DIR, NOT_DIR),
        (b"a/.", NOT_DIR, NOT_DIR),
        (b"a/..", NOT_DIR, NOT_DIR),
        (b"a/b", NOT_DIR, NOT_DIR),
        (b"..", OUTSIDE, OUTSIDE),
        (b"../secret", OUTSIDE, OUTSIDE),
        (b"../root/a", OUTSIDE, OUTSIDE),
        (b"d/../../secret", OUTSIDE, OUTSIDE),
        (b"/etc/passwd", OUTSIDE, OUTSIDE),
        (b"/", OUTSIDE, OUTSIDE),
        (b"to-a", "a", LINK),
        (b"to-d/g", "g", LINK),
        (b"to-d/", "directory", LINK),
        (b"slash", "directory", LINK),
        (b"a-slash", NOT_DIR, LINK),
        (b"dot/dot/a", "a", LINK),
        (b"d/up", "a", LINK),
        (b"d/e/up-up", "a", LINK),
        (b"round", "a", LINK),
        (b"to-d/../a", "a", LINK),
        (b"out", OUTSIDE, LINK),
        (b"climb", OUTSIDE, LINK),
        (b"d/climb", OUTSIDE, LINK),
        (b"to-d/climb", OUTSIDE, LINK),
        (b"abs-in", "a", LINK),
        (b"abs-d/g", "g", LINK),
        (b"abs-d", "directory", LINK),
        (b"d/abs-root", "directory", LINK),
        (b"d/abs-root/abs-d/abs-root/d/g", "g", LINK),
        (b"abs-abs", "f", LINK),
        (b"abs-round", "a", LINK),
        (b"abs-climb", OUTSIDE, LINK),
        (b"abs-near", OUTSIDE, LINK),
        (b"abs-none", ABSENT, LINK),
        (b"abs-loop", LOOP, LINK),
        (b"abs-in/", NOT_DIR, LINK),
        (b"dangling", ABSENT, LINK),
        (b"loop", LOOP, LINK),
        (b"ping", LOOP, LINK),
        (b"chain2", "end", LINK),
        (b"chain1", LOOP, LINK),
        (&long, TOO_LONG, TOO_LONG),
        (&deep, TOO_LONG, TOO_LONG),
        (b"a\0b", "404 Nul EINVAL (22)", "404 Nul EINVAL (22)"),
    ];
    for (path, beneath, none) in rows {
        for (root, way) in roots.iter().zip(["openat2", "walk"]) {
            let name = String::from_utf8_lossy(&path[..path.len().min(40)]);
            assert_eq!(outcome(root, path, BENEATH), *beneath, "{way}, links beneath: {name}");
            assert_eq!(outcome(root, path, NO_LINKS), *none, "{way}, no links: {name}");
            let no_atime = How { no_atime: true, ..BENEATH };
            assert_eq!(outcome(root, path, no_atime), *beneath, "{way}, no atime: {name}");
        }
    }
}

#[test]
fn an_absolute_link_may_name_the_root_by_the_link_that_leads_to_it() {
    let scratch = tree();
    scratch.link("current", "root");
    for name in ["current", "root"] {
        let target = scratch.path(name).join("d/g").to_str().unwrap().to_owned();
        scratch.link(&format!("root/by-{name}"), &target);
    }
    for root in both_ways(&scratch.path("current")) {
        for path in ["by-current", "by-root"] {
            assert_eq!(outcome(&root, path.as_bytes(), BENEATH), "g", "{path}");
        }
        // Wherever the link is turned, this stays the directory that was opened.
        fs::remove_file(scratch.path("current")).unwrap();
        scratch.write("other/d/g", "other").link("current", "other");
        assert_eq!(outcome(&root, b"by-current", BENEATH), "g");
        fs::remove_file(scratch.path("current")).unwrap();
        scratch.link("current", "root");
    }
    // Opened by its own name it knows of no link to it.
    for root in both_ways(&scratch.path("root")) {
        assert_eq!(outcome(&root, b"by-current", BENEATH), OUTSIDE);
    }
    // A root that is everything.
    for root in both_ways(std::path::Path::new("/")) {
        let path = scratch.path("root/abs-in");
        assert_eq!(outcome(&root, &path.as_os_str().as_encoded_bytes()[1..], BENEATH), "a");
    }
}

#[test]
fn the_opt_out_follows_links_anywhere_but_not_the_path_itself() {
    let scratch = tree();
    for root in both_ways(&scratch.path("root")) {
        for (path, found) in [
            ("out", "secret"),
            ("climb", "secret"),
            ("abs-in", "a"),
            ("to-d/g", "g"),
            ("../secret", OUTSIDE),
            ("d/../a", OUTSIDE),
            ("/etc/passwd", OUTSIDE),
            ("loop", LOOP),
        ] {
            assert_eq!(outcome(&root, path.as_bytes(), FOLLOW), found, "{path}");
            let no_atime = How { no_atime: true, ..FOLLOW };
            assert_eq!(outcome(&root, path.as_bytes(), no_atime), found, "{path}");
        }
    }
}

#[test]
fn only_files_and_directories_are_handed_out_and_nothing_hangs() {
    let scratch = Scratch::new();
    scratch.write("root/d/x", "x");
    let path = |name| scratch.path("root").join(name);
    rustix::fs::mknodat(CWD, path("fifo"), FileType::Fifo, Mode::RUSR, 0).unwrap();
    let socket = UnixListener::bind(path("socket")).unwrap();
    let device = rustix::fs::makedev(1, 3);
    let mknod = |kind, name, device| rustix::fs::mknodat(CWD, path(name), kind, Mode::RUSR, device);
    let devices = mknod(FileType::CharacterDevice, "null", device).is_ok();
    for root in both_ways(&scratch.path("root")) {
        for how in [BENEATH, NO_LINKS, FOLLOW] {
            assert_eq!(outcome(&root, b"fifo", how), "404 NotAFile(Fifo) ENXIO (6)");
            assert_eq!(outcome(&root, b"socket", how), "404 Errno ENXIO (6)");
            assert_eq!(outcome(&root, b"d", how), "directory");
            if devices {
                let found = outcome(&root, b"null", how);
                assert_eq!(found, "404 NotAFile(CharacterDevice) ENXIO (6)");
            }
        }
    }
    drop(socket);
    if !devices {
        skip::right("root, to make a device");
    }
}

#[test]
fn the_cache_knows_or_says_nothing() {
    let scratch = tree();
    let [root, walking] = both_ways(&scratch.path("root"));
    let cached = |root: &crate::sys::root::Root, path: &str, how| {
        root.resolve_cached(path.as_bytes(), how).map(|opened| match opened {
            Opened::File(handle) => handle.stat().identity.size,
            Opened::Directory(_) => 0,
        })
    };
    // What was just opened is in the cache, unless the kernel is older than 5.12.
    for (path, size) in [("d/e/f", Some(1)), ("chain42", Some(3)), ("d", Some(0))] {
        assert!(root.resolve(path.as_bytes(), BENEATH).is_ok());
        let found = cached(&root, path, BENEATH);
        assert!(found == size || root.memory().cached_is_missing(), "{path}: {found:?}");
        assert_eq!(cached(&walking, path, BENEATH), None);
    }
    for path in ["nothing", "../secret", "out", "a/b", "a\0", &"x".repeat(300)] {
        assert_eq!(cached(&root, path, BENEATH), None, "{path}");
    }
    assert_eq!(cached(&root, "../secret", FOLLOW), None);
    assert_eq!(cached(&root, "to-a", NO_LINKS), None);
}

#[test]
fn what_is_mounted_below_the_root_is_not_opened_inline() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a").write("root/m/a", "under");
    let target = scratch.path("root/m");
    if !is_root() || !tool("mount", &["-t", "tmpfs", "none", target.to_str().unwrap()]) {
        return skip::right("root, to mount a tmpfs");
    }
    scratch.write("root/m/a", "mounted");
    let root = scratch.root("root");
    let place = |path: &[u8]| match root.resolve(path, BENEATH).unwrap() {
        Opened::File(handle) | Opened::Directory(handle) => handle.place(),
    };
    let places = (place(b"a"), place(b"m/a"));
    let inline = (root.resolve_cached(b"a", BENEATH), root.resolve_cached(b"m/a", BENEATH));
    let follow = root.resolve_cached(b"m/a", FOLLOW);
    let inline = (inline.0.is_some(), inline.1.is_some(), follow.is_some());
    assert!(tool("umount", &[target.to_str().unwrap()]));
    assert_eq!(places, (root.place(), Place::Elsewhere));
    assert_eq!(inline, (root.place() != Place::Elsewhere, false, false));
}

#[test]
fn a_root_that_may_be_behind_a_network_is_never_asked_inline() {
    // The kernel's own tables are no filesystem of a disk.
    let root = crate::sys::root::Root::open(std::path::Path::new("/proc/self")).unwrap();
    assert_eq!(root.place(), Place::Elsewhere);
    let Ok(Opened::File(file)) = root.resolve(b"status", BENEATH) else { panic!("no status") };
    assert!(root.resolve_cached(b"status", BENEATH).is_none());
    assert_eq!(file.try_read_at(&mut [0; 8], 0).unwrap(), Tried::Unsupported);
}

#[test]
fn a_root_stays_the_directory_that_was_opened() {
    let scratch = Scratch::new();
    scratch.write("one/x", "one").write("two/x", "two").link("current", "one");
    for root in both_ways(&scratch.path("current")) {
        assert_eq!(outcome(&root, b"x", BENEATH), "one");
    }
    let root = scratch.root("current");
    fs::remove_file(scratch.path("current")).unwrap();
    scratch.link("current", "two");
    assert_eq!(outcome(&root, b"x", BENEATH), "one");
    let now = scratch.root("current");
    assert_ne!(root.stat().unwrap().identity.ino, now.stat().unwrap().identity.ino);
    assert_eq!(outcome(&now, b"x", BENEATH), "two");
    let absent = crate::sys::root::Root::open(&scratch.path("absent")).unwrap_err();
    assert_eq!(absent.to_string(), "wanted the root directory, found ENOENT (2)");
    let file = crate::sys::root::Root::open(&scratch.path("one/x")).unwrap_err();
    assert_eq!(file.to_string(), "wanted the root directory, found ENOTDIR (20)");
}

#[test]
fn a_path_too_deep_to_walk_is_too_long() {
    let scratch = Scratch::new();
    scratch.write("root/a", "a");
    let root = &both_ways(&scratch.path("root"))[1];
    let mut path = scratch.path("root");
    for _ in 0..130 {
        path.push("d");
        fs::create_dir(&path).unwrap();
    }
    assert_eq!(outcome(root, "d/".repeat(128).as_bytes(), BENEATH), "directory");
    assert_eq!(outcome(root, "d/".repeat(130).as_bytes(), BENEATH), TOO_LONG);
    // Going back up closes what was passed.
    assert_eq!(outcome(root, ["d/..", "a"].join("/").as_bytes(), BENEATH), "a");
    assert_eq!(outcome(root, format!("{}a", "d/../".repeat(500)).as_bytes(), BENEATH), "a");
}
