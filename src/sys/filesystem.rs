//! Which filesystem a file is on, and whether it is known to answer without a network or a daemon.

use std::os::fd::AsFd;

use rustix::io::Errno;

use super::again::uninterrupted;
use super::door;
use super::operation::Operation;
use super::refusal::Refusal;

/// A filesystem by its magic number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Filesystem {
    magic: u32,
}

const OVERLAY: u32 = 0x794c_7630;
const XFS: u32 = 0x5846_5342;

/// Those that take a fine clock for a file that was looked at, where the kernel has one: ext4, xfs,
/// btrfs, tmpfs.
const FINE: [u32; 4] = [0xef53, XFS, 0x9123_683e, 0x0102_1994];

/// Filesystems of this machine. Whatever is not here may take its time: NFS, SMB, FUSE, 9p, Ceph.
const LOCAL: [(u32, &str); 19] = [
    (0xef53, "ext4"),
    (XFS, "xfs"),
    (0x9123_683e, "btrfs"),
    (0x0102_1994, "tmpfs"),
    (OVERLAY, "overlay"),
    (0xf2f5_2010, "f2fs"),
    (0x2fc1_2fc1, "zfs"),
    (0xca45_1a4e, "bcachefs"),
    (0x8584_58f6, "ramfs"),
    (0x7371_7368, "squashfs"),
    (0xe0f5_e1e2, "erofs"),
    (0x28cd_3d45, "cramfs"),
    (0x9660, "iso9660"),
    (0x4d44, "vfat"),
    (0x2011_bab0, "exfat"),
    (0x7366_746e, "ntfs3"),
    (0x3153_464a, "jfs"),
    (0x3434, "nilfs2"),
    (0x5265_4973, "reiserfs"),
];

/// Filesystems that have no disk: a plain read does not wait for one.
const IN_MEMORY: [&str; 2] = ["tmpfs", "ramfs"];

/// Where the bytes of files are, as far as it is known.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Place {
    /// In memory, always.
    Memory,
    /// On a disk of this machine, or in its page cache.
    Disk,
    /// Perhaps behind a network or a daemon: whatever is asked of it may take any time.
    Elsewhere,
}

impl Filesystem {
    pub(crate) fn of(descriptor: impl AsFd) -> Result<Self, Refusal> {
        match uninterrupted(|| door::filesystem(&descriptor)) {
            Ok(magic) => Ok(Self { magic }),
            // A system that does not tell: nothing is known to be local.
            Err(Errno::NOSYS) => Ok(Self { magic: 0 }),
            Err(errno) => Err(Refusal::errno(Operation::Stat, errno)),
        }
    }

    /// Its name, if it is known to be local. An overlay is taken for local; what lies below it is
    /// not asked.
    pub(crate) fn local(self) -> Option<&'static str> {
        LOCAL.iter().find(|(magic, _)| *magic == self.magic).map(|(_, name)| *name)
    }

    /// Where it has its bytes.
    pub(crate) fn place(self) -> Place {
        match self.local() {
            Some(name) if IN_MEMORY.contains(&name) => Place::Memory,
            Some(_) => Place::Disk,
            None => Place::Elsewhere,
        }
    }

    /// Whether its times tell two writes apart however soon they follow, on Linux 6.13 and later.
    pub(crate) fn is_fine(self) -> bool {
        FINE.contains(&self.magic)
    }

    /// Whether a file's writers may be counted elsewhere: on another machine, in a daemon, or, under
    /// an overlay, on the file below.
    pub(crate) fn hides_writers(self) -> bool {
        self.magic == OVERLAY || self.hides_every_writer()
    }

    /// Whether the kernel never follows a symbolic link here by what it has in its cache, however warm that is.
    pub(crate) fn caches_no_links(self) -> bool {
        self.magic == OVERLAY || self.magic == XFS
    }

    /// Whether nothing is known of a file's writers. An overlay knows those that opened it there.
    pub(crate) fn hides_every_writer(self) -> bool {
        self.local().is_none()
    }
}
