//! Whole files and ranges, one after the other on one connection.

use crate::cold::leaves_memory;
use crate::site::{KIB, MIB, Raw, Running, Site, same};

#[tokio::test]
async fn files_of_every_length_arrive_as_they_are() {
    let site = Site::new();
    let server = Running::start(site.files.clone().zero_copy()).await;
    let mut raw = Raw::connect(server.addr).await;
    let mut spans = 0;
    for (length, handed) in [
        (0, 0),
        (1, 0),
        (64 * KIB - 1, 0),
        (64 * KIB, 1),
        (100 * KIB + 3, 1),
        (MIB, 1),
        (MIB + 4 * KIB, 1),
        // What is left behind the spans is read.
        (MIB + 5 * KIB, 1),
        (7 * MIB + 12_345, 7),
    ] {
        let content = site.file("file", length);
        raw.get("file", "").await;
        let came = raw.answer().await;
        assert!(came.head.starts_with("http/1.1 200"), "{came:?}");
        assert_eq!(came.length, length, "{came:?}");
        same(&came.body, &content);
        spans += handed;
        assert_eq!(site.spans(), spans, "{length}");
    }
    drop(raw);
    server.ended().await;
}

#[tokio::test]
async fn what_the_kernel_sends_is_no_memory_of_the_server() {
    let site = Site::new();
    // A span is longer than that, and would be reset if it counted.
    let set = |serve: letterhead::serve::Serve<_>| serve.max_unsent_in_all(64 * KIB);
    let server = Running::with(site.files.clone().zero_copy(), set).await;
    let content = site.file("file", 3 * MIB);
    let mut raw = Raw::connect(server.addr).await;
    raw.get("file", "").await;
    same(&raw.answer().await.body, &content);
    assert_eq!(site.spans(), 3);
    drop(raw);
    server.ended().await;
}

#[tokio::test]
async fn ranges_begin_and_end_where_they_are_asked_to() {
    let site = Site::new();
    let server = Running::start(site.files.clone().zero_copy()).await;
    let content = site.file("file", 3 * MIB + 77);
    let mut raw = Raw::connect(server.addr).await;
    for (range, from, to) in [
        ("bytes=1-", 1, content.len()),
        ("bytes=4095-1050001", 4095, 1_050_002),
        ("bytes=-100000", content.len() - 100_000, content.len()),
        ("bytes=2000001-2065536", 2_000_001, 2_065_537),
        ("bytes=5-6", 5, 7),
    ] {
        let before = site.spans();
        raw.get("file", &format!("range: {range}\r\n")).await;
        let came = raw.answer().await;
        assert!(came.head.starts_with("http/1.1 206"), "{came:?}");
        same(&came.body, &content[from..to]);
        assert_eq!(site.spans() > before, to - from >= 64 * KIB, "{range}");
    }
    server.ended().await;
}

#[tokio::test]
async fn several_ranges_are_parts_with_what_stands_between() {
    let site = Site::new();
    let server = Running::start(site.files.clone().zero_copy()).await;
    let content = site.file("file", 2 * MIB);
    let mut raw = Raw::connect(server.addr).await;
    raw.get("file", "range: bytes=3-200002,500000-500001,1000000-1999999\r\n").await;
    let came = raw.answer().await;
    assert_eq!(came.body.len(), came.length, "{came:?}");
    let mut rest = &came.body[..];
    for part in [3..200_003, 500_000..500_002, 1_000_000..2_000_000] {
        let head = rest.windows(4).position(|four| four == b"\r\n\r\n").unwrap() + 4;
        let told = String::from_utf8(rest[..head].to_vec()).unwrap().to_lowercase();
        let wanted = format!("bytes {}-{}/", part.start, part.end - 1);
        assert!(told.contains(&wanted), "{told}");
        same(&rest[head..head + part.len()], &content[part.clone()]);
        rest = &rest[head + part.len()..];
    }
    assert!(rest.len() < 100, "{} bytes are left", rest.len());
    assert!(site.spans() >= 2, "{}", site.spans());
    server.ended().await;
}

#[tokio::test]
async fn requests_in_one_packet_are_answered_in_order() {
    let site = Site::new();
    let server = Running::start(site.files.clone().zero_copy()).await;
    let (large, small) = (site.file("large", MIB + 99), site.file("small", 300));
    let middle = site.file("middle", 90 * KIB);
    let mut raw = Raw::connect(server.addr).await;
    let ask = |method: &str, path: &str, fields: &str| {
        format!("{method} /{path} HTTP/1.1\r\nhost: test\r\n{fields}\r\n")
    };
    let mut sent = String::new();
    for _ in 0..4 {
        sent += &ask("GET", "large", "");
        sent += &ask("GET", "small", "");
        sent += &ask("GET", "missing", "");
        sent += &ask("GET", "middle", "");
        sent += &ask("GET", "large", "range: bytes=7-700000\r\n");
    }
    raw.send(&sent).await;
    for _ in 0..4 {
        same(&raw.answer().await.body, &large);
        same(&raw.answer().await.body, &small);
        assert!(raw.answer().await.head.starts_with("http/1.1 404"));
        same(&raw.answer().await.body, &middle);
        same(&raw.answer().await.body, &large[7..=700_000]);
    }
    assert!(site.spans() >= 12, "{}", site.spans());
    server.ended().await;
}

#[tokio::test]
async fn nothing_is_handed_over_where_there_is_no_content() {
    let site = Site::new();
    let server = Running::start(site.files.clone().zero_copy()).await;
    let content = site.file("file", MIB);
    let mut raw = Raw::connect(server.addr).await;
    raw.send("HEAD /file HTTP/1.1\r\nhost: test\r\n\r\n").await;
    let came = raw.head().await;
    assert_eq!(came.length, MIB, "{came:?}");
    let tag = came.head.lines().find_map(|line| line.strip_prefix("etag: ")).unwrap().to_owned();
    raw.get("file", &format!("if-none-match: {tag}\r\n")).await;
    assert!(raw.head().await.head.starts_with("http/1.1 304"));
    raw.get("file", "range: bytes=9999999-\r\n").await;
    assert!(raw.answer().await.head.starts_with("http/1.1 416"));
    assert_eq!(site.spans(), 0);
    raw.get("file", "").await;
    same(&raw.answer().await.body, &content);
    assert_eq!(site.spans(), 1);
    server.ended().await;
}

#[tokio::test]
async fn a_client_of_the_old_version_gets_the_file_and_the_end() {
    let site = Site::new();
    let server = Running::start(site.files.clone().zero_copy()).await;
    let content = site.file("file", 2 * MIB);
    let mut raw = Raw::connect(server.addr).await;
    raw.send("GET /file HTTP/1.0\r\n\r\n").await;
    same(&raw.answer().await.body, &content);
    assert!(!raw.more().await);
    assert!(site.spans() > 0);
    server.ended().await;
}

#[tokio::test]
async fn files_of_a_disk_arrive_as_they_are() {
    let site = Site::on(&std::env::temp_dir());
    let server = Running::start(site.files.clone().zero_copy()).await;
    let content = site.file("file", 5 * MIB + 4321);
    let file = std::fs::File::open(site.path("file")).unwrap();
    let mut raw = Raw::connect(server.addr).await;
    for turn in 0..6 {
        if turn % 2 == 1 {
            // Out of memory with it, as far as the system lets it go.
            leaves_memory(&file);
        }
        raw.get("file", "").await;
        same(&raw.answer().await.body, &content);
    }
    println!("{:?}", site.files.counts());
    server.ended().await;
}

#[tokio::test]
async fn a_file_that_is_kept_open_goes_on_being_sent_whole() {
    let site = Site::new();
    let content = site.file("file", 3 * MIB);
    let mut server = Running::start(site.files.clone().zero_copy()).await;
    let mut raw = Raw::connect(server.addr).await;
    // A file is kept once its last change is a tenth of a second ago.
    while site.files.counts().kept < 3 {
        raw.get("file", "").await;
        same(&raw.answer().await.body, &content);
    }
    let (kept, spans) = (site.files.counts().kept, site.spans());
    for _ in 0..3 {
        raw.get("file", "").await;
    }
    for _ in 0..3 {
        same(&raw.answer().await.body, &content);
    }
    assert_eq!(site.files.counts().kept, kept + 3);
    assert!(site.spans() > spans);
    // A client that leaves in the middle takes nothing from the others.
    let mut other = Raw::small(server.addr).await;
    other.get("file", "").await;
    assert!(other.more().await);
    drop(other);
    let event = server.event().await;
    assert!(!event.contains("wanted"), "{event}");
    raw.get("file", "range: bytes=1000000-2999999\r\n").await;
    same(&raw.answer().await.body, &content[1_000_000..3_000_000]);
    let next = site.file("next", 2 * MIB);
    std::fs::rename(site.path("next"), site.path("file")).unwrap();
    raw.get("file", "").await;
    same(&raw.answer().await.body, &next);
    drop(raw);
    server.ended().await;
}
