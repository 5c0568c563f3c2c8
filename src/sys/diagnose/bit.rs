//! The permission bits.

use std::fmt;

/// A permission that a component has to give.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Bit {
    /// `r` of a file or of a directory whose names are wanted.
    Read = 4,
    /// `w` of a file, or of a directory whose names are changed.
    Write = 2,
    /// `x` of a directory that is passed through.
    Search = 1,
}

impl fmt::Display for Bit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Read => "r",
            Self::Write => "w",
            Self::Search => "x",
        })
    }
}
