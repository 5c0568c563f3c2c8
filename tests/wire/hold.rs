//! The hold: what it waits for, and what it lets land.

use http::Response;
use letterhead::{CommitCause, LetterheadLayer, Outcome, Placed};

use crate::client::{h1_get, h2_get};
use crate::serve::{Act, collected, script, serve_layer};

#[tokio::test]
async fn a_write_before_the_first_frame_lands_in_the_head() {
    let (layer, mut receipts) = collected(LetterheadLayer::new());
    let server = serve_layer(layer, |_, head| async move {
        let late = head.clone();
        Response::new(script([
            Act::Do(Box::new(move || assert_eq!(late.insert("x-late", "landed"), Placed::Head))),
            Act::Data("hello"),
        ]))
    })
    .await;
    let answer = h1_get(&server, "/", "").await;
    assert_eq!(answer.head, "HTTP/1.1 200 OK\r\nx-late: landed\r\ntransfer-encoding: chunked");
    assert_eq!(answer.body, "5\r\nhello\r\n0\r\n\r\n");
    let answer = h2_get(&server, "/").await.unwrap();
    assert_eq!(answer.field("x-late"), Some("landed"));
    for _ in 0..2 {
        let seen = receipts.next().await;
        assert_eq!(seen.cause, Some(CommitCause::FirstFrame), "{}", seen.line);
        assert!(matches!(seen.outcome, Outcome::Complete), "{}", seen.line);
        assert_eq!((seen.held, seen.sent), (5, 5));
    }
}
