//! What is wrong with a slot.

use std::fmt;

/// Why a slot is not believed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Flaw {
    /// The file ends before the slot does.
    Cut,
    /// The kernel would not read it: a bad place of the disk.
    Unreadable,
    /// It does not begin as a slot does.
    Magic,
    /// The checksum is of other bytes: torn, or damaged.
    Checksum,
    /// There is something behind the image where nothing may be.
    Padding,
    /// It is whole, and of a version that is not known here.
    Version(u16),
    /// It is whole, and asks for something that is not known here.
    Flags(u32),
    /// It is whole, and its lengths do not add up.
    Lengths,
    /// It is whole, and a status, name or field in it is none.
    Content,
}

impl Flaw {
    /// Whether the bytes are as they were written, by somebody who knows more than we do: then they are
    /// not ours to mend.
    pub(crate) const fn is_foreign(self) -> bool {
        matches!(self, Self::Version(_) | Self::Flags(_) | Self::Lengths | Self::Content)
    }
}

impl fmt::Display for Flaw {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Cut => f.write_str("wanted a slot, found the end of the file"),
            Self::Unreadable => f.write_str("wanted a slot, found what cannot be read"),
            Self::Magic => f.write_str("wanted the magic number of a head, found other bytes"),
            Self::Checksum => f.write_str("wanted the bytes that the checksum is of, found others"),
            Self::Padding => f.write_str("wanted nothing behind the head, found something"),
            Self::Version(found) => write!(f, "wanted version 1, found version {found}"),
            Self::Flags(found) => write!(f, "wanted no flags, found {found:#x}"),
            Self::Lengths => f.write_str("wanted lengths that add up, found others"),
            Self::Content => f.write_str("wanted status, name and fields, found what is none"),
        }
    }
}
