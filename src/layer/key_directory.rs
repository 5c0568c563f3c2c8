//! The public keys of the signers, as a service that signs its answer.

use std::convert::Infallible;
use std::fmt;
use std::future::{Ready, ready};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use bytes::Bytes;
use http::header::{
    ALLOW, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    RETRY_AFTER,
};
use http::{Method, Request, Response, StatusCode};
use http_body::{Body, Frame, SizeHint};
use sha2::{Digest as _, Sha256};
use tower_service::Service;

use super::request_target::RequestTarget;
use crate::field::digest::DigestAlgorithm;
use crate::signatures::{
    self, Message, SIGNATURE, SIGNATURE_INPUT, Sign, Signed, SigningKey, Unsigned,
};

const MEDIA_TYPE: HeaderValue =
    HeaderValue::from_static("application/http-message-signatures-directory+json");
const CONTENT_DIGEST: HeaderName = HeaderName::from_static("content-digest");

/// Answers with the public keys of [signers](crate::signatures::SigningKey) as a JWK set, signed with each of them.
///
/// Mount it at [`PATH`](Self::PATH) (draft-meunier-webbotauth-httpsig-directory). It answers `GET` and `HEAD`. Each signature covers the
/// authority that was asked, the type and the digest of the content, and has the tag
/// `http-message-signatures-directory`; so nobody can publish the keys as their own. Caches may keep the answer for an
/// hour, and the signatures expire after a day. Where it cannot be signed (a request without a host, a clock before 1970)
/// the answer is a 503.
///
/// # Examples
///
/// ```
/// use axum::Router;
/// use letterhead::signatures::{Sign, SigningKey};
/// use letterhead::{KeyDirectory, LetterheadLayer};
///
/// let key = SigningKey::ed25519(&[7; 32]);
/// let app: Router = Router::new()
///     .route_service(KeyDirectory::PATH, KeyDirectory::new([key.clone()]))
///     .layer(LetterheadLayer::new().sign(Sign::new(key)));
/// # let _ = app;
/// ```
#[derive(Clone)]
pub struct KeyDirectory {
    content: Bytes,
    digest: HeaderValue,
    signers: Arc<[Sign]>,
}

impl KeyDirectory {
    /// Where clients look for it.
    pub const PATH: &'static str = "/.well-known/http-message-signatures-directory";

    /// A directory of these keys. While keys change, it has the old one and the new one.
    #[must_use]
    pub fn new(keys: impl IntoIterator<Item = SigningKey>) -> Self {
        let keys: Vec<_> = keys.into_iter().collect();
        let jwks: Vec<_> = keys.iter().map(SigningKey::public_jwk).collect();
        let content = Bytes::from(format!("{{\"keys\":[{}]}}", jwks.join(",")));
        let digest = DigestAlgorithm::Sha256.field_value(&Sha256::digest(&content));
        Self { content, digest, signers: keys.into_iter().map(Sign::of_directory).collect() }
    }

    fn answer<B>(&self, request: &Request<B>) -> Result<Response<DirectoryBody>, Unsigned> {
        let mut fields = HeaderMap::new();
        fields.insert(CONTENT_TYPE, MEDIA_TYPE);
        fields.insert(CONTENT_LENGTH, HeaderValue::from(self.content.len()));
        fields.insert(CONTENT_DIGEST, self.digest.clone());
        fields.insert(CACHE_CONTROL, HeaderValue::from_static("public, max-age=3600"));
        let target = RequestTarget::of(request);
        let none = HeaderMap::new();
        for signer in self.signers.iter() {
            let message = Message {
                status: StatusCode::OK,
                fields: &fields,
                request: signatures::Request {
                    method: request.method(),
                    uri: &target.uri,
                    authority: target.authority(),
                    is_secure: target.is_secure,
                    fields: &none,
                },
            };
            let Signed { input, signature } = signer.sign(&message, SystemTime::now(), None)?;
            fields.append(SIGNATURE_INPUT, input);
            fields.append(SIGNATURE, signature);
        }
        let content = (request.method() != Method::HEAD).then(|| self.content.clone());
        let mut response = Response::new(DirectoryBody { content });
        *response.headers_mut() = fields;
        Ok(response)
    }
}

fn refusal(status: StatusCode, name: HeaderName, value: &'static str) -> Response<DirectoryBody> {
    let mut response = Response::new(DirectoryBody { content: None });
    *response.status_mut() = status;
    response.headers_mut().insert(name, HeaderValue::from_static(value));
    response.headers_mut().insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}

impl<B> Service<Request<B>> for KeyDirectory {
    type Response = Response<DirectoryBody>;
    type Error = Infallible;
    type Future = Ready<Result<Self::Response, Infallible>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        if request.method() != Method::GET && request.method() != Method::HEAD {
            return ready(Ok(refusal(StatusCode::METHOD_NOT_ALLOWED, ALLOW, "GET, HEAD")));
        }
        let answer = self.answer(&request);
        let unsigned = |_| refusal(StatusCode::SERVICE_UNAVAILABLE, RETRY_AFTER, "1");
        ready(Ok(answer.unwrap_or_else(unsigned)))
    }
}

impl fmt::Debug for KeyDirectory {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyDirectory").field("signers", &self.signers).finish_non_exhaustive()
    }
}

/// The content of a [`KeyDirectory`]'s answer, in one piece.
#[derive(Debug)]
pub struct DirectoryBody {
    content: Option<Bytes>,
}

impl Body for DirectoryBody {
    type Data = Bytes;
    type Error = Infallible;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        _: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, Infallible>>> {
        Poll::Ready(self.content.take().map(|content| Ok(Frame::data(content))))
    }

    fn is_end_stream(&self) -> bool {
        self.content.is_none()
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.content.as_ref().map_or(0, |content| content.len() as u64))
    }
}
