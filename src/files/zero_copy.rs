//! The sender whose files the kernel sends: bodies of spans that nobody has to read.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use bytes::{Buf as _, Bytes};
use http::{Request, Response};
use http_body::{Body, Frame, SizeHint};
use pin_project_lite::pin_project;
use tower_service::Service;

use super::body::FileBody;
use super::close::{self, LONG};
use super::failed::FileError;
use super::fallback_service::{Or, OrBody, OrError, OrFuture, WhoseProjection};
use super::open_limit::OpenPermit;
use super::options::{CHUNK, OnChange};
use super::reader::{Origin, Reader};
use super::sender::FileSender;
use super::service::FileFuture;
use crate::sys::Handle;
use crate::sys::span::{self, FileData};

/// What is read before the head is sent, to know that the file can be read.
const FIRST: usize = 4 * 1024;

/// Fewer bytes than this are read: to hand them over would cost more.
const LEAST: u64 = 16 * 1024;

/// A [`FileSender`] whose files go from the page cache to the client without a copy.
///
/// Made by [`FileSender::zero_copy`], and a service like it, with a body of [`FileData`]. What
/// [`letterhead::serve`](crate::serve()) gets to see of that on a connection of plain HTTP/1 it has the
/// kernel send (`sendfile`): files and ranges from 64 KiB on, behind their first 4 KiB, as far as they are
/// in memory. Everything else is read and copied as ever: smaller files, what would have to be waited
/// for, TLS, HTTP/2, other servers. On any way a client gets the same bytes:
///
/// - A layer that looks at the data (to compress, to hash, to keep it) reads what the file has.
/// - The file is looked at before each call of the kernel; one that was written to or cut short since it
///   was opened breaks the response off, and [`Event::Failed`](crate::serve::Event) says why.
/// - Whatever else could become of such data between the body and the socket ends the connection before
///   a byte of it is written.
///
/// **It is for trees whose files are replaced by renaming, and never written in place.** The kernel sends
/// what the file has when the packet is made, not what it had when it was looked at: of a file that is
/// overwritten while a client takes its time, that client may get bytes of both versions.
///
/// # Examples
///
/// An axum `Router` takes bodies of `Bytes` alone, which would have to be read before the server could
/// see them. So the files stand in front of it:
///
/// ```
/// use axum::{Router, routing::get};
/// use letterhead::FileSender;
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let router: Router = Router::new().route("/hello", get(|| async { "hello" }));
/// let app = FileSender::new("src")?.zero_copy().or(router);
/// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
/// # let ctrl_c = std::future::ready(());
/// letterhead::serve(listener, app).shutdown_on(ctrl_c).await?;
/// # Ok(())
/// # }
/// ```
#[derive(Clone, Debug)]
pub struct ZeroCopy(pub(super) FileSender);

/// The response to a request for a file. It never fails.
#[must_use = "futures do nothing unless polled"]
#[derive(Debug)]
pub struct ZeroCopyFuture(FileFuture);

/// The bytes of a file, read only if somebody looks at them; in all else a [`FileBody`].
pub struct ZeroCopyBody(FileBody);

impl FileSender {
    /// The same sender, with a body that [`letterhead::serve`](crate::serve()) can have the kernel send:
    /// for trees whose files are never written in place.
    ///
    /// Of a file that it sends that way the descriptor, the head and the first 4 KiB are [kept](Self::cache) for ten
    /// seconds, and used if the look for a request finds that the name has that very version. After that
    /// it is open until somebody asks for it or its place is needed: the room on the disk of a large
    /// file that was removed may not be free before. One counts for 1 MiB, so there are no more than 64 by default,
    /// and never more than an eighth of the descriptors that the process may have when the sender is made. With
    /// [`open_files`](Self::open_files), a cache of less than 32 MiB, or fewer than 256 descriptors, each
    /// request opens its file.
    ///
    /// # Examples
    ///
    /// ```
    /// use letterhead::FileSender;
    ///
    /// # #[tokio::main(flavor = "current_thread")]
    /// # async fn main() -> std::io::Result<()> {
    /// let files = FileSender::new("src")?.zero_copy();
    /// let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await?;
    /// # let ctrl_c = std::future::ready(());
    /// letterhead::serve(listener, files).shutdown_on(ctrl_c).await?;
    /// # Ok(())
    /// # }
    /// ```
    #[must_use]
    pub fn zero_copy(self) -> ZeroCopy {
        ZeroCopy(Self { first, ..self })
    }
}

impl ZeroCopy {
    /// As [`FileSender::send`].
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn send<B>(&self, request: &Request<B>, path: &str) -> ZeroCopyFuture {
        ZeroCopyFuture(self.0.send(request, path))
    }

    /// As [`FileSender::send_file`]. What such a file is on is not known, so it is read.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    pub fn send_file<B>(
        &self,
        request: &Request<B>,
        file: impl Into<OwnedFd>,
        name: &str,
    ) -> ZeroCopyFuture {
        ZeroCopyFuture(self.0.send_file(request, file, name))
    }

    /// As [`FileSender::or`]: requests for which there is no file go on to `next`, whose body is of `Bytes`,
    /// as axum's is.
    #[must_use]
    pub fn or<S>(self, next: S) -> ZeroCopyOr<S> {
        ZeroCopyOr(self.0.or(next))
    }
}

/// How much is read first, if what follows may be left to the kernel.
fn first() -> usize {
    if span::is_offered() { FIRST } else { CHUNK }
}

impl<B> Service<Request<B>> for ZeroCopy {
    type Response = Response<ZeroCopyBody>;
    type Error = Infallible;
    type Future = ZeroCopyFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> ZeroCopyFuture {
        ZeroCopyFuture(self.0.answer(&request))
    }
}

impl Future for ZeroCopyFuture {
    type Output = Result<Response<ZeroCopyBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(Pin::new(&mut self.0).poll(cx))?;
        Poll::Ready(Ok(response.map(ZeroCopyBody)))
    }
}

/// Kept by the spans of a file: closes it when the last of them is gone, and gives the permit back then.
struct Closing {
    handle: Option<Arc<Handle>>,
    _permit: Option<Arc<OpenPermit>>,
}

impl Closing {
    fn of(handle: &Arc<Handle>, permit: Option<Arc<OpenPermit>>) -> Self {
        Self { handle: Some(Arc::clone(handle)), _permit: permit }
    }
}

impl Drop for Closing {
    fn drop(&mut self) {
        if let Some(handle) = self.handle.take() {
            close::close(handle);
        }
    }
}

impl Reader {
    /// The next bytes, unread, if that is worth it.
    fn next_span(&mut self) -> Option<FileData> {
        let Origin::File(source) = &self.origin else { return None };
        // What was read ahead goes first. Of a file that may grow, the version moves with what is read.
        let is_free = source.on_change == OnChange::Abort && source.checks.is_none();
        let part = self.remaining.stretch().filter(|_| is_free)?;
        let left = part.end.saturating_sub(part.start);
        if left < LEAST {
            return None;
        }
        let length = left.min(span::LONGEST as u64);
        if !source.handle.is_at_hand(part.start, length) {
            return None;
        }
        source.counters().spans.add();
        let wanted = usize::try_from(length).unwrap_or(usize::MAX);
        let data = FileData::span(&source.handle, source.last_stat, part.start, wanted);
        let permit = source.permit.as_ref().map(Arc::<OpenPermit>::clone);
        let is_long = source.handle.stat().identity.size >= LONG;
        let data = match permit {
            permit if is_long => data.keeping(Arc::new(Closing::of(&source.handle, permit))),
            Some(permit) => data.keeping(permit),
            None => data,
        };
        self.remaining.skip(length);
        Some(data)
    }
}

/// The next bytes of a body, unread, if whoever asks can have them so.
fn next_span(body: &mut FileBody) -> Option<FileData> {
    // What goes at a pace is doled out.
    if !span::is_offered() || body.pace.is_some() {
        return None;
    }
    let data = body.chunks.idle()?.next_span()?;
    body.chunks.taken(data.remaining() as u64);
    Some(data)
}

/// A frame of bytes as one of data.
fn read<E>(frame: Option<Result<Frame<Bytes>, E>>) -> Option<Result<Frame<FileData>, E>> {
    frame.map(|frame| frame.map(|frame| frame.map_data(FileData::from)))
}

impl Body for ZeroCopyBody {
    type Data = FileData;
    type Error = FileError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<FileData>, FileError>>> {
        if let Some(data) = next_span(&mut self.0) {
            return Poll::Ready(Some(Ok(Frame::data(data))));
        }
        Pin::new(&mut self.0).poll_frame(cx).map(read)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

impl fmt::Debug for ZeroCopyBody {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ZeroCopyBody").field(&self.0).finish()
    }
}

/// Files that the kernel sends first, then another service; see [`ZeroCopy::or`].
#[derive(Clone, Debug)]
pub struct ZeroCopyOr<S>(Or<S>);

pin_project! {
    /// The response of a file, or of the service behind.
    #[must_use = "futures do nothing unless polled"]
    #[derive(Debug)]
    pub struct ZeroCopyOrFuture<S, B>
    where
        S: Service<Request<B>>,
    {
        #[pin]
        inner: OrFuture<S, B>,
    }
}

pin_project! {
    /// The bytes of a file, read only if somebody looks at them, or those of the service behind.
    #[derive(Debug)]
    pub struct ZeroCopyOrBody<C> {
        #[pin]
        inner: OrBody<C>,
    }
}

impl<S, B, C> Service<Request<B>> for ZeroCopyOr<S>
where
    S: Service<Request<B>, Response = Response<C>> + Clone,
{
    type Response = Response<ZeroCopyOrBody<C>>;
    type Error = S::Error;
    type Future = ZeroCopyOrFuture<S, B>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.0.poll_ready(cx)
    }

    fn call(&mut self, request: Request<B>) -> Self::Future {
        ZeroCopyOrFuture { inner: self.0.call(request) }
    }
}

impl<S, B, C> Future for ZeroCopyOrFuture<S, B>
where
    S: Service<Request<B>, Response = Response<C>>,
{
    type Output = Result<Response<ZeroCopyOrBody<C>>, S::Error>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let response = ready!(self.project().inner.poll(cx))?;
        Poll::Ready(Ok(response.map(|inner| ZeroCopyOrBody { inner })))
    }
}

impl<C: Body<Data = Bytes>> Body for ZeroCopyOrBody<C> {
    type Data = FileData;
    type Error = OrError<C::Error>;

    fn poll_frame(
        self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<FileData>, Self::Error>>> {
        let mut inner = self.project().inner;
        if let WhoseProjection::File { body } = inner.as_mut().project().whose.project() {
            if let Some(data) = next_span(body) {
                return Poll::Ready(Some(Ok(Frame::data(data))));
            }
        }
        inner.poll_frame(cx).map(read)
    }

    fn is_end_stream(&self) -> bool {
        self.inner.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.inner.size_hint()
    }
}
