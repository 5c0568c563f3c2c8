//! What the kernel refused, at which operation, and what that means to a client.

use std::error::Error as StdError;
use std::fmt;
use std::io;

use rustix::io::Errno;

use super::Meaning;
use super::errno::Named;
use super::kind::Kind;
use super::operation::Operation;

/// A refusal: the operation, what was found, and the error number as it came.
///
/// Its source is the `io::Error` of that number, so whoever walks the sources finds it.
#[derive(Debug)]
pub(crate) struct Refusal {
    operation: Operation,
    found: Found,
    source: io::Error,
    /// Why, as far as that could be seen: for the operator.
    diagnosis: Option<Box<str>>,
}

/// What stood where something else was wanted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    /// What the error number says, no more.
    Errno,
    /// A path that leaves the root.
    Outside,
    /// A symbolic link where none may be.
    Link,
    /// Neither a regular file nor a directory.
    NotAFile(Kind),
    /// A NUL byte: no name has one.
    Nul,
    /// As many open files as may be.
    Full,
    /// A sibling that is so many seconds older than its file.
    Older(u64),
    /// Fewer bytes that may be written than are wanted.
    #[allow(dead_code, reason = "only a store writes")]
    Room { wanted: u64, free: u64 },
}

impl Refusal {
    pub(crate) fn new(operation: Operation, found: Found, errno: Errno) -> Self {
        Self { operation, found, source: io::Error::from(errno), diagnosis: None }
    }

    pub(crate) fn errno(operation: Operation, errno: Errno) -> Self {
        Self::new(operation, Found::Errno, errno)
    }

    /// The same, and why.
    pub(crate) fn because(mut self, diagnosis: Option<&impl fmt::Display>) -> Self {
        self.diagnosis = diagnosis.map(|diagnosis| diagnosis.to_string().into());
        self
    }

    pub(crate) fn diagnosis(&self) -> Option<&str> {
        self.diagnosis.as_deref()
    }

    /// A filesystem whose changes may be made elsewhere, where this kernel sends no event.
    pub(crate) fn unwatchable() -> Self {
        Self::errno(Operation::Watch, Errno::OPNOTSUPP)
    }

    /// A symbolic link on the way to what is to be watched: where it leads may change elsewhere.
    pub(crate) fn linked() -> Self {
        Self::new(Operation::Watch, Found::Link, Errno::LOOP)
    }

    /// More files than may be open, by a bound of our own.
    pub(crate) fn too_many_open() -> Self {
        Self::new(Operation::Resolve, Found::Full, Errno::MFILE)
    }

    /// A sibling that is so many seconds older than the file that it is made of.
    pub(crate) fn older(seconds: u64) -> Self {
        Self::new(Operation::Stat, Found::Older(seconds), Errno::STALE)
    }

    /// More bytes than there is room for, before any of them came.
    #[allow(dead_code, reason = "only a store writes")]
    pub(crate) fn no_room(wanted: u64, free: u64) -> Self {
        Self::new(Operation::Reserve, Found::Room { wanted, free }, Errno::NOSPC)
    }

    /// Something that has a name and is no regular file.
    pub(crate) fn no_file(kind: Kind) -> Self {
        Self::new(Operation::Resolve, Found::NotAFile(kind), Errno::NXIO)
    }

    /// What has the name, if it is no regular file.
    #[allow(dead_code, reason = "only a store tells them apart")]
    pub(crate) const fn not_a_file(&self) -> Option<Kind> {
        if let Found::NotAFile(kind) = self.found { Some(kind) } else { None }
    }

    /// Bytes that the kernel could not even be asked about.
    pub(crate) fn unless_a_path(bytes: &[u8]) -> Result<(), Self> {
        if bytes.contains(&0) {
            return Err(Self::new(Operation::Resolve, Found::Nul, Errno::INVAL));
        }
        Ok(())
    }

    pub(crate) const fn operation(&self) -> Operation {
        self.operation
    }

    pub(crate) const fn found(&self) -> Found {
        self.found
    }

    /// The number as the kernel gave it, or the one that it gives for the same offence elsewhere.
    pub(crate) fn raw_os_error(&self) -> i32 {
        // It was made of a number, so it has one.
        self.source.raw_os_error().unwrap_or(libc::EIO)
    }

    /// Whether there is no such name.
    pub(crate) fn is_absence(&self) -> bool {
        self.found == Found::Errno && matches!(self.raw_os_error(), libc::ENOENT | libc::ENOTDIR)
    }

    /// The plain error of that number; with the diagnosis as its text, if there is one.
    pub(crate) fn into_io(self) -> io::Error {
        if self.diagnosis.is_none() {
            return self.source;
        }
        io::Error::new(self.source.kind(), Diagnosed(self))
    }

    pub(crate) fn meaning(&self) -> Meaning {
        match self.found {
            Found::Errno | Found::Full | Found::Room { .. } => {
                Meaning::at(self.operation, self.raw_os_error())
            }
            Found::Outside | Found::NotAFile(_) | Found::Nul | Found::Older(_) => Meaning::NotFound,
            Found::Link => Meaning::Forbidden,
        }
    }
}

impl Meaning {
    /// The general table, and what is special to an operation.
    #[expect(clippy::match_same_arms, reason = "one arm per meaning of an error number")]
    pub(crate) fn at(operation: Operation, errno: i32) -> Self {
        match (operation, errno) {
            // An escape from the root, and a name that the filesystem cannot have.
            (Operation::Resolve, libc::EXDEV | libc::EILSEQ) => Self::NotFound,
            // A directory, where a regular file was wanted.
            (Operation::Resolve | Operation::Read, libc::EISDIR) => Self::NotFound,
            // No thread: a limit, or a filter that is no matter of the client's.
            (Operation::Thread, _) => Self::Busy,
            // Beyond the limit of one process's descriptors or leases; another may be had later.
            (_, libc::ENOLCK) => Self::Busy,
            // A signal that came again and again.
            (_, libc::EINTR) => Self::Busy,
            (_, errno) => Self::of(&io::Error::from_raw_os_error(errno)),
        }
    }
}

impl fmt::Display for Refusal {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let wanted = self.operation.wanted();
        match self.found {
            Found::Errno => write!(f, "wanted {wanted}, found {}", Named(self.raw_os_error())),
            Found::Outside => write!(f, "wanted {wanted}, found a path that leaves it"),
            Found::Link => write!(f, "wanted {wanted}, found a symbolic link on the way"),
            Found::NotAFile(kind) => write!(f, "wanted a regular file, found {kind}"),
            Found::Full => write!(f, "wanted {wanted}, found as many files open as may be"),
            Found::Older(seconds) => {
                write!(
                    f,
                    "wanted a sibling as new as its file, found one that is {seconds} s older"
                )
            }
            Found::Room { wanted, free } => {
                write!(f, "wanted room for {wanted} bytes, found room for {free}")
            }
            Found::Nul => f.write_str("wanted a name, found a NUL byte in it"),
        }
    }
}

/// A refusal that prints with its diagnosis.
#[derive(Debug)]
struct Diagnosed(Refusal);

impl fmt::Display for Diagnosed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} ({})", self.0, self.0.diagnosis().unwrap_or_default())
    }
}

impl StdError for Diagnosed {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.0.source()
    }
}

impl StdError for Refusal {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        Some(&self.source)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(refusal: &Refusal, status: u16, errno: i32, message: &str) {
        assert_eq!(refusal.to_string(), message);
        assert_eq!(refusal.meaning().status().as_u16(), status, "{message}");
        assert_eq!(refusal.raw_os_error(), errno, "{message}");
        let source = refusal.source().and_then(|source| source.downcast_ref::<io::Error>());
        assert_eq!(source.and_then(io::Error::raw_os_error), Some(errno), "{message}");
    }

    #[test]
    fn a_message_says_what_was_wanted_and_what_was_found() {
        use Operation::{Lease, Open, Read, Resolve, Stat};
        let plain = |operation, errno, status, message: &str| {
            let refusal = Refusal::errno(operation, Errno::from_raw_os_error(errno));
            check(&refusal, status, errno, message);
        };
        plain(Open, libc::ENOENT, 404, "wanted the root directory, found ENOENT (2)");
        plain(Resolve, libc::EXDEV, 404, "wanted a file beneath the root, found EXDEV (18)");
        plain(Stat, libc::EXDEV, 500, "wanted the file's size and times, found EXDEV (18)");
        plain(Read, libc::EISDIR, 404, "wanted the file's bytes, found EISDIR (21)");
        plain(Read, 4000, 500, "wanted the file's bytes, found error number 4000");
        let lease = "wanted to know whether a writer is there, found EAGAIN (11)";
        plain(Lease, libc::EAGAIN, 503, lease);
    }

    #[test]
    fn the_policy_colours_the_number() {
        let resolve = |found, errno| Refusal::new(Operation::Resolve, found, errno);
        let message = "wanted a file beneath the root, found a path that leaves it";
        check(&resolve(Found::Outside, Errno::XDEV), 404, libc::EXDEV, message);
        let message = "wanted a file beneath the root, found a symbolic link on the way";
        check(&resolve(Found::Link, Errno::LOOP), 403, libc::ELOOP, message);
        check(
            &resolve(Found::Errno, Errno::LOOP),
            404,
            libc::ELOOP,
            "wanted a file beneath the root, found ELOOP (40)",
        );
        let message = "wanted a regular file, found a fifo";
        check(&Refusal::no_file(Kind::Fifo), 404, libc::ENXIO, message);
        let message = "wanted room for 9 bytes, found room for 8";
        let room = Refusal::no_room(9, 8);
        check(&room, 507, libc::ENOSPC, message);
        let message = "wanted a name, found a NUL byte in it";
        check(&resolve(Found::Nul, Errno::INVAL), 404, libc::EINVAL, message);
    }
}
