//! Downloads that are resumed after a change, by clients that say which version they have and by others.

use std::time::Duration;

use crate::client::{h1_get, h2_get};
use crate::scratch::Scratch;
use crate::serve::serve;

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
