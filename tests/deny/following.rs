//! A rule that is replaced while requests are served, by hand and by its file.

use std::fs;
use std::path::Path;
use std::sync::mpsc::channel;
use std::time::Duration;

use axum::Router;
use axum::routing::get;
use letterhead::deny::{Deny, DenyHandle, FinalHead, Verdict};
use letterhead::{DenyFile, LetterheadLayer, PolicyFileError, Reloaded};

use crate::app::{Running, Scratch, Version, kind};

/// A rule that cannot decide, and lets pass or not; another one takes its place while it is asked.
struct Replaces {
    handle: DenyHandle,
    is_open: bool,
}

impl Deny for Replaces {
    fn deny(&self, _: &FinalHead<'_>) -> Verdict {
        self.handle.replace(Never { is_open: !self.is_open });
        Verdict::failed("asked at the wrong moment")
    }

    fn fails_open(&self) -> bool {
        self.is_open
    }
}

struct Never {
    is_open: bool,
}

impl Deny for Never {
    fn deny(&self, _: &FinalHead<'_>) -> Verdict {
        Verdict::failed("never")
    }

    fn fails_open(&self) -> bool {
        self.is_open
    }
}

fn app() -> Router {
    Router::new().route("/", get(|| async { "answered" }))
}

#[tokio::test]
async fn a_head_is_judged_by_one_rule_whole() {
    for is_open in [true, false] {
        let handle = DenyHandle::new(Never { is_open: false });
        handle.replace(Replaces { handle: handle.clone(), is_open });
        let server = Running::start(app(), LetterheadLayer::new().deny(handle)).await;
        let mut client = server.client(Version::H1).await;
        let page = kind("page", "/", 200);
        // Whether it goes out is for the one that was asked to say, and for the next head for the next.
        assert_eq!(client.ask(&page).await.status(), if is_open { 200 } else { 500 });
        assert_eq!(client.ask(&page).await.status(), if is_open { 500 } else { 200 });
        server.ended().await;
    }
}

/// A rule that is a list of statuses; a text without any makes the parser panic.
fn statuses(text: &str) -> Result<impl Deny + use<>, std::num::ParseIntError> {
    let listed = text.split_whitespace().map(str::parse).collect::<Result<Vec<u16>, _>>()?;
    if listed.is_empty() {
        std::panic::resume_unwind(Box::new("nothing is listed"));
    }
    Ok(move |head: &FinalHead<'_>| {
        let status = head.status().as_u16();
        listed.contains(&status).then(|| format!("{status} is listed"))
    })
}

fn replace(path: &Path, text: &str) {
    let beside = path.with_extension("new");
    fs::write(&beside, text).unwrap();
    fs::rename(&beside, path).unwrap();
}

#[tokio::test]
async fn a_file_of_rules_is_followed_and_a_version_that_is_wrong_changes_nothing() {
    let scratch = Scratch::new();
    let path = scratch.path("statuses");
    let wrong = |text: &str| {
        fs::write(&path, text).unwrap();
        format!("{:#}", DenyFile::open(&path, statuses).unwrap_err())
    };
    assert!(wrong("4O4").contains("invalid digit"), "{}", wrong("4O4"));
    assert!(wrong("").contains("panicked: nothing is listed"), "{}", wrong(""));
    fs::write(&path, "404\n").unwrap();
    let file = DenyFile::open(&path, statuses).unwrap();
    let server = Running::start(app(), LetterheadLayer::new().deny(file.handle())).await;
    let mut client = server.client(Version::H2).await;
    let (page, missing) = (kind("page", "/", 200), kind("missing", "/none", 404));
    let mut ask = async || {
        let page = client.ask(&page).await.status().as_u16();
        (page, client.ask(&missing).await.status().as_u16())
    };
    assert_eq!(ask().await, (200, 500));
    let (tell, told) = channel();
    let watch = file.watch(move |reload: Result<Reloaded, PolicyFileError>| {
        let _ = tell.send(reload.map(Reloaded::version).map_err(|error| format!("{error:#}")));
    });
    let _watch = watch.unwrap();
    let next = || told.recv_timeout(Duration::from_secs(30)).unwrap();
    replace(&path, "404 2OO\n");
    assert!(next().unwrap_err().contains("invalid digit"));
    replace(&path, "\n");
    assert!(next().unwrap_err().contains("panicked: nothing is listed"));
    assert_eq!(ask().await, (200, 500));
    replace(&path, "200\n");
    assert_eq!(next(), Ok(2));
    assert_eq!(ask().await, (500, 404));
    replace(&path, "200 404\n");
    assert_eq!(next(), Ok(3));
    assert_eq!(ask().await, (500, 500));
    assert_eq!(file.reload().unwrap().version(), 3);
    server.ended().await;
}
