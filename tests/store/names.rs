//! Names that something else than a file has: a link, a fifo, a socket, a device, a directory.

use std::fs;
use std::os::unix::fs::FileTypeExt as _;
use std::os::unix::net::UnixListener;
use std::path::Path;
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use letterhead::store::{Scrub, Store, StoreError, When};
use rustix::fs::{CWD, FileType, Mode, makedev, mknodat};

use crate::scratch::Scratch;
use crate::skip;
use crate::tools::{ask, get, text};
use crate::writings::{ALL, listening, store};

fn node(path: &Path, kind: FileType) -> bool {
    // The null device, which nobody can wait for.
    mknodat(CWD, path, kind, Mode::from_raw_mode(0o600), makedev(1, 3)).is_ok()
}

/// A name for each kind of thing, and how that is said.
fn made(scratch: &Scratch) -> Vec<(&'static str, &'static str)> {
    let at = |name: &str| scratch.path(name);
    let mut all = vec![
        ("link", "a symbolic link"),
        ("dangling", "a symbolic link"),
        ("loop", "a symbolic link"),
        ("to-a-fifo", "a symbolic link"),
        ("fifo", "a fifo"),
        ("socket", "a socket"),
        ("directory", "a directory"),
    ];
    for (name, to) in
        [("link", "stored"), ("dangling", "nothing"), ("loop", "loop"), ("to-a-fifo", "fifo")]
    {
        std::os::unix::fs::symlink(to, at(name)).unwrap();
    }
    assert!(node(&at("fifo"), FileType::Fifo));
    drop(UnixListener::bind(at("socket")).unwrap());
    fs::create_dir(at("directory")).unwrap();
    if node(&at("device"), FileType::CharacterDevice) {
        all.push(("device", "a character device"));
    } else {
        skip::right("root, to make a device");
    }
    all
}

/// In time, whatever has the name.
async fn soon<T>(what: &str, work: impl Future<Output = T>) -> T {
    let done = tokio::time::timeout(Duration::from_secs(60), work).await;
    done.unwrap_or_else(|_| panic!("wanted an answer to {what}, found it waiting"))
}

fn refused<T: std::fmt::Debug>(done: Result<T, StoreError>, what: &str, kind: &str) {
    let error = done.expect_err(what);
    assert!(error.is_not_a_file() && !error.is_not_found() && !error.is_exists(), "{what} {error}");
    assert_eq!(error.status().as_u16(), 409, "{what} {error}");
    let said = format!("wanted a name that a stored file has or can be given, found {kind}");
    assert_eq!(error.to_string(), said, "{what}");
    assert_eq!((error.refused(), error.retry_after()), (None, None), "{what}");
}

async fn each(store: &Store, name: &str, kind: &str) {
    for when in [When::New, When::Always, When::Generation(1)] {
        refused(soon("put", store.put(name, when, text("x"))).await, "put", kind);
        refused(soon("upload", store.upload(name, when, None)).await, "upload", kind);
    }
    let head = Response::new(());
    refused(soon("update", store.update(name, None, &head)).await, "update", kind);
    refused(soon("update", store.update(name, Some(1), &head)).await, "update 1", kind);
    refused(soon("modify", store.modify(name, |_| ())).await, "modify", kind);
    refused(soon("head", store.head(name, None)).await, "head", kind);
    refused(soon("check", store.check(name, Some(1))).await, "check", kind);
    refused(soon("remove", store.remove(name, None)).await, "remove", kind);
    refused(soon("remove", store.remove(name, Some(1))).await, "remove 1", kind);
    for request in [
        Request::get("/"),
        Request::head("/"),
        Request::get("/").header("range", "bytes=0-0"),
        Request::get("/").header("if-none-match", "*"),
    ] {
        let (parts, _) = soon("send", ask(store, name, request)).await;
        assert_eq!(parts.status.as_u16(), 409, "{name}");
        assert!(!parts.headers.contains_key("etag"), "{name}");
    }
}

#[tokio::test]
async fn what_is_no_file_is_a_conflict_and_is_left_alone() {
    for writing in ALL {
        let scratch = Scratch::new();
        let (store, heard) = listening(store(&scratch, writing));
        store.put("stored", When::New, text("stored")).await.unwrap();
        let before = fs::read(scratch.path("stored")).unwrap();
        let all = made(&scratch);
        let types = || {
            let kind = |(name, _): &(&str, &str)| fs::symlink_metadata(scratch.path(name)).unwrap();
            all.iter().map(kind).map(|found| found.file_type()).collect::<Vec<_>>()
        };
        let types_before = types();
        for (name, kind) in &all {
            each(&store, name, kind).await;
        }
        assert_eq!(types(), types_before);
        assert!(fs::symlink_metadata(scratch.path("fifo")).unwrap().file_type().is_fifo());
        assert_eq!(fs::read(scratch.path("stored")).unwrap(), before);
        assert_eq!(get(&store, "stored").await, (200, "stored".to_owned()));
        let said = "fifo: wanted a name that a stored file has or can be given, found a fifo";
        assert!(heard.lock().unwrap().iter().any(|line| line == said));
        // They are no files of the store, so nothing of them is mended or put aside.
        assert_eq!(store.list().await.unwrap(), ["stored"]);
        let scrubbed = soon("scrub", store.scrub(Scrub::new().quarantine())).await.unwrap();
        assert_eq!((scrubbed.sound, scrubbed.bad.len(), scrubbed.quarantined.len()), (1, 0, 0));
        let hidden = |name: &String| name.starts_with(".letterhead-");
        assert!(!scratch.names().iter().any(hidden), "{:?}", scratch.names());
    }
}

#[tokio::test]
async fn what_took_the_name_meanwhile_is_a_conflict_too() {
    let scratch = Scratch::new();
    let store = scratch.store();
    for (name, kind) in
        [("fifo", "a fifo"), ("directory", "a directory"), ("link", "a symbolic link")]
    {
        let mut upload = store.upload(name, When::Always, None).await.unwrap();
        upload.write(Bytes::from_static(b"content")).await.unwrap();
        let path = scratch.path(name);
        match name {
            "fifo" => assert!(node(&path, FileType::Fifo)),
            "directory" => fs::create_dir(&path).unwrap(),
            _ => std::os::unix::fs::symlink("nothing", &path).unwrap(),
        }
        refused(soon("publish", upload.publish(&Response::new(()))).await, "publish", kind);
        store.put("kept", When::Always, text("kept")).await.unwrap();
        assert_eq!(get(&store, "kept").await, (200, "kept".to_owned()));
        fs::remove_file(scratch.path("kept")).unwrap();
        assert!(node(&scratch.path("kept"), FileType::Fifo));
        assert_eq!(soon("send", get(&store, "kept")).await.0, 409);
        fs::remove_file(scratch.path("kept")).unwrap();
    }
    assert_eq!(scratch.names(), ["directory", "fifo", "link"]);
}

#[tokio::test]
async fn a_lock_that_is_no_file_is_the_owners_business() {
    for kind in ["a fifo", "a directory", "a symbolic link", "a socket"] {
        let scratch = Scratch::new();
        let store = scratch.store();
        store.put("a", When::New, text("old")).await.unwrap();
        let lock = scratch.path(".letterhead.lock");
        fs::remove_file(&lock).unwrap_or_default();
        match kind {
            "a fifo" => assert!(node(&lock, FileType::Fifo)),
            "a directory" => fs::create_dir(&lock).unwrap(),
            "a socket" => drop(UnixListener::bind(&lock).unwrap()),
            _ => std::os::unix::fs::symlink("a", &lock).unwrap(),
        }
        for done in [
            soon("put", store.put("a", When::Always, text("new"))).await.map(|_| ()),
            soon("put", store.put("b", When::New, text("new"))).await.map(|_| ()),
            soon("remove", store.remove("a", None)).await.map(|_| ()),
        ] {
            let error = done.unwrap_err();
            assert_eq!(error.status().as_u16(), 500, "{error}");
            let said = format!("wanted the store's lock to be a regular file, found {kind}");
            assert_eq!(error.to_string(), said);
            assert!(!error.is_not_a_file() && !error.is_not_found());
        }
        // Whoever gives no name needs no lock of the directory.
        store.modify("a", |_| ()).await.unwrap();
        assert_eq!(get(&store, "a").await, (200, "old".to_owned()));
        assert!(!scratch.names().contains(&"b".to_owned()));
    }
}
