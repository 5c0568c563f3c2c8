//! One name for the bounds that a service has to meet so that a server can drive it.

use http::{Request, Response};
use http_body::Body;
use tower_service::Service;

use super::BoxError;
use super::request::RequestBody;

/// A tower service over HTTP that [`serve`](super::serve) can drive.
///
/// It is implemented for every service that is `Clone + Send + 'static`, takes `http::Request<RequestBody>` and answers with an
/// `http::Response`; an axum `Router` is one. Use it as a short bound for
/// functions that take a service and start a server.
///
/// # Examples
///
/// ```
/// use letterhead::serve::{HttpService, Serve, serve};
/// use tokio::net::TcpListener;
///
/// /// The server of this house, whatever it serves.
/// async fn at_home<S: HttpService>(service: S) -> std::io::Result<Serve<S>> {
///     let listener = TcpListener::bind("127.0.0.1:0").await?;
///     Ok(serve(listener, service).max_connections(100))
/// }
///
/// # #[tokio::main(flavor = "current_thread")]
/// # async fn main() -> std::io::Result<()> {
/// let files = letterhead::FileSender::new("src")?;
/// let server = at_home(files).await?;
/// # drop(server);
/// # Ok(())
/// # }
/// ```
#[diagnostic::on_unimplemented(
    message = "wanted a tower service over `http::Request<letterhead::serve::RequestBody>`, found `{Self}`",
    note = "it has to be `Clone + Send + 'static`, its future `Send`, and its body one of bytes that can be sent"
)]
pub trait HttpService:
    Service<
        Request<RequestBody>,
        Response = Response<Self::ResponseBody>,
        Error: Into<BoxError>,
        Future: Send,
    > + Clone
    + Send
    + 'static
{
    /// The body of its responses.
    type ResponseBody: Body<Data: Send, Error: Into<BoxError>> + Send + 'static;
}

impl<S, B> HttpService for S
where
    S: Service<Request<RequestBody>, Response = Response<B>, Error: Into<BoxError>, Future: Send>
        + Clone
        + Send
        + 'static,
    B: Body<Data: Send, Error: Into<BoxError>> + Send + 'static,
{
    type ResponseBody = B;
}
