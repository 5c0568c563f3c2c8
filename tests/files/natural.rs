//! Faults as disks, mounts and limits make them, on HTTP/1.1 and HTTP/2.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use expect_test::expect_file;
use letterhead::{FileSender, LetterheadLayer};
use rustix::process::{Gid, Resource, Rlimit, Uid, getrlimit, setrlimit};
use tower::Layer as _;

use crate::apart::{descriptors, in_namespace, runtime, tool, until};
use crate::cell::{Clients, Matrix, Told};
use crate::scratch::{Scratch, set_modified, settled};
use crate::serve::serve;
use crate::skip;

/// More than sockets and windows take, so that what happens behind the head happens midway.
const LARGE: usize = 64 << 20;

struct Table {
    matrix: Matrix,
    scratch: Scratch,
}

/// Who serves.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Root,
    Nobody,
}

impl Table {
    /// A row: `/f` below `root`, asked for while `midway` happens.
    fn row(&mut self, name: &str, root: &Path, who: Who, midway: impl FnOnce() + Send) {
        let told = Told::default();
        let sender = FileSender::new(root).unwrap().settle(std::time::Duration::ZERO);
        let sender = told.by(sender);
        let before = descriptors() - 1;
        let serving = || {
            if who == Who::Nobody {
                let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
                rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            }
            runtime().block_on(async {
                let server = serve(LetterheadLayer::new().layer(sender)).await;
                Clients::connect(&server).await.ask_while("/f", midway).await
            })
        };
        let cells = std::thread::scope(|scope| scope.spawn(serving).join().unwrap());
        // The root was closed with its sender.
        assert_eq!(descriptors(), before, "{name}");
        self.tell(name, &cells, &told);
    }

    fn tell(&mut self, name: &str, cells: &[String; 2], told: &Told) {
        self.matrix.row(name);
        for cell in cells {
            self.matrix.cell(cell);
        }
        self.matrix.cell(&told.take());
    }

    /// A directory with a file `f` of this size, made of `a`.
    fn directory(&self, name: &str, size: usize) -> PathBuf {
        self.scratch.write(&format!("{name}/f"), vec![b'a'; size]);
        self.scratch.path(name)
    }

    fn mounted(&self, name: &str, args: &[&str]) -> PathBuf {
        let at = self.scratch.path(name);
        fs::create_dir_all(&at).unwrap();
        let at_text = at.display().to_string();
        tool("mount", &[args, &[&at_text]].concat()).unwrap();
        at
    }

    /// A disk of its own with a large file on it, read from nowhere yet: its image and where it is.
    fn disk(&self, name: &str) -> (PathBuf, PathBuf) {
        let image = self.scratch.path(&format!("{name}.image"));
        File::create(&image).unwrap().set_len(2 * LARGE as u64).unwrap();
        let path = image.display().to_string();
        tool("mkfs.ext4", &["-q", "-F", &path]).unwrap();
        let at = self.mounted(name, &["-o", "loop", &path]);
        self.directory(name, LARGE);
        tool("umount", &[&at.display().to_string()]).unwrap();
        (image, self.mounted(name, &["-o", "loop", &path]))
    }
}

/// An attribute of a file, taken away again however the test ends: nobody could delete it.
struct Attribute<'a>(&'a str, &'a str);

impl<'a> Attribute<'a> {
    fn set(flag: &'a str, file: &'a str) -> Self {
        tool("chattr", &[&format!("+{flag}"), file]).unwrap();
        Self(flag, file)
    }
}

impl Drop for Attribute<'_> {
    fn drop(&mut self) {
        tool("chattr", &[&format!("-{}", self.0), self.1]).unwrap();
    }
}

/// Shuts an ext4 down, as an error of its journal would.
fn shut_down(at: &Path) {
    let script = "import fcntl, os, struct, sys\n\
                  fcntl.ioctl(os.open(sys.argv[1], 0), 0x8004587d, struct.pack('I', 2))";
    tool("python3", &["-c", script, &at.display().to_string()]).unwrap();
}

fn cut(image: &Path) {
    // What the filesystem needs of itself is in front.
    File::options().write(true).open(image).unwrap().set_len(4 << 20).unwrap();
}

fn mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn the_matrix_of_disks_mounts_and_limits() {
    in_namespace("natural::the_matrix_of_disks_mounts_and_limits", || {
        for needed in ["mkfs.ext4", "mkfs.erofs", "mksquashfs", "python3"] {
            if let Err(why) = tool("which", &[needed]) {
                return skip::tool(format!("{needed} ({why})"));
            }
        }
        let mut matrix = Matrix::new("disks, mounts and limits", 36, "what happens", 1);
        for name in ["http/1.1", "http/2", "told"] {
            matrix.cell(name);
        }
        let mut table = Table { matrix, scratch: Scratch::new() };
        mode(&table.scratch.path("."), 0o755);
        // What the first runtime opens for the process stays open.
        drop(runtime());
        permissions(&mut table);
        mounts(&mut table);
        disks(&mut table);
        limit(&mut table);
        table.matrix.finish(&expect_file!["./natural.txt"]);
    });
}

fn permissions(table: &mut Table) {
    let small = 2 * FileSender::CHUNK;
    let at = table.directory("attributes", small);
    let file = at.join("f").display().to_string();
    for (flag, name) in [("i", "immutable (chattr +i)"), ("a", "append-only (chattr +a)")] {
        let _attribute = Attribute::set(flag, &file);
        table.row(name, &at, Who::Root, || {});
        table.row(&format!("{name}, of others"), &at, Who::Nobody, || {});
    }
    mode(&at.join("f"), 0o000);
    table.row("mode 000, to root", &at, Who::Root, || {});
    table.row("mode 000, of others", &at, Who::Nobody, || {});
    mode(&at.join("f"), 0o644);
    mode(&at, 0o600);
    table.row("a directory that is closed", &at, Who::Nobody, || {});
    // Once opened, it is open.
    let at = table.directory("taken", LARGE);
    std::os::unix::fs::chown(at.join("f"), Some(65534), None).unwrap();
    table.row("mode 000 midway", &at, Who::Nobody, || mode(&at.join("f"), 0o000));
}

fn mounts(table: &mut Table) {
    let small = 2 * FileSender::CHUNK;
    let from = table.directory("plain", small).display().to_string();
    let at = table.mounted("bound", &["--bind", "-o", "ro", &from]);
    assert!(fs::write(at.join("g"), "").is_err(), "it is not read-only");
    table.row("a read-only bind mount", &at, Who::Root, || {});
    for (make, kind) in [("mksquashfs", "squashfs"), ("mkfs.erofs", "erofs")] {
        let image = table.scratch.path(&format!("{kind}.image")).display().to_string();
        let order = if kind == "erofs" { [&image, &from] } else { [&from, &image] };
        tool(make, &[&[order[0].as_str(), order[1].as_str()][..]].concat()).unwrap();
        let at = table.mounted(kind, &["-o", "loop,ro", "-t", kind, &image]);
        table.row(kind, &at, Who::Root, || {});
    }
    let at = table.mounted("full", &["-t", "tmpfs", "-o", "size=1m", "none"]);
    table.directory("full", small);
    let mut rest = File::create(at.join("rest")).unwrap();
    while rest.write_all(&[0; 4096]).is_ok() {}
    table.row("a full tmpfs", &at, Who::Root, || {});
    let at = table.mounted("many", &["-t", "tmpfs", "-o", "nr_inodes=3", "none"]);
    table.directory("many", small);
    File::create(at.join("last")).unwrap();
    File::create(at.join("one too many")).unwrap_err();
    table.row("a tmpfs without inodes", &at, Who::Root, || {});
    // What is served is the directory that was opened, not what its name comes to mean.
    let at = table.mounted("left", &["-t", "tmpfs", "none"]);
    table.directory("left", LARGE);
    let text = at.display().to_string();
    let leave = || tool("umount", &["--lazy", &text]).unwrap();
    table.row("an unmount midway", &at, Who::Root, leave);
}

fn disks(table: &mut Table) {
    let (_, at) = table.disk("well");
    table.row("a disk that is well", &at, Who::Root, || {});
    table.row("a disk shut down midway", &at, Who::Root, || shut_down(&at));
    table.row("a disk shut down before", &at, Who::Root, || {});
    let (image, at) = table.disk("cut");
    table.row("an image cut off midway", &at, Who::Root, || cut(&image));
    let (image, at) = table.disk("cut-before");
    cut(&image);
    table.row("an image cut off before", &at, Who::Root, || {});
}

/// No descriptor to be had, and then there are some again.
fn limit(table: &mut Table) {
    let told = Told::default();
    let at = table.directory("limit", LARGE);
    set_modified(&at.join("f"), settled());
    let sender = told.by(FileSender::new(&at).unwrap());
    runtime().block_on(async {
        let server = serve(LetterheadLayer::new().layer(sender)).await;
        let mut clients = Clients::connect(&server).await;
        let before = getrlimit(Resource::Nofile);
        let none = || Rlimit { current: Some(0), ..before };
        let midway = || setrlimit(Resource::Nofile, none()).unwrap();
        table.tell("no descriptor midway", &clients.ask_while("/f", midway).await, &told);
        table.tell("no descriptor to be had", &clients.ask("/f").await, &told);
        table.tell("still none", &clients.ask("/f").await, &told);
        setrlimit(Resource::Nofile, before).unwrap();
        table.tell("descriptors again", &clients.ask("/f").await, &told);
        let open = || {
            let all = fs::read_dir("/proc/self/fd").unwrap();
            all.filter(|fd| {
                fs::read_link(fd.as_ref().unwrap().path()).is_ok_and(|path| path.starts_with(&at))
            })
            .count()
        };
        // The root alone.
        until("the file closed", || open() == 1).await;
    });
}
