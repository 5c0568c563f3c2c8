//! The service: the files of a directory, and whatever its redirects say of a path.

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use http::header::LOCATION;
use http::uri::PathAndQuery;
use http::{Request, Response, StatusCode, Uri};
use http_body::{Body, Frame, SizeHint};
use letterhead::FileSender;
use letterhead::files::{FileBody, FileError};
use letterhead::policy::Redirect;
use tower_service::Service;

use crate::rules::Rules;

/// Files that are read by the server, and by nobody else.
const OWN: [&[u8]; 2] = [b"_headers", b"_redirects"];

/// A name that the sender has for nobody.
const NOTHING: &str = ".nothing";

/// How many names a rewrite may lead on to.
const MOST_STEPS: usize = 4;

/// A directory as a service.
#[derive(Clone)]
pub(crate) struct Site {
    pub(crate) files: FileSender,
    pub(crate) rules: Rules,
    /// A file that is there comes before a redirect.
    pub(crate) has_files_first: bool,
}

impl<B: Send + 'static> Service<Request<B>> for Site {
    type Response = Response<SiteBody>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<SiteBody>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        let site = self.clone();
        // Nothing is done with the content.
        let request = request.map(drop);
        Box::pin(async move { Ok(site.answer(request).await) })
    }
}

impl Site {
    async fn answer(&self, request: Request<()>) -> Response<SiteBody> {
        let uri = request.uri();
        if is_own(uri.path()) {
            return self.nothing(&request).await;
        }
        let Some(redirect) = self.rules.find(uri.path(), uri.query()) else {
            return self.file(request).await;
        };
        if !self.has_files_first {
            return self.redirected(request, redirect).await;
        }
        let again = asked_for(&request, request.uri().clone());
        let answer = self.file(request).await;
        if answer.status() == StatusCode::NOT_FOUND {
            return self.redirected(again, redirect).await;
        }
        answer
    }

    async fn redirected(&self, request: Request<()>, redirect: Redirect) -> Response<SiteBody> {
        match redirect {
            Redirect::To { status, location, .. } => {
                let mut response = Response::new(SiteBody(None));
                *response.status_mut() = status;
                response.headers_mut().insert(LOCATION, location);
                response
            }
            Redirect::Rewrite { target, .. } => self.rewritten(&request, target).await,
            // Whatever a later version has, this one does not know it.
            _ => self.file(request).await,
        }
    }

    /// What another path has. Where the sender leads on (to a name with a slash, to one without `.html`) it is followed
    /// here: the client asked for neither of them.
    async fn rewritten(&self, request: &Request<()>, mut target: String) -> Response<SiteBody> {
        for _ in 0..MOST_STEPS {
            let Ok(path) = PathAndQuery::try_from(target) else { break };
            if is_own(path.path()) {
                break;
            }
            let answer = self.file(asked_for(request, Uri::from(path.clone()))).await;
            let location = answer.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            match location.and_then(|location| joined(path.path(), location)) {
                Some(next) => target = next,
                None => return answer,
            }
        }
        self.nothing(request).await
    }

    async fn file(&self, request: Request<()>) -> Response<SiteBody> {
        let Ok(response) = self.files.clone().call(request).await;
        response.map(|body| SiteBody(Some(body)))
    }

    /// The sender's own 404.
    async fn nothing(&self, request: &Request<()>) -> Response<SiteBody> {
        let Ok(response) = self.files.send(request, NOTHING).await;
        response.map(|body| SiteBody(Some(body)))
    }
}

/// The same request for another target.
fn asked_for(request: &Request<()>, uri: Uri) -> Request<()> {
    let mut other = Request::new(());
    request.method().clone_into(other.method_mut());
    *other.version_mut() = request.version();
    request.headers().clone_into(other.headers_mut());
    *other.uri_mut() = uri;
    other
}

/// Where a relative reference leads from a path, if it begins with dots as the sender's do (RFC 3986, section 5.2).
fn joined(path: &str, reference: &str) -> Option<String> {
    let mut names: Vec<_> = path.split('/').collect();
    names.pop();
    let mut rest = reference.strip_prefix("./");
    let mut left = reference;
    while let Some(above) = left.strip_prefix("../") {
        names.pop();
        (left, rest) = (above, Some(above));
    }
    let directory = names.join("/");
    Some(format!("{directory}/{}", rest?))
}

/// Whether a path, as the sender decodes it, names one of the [`OWN`] files.
fn is_own(path: &str) -> bool {
    let mut names = path.split('/').filter(|name| !name.is_empty());
    let (Some(name), None) = (names.next(), names.next()) else { return false };
    let name = decoded(name.as_bytes());
    OWN.iter().any(|own| name.eq_ignore_ascii_case(own))
}

fn decoded(name: &[u8]) -> Vec<u8> {
    let digit = |at: usize| name.get(at).and_then(|digit| char::from(*digit).to_digit(16));
    let mut out = Vec::with_capacity(name.len());
    let mut at = 0;
    while let Some(byte) = name.get(at) {
        let pair = digit(at + 1).zip(digit(at + 2)).filter(|_| *byte == b'%');
        let encoded = pair.and_then(|(high, low)| u8::try_from(high << 4 | low).ok());
        out.push(encoded.unwrap_or(*byte));
        at += if encoded.is_some() { 3 } else { 1 };
    }
    out
}

/// A file, or nothing.
pub(crate) struct SiteBody(Option<FileBody>);

impl Body for SiteBody {
    type Data = Bytes;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, FileError>>> {
        match &mut self.0 {
            Some(body) => Pin::new(body).poll_frame(cx),
            None => Poll::Ready(None),
        }
    }

    fn is_end_stream(&self) -> bool {
        self.0.as_ref().is_none_or(Body::is_end_stream)
    }

    fn size_hint(&self) -> SizeHint {
        self.0.as_ref().map_or(SizeHint::with_exact(0), Body::size_hint)
    }
}
