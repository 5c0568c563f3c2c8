//! Full disks, read-only mounts, attributes and limits, as they are: nothing torn, nothing left over.

use std::fmt::Write as _;
use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::{PermissionsExt as _, chown};
use std::path::{Path, PathBuf};

use bytes::Bytes;
use expect_test::expect_file;
use http::Response;
use http_body_util::Full;
use letterhead::store::{Published, Store, StoreError, Strategy, When};
use rustix::process::{Gid, Resource, Rlimit, Uid, getrlimit, setrlimit};

use crate::apart::{in_namespace, runtime, tool};
use crate::scratch::Scratch;
use crate::skip;
use crate::tools::{get, text};

const LARGE: usize = 2 << 20;

/// Who works.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Who {
    Root,
    Nobody,
}

fn outcome(done: Result<Published, StoreError>) -> String {
    match done {
        Ok(published) => match published.strategy {
            Strategy::Anonymous => "anonymous".to_owned(),
            Strategy::Replace => "replace".to_owned(),
            Strategy::InPlace => "in place".to_owned(),
            other => format!("{other:?}"),
        },
        Err(error) => {
            let (operation, errno) = error.refused().unwrap();
            let text = error.to_string();
            let found = text.split("found ").nth(1).unwrap_or_default();
            let name = if found.starts_with("room for ") {
                assert_eq!(errno, libc::ENOSPC);
                "ENOSPC before it came"
            } else {
                found.split(' ').next().unwrap_or_default()
            };
            assert!(errno > 0);
            format!("{} {name}, {}", error.status().as_u16(), operation.as_str())
        }
    }
}

/// What becomes of each operation on `/old`, which was there before, and of a new file.
async fn each(directory: &Path) -> [String; 7] {
    let store = Store::open(directory).unwrap();
    let large = || Response::new(Full::<Bytes>::from(vec![b'x'; LARGE]));
    let create = outcome(store.put("new", When::New, large()).await);
    let stream = async {
        // Of a length that is not known before its end.
        let mut upload = store.upload("stream", When::New, None).await?;
        for _ in 0..LARGE >> 16 {
            upload.write(vec![b'x'; 1 << 16].into()).await?;
        }
        upload.publish(&Response::new(())).await
    };
    let stream = outcome(stream.await);
    let put = outcome(store.put("old", When::Always, large()).await);
    let head = |filler: usize| {
        Response::builder().header("x-filler", "x".repeat(filler)).body(()).unwrap()
    };
    let update = outcome(store.update("old", None, &head(100)).await);
    let long = outcome(store.update("old", None, &head(40_000)).await);
    let (status, content) = get(&store, "old").await;
    assert!(status != 200 || content == "old" || content.len() == LARGE, "{content:.40}");
    let which = if content == "old" { "old" } else { "new" };
    let read = if status == 200 { format!("200, the {which} one") } else { status.to_string() };
    let remove = match store.remove("old", None).await {
        Ok(_) => "removed".to_owned(),
        Err(error) => outcome(Err(error)),
    };
    [create, stream, put, update, long, read, remove]
}

struct Table {
    text: String,
    scratch: Scratch,
}

impl Table {
    fn row(&mut self, name: &str, directory: &Path, who: Who) {
        let work = || {
            if who == Who::Nobody {
                let (uid, gid) = (Uid::from_raw(65534), Gid::from_raw(65534));
                rustix::thread::set_thread_groups(&[]).unwrap();
                rustix::thread::set_thread_res_gid(gid, gid, gid).unwrap();
                rustix::thread::set_thread_res_uid(uid, uid, uid).unwrap();
            }
            runtime().block_on(each(directory))
        };
        let outcomes = std::thread::scope(|scope| scope.spawn(work).join().unwrap());
        let _ = writeln!(self.text, "{name}");
        let operations = ["create", "stream", "put", "update", "long", "read", "remove"];
        for (operation, outcome) in operations.iter().zip(outcomes) {
            let _ = writeln!(self.text, "    {operation:<7} {outcome}");
        }
        let entries = fs::read_dir(directory).unwrap();
        let names: Vec<_> = entries.map(|entry| entry.unwrap().file_name()).collect();
        let left = names.iter().filter(|name| name.to_str().unwrap().starts_with(".letterhead-"));
        let left = left.count();
        // Where names can be given and not taken away, one is given in vain.
        assert!(left == 0 || name.contains("append-only"), "{name}: {left} files are left over");
        if left > 0 {
            let _ = writeln!(self.text, "    left    {left}");
        }
    }

    /// A directory with a stored file.
    fn filled(directory: &Path) {
        fs::create_dir_all(directory).unwrap();
        fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
        let store = Store::open(directory).unwrap();
        runtime().block_on(store.put("old", When::Always, text("old"))).unwrap();
        drop(File::create(directory.join(".letterhead.lock")).unwrap());
    }

    fn directory(&self, name: &str) -> PathBuf {
        let path = self.scratch.path(name);
        Self::filled(&path);
        path
    }

    fn mounted(&self, name: &str, args: &[&str]) -> PathBuf {
        let at = self.scratch.path(name);
        fs::create_dir_all(&at).unwrap();
        tool("mount", &[args, &[&text_of(&at)]].concat()).unwrap();
        at
    }

    fn ext4(&self, name: &str) -> PathBuf {
        let image = self.scratch.path(&format!("{name}.image"));
        File::create(&image).unwrap().set_len(16 << 20).unwrap();
        tool("mkfs.ext4", &["-q", "-F", "-m", "0", &text_of(&image)]).unwrap();
        self.mounted(name, &["-o", "loop", &text_of(&image)])
    }
}

fn text_of(path: &Path) -> String {
    path.display().to_string()
}

/// Writes until there is no room for a block.
fn fill(directory: &Path) {
    let mut rest = File::create(directory.join("rest")).unwrap();
    while rest.write_all(&[0; 4096]).is_ok() {}
    let _ = rest.sync_all();
}

#[test]
fn the_matrix_of_disks_mounts_and_limits() {
    in_namespace("faults::the_matrix_of_disks_mounts_and_limits", || {
        for needed in
            ["mkfs.ext4", "mkfs.erofs", "mkfs.btrfs", "btrfs", "mksquashfs", "python3", "chattr"]
        {
            if let Err(why) = tool("which", &[needed]) {
                return skip::tool(format!("{needed} ({why})"));
            }
        }
        let mut table = Table { text: String::new(), scratch: Scratch::new() };
        let open = fs::Permissions::from_mode(0o755);
        fs::set_permissions(table.scratch.path("."), open).unwrap();
        let usual = table.directory("usual");
        table.row("as usual", &usual, Who::Root);
        full(&mut table);
        quota(&mut table);
        read_only(&mut table);
        permissions(&mut table);
        odd(&mut table);
        limits(&mut table);
        expect_file!["./faults.txt"].assert_eq(&table.text);
    });
}

fn full(table: &mut Table) {
    let at = table.mounted("full tmpfs", &["-t", "tmpfs", "-o", "size=1m", "none"]);
    Table::filled(&at);
    table.row("a tmpfs that is too small", &at, Who::Root);
    Table::filled(&at);
    fill(&at);
    table.row("a full tmpfs", &at, Who::Root);
    let at = table.mounted("no inodes", &["-t", "tmpfs", "-o", "nr_inodes=4", "none"]);
    Table::filled(&at);
    File::create(at.join("last")).unwrap();
    File::create(at.join("one too many")).unwrap_err();
    table.row("a tmpfs without inodes", &at, Who::Root);
    let at = table.ext4("full ext4");
    Table::filled(&at);
    fill(&at);
    table.row("a full ext4", &at, Who::Root);
}

/// A quota of bytes, which on this filesystem goes for everybody, root included.
fn quota(table: &mut Table) {
    let image = text_of(&table.scratch.path("quota.image"));
    File::create(&image).unwrap().set_len(120 << 20).unwrap();
    tool("mkfs.btrfs", &["--quiet", &image]).unwrap();
    let at = table.mounted("quota", &["-o", "loop", &image]);
    tool("btrfs", &["quota", "enable", &text_of(&at)]).unwrap();
    for (name, used) in [("a quota that is too small", 0), ("a quota that is used up", 1)] {
        let own = at.join(used.to_string());
        tool("btrfs", &["subvolume", "create", &text_of(&own)]).unwrap();
        Table::filled(&own);
        tool("btrfs", &["qgroup", "limit", "1M", &text_of(&own)]).unwrap();
        if used > 0 {
            fill(&own);
        }
        table.row(name, &own, Who::Root);
    }
}

fn read_only(table: &mut Table) {
    let from = table.directory("plain");
    let at = table.mounted("bound", &["--bind", "-o", "ro", &text_of(&from)]);
    table.row("a read-only bind mount", &at, Who::Root);
    let image = table.scratch.path("squashfs.image");
    tool("mksquashfs", &[&text_of(&from), &text_of(&image)]).unwrap();
    let at = table.mounted("squashfs", &["-o", "loop,ro", "-t", "squashfs", &text_of(&image)]);
    table.row("squashfs", &at, Who::Root);
    let image = table.scratch.path("erofs.image");
    tool("mkfs.erofs", &["--quiet", &text_of(&image), &text_of(&from)]).unwrap();
    let at = table.mounted("erofs", &["-o", "loop,ro", "-t", "erofs", &text_of(&image)]);
    table.row("erofs", &at, Who::Root);
    let at = table.ext4("remounted");
    Table::filled(&at);
    tool("mount", &["-o", "remount,ro", &text_of(&at)]).unwrap();
    table.row("an ext4 that was made read-only", &at, Who::Root);
}

/// An attribute, taken away again however the test ends: nobody could delete it.
struct Attribute(&'static str, PathBuf);

impl Attribute {
    fn set(flag: &'static str, file: PathBuf) -> Self {
        tool("chattr", &[&format!("+{flag}"), &text_of(&file)]).unwrap();
        Self(flag, file)
    }
}

impl Drop for Attribute {
    fn drop(&mut self) {
        tool("chattr", &[&format!("-{}", self.0), &text_of(&self.1)]).unwrap();
    }
}

fn permissions(table: &mut Table) {
    let at = table.ext4("attributes");
    for (flag, name) in [("i", "immutable (chattr +i)"), ("a", "append-only (chattr +a)")] {
        Table::filled(&at);
        let file = Attribute::set(flag, at.join("old"));
        table.row(&format!("a file that is {name}"), &at, Who::Root);
        drop(file);
        for made in ["new", "stream"] {
            fs::remove_file(at.join(made)).unwrap();
        }
        let _directory = Attribute::set(flag, at.clone());
        table.row(&format!("a directory that is {name}"), &at, Who::Root);
    }
    let at = table.directory("of others");
    table.row("a directory of others, its files of mode 600", &at, Who::Nobody);
    for path in [at.join(".letterhead.lock"), at.join("old")] {
        fs::set_permissions(path, fs::Permissions::from_mode(0o644)).unwrap();
    }
    table.row("a directory of others, its files of mode 644", &at, Who::Nobody);
    let at = table.directory("own");
    for path in [at.clone(), at.join(".letterhead.lock"), at.join("old")] {
        chown(path, Some(65534), Some(65534)).unwrap();
    }
    fs::set_permissions(at.join("old"), fs::Permissions::from_mode(0o444)).unwrap();
    table.row("a file of mode 444", &at, Who::Nobody);
}

fn odd(table: &mut Table) {
    // The name cannot be taken over or away: something is mounted on it.
    let at = table.directory("busy");
    let from = table.scratch.path("under");
    fs::copy(at.join("old"), &from).unwrap();
    tool("mount", &["--bind", &text_of(&from), &text_of(&at.join("old"))]).unwrap();
    table.row("a file that is mounted", &at, Who::Root);
    let base = table.mounted("layers", &["-t", "tmpfs", "none"]);
    for layer in ["lower", "upper", "work"] {
        fs::create_dir(base.join(layer)).unwrap();
    }
    Table::filled(&base.join("lower"));
    let [lower, upper, work] = ["lower", "upper", "work"].map(|layer| text_of(&base.join(layer)));
    let options = format!("lowerdir={lower},upperdir={upper},workdir={work}");
    let at = table.mounted("overlay", &["-t", "overlay", "-o", &options, "none"]);
    table.row("an overlay, the file in its lower layer", &at, Who::Root);
    let at = table.ext4("shut");
    Table::filled(&at);
    let script = "import fcntl, os, struct, sys\n\
                  fcntl.ioctl(os.open(sys.argv[1], 0), 0x8004587d, struct.pack('I', 2))";
    tool("python3", &["-c", script, &text_of(&at)]).unwrap();
    table.row("an ext4 that has stopped", &at, Who::Root);
    // Without /proc a file without a name cannot be given one.
    let at = table.directory("no proc");
    tool("mount", &["-t", "tmpfs", "none", "/proc"]).unwrap();
    table.row("no /proc", &at, Who::Root);
    tool("umount", &["/proc"]).unwrap();
}

fn limits(table: &mut Table) {
    // Beyond it the kernel would end the process; that this line is reached shows that it did not.
    let at = table.directory("limit");
    let before = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(1 << 20), ..before }).unwrap();
    table.row("a limit of 1 MiB on the size of a file", &at, Who::Root);
    setrlimit(Resource::Fsize, before).unwrap();
}
