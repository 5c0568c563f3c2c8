//! The codes by which gRPC and Connect name a failure.

use http::StatusCode;

/// Why a remote call failed: the codes of
/// [gRPC](https://github.com/grpc/grpc/blob/master/doc/statuscodes.md), which
/// [Connect](https://connectrpc.com/docs/protocol#error-codes) shares. `OK` is not among them.
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use letterhead::RpcCode;
///
/// assert_eq!(RpcCode::Unavailable.number(), 14);
/// assert_eq!(RpcCode::Unavailable.as_str(), "unavailable");
/// assert_eq!(RpcCode::Unavailable.http_status(), StatusCode::SERVICE_UNAVAILABLE);
/// // Not every code has a status of its own.
/// assert_eq!(RpcCode::DataLoss.http_status(), RpcCode::Internal.http_status());
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RpcCode {
    /// The caller gave the call up.
    Cancelled,
    /// Nothing better is known.
    Unknown,
    /// The arguments are wrong, whatever the state of the system.
    InvalidArgument,
    /// The caller's deadline passed before the call was done.
    DeadlineExceeded,
    /// What was asked for is not there.
    NotFound,
    /// What was to be made is there already.
    AlreadyExists,
    /// The caller is known, and may not do that.
    PermissionDenied,
    /// A quota, a disk or the like is used up.
    ResourceExhausted,
    /// The system is not in the state that the call needs.
    FailedPrecondition,
    /// The call lost against another one; it may be tried again from its start.
    Aborted,
    /// Past the end of what there is.
    OutOfRange,
    /// There is no such call here.
    Unimplemented,
    /// The server failed.
    Internal,
    /// The server cannot answer for the moment; the call may be tried again.
    Unavailable,
    /// Data was lost or damaged for good.
    DataLoss,
    /// The caller is not known.
    Unauthenticated,
}

impl RpcCode {
    /// Its number, as `grpc-status` has it.
    #[must_use]
    pub const fn number(self) -> u16 {
        match self {
            Self::Cancelled => 1,
            Self::Unknown => 2,
            Self::InvalidArgument => 3,
            Self::DeadlineExceeded => 4,
            Self::NotFound => 5,
            Self::AlreadyExists => 6,
            Self::PermissionDenied => 7,
            Self::ResourceExhausted => 8,
            Self::FailedPrecondition => 9,
            Self::Aborted => 10,
            Self::OutOfRange => 11,
            Self::Unimplemented => 12,
            Self::Internal => 13,
            Self::Unavailable => 14,
            Self::DataLoss => 15,
            Self::Unauthenticated => 16,
        }
    }

    /// Its name, as Connect has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Cancelled => "canceled",
            Self::Unknown => "unknown",
            Self::InvalidArgument => "invalid_argument",
            Self::DeadlineExceeded => "deadline_exceeded",
            Self::NotFound => "not_found",
            Self::AlreadyExists => "already_exists",
            Self::PermissionDenied => "permission_denied",
            Self::ResourceExhausted => "resource_exhausted",
            Self::FailedPrecondition => "failed_precondition",
            Self::Aborted => "aborted",
            Self::OutOfRange => "out_of_range",
            Self::Unimplemented => "unimplemented",
            Self::Internal => "internal",
            Self::Unavailable => "unavailable",
            Self::DataLoss => "data_loss",
            Self::Unauthenticated => "unauthenticated",
        }
    }

    /// The HTTP status of a unary Connect call that failed with this code.
    #[must_use]
    pub fn http_status(self) -> StatusCode {
        match self {
            // There is no name for 499, which nginx brought up.
            Self::Cancelled => StatusCode::from_u16(499).unwrap_or(StatusCode::REQUEST_TIMEOUT),
            Self::InvalidArgument | Self::FailedPrecondition | Self::OutOfRange => {
                StatusCode::BAD_REQUEST
            }
            Self::DeadlineExceeded => StatusCode::GATEWAY_TIMEOUT,
            Self::NotFound => StatusCode::NOT_FOUND,
            Self::AlreadyExists | Self::Aborted => StatusCode::CONFLICT,
            Self::PermissionDenied => StatusCode::FORBIDDEN,
            Self::ResourceExhausted => StatusCode::TOO_MANY_REQUESTS,
            Self::Unimplemented => StatusCode::NOT_IMPLEMENTED,
            Self::Unknown | Self::Internal | Self::DataLoss => StatusCode::INTERNAL_SERVER_ERROR,
            Self::Unavailable => StatusCode::SERVICE_UNAVAILABLE,
            Self::Unauthenticated => StatusCode::UNAUTHORIZED,
        }
    }

    /// The code that says to a call what `status` says to a plain request.
    pub(crate) fn of_status(status: StatusCode) -> Self {
        match status.as_u16() {
            400 | 411 | 413..=415 | 422 | 431 => Self::InvalidArgument,
            401 => Self::Unauthenticated,
            403 | 451 => Self::PermissionDenied,
            404 | 410 => Self::NotFound,
            405 | 501 => Self::Unimplemented,
            408 | 504 => Self::DeadlineExceeded,
            409 => Self::Aborted,
            412 | 428 => Self::FailedPrecondition,
            416 => Self::OutOfRange,
            429 | 507 => Self::ResourceExhausted,
            499 => Self::Cancelled,
            502 | 503 => Self::Unavailable,
            500..=599 => Self::Internal,
            _ => Self::Unknown,
        }
    }

    /// The message that a client gets by default; it reveals no internals.
    pub(crate) const fn text(self) -> &'static str {
        match self {
            Self::Cancelled => "the call was cancelled",
            Self::Unknown => "unknown error",
            Self::InvalidArgument => "invalid argument",
            Self::DeadlineExceeded => "deadline exceeded",
            Self::NotFound => "not found",
            Self::AlreadyExists => "already exists",
            Self::PermissionDenied => "permission denied",
            Self::ResourceExhausted => "resource exhausted",
            Self::FailedPrecondition => "failed precondition",
            Self::Aborted => "the call was aborted",
            Self::OutOfRange => "out of range",
            Self::Unimplemented => "not implemented",
            Self::Internal => "internal error",
            Self::Unavailable => "the service is unavailable for the moment",
            Self::DataLoss => "data loss",
            Self::Unauthenticated => "not authenticated",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_code_has_the_number_name_and_status_of_the_specifications() {
        use RpcCode::*;
        let rows = [
            (Cancelled, 1, "canceled", 499),
            (Unknown, 2, "unknown", 500),
            (InvalidArgument, 3, "invalid_argument", 400),
            (DeadlineExceeded, 4, "deadline_exceeded", 504),
            (NotFound, 5, "not_found", 404),
            (AlreadyExists, 6, "already_exists", 409),
            (PermissionDenied, 7, "permission_denied", 403),
            (ResourceExhausted, 8, "resource_exhausted", 429),
            (FailedPrecondition, 9, "failed_precondition", 400),
            (Aborted, 10, "aborted", 409),
            (OutOfRange, 11, "out_of_range", 400),
            (Unimplemented, 12, "unimplemented", 501),
            (Internal, 13, "internal", 500),
            (Unavailable, 14, "unavailable", 503),
            (DataLoss, 15, "data_loss", 500),
            (Unauthenticated, 16, "unauthenticated", 401),
        ];
        for (code, number, name, status) in rows {
            assert_eq!(code.number(), number, "{name}");
            assert_eq!(code.as_str(), name);
            assert_eq!(code.http_status().as_u16(), status, "{name}");
        }
    }

    #[test]
    fn a_status_that_the_errno_table_gives_has_a_code_of_its_meaning() {
        for (status, code) in [
            (404, RpcCode::NotFound),
            (403, RpcCode::PermissionDenied),
            (503, RpcCode::Unavailable),
            (507, RpcCode::ResourceExhausted),
            (500, RpcCode::Internal),
            (418, RpcCode::Unknown),
            (599, RpcCode::Internal),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(RpcCode::of_status(status), code, "{status}");
        }
    }
}
