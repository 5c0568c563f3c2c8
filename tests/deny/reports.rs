//! Who is told of a denied head, and what the client is told where it may know.

use std::sync::Arc;

use letterhead::LetterheadLayer;
use letterhead::deny::FinalHead;
use letterhead::report::JsonLines;
use serde_json::{Value, json};

use crate::app::{KINDS, Running, Scratch, Version, app};

fn refused(head: &FinalHead<'_>) -> Option<String> {
    (head.path() == "/handler").then(|| "no \"cookies\"\nhere".to_owned())
}

#[tokio::test]
async fn a_json_line_has_the_messages() {
    let scratch = Scratch::new();
    let lines = Arc::new(JsonLines::new(Vec::new()).only_with_conflicts(true));
    let layer = LetterheadLayer::new().reporter(Arc::clone(&lines)).deny(refused);
    let server = Running::start(app(&scratch).await, layer).await;
    let mut client = server.client(Version::H1).await;
    let answer = client.ask(&KINDS[0]).await;
    assert!(!answer.body().windows(7).any(|text| text == b"cookies"));
    client.ask(&KINDS[1]).await;
    drop(client);
    server.ended().await;
    let text = String::from_utf8(Arc::into_inner(lines).unwrap().into_inner()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.len(), 1, "{text}");
    assert_eq!(lines[0]["denied"], json!(["no \"cookies\"\\nhere"]));
    assert_eq!(lines[0]["status"], 500);
    assert_eq!(lines[0]["cause"], "failure");
    assert_eq!(lines[0]["failure"], "a deny rule refused the response head");
    assert_eq!(lines[0]["notes"][0]["kind"], "denied");
}

#[tokio::test]
async fn a_client_that_may_know_is_told_why() {
    let scratch = Scratch::new();
    let layer = LetterheadLayer::new().debug_answers(true).debug_field(true).deny(refused);
    let server = Running::start(app(&scratch).await, layer).await;
    for version in [Version::H1, Version::H2] {
        let answer = server.client(version).await.ask(&KINDS[0]).await;
        let problem: Value = serde_json::from_slice(answer.body()).unwrap();
        assert_eq!(problem["denied"], json!(["no \"cookies\"\\nhere"]));
        assert_eq!(problem["status"], 500);
        // It is about the answer, not about what was denied.
        let field = answer.headers()["x-letterhead"].to_str().unwrap();
        assert!(field.contains("content-type by the error answer"), "{field}");
        assert!(!field.contains("x-own"), "{field}");
    }
    server.ended().await;
}
