//! The errno table: what an `io::Error` means as a status.

use std::io::{Error, ErrorKind};

use http::StatusCode;

/// What an i/o failure means to a client that still waits for the head.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Meaning {
    /// There is nothing to be found under that name: 404.
    NotFound,
    /// It is there, and may not be had: 403.
    Forbidden,
    /// It may be had in a moment: 503 with `Retry-After`.
    Busy,
    /// There is no room to write: 507.
    NoRoom,
    /// Anything else: 500.
    Broken,
}

impl Meaning {
    /// Reads the error number, or the kind of an error that has none.
    pub(crate) fn of(error: &Error) -> Self {
        match error.raw_os_error() {
            Some(errno) => by_errno(errno).unwrap_or_else(|| by_kind(error.kind())),
            None => by_kind(error.kind()),
        }
    }

    pub(crate) const fn status(self) -> StatusCode {
        match self {
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::Forbidden => StatusCode::FORBIDDEN,
            Self::Busy => StatusCode::SERVICE_UNAVAILABLE,
            Self::NoRoom => StatusCode::INSUFFICIENT_STORAGE,
            Self::Broken => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

#[cfg(unix)]
#[expect(clippy::match_same_arms, reason = "one arm per meaning of an error number")]
fn by_errno(errno: i32) -> Option<Meaning> {
    Some(match errno {
        // No such name, or a name that cannot be one.
        libc::ENOENT | libc::ENOTDIR | libc::ENAMETOOLONG => Meaning::NotFound,
        // A socket, or a device without a driver.
        libc::ENXIO | libc::ENODEV => Meaning::NotFound,
        // A loop of symbolic links, or too many links.
        libc::ELOOP | libc::EMLINK => Meaning::NotFound,
        // Mode bits, a security module, a capability.
        libc::EACCES | libc::EPERM => Meaning::Forbidden,
        // A write to a read-only filesystem.
        libc::EROFS => Meaning::Forbidden,
        // Somebody else has it for the moment.
        libc::EAGAIN | libc::EBUSY | libc::ETXTBSY => Meaning::Busy,
        // The file server forgot the handle, or does not answer.
        libc::ESTALE | libc::ETIMEDOUT => Meaning::Busy,
        // This process or machine has used up its descriptors or memory.
        libc::EMFILE | libc::ENFILE | libc::ENOMEM => Meaning::Busy,
        // Disk, quota or file size at its end.
        libc::ENOSPC | libc::EDQUOT | libc::EFBIG => Meaning::NoRoom,
        _ => return None,
    })
}

#[cfg(not(unix))]
fn by_errno(_errno: i32) -> Option<Meaning> {
    None
}

#[expect(clippy::wildcard_enum_match_arm, reason = "the kinds of std are non-exhaustive")]
fn by_kind(kind: ErrorKind) -> Meaning {
    match kind {
        ErrorKind::NotFound | ErrorKind::NotADirectory => Meaning::NotFound,
        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => Meaning::Forbidden,
        ErrorKind::WouldBlock
        | ErrorKind::ResourceBusy
        | ErrorKind::ExecutableFileBusy
        | ErrorKind::StaleNetworkFileHandle
        | ErrorKind::TimedOut
        | ErrorKind::OutOfMemory => Meaning::Busy,
        ErrorKind::StorageFull | ErrorKind::QuotaExceeded | ErrorKind::FileTooLarge => {
            Meaning::NoRoom
        }
        _ => Meaning::Broken,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[cfg(unix)]
    #[test]
    fn every_row_of_the_errno_table() {
        let rows: [(u16, &[i32]); 5] = [
            (
                404,
                &[
                    libc::ENOENT,
                    libc::ENOTDIR,
                    libc::ENAMETOOLONG,
                    libc::ENXIO,
                    libc::ENODEV,
                    libc::ELOOP,
                    libc::EMLINK,
                ],
            ),
            (403, &[libc::EACCES, libc::EPERM, libc::EROFS]),
            (
                503,
                &[
                    libc::EAGAIN,
                    libc::EBUSY,
                    libc::ETXTBSY,
                    libc::ESTALE,
                    libc::ETIMEDOUT,
                    libc::EMFILE,
                    libc::ENFILE,
                    libc::ENOMEM,
                ],
            ),
            (507, &[libc::ENOSPC, libc::EDQUOT, libc::EFBIG]),
            (500, &[libc::EIO, libc::EOVERFLOW, libc::EINVAL, libc::EISDIR]),
        ];
        for (status, errnos) in rows {
            for errno in errnos {
                let meaning = Meaning::of(&Error::from_raw_os_error(*errno));
                assert_eq!(meaning.status().as_u16(), status, "errno {errno}");
            }
        }
    }

    #[test]
    fn an_error_without_a_number_goes_by_its_kind() {
        let status = |kind| Meaning::of(&Error::new(kind, "made up")).status().as_u16();
        assert_eq!(status(ErrorKind::NotFound), 404);
        assert_eq!(status(ErrorKind::PermissionDenied), 403);
        assert_eq!(status(ErrorKind::TimedOut), 503);
        assert_eq!(status(ErrorKind::StorageFull), 507);
        assert_eq!(status(ErrorKind::UnexpectedEof), 500);
        assert_eq!(status(ErrorKind::Other), 500);
    }
}
