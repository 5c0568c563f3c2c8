//! Downloads that are resumed after a change, by clients that say which version they have and by others.

use std::fs;
use std::process::Command;
use std::time::Duration;

use crate::client::{h1_get, h2_get};
use crate::scratch::Scratch;
use crate::serve::serve;
use crate::skip;

const HOUR: Duration = Duration::from_secs(3600);

#[tokio::test]
async fn who_resumes_a_changed_file_has_to_say_of_which_version_if_that_is_wanted() {
    let scratch = Scratch::new();
    scratch.write("a", "0123456789");
    let sender = scratch.sender().refuse_blind_resumption(HOUR);
    let server = serve(sender).await;
    let whole = h1_get(&server, "/a", "").await;
    let tag = whole.field("etag").unwrap();
    for (lines, status, body) in [
        ("range: bytes=0-\r\n".to_owned(), 206, Some("0123456789")),
        ("range: bytes=0-4\r\n".to_owned(), 206, Some("01234")),
        ("range: bytes=-2\r\n".to_owned(), 206, Some("89")),
        ("range: bytes=5-\r\n".to_owned(), 409, None),
        ("range: bytes=5-6\r\n".to_owned(), 409, None),
        ("range: bytes=10-\r\n".to_owned(), 409, None),
        (format!("range: bytes=5-\r\nif-range: {tag}\r\n"), 206, Some("56789")),
        (format!("range: bytes=5-\r\nif-match: {tag}\r\n"), 206, Some("56789")),
        ("range: bytes=5-\r\nif-range: \"other\"\r\n".to_owned(), 200, Some("0123456789")),
    ] {
        let answer = h1_get(&server, "/a", &lines).await;
        assert_eq!(answer.status(), status, "{lines}");
        match body {
            Some(body) => assert_eq!(answer.body, body, "{lines}"),
            // Nothing of it belongs into the client's file.
            None => assert!(answer.body.contains("\"status\":409"), "{answer:?}"),
        }
    }
    assert_eq!(h2_get(&server, "/a").await.unwrap().status, 200);
    // What was not changed lately, and where nobody wants it.
    for sender in
        [scratch.sender().refuse_blind_resumption(Duration::from_nanos(1)), scratch.sender()]
    {
        for server in [serve(sender.clone()).await, serve(sender.cache(0)).await] {
            let answer = h1_get(&server, "/a", "range: bytes=5-\r\n").await;
            assert_eq!((answer.status(), answer.body.as_str()), (206, "56789"));
        }
    }
}

/// What a client has of the old version.
const HAD: usize = 1_000_000;

/// How each client is told to go on with `f`, and with which code it fails then.
const CLIENTS: [(&str, &[&str], i32); 3] = [
    ("wget", &["-q", "-c", "-O"], 8),
    ("aria2c", &["-q", "-c", "--retry-wait=1", "-d", "/", "-o"], 22),
    ("curl", &["-s", "-C", "-", "-o"], 33),
];

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn clients_that_resume_blindly_fail_and_leave_what_they_have_as_it_is() {
    let scratch = Scratch::new();
    scratch.write("root/f", "N".repeat(3 * HAD));
    let root = letterhead::FileSender::new(scratch.path("root")).unwrap().settle(Duration::ZERO);
    let server = serve(root.refuse_blind_resumption(HOUR)).await;
    for (client, args, code) in CLIENTS {
        if !skip::has(client) {
            skip::tool(client);
            continue;
        }
        let old = "O".repeat(HAD);
        scratch.write(client, &old);
        let target = scratch.path(client).display().to_string();
        let url = format!("http://{}/f", server.addr);
        let mut command = Command::new(client);
        command.args(args).args([target.trim_start_matches('/'), &url]).current_dir("/");
        let ended = tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap();
        assert_eq!(ended.status.code(), Some(code), "{client}: {ended:?}");
        assert!(fs::read_to_string(scratch.path(client)).unwrap() == old, "{client}");
    }
}
