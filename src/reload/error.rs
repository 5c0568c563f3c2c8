//! Why a file of a policy could not be taken.

use std::fmt;
use std::path::{Path, PathBuf};

use crate::error::{BoxError, WithCauses};
use crate::policy::PolicyErrors;
use crate::sys::{Diagnosis, Refusal};

/// The longest file that is read.
pub(super) const MOST_BYTES: u64 = 1 << 20;

/// Why a file, `_headers`, `_redirects` or one of deny rules, was not taken; what was in force before stays.
///
/// Printed with `{}` it names the file, with `{:#}` its causes as well: every line that is wrong.
#[derive(Debug)]
pub struct PolicyFileError {
    path: PathBuf,
    reason: Reason,
}

#[derive(Debug)]
enum Reason {
    Refused(Refusal),
    Unsettled,
    TooLong(u64),
    NotText(usize),
    Lines(PolicyErrors),
    /// By the word of whoever makes something of the text.
    Wrong(BoxError),
}

impl PolicyFileError {
    /// The kernel's refusal, with what seems to be its cause.
    pub(super) fn refused(path: &Path, refusal: Refusal) -> Self {
        let cause = Diagnosis::of_root(&refusal, path.as_os_str().as_encoded_bytes());
        let refusal = refusal.because(cause.as_ref());
        Self { path: path.to_owned(), reason: Reason::Refused(refusal) }
    }

    /// It changed each time that it was read.
    pub(super) fn unsettled(path: &Path) -> Self {
        Self { path: path.to_owned(), reason: Reason::Unsettled }
    }

    pub(super) fn too_long(path: &Path, length: u64) -> Self {
        Self { path: path.to_owned(), reason: Reason::TooLong(length) }
    }

    pub(super) fn not_text(path: &Path, valid: usize) -> Self {
        Self { path: path.to_owned(), reason: Reason::NotText(valid) }
    }

    pub(super) fn lines(path: &Path, errors: PolicyErrors) -> Self {
        Self { path: path.to_owned(), reason: Reason::Lines(errors) }
    }

    pub(super) fn wrong(path: &Path, error: BoxError) -> Self {
        Self { path: path.to_owned(), reason: Reason::Wrong(error) }
    }

    /// The file.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Every line that is wrong, if the file could be read and some are.
    #[must_use]
    pub const fn lines_that_are_wrong(&self) -> Option<&PolicyErrors> {
        match &self.reason {
            Reason::Lines(errors) => Some(errors),
            Reason::Refused(_)
            | Reason::Unsettled
            | Reason::TooLong(_)
            | Reason::NotText(_)
            | Reason::Wrong(_) => None,
        }
    }
}

impl fmt::Display for PolicyFileError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return WithCauses(self).fmt(f);
        }
        let path = self.path.display();
        match &self.reason {
            Reason::Refused(_) => write!(f, "the file {path} could not be read"),
            Reason::Unsettled => {
                write!(
                    f,
                    "the file {path} is not settled: wanted it closed, found it open for \
                     writing, or changed at each reading"
                )
            }
            Reason::TooLong(length) => write!(
                f,
                "the file {path} is too long: wanted at most {MOST_BYTES} bytes, found {length}"
            ),
            Reason::NotText(valid) => write!(
                f,
                "the file {path} is no text: wanted UTF-8, found another byte behind the first {valid}"
            ),
            Reason::Wrong(_) => write!(f, "the file {path} is wrong"),
            Reason::Lines(_) => write!(f, "the file {path} has lines that are wrong"),
        }
    }
}

impl std::error::Error for PolicyFileError {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        match &self.reason {
            Reason::Refused(refusal) => Some(refusal),
            Reason::Lines(errors) => Some(errors),
            Reason::Wrong(error) => Some(&**error),
            Reason::Unsettled | Reason::TooLong(_) | Reason::NotText(_) => None,
        }
    }
}
