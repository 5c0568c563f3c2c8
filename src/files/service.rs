//! The sender as a tower service, and as a function for handlers.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::os::fd::OwnedFd;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::SystemTime;

use http::{Request, Response};
use tower_service::Service;

use super::answers;
use super::body::FileBody;
use super::listing::Ticket;
use super::path::FilePath;
use super::request::{FileRequest, PathRequest, Target, chunk_for};
use super::respond::{respond_blocking, respond_inline};
use super::root_reload::ReloadedRoot;
use super::sender::FileSender;
use super::settings::Settings;
use super::single_flight::{Waiter, run};
use crate::answer::Asked;
use crate::head::origin::mark_file;
use crate::sys::{Lost, Task};

impl FileSender {
    /// Answers `request` with the file at `path`, which is below the root, with `/` between names:
    /// for handlers that know which file it is. It is not percent-decoded.
    ///
    /// A directory is answered with its index, never with a redirection, and the
    /// [fallback](Self::fallback) is not for handlers.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use axum::Router;
    /// use axum::extract::Request;
    /// use axum::response::IntoResponse;
    /// use axum::routing::get;
    /// use letterhead::FileSender;
    ///
    /// let files = FileSender::new("src").unwrap();
    /// let handler = move |request: Request| async move {
    ///     // The caller may have it: that was checked here.
    ///     files.send(&request, "lib.rs").await.into_response()
    /// };
    /// let app: Router = Router::new().route("/source", get(handler));
    /// # let _ = app;
    /// ```
    pub fn send<B>(&self, request: &Request<B>, path: &str) -> FileFuture {
        let path = FilePath::literal(path, self.settings.lookup.hidden);
        self.start(request, Target::Path(path, None))
    }

    /// Answers `request` with `file`, which was opened to be read by whatever rules the caller has.
    /// Its type and its `Cache-Control` go by `name`, and none of its siblings are looked for.
    ///
    /// It is read by position, from its beginning, wherever it stands.
    ///
    /// # Panics
    ///
    /// Outside a tokio runtime.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::fs::File;
    ///
    /// use axum::extract::Request;
    /// use axum::response::{IntoResponse, Response};
    /// use letterhead::FileSender;
    ///
    /// # fn as_the_user(request: &Request) -> std::io::Result<File> { File::open("Cargo.toml") }
    /// async fn handler(files: FileSender, request: Request) -> Response {
    ///     match as_the_user(&request) {
    ///         Ok(file) => files.send_file(&request, file, "report.txt").await.into_response(),
    ///         Err(_) => http::StatusCode::FORBIDDEN.into_response(),
    ///     }
    /// }
    /// # let _ = handler;
    /// ```
    pub fn send_file<B>(
        &self,
        request: &Request<B>,
        file: impl Into<OwnedFd>,
        name: &str,
    ) -> FileFuture {
        self.start(request, Target::File(file.into(), name.into()))
    }

    /// Answers a request by the path in its target.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> FileFuture {
        let path = FilePath::read(request.uri().path(), self.settings.lookup.hidden);
        let path_request = PathRequest::of(&self.settings, request);
        self.start(request, Target::Path(path, Some(path_request)))
    }

    fn start<B>(&self, request: &Request<B>, target: Target) -> FileFuture {
        self.start_at(request, target, SystemTime::now())
    }

    /// As at the time `now`.
    pub(super) fn start_at<B>(
        &self,
        request: &Request<B>,
        target: Target,
        now: SystemTime,
    ) -> FileFuture {
        let (asked, ticket) = (Asked::of(request), Ticket::NONE);
        let chunk = chunk_for(request.version());
        let request = FileRequest { asked, target, now, first: (self.first)(), chunk, ticket };
        FileFuture(match &self.following {
            None => Stage::begin(Arc::clone(&self.settings), request, true),
            Some(following) => match following.current() {
                Some(settings) => Stage::begin(settings, request, true),
                None => Stage::follow(following, request),
            },
        })
    }
}

impl<B> Service<Request<B>> for FileSender {
    type Response = Response<FileBody>;
    type Error = Infallible;
    type Future = FileFuture;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<B>) -> FileFuture {
        self.answer(&request)
    }
}

/// The response to a request for a file. It never fails.
///
/// Dropped before it is done, what has not begun is not begun, and what is being opened or read is
/// closed when the kernel has answered.
#[must_use = "futures do nothing unless polled"]
pub struct FileFuture(Stage);

enum Stage {
    Answered(Response<FileBody>),
    /// Another request went ahead for the same file.
    Waiting(Waiter, Arc<Settings>, Box<FileRequest>),
    /// It is looked for on the blocking pool; others may be waiting for it.
    Looking(Looking),
    Done,
}

struct Looking {
    task: Task<Response<FileBody>>,
    settings: Arc<Settings>,
    is_head: bool,
}

impl Looking {
    /// The answer where the work was not done.
    fn instead(&self, lost: &Lost) -> Response<FileBody> {
        let answer = match lost {
            Lost::NoThread(refusal) => answers::without_thread(&self.settings.os_errors, refusal),
            // A panic of the application's own callback is contained; this is ours, or the runtime's end.
            Lost::Gone => None,
        };
        answers::instead(answer, self.is_head)
    }
}

impl Stage {
    /// Looks up the root first.
    fn follow(following: &Arc<ReloadedRoot>, mut request: FileRequest) -> Self {
        let (following, is_head) = (Arc::clone(following), request.asked.is_head());
        let last = following.last();
        let task = Task::new(move || {
            let settings = following.current_blocking();
            settings.shared.counters.pooled.add();
            request.ticket = settings.shared.desk.ticket();
            respond_blocking(&settings, &request)
        });
        Self::Looking(Looking { task, settings: last, is_head })
    }

    /// Answers at once, or begins to look for it; `shared`: unless somebody else already does.
    fn begin(settings: Arc<Settings>, mut request: FileRequest, shared: bool) -> Self {
        let wait = match respond_inline(&settings, &request) {
            Ok(response) => return Self::Answered(response),
            Err(wait) => wait,
        };
        if request.ticket == Ticket::NONE {
            request.ticket = settings.shared.desk.ticket();
        }
        let counters = &settings.shared.counters;
        let leader = match &request.target {
            Target::Path(Some(path), _) if shared && wait.is_shared => {
                match settings.shared.flights.join_or_lead(path.as_bytes()) {
                    Ok(leader) => Some(leader),
                    Err(waiter) => {
                        counters.waited.add();
                        return Self::Waiting(waiter, settings, Box::new(request));
                    }
                }
            }
            Target::Path(..) | Target::File(..) => None,
        };
        counters.pooled.add();
        let is_head = request.asked.is_head();
        // Those that wait wait for the work, and not for whoever began it: that one may have other things
        // to do than to ask for its answer.
        let all = Arc::clone(&settings);
        let task = Task::new(move || run(leader, || respond_blocking(&all, &request)));
        Self::Looking(Looking { task, settings, is_head })
    }
}

impl Future for FileFuture {
    type Output = Result<Response<FileBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.0, Stage::Done) {
                Stage::Answered(response) => return Poll::Ready(Ok(marked(response))),
                Stage::Waiting(mut waiter, settings, request) => {
                    if Pin::new(&mut waiter).poll(cx).is_pending() {
                        self.0 = Stage::Waiting(waiter, settings, request);
                        return Poll::Pending;
                    }
                    // What there is to be proved is proved now, after the request came.
                    self.0 = Stage::begin(settings, *request, false);
                }
                Stage::Looking(mut looking) => {
                    let Poll::Ready(done) = Pin::new(&mut looking.task).poll(cx) else {
                        self.0 = Stage::Looking(looking);
                        return Poll::Pending;
                    };
                    let response = done.unwrap_or_else(|lost| looking.instead(&lost));
                    return Poll::Ready(Ok(marked(response)));
                }
                Stage::Done => return Poll::Pending,
            }
        }
    }
}

/// The response, marked for policies that ask who made it.
fn marked(mut response: Response<FileBody>) -> Response<FileBody> {
    mark_file(response.extensions_mut());
    response
}

impl fmt::Debug for FileFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileFuture").finish_non_exhaustive()
    }
}
