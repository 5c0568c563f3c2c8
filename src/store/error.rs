//! Why a store could not do what it was asked.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use http::StatusCode;

use super::format::Flaw;
use super::sign::Distrust;
use super::slots::Slots;
use crate::error::BoxError;
use crate::sys::{self, Decision, Operation, Refusal, Ruling};

/// Why a store could not do what it was asked.
///
/// It is opaque; ask it with the `is_*` methods, or for the [`status`](Self::status) that it is to a
/// client. The kernel's refusal, where there was one, is its [`source`](StdError::source), and an
/// `io::Error` with the error number is the source of that.
///
/// # Examples
///
/// As axum's answer. What it prints may name files and keys, which are nobody's business outside:
///
/// ```
/// use axum::http::HeaderValue;
/// use axum::response::{IntoResponse, Response};
/// use letterhead::store::StoreError;
///
/// struct Failed(StoreError);
///
/// impl From<StoreError> for Failed {
///     fn from(error: StoreError) -> Self {
///         Self(error)
///     }
/// }
///
/// impl IntoResponse for Failed {
///     fn into_response(self) -> Response {
///         eprintln!("{}", self.0);
///         let mut response = self.0.status().into_response();
///         if let Some(after) = self.0.retry_after() {
///             let seconds = HeaderValue::from(after.as_secs());
///             response.headers_mut().insert("retry-after", seconds);
///         }
///         response
///     }
/// }
/// ```
#[derive(Clone)]
pub struct StoreError(Arc<Kind>);

#[derive(Debug)]
pub(crate) enum Kind {
    /// The kernel refused, and this is what was decided in the end.
    Refused(Refusal, Ruling),
    /// The name cannot be one in a store.
    Name(String),
    /// Something else than a regular file has the name.
    NotAFile(sys::Kind),
    /// Something else than a regular file has the name of the lock.
    NotALock(sys::Kind),
    /// There is something of that name.
    Exists,
    /// The condition on the generation does not hold; `None`: nothing is there.
    Changed { wanted: u64, found: Option<u64> },
    /// The head cannot be kept.
    Head(Unfit),
    /// The file is damaged.
    Damaged(Damage),
    /// A signature is not believed.
    Distrusted(Distrust),
    /// The head is of another store or another name.
    Foreign { wanted: String, found: String },
    /// The head is older than one that is known.
    Older { wanted: u64, found: u64 },
    /// The lock was not to be had in time.
    Locked(Duration),
    /// The content that was to be stored failed.
    Content(BoxError),
    /// The content did not have the length that was announced.
    Length { wanted: u64, found: u64 },
    /// Every time that it was looked at, somebody else had changed it.
    Restless,
    /// The task that did the work is gone: a panic, or the end of the runtime.
    Gone,
}

/// Why a head cannot be kept.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Unfit {
    /// A status that does not stand for a whole response, or not for one with content.
    Status(StatusCode),
    /// Longer than a slot can be.
    Long,
}

/// What is wrong with a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Damage {
    /// No slot is whole.
    Slots([Flaw; 2]),
    /// Two whole slots that cannot both be of this file.
    Contradiction,
    /// The file is not as long as its head says.
    Length { wanted: u64, found: u64 },
    /// The payload is not the one that the head is of.
    Payload,
    /// A generation that no store counts up to: there is none behind it.
    Generation,
}

impl StoreError {
    pub(crate) fn new(kind: Kind) -> Self {
        Self(Arc::new(kind))
    }

    pub(crate) fn kind(&self) -> &Kind {
        &self.0
    }

    /// Whether there is nothing of that name.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        let missing = |(_, errno)| errno == libc::ENOENT;
        self.refused().is_some_and(missing)
            || matches!(self.kind(), Kind::Changed { found: None, .. })
    }

    /// Whether something else than a regular file has the name: a symbolic link, which is not followed, a directory, a
    /// fifo, a socket or a device. It is not read, written to, replaced or removed.
    #[must_use]
    pub fn is_not_a_file(&self) -> bool {
        matches!(self.kind(), Kind::NotAFile(_))
    }

    /// Whether the name is taken, where a new one was wanted.
    #[must_use]
    pub fn is_exists(&self) -> bool {
        matches!(self.kind(), Kind::Exists)
    }

    /// Whether the head has another generation than the caller wanted, or there is none.
    #[must_use]
    pub fn is_changed(&self) -> bool {
        matches!(self.kind(), Kind::Changed { .. })
    }

    /// Whether the name cannot be one in a store.
    #[must_use]
    pub fn is_name(&self) -> bool {
        matches!(self.kind(), Kind::Name(_))
    }

    /// Whether the head cannot be kept: no whole response, or too long.
    #[must_use]
    pub fn is_head(&self) -> bool {
        matches!(self.kind(), Kind::Head(_))
    }

    /// Whether the file is damaged: no slot is whole, or length or payload are not what the head says.
    #[must_use]
    pub fn is_damaged(&self) -> bool {
        matches!(self.kind(), Kind::Damaged(_))
    }

    /// Whether the head has no signature, and has to have one.
    #[must_use]
    pub fn is_unsigned(&self) -> bool {
        matches!(self.kind(), Kind::Distrusted(Distrust::Unsigned))
    }

    /// Whether a head without a signature was to be changed by a store that signs, which would have signed what
    /// nobody signed; see [`Unsigned::Adopted`](super::Unsigned::Adopted).
    #[must_use]
    pub fn would_sign(&self) -> bool {
        matches!(self.kind(), Kind::Distrusted(Distrust::Unadopted))
    }

    /// Whether the head is signed by a key that is not trusted.
    #[must_use]
    pub fn is_unknown_key(&self) -> bool {
        matches!(self.kind(), Kind::Distrusted(Distrust::UnknownKey(_)))
    }

    /// Whether the signature is not one of the key that it names.
    #[must_use]
    pub fn is_forged(&self) -> bool {
        matches!(self.kind(), Kind::Distrusted(Distrust::Forged(_)))
    }

    /// Whether the head is of another store or another name.
    #[must_use]
    pub fn is_foreign(&self) -> bool {
        matches!(self.kind(), Kind::Foreign { .. })
    }

    /// Whether the head is older than the least generation that the caller would take.
    #[must_use]
    pub fn is_older(&self) -> bool {
        matches!(self.kind(), Kind::Older { .. })
    }

    /// Whether another writer kept the lock too long, or came in between again and again.
    #[must_use]
    pub fn is_busy(&self) -> bool {
        matches!(self.kind(), Kind::Locked(_) | Kind::Restless)
    }

    /// Whether the content that was to be stored failed, or had another length than announced.
    #[must_use]
    pub fn is_content(&self) -> bool {
        matches!(self.kind(), Kind::Content(_) | Kind::Length { .. })
    }

    /// The error number of the kernel, and what it was asked, if it refused.
    #[must_use]
    pub fn refused(&self) -> Option<(Operation, i32)> {
        let Kind::Refused(refusal, _) = self.kind() else { return None };
        Some((refusal.operation(), refusal.raw_os_error()))
    }

    /// Why the kernel refused, as far as that could be seen: a mode bit, an owner, an attribute, a mount, a
    /// quota, a limit, a filter of system calls. For the operator, not for clients: it names files and users.
    #[must_use]
    pub fn diagnosis(&self) -> Option<&str> {
        let Kind::Refused(refusal, _) = self.kind() else { return None };
        refusal.diagnosis()
    }

    /// What it is to a client.
    #[must_use]
    pub fn status(&self) -> StatusCode {
        match self.kind() {
            Kind::Refused(_, ruling) => match ruling.decision() {
                Decision::Answer { status, .. } => status,
                Decision::Retry { .. } | Decision::ReResolve | Decision::Next | Decision::Abort => {
                    StatusCode::INTERNAL_SERVER_ERROR
                }
            },
            Kind::Name(_) => StatusCode::NOT_FOUND,
            Kind::NotAFile(_) => StatusCode::CONFLICT,
            Kind::Exists | Kind::Changed { .. } => StatusCode::PRECONDITION_FAILED,
            Kind::Head(_) | Kind::Content(_) | Kind::Length { .. } => StatusCode::BAD_REQUEST,
            Kind::Locked(_) | Kind::Restless => StatusCode::SERVICE_UNAVAILABLE,
            Kind::Damaged(_)
            | Kind::Distrusted(_)
            | Kind::Foreign { .. }
            | Kind::Older { .. }
            | Kind::NotALock(_)
            | Kind::Gone => StatusCode::INTERNAL_SERVER_ERROR,
        }
    }
}

impl StoreError {
    /// How long a client had better wait before it asks again (`Retry-After`), where that may help.
    #[must_use]
    pub fn retry_after(&self) -> Option<Duration> {
        if let Kind::Refused(_, ruling) = self.kind() {
            let Decision::Answer { retry_after, .. } = ruling.decision() else { return None };
            return retry_after;
        }
        self.is_busy().then_some(Duration::from_secs(1))
    }
}

impl Damage {
    /// What is wrong with a file of which no slot holds.
    pub(crate) fn of(slots: &Slots) -> Self {
        match slots {
            Slots::None(flaws) => Self::Slots(*flaws),
            Slots::One(_, flaw) => Self::Slots([*flaw; 2]),
            Slots::Contradict | Slots::Equal(_) | Slots::Newer(_) => Self::Contradiction,
        }
    }
}

impl From<Kind> for StoreError {
    fn from(kind: Kind) -> Self {
        Self::new(kind)
    }
}

impl From<Damage> for StoreError {
    fn from(damage: Damage) -> Self {
        Self::new(Kind::Damaged(damage))
    }
}

impl From<Unfit> for StoreError {
    fn from(unfit: Unfit) -> Self {
        Self::new(Kind::Head(unfit))
    }
}

impl fmt::Display for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.kind() {
            Kind::Refused(refusal, ruling) => {
                write!(f, "{refusal}: {ruling}")?;
                refusal.diagnosis().map_or(Ok(()), |why| write!(f, " ({why})"))
            }
            Kind::Name(name) => {
                write!(f, "wanted the name of a file that is not hidden, found {name:?}")
            }
            Kind::NotAFile(kind) => {
                write!(f, "wanted a name that a stored file has or can be given, found {kind}")
            }
            Kind::NotALock(kind) => {
                write!(f, "wanted the store's lock to be a regular file, found {kind}")
            }
            Kind::Exists => f.write_str("wanted a new name, found one that is taken"),
            Kind::Changed { wanted, found: Some(found) } => {
                write!(f, "wanted generation {wanted}, found {found}")
            }
            Kind::Changed { wanted, found: None } => {
                write!(f, "wanted generation {wanted}, found nothing")
            }
            Kind::Head(Unfit::Status(status)) => {
                write!(f, "wanted the status of a whole response, found {status} with this content")
            }
            Kind::Head(Unfit::Long) => {
                f.write_str("wanted a head that fits a slot, found a longer one")
            }
            Kind::Damaged(damage) => damage.fmt(f),
            Kind::Distrusted(Distrust::Unsigned) => {
                f.write_str("wanted a signed head, found one without a signature")
            }
            Kind::Distrusted(Distrust::Unadopted) => {
                f.write_str("wanted a signed head to change and sign, found one that nobody signed")
            }
            Kind::Distrusted(Distrust::UnknownKey(key)) => {
                write!(f, "wanted a head signed by a trusted key, found the key {key:?}")
            }
            Kind::Distrusted(Distrust::Forged(key)) => {
                write!(f, "wanted a signature by the key {key:?}, found one that is not")
            }
            Kind::Foreign { wanted, found } => {
                write!(f, "wanted a head of {wanted}, found one of {found}")
            }
            Kind::Older { wanted, found } => {
                write!(f, "wanted generation {wanted} or a later one, found {found}")
            }
            Kind::Locked(after) => {
                write!(f, "wanted the lock, found it taken for {} ms", after.as_millis())
            }
            Kind::Content(_) => f.write_str("the content failed"),
            Kind::Length { wanted, found } => {
                write!(f, "wanted {wanted} bytes of content, found {found}")
            }
            Kind::Restless => f.write_str("wanted to change it, found it changed each time"),
            Kind::Gone => f.write_str("wanted an answer, found the task that worked on it gone"),
        }
    }
}

impl fmt::Display for Damage {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Slots([first, second]) => {
                write!(f, "no slot is whole: in the first {first}; in the second {second}")
            }
            Self::Contradiction => f.write_str("wanted slots of one file, found two that are not"),
            Self::Length { wanted, found } => {
                write!(f, "wanted a file of {wanted} bytes, found {found}")
            }
            Self::Payload => f.write_str("wanted the payload that the head is of, found another"),
            Self::Generation => {
                f.write_str("wanted a generation that another can follow, found the last one")
            }
        }
    }
}

impl fmt::Debug for StoreError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("StoreError").field(&self.0).finish()
    }
}

impl StdError for StoreError {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        if let Kind::Refused(refusal, _) = self.kind() {
            return Some(refusal);
        }
        if let Kind::Content(cause) = self.kind() { Some(&**cause) } else { None }
    }
}
