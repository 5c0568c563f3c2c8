//! Everything that a store and a sender ask of the kernel in one directory, and what is told of refusals.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::{BodyExt as _, Full};
use letterhead::FileSender;
use letterhead::files::{Freshness, Stability};
use letterhead::store::{Notice, Store, StoreError, When};
use tower::ServiceExt as _;

use crate::apart::runtime;

/// What was told of one refusal.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Told {
    pub(crate) operation: String,
    pub(crate) errno: i32,
    pub(crate) why: String,
}

type Ear = Arc<Mutex<BTreeSet<Told>>>;

fn hear(ear: &Ear, operation: letterhead::Operation, errno: i32, why: Option<&str>) {
    // That there is no such name is an answer.
    if matches!(errno, libc::ENOENT | libc::EEXIST) {
        return;
    }
    let operation = operation.as_str().to_owned();
    let why = why.unwrap_or("(nothing)").to_owned();
    ear.lock().unwrap().insert(Told { operation, errno, why });
}

pub(crate) fn text(content: &str) -> Response<Full<Bytes>> {
    Response::new(Full::from(content.to_owned()))
}

fn head(value: &str) -> Response<()> {
    Response::builder().header("x-head", value).body(()).unwrap()
}

/// Does everything as the user of this thread, and with what that may do.
pub(crate) fn observe(directory: &Path) -> BTreeSet<Told> {
    let ear = Ear::default();
    runtime().block_on(async {
        store(directory, &ear).await;
        files(directory, &ear).await;
    });
    std::mem::take(&mut *ear.lock().unwrap())
}

async fn store(directory: &Path, ear: &Ear) {
    let refused = |error: &StoreError| {
        if let Some((operation, errno)) = error.refused() {
            hear(ear, operation, errno, error.diagnosis());
        }
    };
    let own = Arc::clone(ear);
    let store = match Store::open(directory) {
        Ok(store) => store.cache(0).lock_wait(Duration::from_secs(1)).on_notice(move |notice| {
            if let Notice::Refused { operation, errno, diagnosis, .. } = notice {
                hear(&own, *operation, *errno, diagnosis.as_deref());
            }
        }),
        Err(error) => return refused(&error),
    };
    let _ = store.head("old", None).await.inspect_err(refused);
    let _ = store.list().await.inspect_err(refused);
    let _ = store.update("old", None, &head("in place")).await.inspect_err(refused);
    let _ = store.put("new", When::New, text(&"new".repeat(1 << 18))).await.inspect_err(refused);
    let _ = stream(&store).await.inspect_err(refused);
    let _ = store.put("old", When::Always, text("another")).await.inspect_err(refused);
    let _ = store.sweep(Duration::ZERO).await.inspect_err(refused);
    let _ = store.remove("old", None).await.inspect_err(refused);
}

/// A payload whose length is not known before its end.
async fn stream(store: &Store) -> Result<(), StoreError> {
    let mut upload = store.upload("stream", When::New, None).await?;
    upload.write(Bytes::from_static(b"stream")).await?;
    upload.publish(&head("stream")).await.map(drop)
}

async fn files(directory: &Path, ear: &Ear) {
    let own = Arc::clone(ear);
    let sender = match FileSender::new(directory) {
        Ok(sender) => sender.on_refusal(move |refused| {
            hear(&own, refused.operation(), refused.errno(), refused.diagnosis());
        }),
        Err(error) => {
            let inner = error.get_ref().map(ToString::to_string);
            let errno = error.raw_os_error().unwrap_or(libc::EACCES);
            return hear(ear, letterhead::Operation::Open, errno, inner.as_deref());
        }
    };
    let watched = Freshness::Watched { max_age: Duration::from_secs(1) };
    for sender in [
        sender.clone().listing(9),
        sender.clone().settled(Stability::Proved).settle(Duration::from_secs(86_400)),
        sender.settle(Duration::ZERO).freshness(watched),
    ] {
        for path in ["/file", "/d/file", "/d/"] {
            let request = Request::get(path).body(()).unwrap();
            let response = sender.clone().oneshot(request).await.unwrap();
            let _ = response.into_body().collect().await;
        }
    }
    // What is told of events is told on a thread of its own.
    let told = || tokio::task::spawn_blocking(|| ());
    if let Ok(told) = std::panic::catch_unwind(told) {
        told.await.unwrap();
    }
}

/// Lays out what is asked for.
pub(crate) fn fill(directory: &Path) {
    use std::os::unix::fs::PermissionsExt as _;
    std::fs::create_dir_all(directory.join("d")).unwrap();
    std::fs::write(directory.join("file"), "file").unwrap();
    std::fs::write(directory.join("d/file"), "below").unwrap();
    let store = Store::open(directory).unwrap();
    runtime().block_on(store.put("old", When::Always, text("old"))).unwrap();
    // Open to everybody, so that what refuses is what a case puts in the way.
    for (name, mode) in [
        ("", 0o755),
        ("d", 0o755),
        ("file", 0o644),
        ("d/file", 0o644),
        ("old", 0o644),
        (".letterhead.lock", 0o644),
    ] {
        let mode = std::fs::Permissions::from_mode(mode);
        std::fs::set_permissions(directory.join(name), mode).unwrap();
    }
}
