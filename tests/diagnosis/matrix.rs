//! The matrix: each cause by each operation that it refuses, and what is said of it.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::os::unix::fs::chown;
use std::path::Path;

use expect_test::expect_file;
use rustix::fs::Mode;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::apart::{in_namespace, tool};
use crate::confined::{Calls, after, become_nobody, by, deny, landlock};
use crate::figures::figures;
use crate::observe::{Told, observe};
use crate::places::{Places, fill_up, name, run};
use crate::skip;

/// Words of which each names a cause.
const CAUSES: [&str; 21] = [
    "seccomp",
    "lacks r",
    "lacks w",
    "lacks x",
    "access control list",
    "not mapped",
    "idmapped",
    "belongs to",
    "immutable",
    "append-only",
    "sticky",
    "is read-only",
    "room",
    "inode",
    "quota",
    "RLIMIT",
    "pids.max",
    "security module",
    "decides by itself",
    "does not hear of it",
    "no cause that can be seen",
];

/// Fewer cells are a cause that was not made.
const LEAST: usize = 120;

#[derive(Default)]
struct Matrix {
    /// Cause, operation, error number, sentence: for people.
    table: String,
    /// The same without the sentence, which names places and owners.
    shape: String,
    cells: usize,
    wrong: Vec<String>,
}

impl Matrix {
    /// What was told where `cause` was in the way: each says one of `words`, and nothing of another cause.
    fn row(&mut self, cause: &str, words: &[&str], told: &BTreeSet<Told>) {
        let _ = writeln!(self.table, "{cause}: {}", words.join(" | "));
        let _ = writeln!(self.shape, "{cause}");
        if told.is_empty() {
            self.wrong.push(format!("{cause}: nothing was refused"));
        }
        for Told { operation, errno, why } in told {
            self.cells += 1;
            // Who asked is behind the cause.
            let said = why.split("; as uid ").next().unwrap_or_default();
            let named = |word: &&&str| said.contains(**word);
            let allowed = |word: &&&str| words.iter().any(|words| words.contains(**word));
            let foreign: Vec<_> =
                CAUSES.iter().filter(named).filter(|word| !allowed(word)).collect();
            if !words.iter().any(|word| said.contains(word)) || !foreign.is_empty() {
                self.wrong.push(format!("{cause}, {operation}, {errno}: {why} ({foreign:?})"));
            }
            let _ = writeln!(self.table, "    {operation:<14} {errno:>3} {said}");
            let _ = writeln!(self.shape, "    {operation:<14} {errno:>3}");
        }
    }
}

#[test]
fn each_refusal_names_its_cause_and_no_other() {
    in_namespace("matrix::each_refusal_names_its_cause_and_no_other", || {
        for needed in ["mkfs.ext4", "mkfs.btrfs", "btrfs", "chattr", "setpriv", "python3"] {
            if let Err(why) = tool("which", &[needed]) {
                return skip::tool(format!("{needed} ({why})"));
            }
        }
        let (mut matrix, mut places) = (Matrix::default(), Places::new());
        attributes(&mut matrix, &mut places);
        mounts(&mut matrix, &mut places);
        room(&mut matrix, &mut places);
        rights(&mut matrix, &mut places);
        processes(&mut matrix, &mut places);
        filters(&mut matrix, &mut places);
        confined(&mut matrix, &mut places);
        let Matrix { table, shape, cells, wrong } = matrix;
        let scratch = name(&places.path(""));
        let table = table.replace(scratch.trim_start_matches('/'), "scratch/");
        let right = cells - wrong.len();
        figures(
            "diagnosis",
            &format!("{table}{right} of {cells} cells name their cause and no other"),
        );
        assert!(wrong.is_empty(), "{}\n{table}", wrong.join("\n"));
        assert!(cells >= LEAST, "{cells} cells");
        expect_file!["./matrix.txt"].assert_eq(&shape);
    });
}

fn mode(path: &Path, mode: u32) {
    rustix::fs::chmod(path, Mode::from_raw_mode(mode)).unwrap();
}

fn attributes(matrix: &mut Matrix, places: &mut Places) {
    for (flag, word) in [("i", "is immutable"), ("a", "is append-only")] {
        for (what, named) in
            [("old", "`old` "), ("", "`.` "), (".letterhead.lock", "`.letterhead.lock` ")]
        {
            let at = places.filled();
            let path = name(&at.join(what));
            run("chattr", &[&format!("+{flag}"), &path]);
            let cause = format!("chattr +{flag} {}", if what.is_empty() { "." } else { what });
            matrix.row(&cause, &[&format!("{named}{word}")], &observe(&at));
            run("chattr", &[&format!("-{flag}"), &path]);
        }
    }
}

fn mounts(matrix: &mut Matrix, places: &mut Places) {
    let at = places.filled();
    let bound = places.bound(&at, "bound", "remount,bind,ro");
    let words = [&*format!("the mount on {} (ext4) is read-only", name(&bound))];
    matrix.row("a bind mount that is read-only", &words, &observe(&bound));
    let at = places.ext4("read-only");
    run("mount", &["-o", "remount,ro", &name(&at)]);
    let words = [&*format!("the filesystem on {} (ext4) is read-only", name(&at))];
    matrix.row("a filesystem that was mounted read-only", &words, &observe(&at));
    let at = places.tmpfs("tmpfs-ro", "size=8m");
    run("mount", &["-o", "remount,ro", &name(&at)]);
    matrix.row("a tmpfs that was mounted read-only", &["is read-only"], &observe(&at));
    let below = places.filled();
    let at = places.idmapped(&below, "idmapped");
    let words = ["(ext4) is idmapped: it shows other owners", "lacks w for others"];
    matrix.row("a mount without a number for root", &words, &observe(&at));
    let at = places.overlay("overlay");
    let words = ["may be written to where this kernel does not hear of it"];
    matrix.row("an overlay", &words, &observe(&at));
}

fn room(matrix: &mut Matrix, places: &mut Places) {
    let at = places.tmpfs("full", "size=1m");
    fill_up(&at);
    matrix.row("a full tmpfs", &["room"], &observe(&at));
    let at = places.tmpfs("small", "size=300k");
    matrix.row("a tmpfs that is too small", &["room"], &observe(&at));
    let at = places.tmpfs("inodes", "nr_inodes=7");
    fs::write(at.join("last"), "").unwrap();
    matrix.row("a tmpfs without inodes", &["no inode is left"], &observe(&at));
    let at = places.ext4("full-ext4");
    fill_up(&at);
    matrix.row("a full ext4", &["room"], &observe(&at));
    let at = places.btrfs("btrfs");
    matrix.row("a quota of btrfs", &["the quota of a qgroup is used up"], &observe(&at));
    let at = places.filled();
    let before = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(0), ..before }).unwrap();
    let told = observe(&at);
    setrlimit(Resource::Fsize, before).unwrap();
    matrix.row("a limit of files' sizes", &["(RLIMIT_FSIZE) is 0 bytes"], &told);
}

fn rights(matrix: &mut Matrix, places: &mut Places) {
    let nobody = |at: &Path| after(at, become_nobody);
    let open = |at: &Path| mode(at, 0o777);
    let not_owner = "`file` belongs to user 0";
    let below = "`d/file` belongs to user 0";
    let at = places.filled();
    let words = ["lacks w for others", not_owner, below];
    matrix.row("a directory of somebody else", &words, &nobody(&at));
    let at = places.filled();
    open(&at);
    fs::remove_file(at.join(".letterhead.lock")).unwrap();
    let old = "`old` belongs to user 0";
    matrix.row(
        "a file of somebody else",
        &["`old` lacks w for others", old, not_owner, below],
        &nobody(&at),
    );
    let at = places.filled();
    open(&at);
    mode(&at.join(".letterhead.lock"), 0o600);
    let words = ["`.letterhead.lock` lacks r", "`old` lacks w for others", old, not_owner, below];
    matrix.row("a lock file of somebody else", &words, &nobody(&at));
    let at = places.filled();
    open(&at);
    for file in ["old", "file", "d/file", ".letterhead.lock"] {
        mode(&at.join(file), 0);
    }
    mode(&at.join("d"), 0o711);
    let words = [
        "`old` lacks r",
        "`file` lacks r",
        "`d/file` lacks r",
        "`d` lacks r",
        "`.letterhead.lock` lacks r",
    ];
    matrix.row("files of mode 0", &words, &nobody(&at));
    let at = places.filled();
    mode(&at, 0);
    matrix.row("a directory of mode 0", &["lacks r", "lacks x"], &nobody(&at));
    let at = places.filled();
    mode(&at, 0o444);
    matrix.row("a directory that may not be passed", &["lacks x"], &nobody(&at));
    let at = places.filled();
    mode(&at.join("d"), 0o600);
    open(&at);
    fs::remove_file(at.join(".letterhead.lock")).unwrap();
    chown(at.join("old"), Some(65534), Some(65534)).unwrap();
    chown(at.join("file"), Some(65534), Some(65534)).unwrap();
    matrix.row("a directory on the way that is closed", &["`d` lacks x for others"], &nobody(&at));
    let at = places.filled();
    mode(&at, 0o1777);
    fs::remove_file(at.join(".letterhead.lock")).unwrap();
    mode(&at.join("old"), 0o666);
    let words = ["`.` is sticky: only user 0, who owns `old`", old, not_owner, below];
    matrix.row("a sticky directory", &words, &nobody(&at));
    let at = places.filled();
    open(&at);
    for file in ["old", "file", ".letterhead.lock"] {
        denied_by_list(&at.join(file));
    }
    let words = ["has an access control list that does not give", below];
    matrix.row("an access control list", &words, &nobody(&at));
}

/// An access control list of a file that gives nobody nothing.
fn denied_by_list(path: &Path) {
    let entries: [(u16, u16, u32); 5] =
        [(1, 6, u32::MAX), (2, 0, 65534), (4, 6, u32::MAX), (16, 6, u32::MAX), (32, 6, u32::MAX)];
    let mut list = 2_u32.to_le_bytes().to_vec();
    for (tag, bits, id) in entries {
        list.extend(tag.to_le_bytes().iter().chain(&bits.to_le_bytes()).chain(&id.to_le_bytes()));
    }
    let flags = rustix::fs::XattrFlags::empty();
    rustix::fs::setxattr(path, "system.posix_acl_access", &list, flags).unwrap();
}

fn processes(matrix: &mut Matrix, places: &mut Places) {
    let told = places.path("told");
    let owned = |at: &Path, mode_of: u32| {
        for file in ["", "old", "file", "d", "d/file", ".letterhead.lock"] {
            chown(at.join(file), Some(1000), Some(1000)).unwrap();
        }
        for file in ["old", "file", "d/file", ".letterhead.lock"] {
            mode(&at.join(file), mode_of);
        }
    };
    let namespace = ["unshare", "--user", "--map-root-user"];
    let at = places.filled();
    owned(&at, 0o644);
    let words = ["its owner and its group are not mapped in this user namespace"];
    let with = [words[0], "lacks w for others", "belongs to user 65534"];
    matrix.row("a user namespace without the owner", &with, &by(&namespace, &at, &told));
    let at = places.filled();
    owned(&at, 0o600);
    let with = [words[0], "lacks r for others", "lacks w for others", "belongs to user 65534"];
    matrix.row("the same, and private", &with, &by(&namespace, &at, &told));
    let at = places.filled();
    owned(&at, 0o640);
    mode(&at, 0o700);
    let bare = ["setpriv", "--bounding-set=-all", "--inh-caps=-all"];
    let words = ["`.` lacks x for others", "lacks r for others"];
    matrix.row("root without capabilities", &words, &by(&bare, &at, &told));
    let at = places.filled();
    let other = ["setpriv", "--reuid=1000", "--regid=1000", "--clear-groups", "--no-new-privs"];
    let words = ["lacks w for others", "belongs to user 0"];
    matrix.row("setpriv, another user", &words, &by(&other, &at, &told));
}

/// Which calls are refused, and what is said of each.
const FILTERED: [(&str, Calls); 13] = [
    ("openat", &[(libc::SYS_openat, Some((2, libc::O_TMPFILE as u64)))]),
    ("fallocate", &[(libc::SYS_fallocate, None)]),
    ("pwrite64", &[(libc::SYS_pwrite64, None)]),
    ("pread64", &[(libc::SYS_pread64, None), (libc::SYS_preadv2, None)]),
    ("ftruncate", &[(libc::SYS_ftruncate, None)]),
    ("fsync", &[(libc::SYS_fsync, None)]),
    ("fdatasync", &[(libc::SYS_fdatasync, None)]),
    ("linkat", &[(libc::SYS_linkat, None)]),
    ("rename", &[(libc::SYS_renameat, None), (libc::SYS_renameat2, None)]),
    ("unlinkat", &[(libc::SYS_unlinkat, None)]),
    ("fcntl", &[(libc::SYS_fcntl, Some((1, libc::F_OFD_SETLK as u64)))]),
    ("getdents64", &[(libc::SYS_getdents64, None)]),
    ("inotify_add_watch", &[(libc::SYS_inotify_add_watch, None)]),
];

fn filters(matrix: &mut Matrix, places: &mut Places) {
    for (call, calls) in FILTERED {
        for (errno, number) in
            [(libc::EPERM, "EPERM (1)"), (libc::EACCES, "EACCES (13)"), (libc::EROFS, "EROFS (30)")]
        {
            let at = places.filled();
            let told = after(&at, || deny(calls, errno));
            let words = ["a filter of system calls (seccomp) answers "];
            let named =
                told.iter().all(|told| told.why.contains(call) && told.why.contains(number));
            assert!(named, "{call} {number}: {told:?}");
            matrix.row(&format!("a filter, {call}, {number}"), &words, &told);
        }
    }
    let at = places.filled();
    let told =
        after(&at, || deny(&[(libc::SYS_clone3, None), (libc::SYS_clone, None)], libc::EAGAIN));
    matrix.row("a filter, threads", &["(seccomp) answers clone3 with EAGAIN (11)"], &told);
    // A filter is there, and is not the cause.
    let at = places.filled();
    let told = after(&at, || {
        become_nobody();
        deny(&[(libc::SYS_acct, None)], libc::EPERM);
    });
    let words = ["lacks w for others", "`file` belongs to user 0", "`d/file` belongs to user 0"];
    matrix.row("a directory of somebody else, behind a filter for something else", &words, &told);
}

/// `LANDLOCK_ACCESS_FS_..`, version 1.
const WRITE_FILE: u64 = 1 << 1;
const READ_FILE: u64 = 1 << 2;
const READ_DIRECTORY: u64 = 1 << 3;
const REMOVE_FILE: u64 = 1 << 5;
const MAKE_FILE: u64 = 1 << 8;

fn confined(matrix: &mut Matrix, places: &mut Places) {
    let words = ["a security module refuses (Landlock"];
    for (cause, rights) in [
        ("Landlock: no file is written to", WRITE_FILE),
        ("Landlock: no file is made", MAKE_FILE),
        ("Landlock: no file is removed", REMOVE_FILE),
        ("Landlock: nothing is changed", WRITE_FILE | MAKE_FILE | REMOVE_FILE),
        ("Landlock: no directory is read", READ_DIRECTORY),
        ("Landlock: no file is read", READ_FILE),
    ] {
        let at = places.filled();
        matrix.row(cause, &words, &after(&at, || landlock(rights)));
    }
}
