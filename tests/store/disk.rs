//! A filesystem in a file, whose places can be spoiled.

use std::fs::{self, File};
use std::io::Write as _;
use std::os::unix::fs::FileExt as _;
use std::path::{Path, PathBuf};

use letterhead::store::Store;
use rustix::fs::{FallocateFlags, fallocate};

use crate::apart::tool;
use crate::cold::leaves_memory;
use crate::scratch::Scratch;
use crate::skip;

/// A filesystem in a file.
pub(crate) struct Disk {
    pub(crate) image: PathBuf,
    pub(crate) at: PathBuf,
    _scratch: Scratch,
}

impl Disk {
    /// `None`: there is no such tool here.
    pub(crate) fn new(mkfs: &[&str], mebibytes: u64) -> Option<Self> {
        let scratch = Scratch::new();
        let image = scratch.path("image");
        Self::on(scratch, image, mkfs, mebibytes)
    }

    pub(crate) fn on(
        scratch: Scratch,
        image: PathBuf,
        mkfs: &[&str],
        mebibytes: u64,
    ) -> Option<Self> {
        if let Err(why) = tool("which", &[mkfs[0]]) {
            skip::tool(format!("{} ({why})", mkfs[0]));
            return None;
        }
        File::create(&image).unwrap().set_len(mebibytes << 20).unwrap();
        let at = scratch.path("disk");
        fs::create_dir(&at).unwrap();
        let disk = Self { image, at, _scratch: scratch };
        tool(mkfs[0], &[&mkfs[1..], &[disk.image.to_str().unwrap()]].concat()).unwrap();
        // A kernel may not have every filesystem.
        if let Err(why) = disk.try_mount() {
            skip::right(why);
            return None;
        }
        Some(disk)
    }

    fn try_mount(&self) -> Result<(), String> {
        let [image, at] = [&self.image, &self.at].map(|path| path.to_str().unwrap());
        tool("mount", &["-o", "loop", image, at])
    }

    pub(crate) fn mount(&self) {
        self.try_mount().unwrap();
    }

    pub(crate) fn unmount(&self) {
        tool("umount", &[self.at.to_str().unwrap()]).unwrap();
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.at).unwrap()
    }

    /// Where in the image these bytes stand, which are nowhere else.
    pub(crate) fn place(&self, bytes: &[u8]) -> u64 {
        self.sync();
        let image = fs::read(&self.image).unwrap();
        let found = image.windows(bytes.len()).position(|found| found == bytes);
        found.expect("it was written") as u64
    }

    /// Makes what is on the disk differ from its checksum there, and has it read from the disk again.
    pub(crate) fn spoil(&self, name: &str, bytes: &[u8]) {
        let place = self.place(bytes);
        let image = File::options().read(true).write(true).open(&self.image).unwrap();
        let mut byte = [0];
        image.read_exact_at(&mut byte, place).unwrap();
        image.write_all_at(&[byte[0] ^ 1], place).unwrap();
        let file = File::open(self.at.join(name)).unwrap();
        assert!(leaves_memory(&file), "wanted no page left");
    }

    /// Takes away what is below a place of the disk: it will have to find room again.
    pub(crate) fn punch(&self, place: u64, length: u64) {
        let image = File::options().write(true).open(&self.image).unwrap();
        let hole = FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE;
        fallocate(&image, hole, place, length).unwrap();
    }

    /// Takes away what is below the free blocks.
    pub(crate) fn punch_free(&self) {
        let rest = self.at.join("rest");
        fill(&rest);
        self.sync();
        let bytes = fs::read(&self.image).unwrap();
        fs::remove_file(&rest).unwrap();
        self.sync();
        for (nth, block) in bytes.chunks(4096).enumerate() {
            if block.iter().all(|byte| *byte == FILLING) {
                self.punch(nth as u64 * 4096, 4096);
            }
        }
    }

    /// What was written is in the image.
    pub(crate) fn sync(&self) {
        rustix::fs::syncfs(File::open(&self.at).unwrap()).unwrap();
    }

    /// The names in the directory, hidden ones included, but for the lock.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = fs::read_dir(&self.at).unwrap();
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        let mut names: Vec<_> = names
            .filter(|name| !matches!(name.as_str(), ".letterhead.lock" | "lost+found"))
            .collect();
        names.sort();
        names
    }
}

const FILLING: u8 = 1;

/// Makes a file that takes all of the room that there is.
pub(crate) fn fill(path: &Path) {
    let mut rest = File::create(path).unwrap();
    while rest.write_all(&[FILLING; 4096]).is_ok() {}
}
