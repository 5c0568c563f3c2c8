//! What the kernel refused while a file was served, and what was decided about it.

use std::fmt;

use crate::sys::{Operation, Refusal, Ruling};

/// A refusal of the kernel, or a precompressed sibling that is too old (`ESTALE`), and what was decided about it; see
/// [`FileSender::on_refusal`](crate::FileSender::on_refusal).
///
/// Printed, it is one line: for the operator, not for clients.
#[derive(Debug)]
pub struct Refused {
    pub(super) path: Box<[u8]>,
    pub(super) operation: Operation,
    pub(super) errno: i32,
    pub(super) text: String,
    pub(super) ruling: Ruling,
    pub(super) diagnosis: Option<String>,
}

impl Refused {
    pub(super) fn new(
        path: &[u8],
        refusal: &Refusal,
        ruling: Ruling,
        diagnosis: Option<String>,
    ) -> Self {
        Self {
            path: path.into(),
            operation: refusal.operation(),
            errno: refusal.raw_os_error(),
            text: refusal.to_string(),
            ruling,
            diagnosis,
        }
    }

    /// The path below the root.
    #[must_use]
    pub fn path(&self) -> &[u8] {
        &self.path
    }

    /// What was asked of the kernel.
    #[must_use]
    pub const fn operation(&self) -> Operation {
        self.operation
    }

    /// The error number as the kernel gave it.
    #[must_use]
    pub const fn errno(&self) -> i32 {
        self.errno
    }

    /// What was decided, and why.
    #[must_use]
    pub const fn ruling(&self) -> Ruling {
        self.ruling
    }

    /// Why, as far as that could be seen, and to whom: a mode bit, an owner, an attribute, a mount, room, a limit, a
    /// filter of system calls.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&str> {
        self.diagnosis.as_deref()
    }
}

impl fmt::Display for Refused {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}: {}", self.path.escape_ascii(), self.text, self.ruling)?;
        match &self.diagnosis {
            Some(diagnosis) => write!(f, " ({diagnosis})"),
            None => Ok(()),
        }
    }
}
