//! Dates in the future, asked for at several times; and what is not kept, or not from what is kept.

use std::time::{Duration, SystemTime};

use super::{Scratch, at, later};

#[tokio::test]
async fn a_date_in_the_future_is_when_it_was_set_whatever_the_clock_says() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content");
    let now = SystemTime::now();
    let hours = |count: u64| now + Duration::from_secs(count * 3600);
    let file = std::fs::File::options().write(true).open(scratch.0.join("a.txt")).unwrap();
    file.set_modified(hours(6)).unwrap();
    drop(file);
    let sender = scratch.sender();
    // What has just been set may be set again.
    let young = at(&sender, "GET", "/a.txt", &[], SystemTime::now()).await;
    assert!(!young.fields.contains_key("etag") && !young.fields.contains_key("last-modified"));
    let first = at(&sender, "GET", "/a.txt", &[], hours(1)).await;
    let (tag, date) = (&first.fields["etag"], &first.fields["last-modified"]);
    let (tag, date) = (tag.to_str().unwrap(), date.to_str().unwrap());
    assert!(tag.starts_with("\"7-"), "{tag}");
    // An hour later it is the same, and holds.
    for hour in [1, 2, 3] {
        let again = at(&sender, "GET", "/a.txt", &[], hours(hour)).await;
        assert_eq!(again.fields, first.fields, "{hour}");
        for (line, status) in [
            ([("if-modified-since", date), ("x", "x")], 304),
            ([("if-none-match", tag), ("x", "x")], 304),
            ([("range", "bytes=3-"), ("if-range", date)], 206),
            ([("range", "bytes=3-"), ("if-range", tag)], 206),
        ] {
            let answer = at(&sender, "GET", "/a.txt", &line, hours(hour)).await;
            assert_eq!(answer.status, status, "{hour} {line:?}");
        }
    }
    // Once it has come it is a date as any other.
    let late = at(&sender, "GET", "/a.txt", &[], hours(7)).await;
    assert_eq!(late.fields["etag"], tag);
    assert_ne!(late.fields["last-modified"], date);
    let line = [("if-modified-since", date)];
    assert_eq!(at(&sender, "GET", "/a.txt", &line, hours(7)).await.status, 200);
}

#[tokio::test]
async fn a_file_that_somebody_may_write_to_is_not_kept() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content");
    let sender = scratch.sender();
    let writer = std::fs::File::options().append(true).open(scratch.0.join("a.txt")).unwrap();
    for _ in 0..2 {
        let open = later(&sender, "GET", "/a.txt", &[]).await;
        if sender.counts().by_age > 0 || open.fields["etag"].as_bytes().starts_with(b"\"") {
            return crate::skip::place("a filesystem that says who writes to a file");
        }
        assert_eq!((sender.counts().files, sender.counts().kept), (0, 0));
    }
    drop(writer);
    later(&sender, "GET", "/a.txt", &[]).await;
    later(&sender, "GET", "/a.txt", &[]).await;
    assert_eq!((sender.counts().files, sender.counts().kept), (1, 1));
}

#[tokio::test]
async fn who_resumes_blindly_is_refused_from_memory_too() {
    let scratch = Scratch::new();
    scratch.write("a.txt", "content");
    let sender = scratch.sender().refuse_blind_resumption(Duration::from_secs(3600));
    for kept in 0..3 {
        assert_eq!(later(&sender, "GET", "/a.txt", &[]).await.status, 200);
        let line = [("range", "bytes=3-")];
        assert_eq!(later(&sender, "GET", "/a.txt", &line).await.status, 409, "{kept}");
        let since =
            at(&sender, "GET", "/a.txt", &line, SystemTime::now() + Duration::from_secs(7200));
        assert_eq!(since.await.status, 206, "{kept}");
    }
    assert!(sender.counts().kept >= 6, "{}", sender.counts());
}

#[tokio::test]
async fn who_asks_by_the_time_of_a_young_response_gets_what_was_written_in_the_rest_of_its_second()
{
    let scratch = Scratch::new();
    let sender = scratch.sender();
    let path = scratch.0.join("a.txt");
    for round in 0..3 {
        let old = format!("old {round}");
        std::fs::write(&path, &old).unwrap();
        let now = SystemTime::now();
        let young = at(&sender, "GET", "/a.txt", &[], now).await;
        assert_eq!(young.body, old);
        assert!(!young.fields.contains_key("last-modified"));
        std::fs::write(&path, format!("new {round}")).unwrap();
        // As it is read, and from memory.
        let date = httpdate::fmt_http_date(now);
        for _ in 0..2 {
            let asked = [("if-modified-since", date.as_str())];
            let later = later(&sender, "GET", "/a.txt", &asked).await;
            assert_eq!((later.status.as_u16(), later.body), (200, format!("new {round}").into()));
        }
    }
}
