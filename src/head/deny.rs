//! Deny rules: what may refuse a head when everybody else is done with it.
//!
//! [The guide](crate::guide::deny) says when they are asked and what a client sees.

use std::fmt;
use std::sync::{Arc, PoisonError, RwLock};

use http::StatusCode;

pub use super::final_head::FinalHead;

/// The most messages of one response that are listed; what comes after is counted.
const MOST_MESSAGES: usize = 32;

/// The most bytes of a message that are listed.
const MOST_BYTES: usize = 512;

/// Looks at a head that is about to be committed, and may refuse it.
///
/// Give it to [`LetterheadLayer::deny`](crate::LetterheadLayer::deny). A closure from [`FinalHead`] to anything that
/// makes a [`Verdict`] is one: to a `Verdict`, to the messages as a `Vec<String>` (none allows the head), or to an
/// `Option<String>`.
///
/// It runs on the task that serves the response, between the end of the hold and the head, so it should be short.
///
/// # Examples
///
/// ```
/// use http::header::{CACHE_CONTROL, SET_COOKIE};
/// use letterhead::LetterheadLayer;
/// use letterhead::deny::FinalHead;
///
/// let layer = LetterheadLayer::new().deny(|head: &FinalHead<'_>| {
///     let control = head.fields().get(CACHE_CONTROL).and_then(|value| value.to_str().ok());
///     let is_public = control.is_some_and(|value| value.contains("public"));
///     let mut messages = Vec::new();
///     if is_public && head.fields().contains_key(SET_COOKIE) {
///         messages.push(format!("{} sets a cookie on a response that caches share", head.path()));
///     }
///     messages
/// });
/// # let _ = layer;
/// ```
pub trait Deny: Send + Sync + 'static {
    /// What is to become of this head.
    ///
    /// A panic is caught, and counts as [`Verdict::failed`].
    fn deny(&self, head: &FinalHead<'_>) -> Verdict;

    /// Whether a head goes out about which nothing could be decided: the rule panicked, or its verdict is
    /// [`Verdict::failed`]. The default is `false`: such a head is denied. Either way the receipt says so.
    fn fails_open(&self) -> bool {
        false
    }

    /// The rule that is to be asked in the place of this one.
    #[doc(hidden)]
    fn in_force(&self) -> Option<Arc<dyn Deny>> {
        None
    }
}

impl<F, V> Deny for F
where
    F: Fn(&FinalHead<'_>) -> V + Send + Sync + 'static,
    V: Into<Verdict>,
{
    fn deny(&self, head: &FinalHead<'_>) -> Verdict {
        self(head).into()
    }
}

/// A deny rule whose failure lets the head go out.
///
/// # Examples
///
/// ```
/// use letterhead::LetterheadLayer;
/// use letterhead::deny::{FailOpen, FinalHead};
///
/// let layer = LetterheadLayer::new().deny(FailOpen(|head: &FinalHead<'_>| {
///     head.fields().contains_key("x-powered-by").then(|| "x-powered-by is there".to_owned())
/// }));
/// # let _ = layer;
/// ```
#[derive(Clone, Copy, Debug)]
pub struct FailOpen<D>(pub D);

impl<D: Deny> Deny for FailOpen<D> {
    fn deny(&self, head: &FinalHead<'_>) -> Verdict {
        self.0.deny(head)
    }

    fn fails_open(&self) -> bool {
        true
    }
}

/// A deny rule that may be replaced while requests are served.
///
/// Clones are the same handle. A head is judged by the rule that is in force when it is asked, and by no other.
///
/// # Examples
///
/// ```
/// use letterhead::LetterheadLayer;
/// use letterhead::deny::{DenyHandle, FinalHead};
///
/// let rule = DenyHandle::new(|_: &FinalHead<'_>| None);
/// let layer = LetterheadLayer::new().deny(rule.clone());
/// // From the next commit on.
/// rule.replace(|head: &FinalHead<'_>| {
///     head.fields().contains_key("x-powered-by").then(|| "x-powered-by is there".to_owned())
/// });
/// # let _ = layer;
/// ```
#[derive(Clone)]
pub struct DenyHandle(Arc<RwLock<Arc<dyn Deny>>>);

impl DenyHandle {
    /// A handle whose first rule is this one.
    #[must_use]
    pub fn new(rule: impl Deny) -> Self {
        Self(Arc::new(RwLock::new(Arc::new(rule))))
    }

    /// Puts another rule in force.
    pub fn replace(&self, rule: impl Deny) {
        let rule: Arc<dyn Deny> = Arc::new(rule);
        let before = {
            let mut place = self.0.write().unwrap_or_else(PoisonError::into_inner);
            std::mem::replace(&mut *place, rule)
        };
        // What drops it may take its time, and is not waited for under the lock.
        drop(before);
    }

    fn rule(&self) -> Arc<dyn Deny> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Deny for DenyHandle {
    fn deny(&self, head: &FinalHead<'_>) -> Verdict {
        self.rule().deny(head)
    }

    fn fails_open(&self) -> bool {
        self.rule().fails_open()
    }

    fn in_force(&self) -> Option<Arc<dyn Deny>> {
        Some(self.rule())
    }
}

impl fmt::Debug for DenyHandle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DenyHandle").finish_non_exhaustive()
    }
}

/// What a [deny rule](Deny) says of a head.
///
/// # Examples
///
/// ```
/// use http::StatusCode;
/// use letterhead::deny::Verdict;
///
/// let verdict = Verdict::deny("no length").status(StatusCode::BAD_GATEWAY);
/// assert!(verdict.is_denied());
/// assert!(!Verdict::from(Vec::new()).is_denied());
/// ```
#[derive(Clone, Debug, Default)]
pub struct Verdict {
    pub(crate) messages: Vec<String>,
    pub(crate) status: Option<StatusCode>,
    /// Why nothing could be decided.
    pub(crate) failure: Option<String>,
}

impl Verdict {
    /// The head may go out.
    #[must_use]
    pub const fn allow() -> Self {
        Self { messages: Vec::new(), status: None, failure: None }
    }

    /// The head may not go out, and why. The client does not see the message unless
    /// [`debug_answers`](crate::LetterheadLayer::debug_answers) is on; logs and reporters do.
    #[must_use]
    pub fn deny(message: impl Into<String>) -> Self {
        Self { messages: vec![message.into()], ..Self::allow() }
    }

    /// Nothing could be decided, and why not; what becomes of the head is [`Deny::fails_open`]'s business.
    #[must_use]
    pub fn failed(reason: impl Into<String>) -> Self {
        Self { failure: Some(reason.into()), ..Self::allow() }
    }

    /// The status that a denied response has instead of 500. One that is no error (below 400) is sent as 500.
    #[must_use]
    pub const fn status(mut self, status: StatusCode) -> Self {
        self.status = Some(status);
        self
    }

    /// Whether the head may not go out.
    #[must_use]
    pub const fn is_denied(&self) -> bool {
        !self.messages.is_empty()
    }

    /// Why the head may not go out.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// Why nothing could be decided, if nothing could.
    #[must_use]
    pub fn failure(&self) -> Option<&str> {
        self.failure.as_deref()
    }
}

/// The messages; the head may go out if there are none.
impl From<Vec<String>> for Verdict {
    fn from(messages: Vec<String>) -> Self {
        Self { messages, ..Self::allow() }
    }
}

/// The message; the head may go out if there is none.
impl From<Option<String>> for Verdict {
    fn from(message: Option<String>) -> Self {
        Self::from(Vec::from_iter(message))
    }
}

/// Why a head was denied, as far as there was room: 32 messages of 512 bytes each.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Denial {
    messages: Vec<String>,
    cut: usize,
}

impl Denial {
    pub(crate) fn of(messages: Vec<String>) -> Self {
        let cut = messages.len().saturating_sub(MOST_MESSAGES);
        let messages = messages.into_iter().take(MOST_MESSAGES).map(bounded).collect();
        Self { messages, cut }
    }

    /// The messages, in the order in which they were given; control characters are escaped.
    #[must_use]
    pub fn messages(&self) -> &[String] {
        &self.messages
    }

    /// How many messages there was no room for.
    #[must_use]
    pub const fn cut(&self) -> usize {
        self.cut
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.messages.join("; "))?;
        if self.cut > 0 { write!(f, "; {} more", self.cut) } else { Ok(()) }
    }
}

/// A message that ends no line of a log and moves no cursor, cut where it is too long.
pub(crate) fn bounded(message: String) -> String {
    if message.len() <= MOST_BYTES && !message.contains(char::is_control) {
        return message;
    }
    let mut text = String::new();
    for char in message.chars() {
        if text.len() >= MOST_BYTES {
            text.push_str("...");
            break;
        }
        if char.is_control() {
            text.extend(char.escape_default());
        } else {
            text.push(char);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_are_bounded_in_number_and_length() {
        let denial = Denial::of(vec!["a\nb\u{1b}[2J".to_owned(), "\u{e9}".repeat(1 << 20)]);
        assert_eq!(denial.messages()[0], "a\\nb\\u{1b}[2J");
        assert_eq!(denial.messages()[1], format!("{}...", "\u{e9}".repeat(256)));
        let denial = Denial::of(vec!["x".to_owned(); 40]);
        assert_eq!((denial.messages().len(), denial.cut()), (32, 8));
        assert!(denial.to_string().ends_with("; x; 8 more"));
        assert_eq!(bounded("y".repeat(512)).len(), 512);
    }

    #[test]
    fn no_message_allows() {
        assert!(!Verdict::from(None).is_denied());
        assert!(!Verdict::failed("why").is_denied());
        let verdict = Verdict::from(Some("one".to_owned()));
        assert_eq!((verdict.is_denied(), verdict.failure()), (true, None));
    }
}
