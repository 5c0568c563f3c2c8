//! What deny rules ask of a request, kept until the commit.

use http::Request;

use super::request_target::RequestTarget;
use super::route::Route;

/// What is kept of a request.
#[derive(Debug)]
pub(crate) struct DenyTarget {
    pub(super) request: RequestTarget,
    route: Option<Route>,
}

impl DenyTarget {
    pub(super) fn of<B>(request: &Request<B>) -> Self {
        Self { request: RequestTarget::of(request), route: Route::of(request.extensions()) }
    }

    /// The route, where the layer stands inside the router.
    pub(super) fn route(&self) -> Option<&str> {
        self.route.as_ref().map(Route::as_str)
    }
}
