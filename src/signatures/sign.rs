//! What is signed of a response, with which key, and what becomes of it if that fails.

use std::fmt::{self, Write as _};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use http::header::{CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};

use super::base::{Message, base};
use super::component::{Component, Subject, list};
use super::error::Unsigned;
use super::label::free_label;
use super::{SignatureError, Signer, SigningKey};
use crate::caught::{caught, discard, message};
use crate::field::base64;
use crate::field::list::lists;
use crate::field::structured::{is_key, string};

const REPR_DIGEST: HeaderName = HeaderName::from_static("repr-digest");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// What becomes of a response that could not be signed. Either way its receipt has a
/// [note](crate::Note::Unsigned) with the reason.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum OnFailure {
    /// It goes out as it is, without a signature.
    #[default]
    SendUnsigned,
    /// It becomes a 503 without a signature.
    Refuse,
}

/// How responses are signed at their commit (RFC 9421); see
/// [`LetterheadLayer::sign`](crate::LetterheadLayer::sign) and [the guide](crate::guide::signatures).
///
/// If nothing else is said, a signature covers what caches and proxies keep as it is: `Repr-Digest`, or `Content-Digest` where that
/// one is missing, `Content-Type`, and the path of the request. A field that a response does not have is not
/// covered. The parameters are `created` and `keyid`.
///
/// # Examples
///
/// ```
/// use std::time::Duration;
/// use letterhead::LetterheadLayer;
/// use letterhead::signatures::{Sign, SigningKey};
///
/// let key = SigningKey::ed25519(&[7; 32]);
/// let sign = Sign::new(key).expires_after(Duration::from_secs(3600)).tag("example.com/v1")?;
/// let layer = LetterheadLayer::new().sign(sign);
/// # let _ = layer;
///
/// // What cannot be covered is refused when it is said.
/// let sign = Sign::new(SigningKey::ed25519(&[7; 32]));
/// let error = sign.cover(["@status", "set-cookie"]).unwrap_err();
/// assert_eq!(
///     error.to_string(),
///     "wanted a component to cover, found `set-cookie`: lines of set-cookie do not join: add `;bs`"
/// );
/// # Ok::<(), letterhead::signatures::SignatureError>(())
/// ```
#[derive(Clone)]
pub struct Sign {
    signer: Arc<dyn Signer>,
    key_id: Arc<str>,
    label: Arc<str>,
    tag: Option<Arc<str>>,
    lifetime: Option<Duration>,
    nonce: bool,
    cover: Option<Arc<[Component]>>,
    all_of_no_store: bool,
    on_failure: OnFailure,
}

/// The two fields of one signature.
#[derive(Debug)]
pub(crate) struct Signed {
    pub(crate) input: HeaderValue,
    pub(crate) signature: HeaderValue,
}

impl Sign {
    /// Signs with this key.
    #[must_use]
    pub fn new(signer: impl Signer) -> Self {
        Self {
            key_id: signer.key_id().into(),
            signer: Arc::new(signer),
            label: Arc::from("sig"),
            tag: None,
            lifetime: None,
            nonce: false,
            cover: None,
            all_of_no_store: false,
            on_failure: OnFailure::default(),
        }
    }

    /// As a directory of keys is signed (draft-meunier-webbotauth-httpsig-directory).
    pub(crate) fn of_directory(key: SigningKey) -> Self {
        let digest = Component::field(CONTENT_DIGEST);
        let authority = Component::derived(Subject::Authority, true);
        let cover = [authority, Component::field(CONTENT_TYPE), digest];
        Self {
            tag: Some(Arc::from("http-message-signatures-directory")),
            lifetime: Some(Duration::from_secs(24 * 60 * 60)),
            cover: Some(Arc::from(cover)),
            ..Self::new(key)
        }
    }

    /// Covers these components, in this order, in the place of what is covered if nothing is said.
    ///
    /// A component is a field's name (`etag`), or its identifier as it stands in `Signature-Input`: `"@path";req`. There are `@status`;
    /// of the request, with `;req`, `@method`, `@path`, `@query`, `@authority`, `@target-uri` and fields. A field may have `;bs` (each line in
    /// base64), `;sf` (canonical, where its structure is known) or `;key="name"` (one member of a dictionary).
    /// One that a response does not have is left out of its signature.
    ///
    /// # Errors
    ///
    /// If there is none, or one is named twice, is not known, cannot be covered (`Connection`, trailers), or would not survive: lines of
    /// `Set-Cookie` do not join, and want `;bs`.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::signatures::{Sign, SigningKey};
    ///
    /// let sign = Sign::new(SigningKey::ed25519(&[7; 32]));
    /// let sign = sign.cover(["@status", "content-type", "\"set-cookie\";bs", "\"@target-uri\";req"])?;
    /// # let _ = sign;
    /// # Ok::<(), letterhead::signatures::SignatureError>(())
    /// ```
    pub fn cover<'a>(
        mut self,
        components: impl IntoIterator<Item = &'a str>,
    ) -> Result<Self, SignatureError> {
        self.cover = Some(list(components)?.into());
        Ok(self)
    }

    /// Covers more of responses with `Cache-Control: no-store`, which no cache keeps: status, method, `Cache-Control`, `ETag` and
    /// `Content-Encoding` besides.
    ///
    /// A proxy that compresses or that answers `HEAD` by `GET` breaks such a signature. It is for clients that nobody
    /// stands between.
    #[must_use]
    pub const fn all_of_no_store(mut self, on: bool) -> Self {
        self.all_of_no_store = on;
        self
    }

    /// Lets a signature expire so long after it was made, in whole seconds. Longer than caches keep a response, or
    /// they go on with a signature that nobody believes.
    #[must_use]
    pub const fn expires_after(mut self, lifetime: Duration) -> Self {
        self.lifetime = Some(lifetime);
        self
    }

    /// Gives each signature a nonce: 16 random bytes in base64.
    #[must_use]
    pub const fn nonce(mut self, on: bool) -> Self {
        self.nonce = on;
        self
    }

    /// What the signatures call the key, in the place of [`Signer::key_id`].
    ///
    /// # Errors
    ///
    /// If it is not visible ASCII.
    pub fn key_id(mut self, id: &str) -> Result<Self, SignatureError> {
        self.key_id = visible("a key id", id)?;
        Ok(self)
    }

    /// What the signatures are for; a verifier chooses among several signatures by it (RFC 9421, section 2.3).
    ///
    /// # Errors
    ///
    /// If it is not visible ASCII.
    pub fn tag(mut self, tag: &str) -> Result<Self, SignatureError> {
        self.tag = Some(visible("a tag", tag)?);
        Ok(self)
    }

    /// The key of the signatures in their two fields; `sig` if nothing is said. Where a response has a signature of that
    /// label already, a number is added.
    ///
    /// # Errors
    ///
    /// If it is no key of a dictionary: a lower-case letter, then such letters, digits and `_-.*`.
    pub fn label(mut self, label: &str) -> Result<Self, SignatureError> {
        if !is_key(label) {
            return Err(SignatureError::new(format!(
                "wanted a label of lower-case letters, digits and `_-.*`, found `{}`",
                label.escape_debug()
            )));
        }
        self.label = label.into();
        Ok(self)
    }

    /// What becomes of a response that could not be signed; it is sent unsigned if nothing is said.
    #[must_use]
    pub const fn on_failure(mut self, what: OnFailure) -> Self {
        self.on_failure = what;
        self
    }

    pub(crate) const fn refuses(&self) -> bool {
        matches!(self.on_failure, OnFailure::Refuse)
    }

    pub(crate) const fn wants_nonce(&self) -> bool {
        self.nonce
    }

    /// Names of request fields that are covered.
    pub(crate) fn request_fields(&self) -> impl Iterator<Item = &HeaderName> {
        let components = self.cover.iter().flat_map(|cover| cover.iter());
        components.filter(|component| component.of_request).filter_map(Component::field_name)
    }

    /// The response's fields that the signature of this head covers.
    pub(crate) fn covered_fields(&self, fields: &HeaderMap) -> Vec<HeaderName> {
        let components = self.components(fields);
        let names = components.iter().filter(|component| !component.of_request);
        let names = names.filter_map(Component::field_name);
        names.filter(|name| fields.contains_key(*name)).cloned().collect()
    }

    pub(crate) fn covers_status(&self, fields: &HeaderMap) -> bool {
        self.components(fields).iter().any(|component| component.subject == Subject::Status)
    }

    fn components(&self, fields: &HeaderMap) -> Arc<[Component]> {
        match &self.cover {
            Some(cover) => Arc::clone(cover),
            None => self.usual(fields).into(),
        }
    }

    /// The signature of a response whose head is final.
    pub(crate) fn sign(
        &self,
        message: &Message<'_>,
        now: SystemTime,
        nonce: Option<[u8; 16]>,
    ) -> Result<Signed, Unsigned> {
        let label = free_label(&self.label, message.fields)?;
        let parameters = self.parameters(now, nonce)?;
        let base = base(&self.components(message.fields), message, &parameters)?;
        let signature = self.ask(base.text.as_bytes())?;
        let value = |text: String| {
            HeaderValue::try_from(text)
                .map_err(|_| Unsigned::NotAscii("\"@signature-params\"".to_owned()))
        };
        Ok(Signed {
            input: value(format!("{label}={}", base.input))?,
            signature: value(format!("{label}=:{}:", base64::encode(&signature)))?,
        })
    }

    fn ask(&self, base: &[u8]) -> Result<Vec<u8>, Unsigned> {
        match caught(|| self.signer.sign(base)) {
            Ok(Ok(signature)) => Ok(signature),
            Ok(Err(error)) => Err(Unsigned::Signer(error.to_string())),
            Err(payload) => {
                let reason = format!("it panicked: {}", message(payload.as_ref()));
                discard(payload);
                Err(Unsigned::Signer(reason))
            }
        }
    }

    /// What is covered if nothing is said.
    fn usual(&self, fields: &HeaderMap) -> Vec<Component> {
        let digest = if fields.contains_key(REPR_DIGEST) { REPR_DIGEST } else { CONTENT_DIGEST };
        let path = Component::derived(Subject::Path, true);
        let mut cover = vec![Component::field(digest), Component::field(CONTENT_TYPE), path];
        if self.all_of_no_store && lists(fields, &CACHE_CONTROL, "no-store") {
            cover.push(Component::derived(Subject::Status, false));
            cover.push(Component::derived(Subject::Method, true));
            let more = ["cache-control", "etag", "content-encoding"];
            cover.extend(more.map(HeaderName::from_static).map(Component::field));
        }
        cover
    }

    /// RFC 9421, section 2.3.
    fn parameters(&self, now: SystemTime, nonce: Option<[u8; 16]>) -> Result<String, Unsigned> {
        let since = now.duration_since(SystemTime::UNIX_EPOCH).map_err(|_| Unsigned::Clock)?;
        let created = since.as_secs();
        let mut text = format!(";created={created}");
        // Writing into a string does not fail.
        if let Some(lifetime) = self.lifetime {
            // An integer of structured fields has fifteen digits.
            let expires = created.saturating_add(lifetime.as_secs()).min(999_999_999_999_999);
            write!(text, ";expires={expires}").unwrap_or_default();
        }
        if let Some(nonce) = nonce {
            write!(text, ";nonce=\"{}\"", base64::encode(&nonce)).unwrap_or_default();
        }
        text.push_str(";keyid=");
        string(&mut text, &self.key_id);
        if let Some(tag) = &self.tag {
            text.push_str(";tag=");
            string(&mut text, tag);
        }
        Ok(text)
    }
}

/// What a string of structured fields may be (RFC 9651, section 3.3.3).
fn visible(what: &str, text: &str) -> Result<Arc<str>, SignatureError> {
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~')) {
        return Ok(text.into());
    }
    let shown = text.escape_debug();
    Err(SignatureError::new(format!("wanted {what} of visible ASCII, found `{shown}`")))
}

/// What it does, without the key.
impl fmt::Debug for Sign {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Sign")
            .field("key_id", &self.key_id)
            .field("label", &self.label)
            .field("tag", &self.tag)
            .field("lifetime", &self.lifetime)
            .field("on_failure", &self.on_failure)
            .finish_non_exhaustive()
    }
}
