//! Programs of others that the tests ask, and requests.

use std::process::{Command, Output};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use letterhead::store::{Store, StoreError};

use crate::skip;

/// Runs a tool; `None` if it is not there, which is an error where all have to be.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            skip::tool(format!("{tool} ({error})"));
            None
        }
    }
}

/// A response of plain text.
pub(crate) fn text(content: &str) -> Response<Full<Bytes>> {
    Response::builder()
        .header("content-type", "text/plain")
        .body(Full::from(content.to_owned()))
        .unwrap()
}

/// What a request gets: status, fields, content; or how the content failed.
pub(crate) async fn ask(
    store: &Store,
    name: &str,
    request: http::request::Builder,
) -> (http::response::Parts, Result<Bytes, StoreError>) {
    let response = store.send(&request.body(()).unwrap(), name).await;
    let (parts, body) = response.into_parts();
    (parts, body.collect().await.map(http_body_util::Collected::to_bytes))
}

pub(crate) async fn get(store: &Store, name: &str) -> (u16, String) {
    let (parts, content) = ask(store, name, Request::get("/")).await;
    let content = content.map(|bytes| String::from_utf8_lossy(&bytes).into_owned());
    (parts.status.as_u16(), content.unwrap_or_else(|error| format!("broken off: {error}")))
}
