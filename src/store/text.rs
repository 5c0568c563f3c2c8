//! Names that others chose, printed so that they stay on one line.

use std::fmt::{self, Write as _};

/// A name on one line: control characters are escaped.
pub(super) struct OneLine<'a>(pub(super) &'a str);

impl fmt::Display for OneLine<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for letter in self.0.chars() {
            if letter.is_control() {
                letter.escape_debug().fmt(f)?;
            } else {
                f.write_char(letter)?;
            }
        }
        Ok(())
    }
}
