//! Dates that are none, dates in the future, and files that somebody writes to.

use std::fs;
use std::time::{Duration, SystemTime};

use letterhead::FileSender;
use letterhead::answer::EntityTag;
use sha2::{Digest as _, Sha256};

use crate::client::{Answer, h1_get, h2_get};
use crate::scratch::{Scratch, set_modified};
use crate::serve::{Server, serve};

/// What Bazel, Nix, buildpacks and npm give every file, in seconds behind the epoch.
const CONSTANT: [u64; 4] = [0, 1, 315_532_801, 499_162_500];

fn at(seconds: u64) -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(seconds)
}

fn content_tag(content: impl AsRef<[u8]>) -> String {
    EntityTag::of_digest(&Sha256::digest(content)).value().to_str().unwrap().to_owned()
}

/// Puts a file in place by a rename, with this date.
fn deploy(scratch: &Scratch, name: &str, content: &str, modified: SystemTime) {
    let new = scratch.path(".new");
    fs::write(&new, content).unwrap();
    set_modified(&new, modified);
    fs::rename(new, scratch.path(name)).unwrap();
}

/// A date, whichever it is: nothing that is sent may make a client believe it.
const ANY_DATE: &str = "Fri, 01 Jan 2100 00:00:00 GMT";

/// Whoever has the old version gets the new one whole, whatever it asks by.
async fn is_replaced(server: &Server, old: &Answer, new: &str) {
    let tag = old.field("etag").unwrap();
    let mut lines = vec![format!("if-none-match: {tag}\r\n")];
    lines.push(format!("range: bytes=2-\r\nif-range: {tag}\r\n"));
    for date in old.field("last-modified").into_iter().chain([ANY_DATE]) {
        lines.push(format!("if-modified-since: {date}\r\n"));
        lines.push(format!("range: bytes=2-\r\nif-range: {date}\r\n"));
    }
    for lines in lines {
        let answer = h1_get(server, "/a.js", &lines).await;
        assert_eq!((answer.status(), answer.body.as_str()), (200, new), "{lines}");
    }
}

#[tokio::test]
async fn a_date_before_1990_is_none_and_the_tag_is_of_the_content() {
    let scratch = Scratch::new();
    for date in CONSTANT {
        deploy(&scratch, "a.js", "AAAA", at(date));
        let server = serve(scratch.sender()).await;
        // Once from the disk, once from memory.
        for _ in 0..2 {
            let old = h1_get(&server, "/a.js", "").await;
            assert_eq!(old.field("etag"), Some(content_tag("AAAA").as_str()), "{date}");
            assert_eq!(old.field("last-modified"), None, "{date}");
            assert_eq!(old.field("accept-ranges"), Some("bytes"), "{date}");
            let lines = format!("range: bytes=2-\r\nif-range: {}\r\n", content_tag("AAAA"));
            assert_eq!(h1_get(&server, "/a.js", &lines).await.body, "AA", "{date}");
        }
        assert_eq!(h2_get(&server, "/a.js").await.unwrap().field("last-modified"), None);
        let old = h1_get(&server, "/a.js", "").await;
        deploy(&scratch, "a.js", "BBBB", at(date));
        is_replaced(&server, &old, "BBBB").await;
        // Another host has it with the same tag.
        let other = serve(scratch.sender().cache(0)).await;
        let same = h1_get(&other, "/a.js", "").await;
        assert_eq!(same.field("etag"), h1_get(&server, "/a.js", "").await.field("etag"));
    }
    // From 1990 on a date is one.
    deploy(&scratch, "a.js", "AAAA", at(631_152_000));
    let dated = h1_get(&serve(scratch.sender()).await, "/a.js", "").await;
    assert_eq!(dated.field("last-modified"), Some("Mon, 01 Jan 1990 00:00:00 GMT"));
    assert!(dated.field("etag").unwrap().starts_with("\"4-"), "{dated:?}");
}

#[tokio::test]
async fn a_tree_with_one_date_is_told_by_its_content_if_that_is_said() {
    let scratch = Scratch::new();
    let epoch = at(1_700_000_000);
    deploy(&scratch, "a.js", "AAAA", epoch);
    let server = serve(scratch.sender().constant_dates(true)).await;
    let old = h1_get(&server, "/a.js", "").await;
    assert_eq!(old.field("etag"), Some(content_tag("AAAA").as_str()));
    assert_eq!(old.field("last-modified"), None);
    deploy(&scratch, "a.js", "BBBB", epoch);
    is_replaced(&server, &old, "BBBB").await;
    // With tags of the content a date that is one stays.
    let tagged = h1_get(&serve(scratch.sender().content_tags(100)).await, "/a.js", "").await;
    assert_eq!(tagged.field("last-modified"), Some("Tue, 14 Nov 2023 22:13:20 GMT"));
    assert_eq!(tagged.field("etag"), Some(content_tag("BBBB").as_str()));
    deploy(&scratch, "a.js", "BBBB", at(1));
    let tagged = h1_get(&serve(scratch.sender().content_tags(100)).await, "/a.js", "").await;
    assert_eq!(tagged.field("last-modified"), None);
}

#[tokio::test]
async fn a_long_file_without_a_date_has_a_tag_once_its_digest_is_made() {
    let scratch = Scratch::new();
    let length = FileSender::CONTENT_TAG + 7;
    fs::File::create(scratch.path("long")).unwrap().set_len(length).unwrap();
    set_modified(&scratch.path("long"), at(1));
    let sender = scratch.sender();
    let server = serve(sender.clone()).await;
    let mut hasher = Sha256::new();
    let zeros = vec![0; 1 << 20];
    (0..16).for_each(|_| hasher.update(&zeros));
    hasher.update([0; 7]);
    let expected = EntityTag::of_digest(&hasher.finalize());
    let mut without = 0;
    loop {
        let mut raw = crate::client::Raw::connect(&server).await;
        raw.get("/long", "connection: close\r\nrange: bytes=5-9\r\n").await;
        let head = raw.head().await;
        if head.starts_with("HTTP/1.1 206") {
            let tag = expected.value().to_str().unwrap();
            assert!(head.contains(&format!("\r\netag: {tag}\r\n")), "{head}");
            assert!(!head.contains("cache-control"), "{head}");
            break;
        }
        assert!(head.starts_with("HTTP/1.1 200"), "{head}");
        assert!(head.contains("\r\ncache-control: no-cache\r\n"), "{head}");
        for absent in ["etag", "last-modified", "accept-ranges"] {
            assert!(!head.contains(&format!("\r\n{absent}:")), "{head}");
        }
        without += 1;
    }
    assert!(without > 0, "the first one cannot have it");
    // A shorter one has it from the first response on.
    fs::File::create(scratch.path("short")).unwrap().set_len(length - 7).unwrap();
    set_modified(&scratch.path("short"), at(1));
    let mut raw = crate::client::Raw::connect(&server).await;
    raw.get("/short", "connection: close\r\nrange: bytes=5-9\r\n").await;
    let head = raw.head().await;
    assert!(head.starts_with("HTTP/1.1 206") && head.contains("\r\netag: \""), "{head}");
}

#[tokio::test]
async fn a_file_that_somebody_may_write_to_has_a_weak_tag_that_nothing_is_compared_with() {
    let scratch = Scratch::new();
    scratch.write("a.js", "AAAA");
    let sender = scratch.sender();
    let server = serve(sender.clone()).await;
    let writer = fs::File::options().append(true).open(scratch.path("a.js")).unwrap();
    let open = h1_get(&server, "/a.js", "").await;
    let tag = open.field("etag").unwrap();
    if tag.starts_with('"') {
        return crate::skip::place("a filesystem that says who writes to a file");
    }
    assert_eq!((open.status(), open.body.as_str()), (200, "AAAA"));
    assert!(tag.starts_with("W/\"4-"), "{tag}");
    assert_eq!(open.field("cache-control"), Some("no-cache"));
    assert_eq!(open.field("last-modified"), None);
    assert_eq!(open.field("accept-ranges"), Some("bytes"));
    let part = h1_get(&server, "/a.js", "range: bytes=2-\r\n").await;
    assert_eq!((part.status(), part.field("etag")), (206, Some(tag)));
    is_replaced(&server, &open, "AAAA").await;
    drop(writer);
    // What comes of it is another version, whatever its size and time are.
    for lines in
        [format!("if-none-match: {tag}\r\n"), format!("range: bytes=2-\r\nif-range: {tag}\r\n")]
    {
        assert_eq!(h1_get(&server, "/a.js", &lines).await.body, "AAAA", "{lines}");
    }
    let closed = h1_get(&server, "/a.js", "").await;
    assert!(closed.field("etag").unwrap().starts_with("\"4-"), "{closed:?}");
    assert_eq!(closed.field("cache-control"), None);
    // It is asked once: a version that nobody wrote to is another one once somebody does.
    let _idle = fs::File::options().append(true).open(scratch.path("a.js")).unwrap();
    let lines = format!("if-none-match: {}\r\n", closed.field("etag").unwrap());
    assert_eq!(h1_get(&server, "/a.js", &lines).await.status(), 304);
    assert_eq!(sender.counts().by_age, 0);
}

#[tokio::test]
async fn a_descriptor_that_is_open_for_writing_is_no_writer_of_its_own() {
    let scratch = Scratch::new();
    scratch.write("a.js", "AAAA");
    let sender = scratch.sender();
    for (writes, by_age) in [(false, 0), (true, 1)] {
        let file = fs::File::options().read(true).write(writes).open(scratch.path("a.js")).unwrap();
        let request = http::Request::new(());
        let Ok(response) = sender.send_file(&request, file, "a.js").await;
        let tag = response.headers()["etag"].to_str().unwrap();
        assert!(tag.starts_with('"'), "{writes}: {tag}");
        assert!(sender.counts().by_age >= by_age, "{}", sender.counts());
    }
}

#[tokio::test]
async fn who_cannot_be_asked_about_writers_is_counted() {
    // A file of the process filesystem is written by nobody knows whom.
    let sender = FileSender::new("/proc/self").unwrap().settle(Duration::ZERO);
    let told = std::sync::Arc::new(std::sync::atomic::AtomicU32::new(0));
    let heard = std::sync::Arc::clone(&told);
    let sender = sender.on_refusal(move |_| {
        heard.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
    });
    let server = serve(sender.clone()).await;
    assert!(h1_get(&server, "/limits", "").await.field("etag").unwrap().starts_with('"'));
    assert_eq!(sender.counts().by_age, 1, "{}", sender.counts());
    assert!(sender.counts().to_string().contains("versions settled by age alone: 1"));
    // That is what was asked for; whoever wants a proof hears of it.
    assert_eq!(told.load(std::sync::atomic::Ordering::Relaxed), 0);
}

/// Two contents of one second: a date cannot tell them apart, so nobody may be told it.
#[tokio::test]
async fn a_client_that_has_a_date_alone_gets_what_was_written_in_the_same_second() {
    let scratch = Scratch::new();
    let server = serve(scratch.cautious()).await;
    let second = |path: &std::path::Path| {
        let modified = fs::metadata(path).unwrap().modified().unwrap();
        modified.duration_since(SystemTime::UNIX_EPOCH).unwrap().as_secs()
    };
    let path = scratch.path("s");
    let first = loop {
        fs::write(&path, "one one").unwrap();
        let began = second(&path);
        let first = h1_get(&server, "/s", "").await;
        fs::write(&path, "two two").unwrap();
        if second(&path) == began {
            break first;
        }
    };
    assert_eq!((first.status(), first.body.as_str()), (200, "one one"));
    // It asks by what it was told, until the new version has settled and some seconds longer.
    let told = first.field("last-modified").map(|date| format!("if-modified-since: {date}\r\n"));
    let lines = told.unwrap_or_default();
    let is_old = || second(&path) + 3 < SystemTime::now().duration_since(at(0)).unwrap().as_secs();
    loop {
        let was_old = is_old();
        let again = h1_get(&server, "/s", &lines).await;
        assert_eq!((again.status(), again.body.as_str()), (200, "two two"), "{lines}");
        if was_old {
            // Now it has a date, and both versions were sent under it: it says nothing.
            let date = again.field("last-modified").unwrap();
            let lines = format!("if-modified-since: {date}\r\n");
            assert_eq!(h1_get(&server, "/s", &lines).await.body, "two two");
            break;
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

/// When that is, as a field has it.
fn told(seconds: u64) -> String {
    httpdate::fmt_http_date(at(seconds))
}

#[tokio::test]
async fn a_date_from_before_a_version_was_put_in_place_is_another_ones() {
    const NEWER: u64 = 1_600_000_000;
    const OLDER: u64 = 1_000_000_000;
    let scratch = Scratch::new();
    deploy(&scratch, "a.js", "AAAA", at(NEWER));
    let server = serve(scratch.sender()).await;
    assert_eq!(h1_get(&server, "/a.js", "").await.field("last-modified"), Some(&*told(NEWER)));
    // Rolled back, with the date of then.
    deploy(&scratch, "a.js", "BBBB", at(OLDER));
    for (date, status) in [
        (told(OLDER - 1), 200),
        (told(OLDER), 304),
        (told(OLDER + 1), 200),
        (told(NEWER), 200),
        // Whoever got it after that has this one.
        (ANY_DATE.to_owned(), 304),
    ] {
        // Once from the disk, once from memory.
        for _ in 0..2 {
            let lines = format!("if-modified-since: {date}\r\n");
            assert_eq!(h1_get(&server, "/a.js", &lines).await.status(), status, "{date}");
        }
    }
    // A tag that came with the date counts alone.
    let old = EntityTag::of_version(4, at(NEWER)).unwrap();
    let tag = old.value();
    let lines = format!("if-none-match: {}\r\n", tag.to_str().unwrap());
    let lines = format!("{lines}if-modified-since: {}\r\n", told(OLDER));
    assert_eq!(h1_get(&server, "/a.js", &lines).await.body, "BBBB");
}
