//! How a file is mounted: what `/proc/.../mountinfo` says of its mount.

use std::fmt;

use super::process::printable;

/// A mount, as one line of `mountinfo` has it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Mount {
    /// Where it is mounted.
    pub(crate) at: String,
    /// The kind of filesystem.
    pub(crate) kind: String,
    /// This mount is read-only.
    pub(crate) read_only: bool,
    /// The filesystem is, wherever it is mounted.
    pub(crate) whole_read_only: bool,
    /// Owners are shown as others than they are on the disk.
    pub(crate) idmapped: bool,
}

impl Mount {
    /// Finds the mount of this number.
    pub(super) fn find(mountinfo: &str, id: u64) -> Option<Self> {
        mountinfo.lines().find_map(|line| Self::read(line, id))
    }

    /// `36 35 98:0 /root /at rw,noatime master:1 - ext4 /dev/sda rw,errors=continue`
    fn read(line: &str, id: u64) -> Option<Self> {
        let mut words = line.split(' ');
        if words.next()?.parse() != Ok(id) {
            return None;
        }
        let at = words.nth(3)?;
        let has = |options: &str, wanted: &str| options.split(',').any(|option| option == wanted);
        let options = words.next()?;
        let mut rest = words.skip_while(|word| *word != "-").skip(1);
        let (kind, _, of_whole) = (rest.next()?, rest.next()?, rest.next()?);
        Some(Self {
            at: printable(at.as_bytes()),
            kind: printable(kind.as_bytes()),
            read_only: has(options, "ro"),
            whole_read_only: has(of_whole, "ro"),
            idmapped: has(options, "idmapped"),
        })
    }
}

impl fmt::Display for Mount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.at, self.kind)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "21 1 0:20 / / rw,relatime shared:1 - ext4 /dev/root rw\n\
                        36 21 0:31 /a /srv/my\\040site ro,idmapped master:1 shared:2 - tmpfs none rw,size=1k\n\
                        37 21 0:32 / /ro rw - erofs /dev/loop0 ro\n\
                        broken\n38 21\n";

    #[test]
    fn a_line_of_mountinfo_is_read() {
        let found = Mount::find(TEXT, 36).expect("a mount");
        assert_eq!(found.to_string(), "/srv/my\\040site (tmpfs)");
        assert_eq!((found.read_only, found.whole_read_only, found.idmapped), (true, false, true));
        let found = Mount::find(TEXT, 37).expect("a mount");
        assert_eq!((found.read_only, found.whole_read_only, found.idmapped), (false, true, false));
        assert!(!Mount::find(TEXT, 21).expect("a mount").read_only);
        for id in [38, 99] {
            assert_eq!(Mount::find(TEXT, id), None);
        }
        for end in 0..TEXT.len() {
            let _ = TEXT.get(..end).map(|text| Mount::find(text, 37));
        }
    }
}
