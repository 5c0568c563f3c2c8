//! Responses without a file: error answers, redirections, heads that nothing follows.

use std::time::Duration;

use http::header::{CONTENT_LENGTH, HeaderMap, HeaderValue, LOCATION, X_CONTENT_TYPE_OPTIONS};
use http::{Response, StatusCode};

use super::body::FileBody;
use super::opened::Name;
use super::os_errors::OsErrors;
use crate::answer::Answer;
use crate::head::{ErrorAnswer, replace};
use crate::sys::{Decision, Refusal};

/// An error answer; to a `HEAD` without its content.
pub(super) fn error(answer: ErrorAnswer, is_head: bool) -> Response<FileBody> {
    let mut response = Response::new(FileBody::empty());
    let mut status = answer.status();
    let content = replace(&mut status, response.headers_mut(), answer, &|_| true);
    *response.status_mut() = status;
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(content.len()));
    if !is_head {
        *response.body_mut() = FileBody::memory(content);
    }
    response
}

/// The answer where the work was not done: this one, or 500.
pub(super) fn instead(answer: Option<ErrorAnswer>, is_head: bool) -> Response<FileBody> {
    let broken = || ErrorAnswer::new(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = error(answer.unwrap_or_else(broken), is_head);
    on_each(response.headers_mut());
    response
}

/// What every response has.
pub(super) fn on_each(fields: &mut HeaderMap) {
    let _ = fields.try_insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
}

/// Something was written to faster than its first bytes could be read.
pub(super) fn busy() -> ErrorAnswer {
    ErrorAnswer::new(StatusCode::SERVICE_UNAVAILABLE).retry_after(Duration::from_secs(1))
}

/// The head of an answer that nothing follows.
pub(super) fn headed(answer: Answer) -> Response<FileBody> {
    answer.into_parts().0.map(|()| FileBody::empty())
}

/// A redirection to this reference; 404 if it is none that can stand in a field.
pub(super) fn redirection(target: String, is_head: bool) -> Response<FileBody> {
    let Ok(target) = HeaderValue::try_from(target) else {
        return error(ErrorAnswer::new(StatusCode::NOT_FOUND), is_head);
    };
    let mut response = Response::new(FileBody::empty());
    *response.status_mut() = StatusCode::PERMANENT_REDIRECT;
    response.headers_mut().insert(LOCATION, target);
    response.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(0));
    response
}

pub(super) fn refused(status: StatusCode, retry_after: Option<Duration>) -> ErrorAnswer {
    let answer = ErrorAnswer::new(status);
    match retry_after {
        Some(after) => answer.retry_after(after),
        None => answer,
    }
}

/// The answer where no thread could be had to look for the file; the refusal is reported on this thread, as there
/// is no other. `None`: the application has it that the response fails.
pub(super) fn without_thread(os_errors: &OsErrors, refusal: &Refusal) -> Option<ErrorAnswer> {
    // Nobody waits here for threads to come back: that may take long.
    let word = Name::Foreign(b"blocking pool".to_vec());
    match os_errors.give_up(&word, refusal).decision() {
        Decision::Answer { status, retry_after } => Some(refused(status, retry_after)),
        Decision::Retry { .. } | Decision::ReResolve | Decision::Next | Decision::Abort => None,
    }
}
