//! Directories that refuse: attributes, mounts, full disks, quotas.

use std::fs::{self, File};
use std::io::Write as _;
use std::path::{Path, PathBuf};

use crate::apart::tool;
use crate::observe::fill;
use crate::scratch::Scratch;

pub(crate) fn name(path: &Path) -> String {
    path.display().to_string()
}

#[track_caller]
pub(crate) fn run(program: &str, arguments: &[&str]) {
    tool(program, arguments).unwrap();
}

/// Mounts a directory once more, where only user and group 1000 are mapped: others have no number there.
const IDMAP: &str = "
import ctypes, os, struct, subprocess, sys
libc = ctypes.CDLL(None)
child = subprocess.Popen(['unshare', '--user', 'sleep', '60'])
while os.readlink(f'/proc/{child.pid}/ns/user') == os.readlink('/proc/self/ns/user'): pass
for kind in ('uid_map', 'gid_map'):
    open(f'/proc/{child.pid}/{kind}', 'w').write('1000 1000 1')
space = os.open(f'/proc/{child.pid}/ns/user', os.O_RDONLY)
tree = libc.syscall(428, -100, sys.argv[1].encode(), 1 | 0o2000000)
attributes = struct.pack('QQQQ', 0x100000, 0, 0, space)
done = libc.syscall(442, tree, b'', 0x1000, attributes, len(attributes))
done = done or libc.syscall(429, tree, b'', -100, sys.argv[2].encode(), 4)
child.kill()
sys.exit(1 if done else 0)
";

/// Where they are made; below it is an ext4 of its own.
pub(crate) struct Places {
    scratch: Scratch,
    made: u32,
}

impl Places {
    pub(crate) fn new() -> Self {
        let places = Self { scratch: Scratch::new(), made: 0 };
        rustix::fs::chmod(places.scratch.path("."), rustix::fs::Mode::from_raw_mode(0o755))
            .unwrap();
        let at = places.mounted("ext4", "mkfs.ext4", &["-q", "-F"], 48 << 20, "loop");
        rustix::fs::chmod(&at, rustix::fs::Mode::from_raw_mode(0o755)).unwrap();
        places
    }

    /// A directory with all that is asked for, on an ext4.
    pub(crate) fn filled(&mut self) -> PathBuf {
        self.made += 1;
        let path = self.scratch.path(&format!("ext4/{}", self.made));
        fill(&path);
        path
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.scratch.path(name)
    }

    /// A filesystem in a file, mounted.
    fn mounted(&self, at: &str, make: &str, with: &[&str], size: u64, options: &str) -> PathBuf {
        let (image, at) = (self.scratch.path(&format!("{at}.image")), self.scratch.path(at));
        File::create(&image).unwrap().set_len(size).unwrap();
        run(make, &[with, &[&name(&image)]].concat());
        fs::create_dir_all(&at).unwrap();
        run("mount", &["-o", options, &name(&image), &name(&at)]);
        at
    }

    pub(crate) fn tmpfs(&self, at: &str, options: &str) -> PathBuf {
        let at = self.scratch.path(at);
        fs::create_dir_all(&at).unwrap();
        run("mount", &["-t", "tmpfs", "-o", options, "none", &name(&at)]);
        fill(&at);
        at
    }

    /// A small ext4 of its own.
    pub(crate) fn ext4(&self, at: &str) -> PathBuf {
        let at = self.mounted(at, "mkfs.ext4", &["-q", "-F", "-m", "0"], 16 << 20, "loop");
        fill(&at);
        at
    }

    /// A directory whose quota is used up, root's too.
    pub(crate) fn btrfs(&self, at: &str) -> PathBuf {
        let at = self.mounted(at, "mkfs.btrfs", &["-q"], 120 << 20, "loop");
        run("btrfs", &["quota", "enable", &name(&at)]);
        let below = at.join("limited");
        run("btrfs", &["subvolume", "create", &name(&below)]);
        fill(&below);
        run("btrfs", &["qgroup", "limit", "1M", &name(&below)]);
        let mut rest = File::create(below.join("rest")).unwrap();
        while rest.write_all(&[b'x'; 4096]).is_ok() && rest.sync_all().is_ok() {}
        below
    }

    /// An overlay, on a tmpfs: one does not lie on another.
    pub(crate) fn overlay(&self, at: &str) -> PathBuf {
        let below = self.tmpfs(&format!("{at}-below"), "size=8m");
        for layer in ["lower", "upper", "work"] {
            fs::create_dir(below.join(layer)).unwrap();
        }
        let at = self.scratch.path(at);
        fs::create_dir_all(&at).unwrap();
        let below = name(&below);
        let layers = format!("lowerdir={below}/lower,upperdir={below}/upper,workdir={below}/work");
        run("mount", &["-t", "overlay", "-o", &layers, "none", &name(&at)]);
        fill(&at);
        at
    }

    /// The same directory, with other owners.
    pub(crate) fn idmapped(&self, directory: &Path, at: &str) -> PathBuf {
        let at = self.scratch.path(at);
        fs::create_dir_all(&at).unwrap();
        run("python3", &["-c", IDMAP, &name(directory), &name(&at)]);
        at
    }

    /// The same directory, mounted once more.
    pub(crate) fn bound(&self, directory: &Path, at: &str, options: &str) -> PathBuf {
        let at = self.scratch.path(at);
        fs::create_dir_all(&at).unwrap();
        run("mount", &["--bind", &name(directory), &name(&at)]);
        run("mount", &["-o", options, &name(&at)]);
        at
    }
}

/// Writes until there is no room for a block.
pub(crate) fn fill_up(directory: &Path) {
    let mut rest = File::create(directory.join("rest")).unwrap();
    while rest.write_all(&[0; 4096]).is_ok() {}
    while rest.write_all(&[0; 64]).is_ok() {}
    let _ = rest.sync_all();
}
