//! The one public error: what a caller of this crate can act on.

use std::error::Error as StdError;
use std::fmt;
use std::sync::Arc;

/// What a body or a service may fail with: the box that hyper, tower and axum all take.
pub(crate) type BoxError = Box<dyn StdError + Send + Sync>;

/// A failure that goes to the client's connection and to the receipt alike.
pub(crate) type Cause = Arc<dyn StdError + Send + Sync>;

/// An error and its sources, outermost first. A chain longer than 64 is taken for a circle.
pub(crate) fn chain<'a>(
    error: &'a (dyn StdError + 'static),
) -> impl Iterator<Item = &'a (dyn StdError + 'static)> {
    fn source<'a>(error: &&'a (dyn StdError + 'static)) -> Option<&'a (dyn StdError + 'static)> {
        let error: &'a (dyn StdError + 'static) = *error;
        // The source of an `io::Error` that wraps another error skips that error.
        let wrapped = error.downcast_ref::<std::io::Error>().and_then(std::io::Error::get_ref);
        match wrapped {
            Some(wrapped) => Some(wrapped),
            None => error.source(),
        }
    }
    std::iter::successors(Some(error), source).take(64)
}

/// Why a response could not be given, or could not be finished.
///
/// It is opaque; ask it with the `is_*` methods. The original failure, where there is one, is
/// its [`source`](StdError::source). Printed with `{}` it says its own level, with `{:#}` all of its causes as well.
///
/// # Examples
///
/// ```
/// use letterhead::Head;
///
/// let request = http::Request::new(());
/// let error = Head::of(request.extensions()).unwrap_err();
/// assert!(error.is_missing_layer());
/// assert!(error.to_string().contains("LetterheadLayer"));
/// ```
#[derive(Clone)]
pub struct Error {
    kind: Kind,
    cause: Option<Cause>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// No handle in the extensions.
    MissingLayer,
    /// The inner service answered `Err`.
    Service,
    /// The response body answered `Err`.
    Body,
    /// The inner service or its body panicked.
    Panic(String),
    /// A before-commit hook failed or panicked.
    Hook,
    /// A rule rejected the head.
    Rejected,
    /// What was asked for has to be there before the commit, which had begun.
    #[allow(dead_code, reason = "nonces alone are refused so, and are an option")]
    Committed,
    /// The system gave no randomness.
    #[allow(dead_code, reason = "nonces alone want it, and are an option")]
    Randomness,
    /// A deny rule refused the head.
    Denied,
    /// The head could not be signed.
    #[allow(dead_code, reason = "signatures are an option")]
    Unsigned,
    /// The body went past the length that the head declared.
    TooLong { declared: u64, reached: u64 },
    /// The body ended before the length that the head declared.
    TooShort { declared: u64, reached: u64 },
}

impl Error {
    /// What to do about a missing layer.
    #[allow(dead_code, reason = "an extractor and events are options")]
    pub(crate) const REMEDY: &str = "add `.layer(LetterheadLayer::new())` to the router, after its routes; a layer \
        in between that builds a new request has to hand the old one's extensions on";

    pub(crate) const fn new(kind: Kind) -> Self {
        Self { kind, cause: None }
    }

    pub(crate) fn with(kind: Kind, cause: BoxError) -> Self {
        Self { kind, cause: Some(Arc::from(cause)) }
    }

    /// Whether no [`LetterheadLayer`](crate::LetterheadLayer) stands around the handler, or a
    /// layer in between built a new request without the old one's extensions.
    #[must_use]
    pub const fn is_missing_layer(&self) -> bool {
        matches!(self.kind, Kind::MissingLayer)
    }

    /// Whether the inner service answered with an error instead of a response.
    #[must_use]
    pub const fn is_service(&self) -> bool {
        matches!(self.kind, Kind::Service)
    }

    /// Whether the response body failed.
    #[must_use]
    pub const fn is_body(&self) -> bool {
        matches!(self.kind, Kind::Body)
    }

    /// Whether a panic was caught: in the service, its body or a hook.
    #[must_use]
    pub const fn is_panic(&self) -> bool {
        matches!(self.kind, Kind::Panic(_))
    }

    /// Whether a before-commit hook failed.
    #[must_use]
    pub const fn is_hook(&self) -> bool {
        matches!(self.kind, Kind::Hook)
    }

    /// Whether a [rule](crate::Rules) rejected the head.
    #[must_use]
    pub const fn is_rejected(&self) -> bool {
        matches!(self.kind, Kind::Rejected)
    }

    /// Whether the head was being committed already, so that what was asked for came too late.
    #[must_use]
    pub const fn is_committed(&self) -> bool {
        matches!(self.kind, Kind::Committed)
    }

    /// Whether a [deny rule](crate::deny::Deny) refused the head; [`Receipt::denied`](crate::Receipt::denied) says why.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        matches!(self.kind, Kind::Denied)
    }

    /// Whether the head could not be signed, and was [not to go out without](crate::guide::signatures); a
    /// [note](crate::Note::Unsigned) of the receipt says why.
    #[must_use]
    pub const fn is_unsigned(&self) -> bool {
        matches!(self.kind, Kind::Unsigned)
    }

    /// Whether the body did not have the length that its head declared.
    #[must_use]
    pub const fn is_length(&self) -> bool {
        matches!(self.kind, Kind::TooLong { .. } | Kind::TooShort { .. })
    }

    /// The same in words, so that nothing of the application's is kept alive by it; eight causes at most, and of each text `most` bytes.
    /// What an error says of itself is the application's code, and may panic.
    #[allow(dead_code, reason = "the inspector alone keeps errors, and is an option")]
    pub(crate) fn in_words(&self, most: usize) -> Self {
        let mut cause = None;
        let texts: Vec<String> =
            self.cause().into_iter().flat_map(chain).take(8).map(ToString::to_string).collect();
        for text in texts.into_iter().rev() {
            cause = Some(Box::new(Words { text: cut(text, most), source: cause }));
        }
        let cause = cause.map(|words| -> Cause { Arc::from(words as BoxError) });
        Self { cause, ..self.without_cause(most) }
    }

    /// The same without what is behind it.
    #[allow(dead_code, reason = "the inspector alone keeps errors, and is an option")]
    pub(crate) fn without_cause(&self, most: usize) -> Self {
        let mut kind = self.kind.clone();
        if let Kind::Panic(message) = &mut kind {
            *message = cut(std::mem::take(message), most);
        }
        Self { kind, cause: None }
    }

    /// The failure behind this one, as it was given.
    pub(crate) fn cause(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static))
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if f.alternate() {
            return WithCauses(self).fmt(f);
        }
        match &self.kind {
            Kind::MissingLayer => write!(
                f,
                "no `Head` in the request's extensions: wanted a `LetterheadLayer` around this handler, found \
                 none; {}",
                Self::REMEDY
            ),
            Kind::Service => f.write_str("the service failed"),
            Kind::Body => f.write_str("the response body failed"),
            Kind::Panic(message) => write!(f, "panicked: {message}"),
            Kind::Hook => f.write_str("a before-commit hook failed"),
            Kind::Rejected => f.write_str("a rule rejected the response head"),
            Kind::Committed => f.write_str(
                "the head was being committed: wanted to be asked while it could still be changed",
            ),
            Kind::Randomness => f.write_str("the system gave no random bytes"),
            Kind::Denied => f.write_str("a deny rule refused the response head"),
            Kind::Unsigned => f.write_str("the response head could not be signed"),
            Kind::TooLong { declared, reached } => {
                write!(f, "content-length says {declared}, body went on to {reached}")
            }
            Kind::TooShort { declared, reached } => {
                write!(f, "content-length says {declared}, body ended at {reached}")
            }
        }
    }
}

/// What an error said of itself.
#[derive(Debug)]
struct Words {
    text: String,
    source: Option<Box<Self>>,
}

impl fmt::Display for Words {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl StdError for Words {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.source.as_deref().map(|source| source as &(dyn StdError + 'static))
    }
}

/// At most so many bytes of a text, without the memory of the rest.
#[allow(dead_code, reason = "the inspector alone keeps errors, and is an option")]
pub(crate) fn cut(text: String, most: usize) -> String {
    if text.len() <= most {
        return text;
    }
    let end = (0..=most).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
    format!("{}...", text.get(..end).unwrap_or_default())
}

/// An error and its causes on one line, for reports; printed alone, an error says its own level only.
pub(crate) struct WithCauses<'a>(pub(crate) &'a (dyn StdError + 'static));

impl fmt::Display for WithCauses<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut before: Option<String> = None;
        for error in chain(self.0) {
            let text = error.to_string();
            match &before {
                None => f.write_str(&text)?,
                // Many errors say their cause themselves.
                Some(before) if before.ends_with(&text) => {}
                Some(_) => write!(f, ": {text}")?,
            }
            before = Some(text);
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error").field("kind", &self.kind).field("cause", &self.cause).finish()
    }
}

impl StdError for Error {
    fn source(&self) -> Option<&(dyn StdError + 'static)> {
        self.cause()
    }
}
