//! Programs of others that the tests ask, directories, requests.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::atomic::{AtomicU32, Ordering};

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use letterhead::store::{Store, StoreError};

/// Runs a tool; `None` if it is not there, which is an error where all have to be.
pub(crate) fn run(tool: &str, arguments: &[&str]) -> Option<Output> {
    match Command::new(tool).args(arguments).output() {
        Ok(output) => Some(output),
        Err(error) => {
            skip(&format!("{tool}: {error}"));
            None
        }
    }
}

/// Says that something is not tested here, unless everything has to be.
pub(crate) fn skip(why: &str) {
    assert!(std::env::var_os("LETTERHEAD_ALL_TOOLS").is_none(), "{why}");
    println!("skipped: {why}");
}

/// A directory that is gone with its value.
pub(crate) struct Scratch(PathBuf);

impl Scratch {
    pub(crate) fn new() -> Self {
        Self::on(&std::env::temp_dir())
    }

    pub(crate) fn on(parent: &Path) -> Self {
        static NEXT: AtomicU32 = AtomicU32::new(0);
        let next = NEXT.fetch_add(1, Ordering::Relaxed);
        let path = parent.join(format!("letterhead-store-{}-{next}", std::process::id()));
        std::fs::create_dir(&path).unwrap();
        Self(path)
    }

    pub(crate) fn path(&self, name: &str) -> PathBuf {
        self.0.join(name)
    }

    pub(crate) fn store(&self) -> Store {
        Store::open(&self.0).unwrap()
    }

    /// The names in the directory, hidden ones included, but for the lock.
    pub(crate) fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(&self.0).unwrap();
        let mut names: Vec<_> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.retain(|name| name != ".letterhead.lock");
        names.sort();
        names
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
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
