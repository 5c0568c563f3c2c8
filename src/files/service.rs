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

use super::body::FileBody;
use super::flight::{Landing, fly};
use super::following::Following;
use super::look::{self, Target, Want};
use super::path::FilePath;
use super::refused;
use super::sender::FileSender;
use super::settings::Settings;
use crate::answer::Asked;
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
        let path = FilePath::literal(path, self.settings.hidden);
        self.start(Asked::of(request), Target::Path(path, None))
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
        self.start(Asked::of(request), Target::File(file.into(), name.into()))
    }

    /// Answers a request by the path in its target.
    pub(super) fn answer<B>(&self, request: &Request<B>) -> FileFuture {
        let path = FilePath::read(request.uri().path(), self.settings.hidden);
        self.start(Asked::of(request), Target::Path(path, Some(request.uri().clone())))
    }

    fn start(&self, asked: Asked, target: Target) -> FileFuture {
        self.start_at(asked, target, SystemTime::now())
    }

    /// As at the time `now`.
    pub(super) fn start_at(&self, asked: Asked, target: Target, now: SystemTime) -> FileFuture {
        let want = Want { asked, target, now, first: (self.first)() };
        FileFuture(match &self.following {
            None => Stage::begin(Arc::clone(&self.settings), want, true),
            Some(following) => match following.current() {
                Some(settings) => Stage::begin(settings, want, true),
                None => Stage::follow(following, want),
            },
        })
    }
}

impl Want {
    /// How many bytes of so many are read before the head is told. A file of which that is not all is
    /// left to the kernel, and not kept.
    pub(super) fn first_of(&self, length: u64) -> u64 {
        let first = if length < FileSender::SPAN { FileSender::CHUNK } else { self.first };
        first as u64
    }

    /// Whether a file that is open will do: it is to be sent whole, and as much of it as may be by the
    /// kernel.
    pub(super) fn takes_open(&self) -> bool {
        self.first < FileSender::CHUNK && self.asked.wants_whole()
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
    Waiting(Landing, Arc<Settings>, Box<Want>),
    /// It is looked for on a thread where that may block; others may be waiting for it.
    Looking(Looking),
    Done,
}

struct Looking {
    task: Task<Response<FileBody>>,
    settings: Arc<Settings>,
    is_head: bool,
    varies: bool,
}

impl Looking {
    /// The answer where the work was not done.
    fn instead(&self, lost: &Lost) -> Response<FileBody> {
        let answer = match lost {
            Lost::NoThread(refusal) => refused::without_thread(&self.settings, refusal),
            // A panic of the application's own callback is contained; this is ours, or the runtime's end.
            Lost::Gone => None,
        };
        look::instead(answer, self.is_head, self.varies)
    }
}

impl Stage {
    /// Looks up the root first.
    fn follow(following: &Arc<Following>, want: Want) -> Self {
        let (following, is_head) = (Arc::clone(following), want.asked.is_head());
        let last = following.last();
        let varies = want.varies(&last);
        let task = Task::new(move || {
            let settings = following.current_blocking();
            settings.shared.counters.pooled.add();
            look::look_blocking(&settings, &want)
        });
        Self::Looking(Looking { task, settings: last, is_head, varies })
    }

    /// Answers at once, or begins to look for it; `shared`: unless somebody else already does.
    fn begin(settings: Arc<Settings>, want: Want, shared: bool) -> Self {
        let wait = match look::look_inline(&settings, &want) {
            Ok(response) => return Self::Answered(response),
            Err(wait) => wait,
        };
        let counters = &settings.shared.counters;
        let flight = match &want.target {
            Target::Path(Some(path), _) if shared && wait.is_shared => {
                match settings.shared.flights.board(path.as_bytes()) {
                    Ok(flight) => Some(flight),
                    Err(landing) => {
                        counters.waited.add();
                        return Self::Waiting(landing, settings, Box::new(want));
                    }
                }
            }
            Target::Path(..) | Target::File(..) => None,
        };
        counters.pooled.add();
        let (is_head, varies) = (want.asked.is_head(), want.varies(&settings));
        // Those that wait wait for the work, and not for whoever began it: that one may have other things
        // to do than to ask for its answer.
        let all = Arc::clone(&settings);
        let task = Task::new(move || fly(flight, || look::look_blocking(&all, &want)));
        Self::Looking(Looking { task, settings, is_head, varies })
    }
}

impl Future for FileFuture {
    type Output = Result<Response<FileBody>, Infallible>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        loop {
            match std::mem::replace(&mut self.0, Stage::Done) {
                Stage::Answered(response) => return Poll::Ready(Ok(response)),
                Stage::Waiting(mut landing, settings, want) => {
                    if Pin::new(&mut landing).poll(cx).is_pending() {
                        self.0 = Stage::Waiting(landing, settings, want);
                        return Poll::Pending;
                    }
                    // What there is to be proved is proved now, after the request came.
                    self.0 = Stage::begin(settings, *want, false);
                }
                Stage::Looking(mut looking) => {
                    let Poll::Ready(done) = Pin::new(&mut looking.task).poll(cx) else {
                        self.0 = Stage::Looking(looking);
                        return Poll::Pending;
                    };
                    return Poll::Ready(Ok(done.unwrap_or_else(|lost| looking.instead(&lost))));
                }
                Stage::Done => return Poll::Pending,
            }
        }
    }
}

impl fmt::Debug for FileFuture {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("FileFuture").finish_non_exhaustive()
    }
}
