//! JSON lines, read back; and the guide's list of keys.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::Arc;

use http::StatusCode;
use letterhead::report::{JsonLines, Reporter};
use serde_json::{Value, json};

use crate::app;

/// What a reporter wrote for one plain and one odd response, line by line.
async fn written(lines: JsonLines<Vec<u8>>) -> Vec<Value> {
    let lines = Arc::new(lines);
    let layer = app::reported(Arc::clone(&lines));
    app::plain(&layer).await;
    app::odd(&layer).await;
    drop(layer);
    assert_eq!(lines.errors(), 0);
    let text = String::from_utf8(Arc::into_inner(lines).unwrap().into_inner()).unwrap();
    app::check_secrets(&text);
    assert!(text.ends_with('\n'));
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

/// Every key with its path: `writes[].verb`.
fn keys(value: &Value, path: &str, found: &mut BTreeSet<String>) {
    if let Value::Object(map) = value {
        for (key, value) in map {
            let path = if path.is_empty() { key.clone() } else { format!("{path}.{key}") };
            found.insert(path.clone());
            keys(value, &path, found);
        }
    }
    if let Value::Array(list) = value {
        for value in list {
            keys(value, &format!("{path}[]"), found);
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_line_says_everything_about_its_response() {
    let lines = written(JsonLines::new(Vec::new())).await;
    assert_eq!(lines.len(), 2);
    let (plain, odd) = (&lines[0], &lines[1]);
    let expected = json!({
        "v": 1, "method": "GET", "version": "HTTP/1.1", "path": "/plain", "route": null,
        "peer": null, "request_id": null, "trace_id": null, "parent_id": null,
        "times": { "answered": 0, "committed": 0, "first_byte": 0, "ended": 0 }, "policy": null, "list": null,
        "status": 200, "cause": "first frame", "last_stage": "committed", "outcome": "handed",
        "abort": null, "held": 4, "sent": 4, "hooks": 0, "failure": null, "conflicts": [],
        "denied": null, "notes": [], "writes": [], "writes_cut": 0,
    });
    assert_eq!(*plain, expected);
    let server = json!({
        "rule": "overwritten", "field": "server", "first": "layer inner",
        "second": "layer outer", "before": "mine", "after": "yours", "statuses": null,
        "detail": null, "action": "report", "settled": "reported",
    });
    assert!(odd["conflicts"].as_array().unwrap().contains(&server), "{odd:#}");
    let note = json!([{ "kind": "mended", "text": "content-length says 9, body has 4: sent 4" }]);
    assert_eq!(odd["notes"], note);
    let by = |name: &str| {
        let writes = odd["writes"].as_array().unwrap();
        writes.iter().find(|write| write["field"] == name).unwrap().clone()
    };
    assert_eq!(by("server")["after"], "mine");
    assert_eq!(by("server")["fate"], "overridden");
    assert_eq!(by("set-cookie")["before"], "sid=(secret, 24 bytes)");
    assert_eq!(by("x-bytes")["after"], "caf\\xe9 \"\\\\");
    assert_eq!(by("x-late")["refusal"], "the request has no `TE: trailers`");
    assert_eq!(by("x-late")["stage"], "committed");
}

#[tokio::test]
async fn what_failed_is_told_before_the_commit_and_after_it() {
    let lines = Arc::new(JsonLines::new(Vec::new()));
    let layer = app::reported(Arc::clone(&lines));
    assert_eq!(app::failing(&layer, 0).await, StatusCode::INTERNAL_SERVER_ERROR);
    assert_eq!(app::failing(&layer, 1).await, StatusCode::OK);
    drop(layer);
    let text = String::from_utf8(Arc::into_inner(lines).unwrap().into_inner()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let failed = "the response body failed: \"the disk\" is gone";
    assert_eq!(lines[0]["failure"], failed);
    assert_eq!(lines[0]["abort"], Value::Null);
    assert_eq!((&lines[0]["outcome"], &lines[0]["cause"]), (&json!("handed"), &json!("failure")));
    assert_eq!(lines[1]["abort"], failed);
    assert_eq!(lines[1]["failure"], Value::Null);
    assert_eq!((&lines[1]["outcome"], &lines[1]["sent"]), (&json!("aborted"), &json!(5)));
}

#[tokio::test]
async fn the_guide_lists_every_key_and_no_other() {
    let mut found = BTreeSet::new();
    for line in written(JsonLines::new(Vec::new())).await {
        keys(&line, "", &mut found);
    }
    let guide = include_str!("../../src/guide/reports.md");
    let table = guide.split("# JSON lines").nth(1).unwrap().split("\n# ").next().unwrap();
    let rows = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<String> = rows.map(ToOwned::to_owned).collect();
    assert_eq!(listed, found);
}

#[tokio::test]
async fn responses_without_conflicts_are_left_out_if_that_is_asked_for() {
    let lines = written(JsonLines::new(Vec::new()).only_with_conflicts(true)).await;
    let paths: Vec<_> = lines.iter().map(|line| line["path"].clone()).collect();
    assert_eq!(paths, ["/odd"]);
}

/// A writer that takes what it is told to, then fails or panics once.
struct Faulty {
    takes: usize,
    panics: bool,
    taken: Vec<u8>,
}

impl Write for Faulty {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let takes = std::mem::replace(&mut self.takes, usize::MAX);
        if takes == 0 {
            assert!(!self.panics, "the writer's");
            return Err(io::ErrorKind::StorageFull.into());
        }
        let taken = bytes.len().min(takes);
        self.taken.extend_from_slice(&bytes[..taken]);
        if taken < bytes.len() {
            self.takes = 0;
        }
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[tokio::test]
async fn a_writer_that_fails_is_counted_and_the_next_line_stands_alone() {
    for panics in [false, true] {
        let lines = Arc::new(JsonLines::new(Faulty { takes: 20, panics, taken: Vec::new() }));
        let layer = app::reported(Arc::clone(&lines));
        for _ in 0..3 {
            app::plain(&layer).await;
        }
        drop(layer);
        assert_eq!(lines.errors(), 1);
        let text = String::from_utf8(Arc::into_inner(lines).unwrap().into_inner().taken).unwrap();
        let lines: Vec<_> = text.lines().map(serde_json::from_str::<Value>).collect();
        assert_eq!(lines.len(), 3, "{text}");
        assert!(lines[0].is_err() && lines[1].is_ok() && lines[2].is_ok(), "{text}");
    }
}

#[test]
fn an_arc_of_a_reporter_and_of_a_closure_is_one() {
    fn is_reporter<R: Reporter>(_: &R) {}
    is_reporter(&Arc::new(JsonLines::new(io::sink())));
    let shared: Arc<dyn Reporter> = Arc::new(|_: &letterhead::Receipt| {});
    is_reporter(&shared);
    let closure: Arc<dyn Fn(&letterhead::Receipt) + Send + Sync> = Arc::new(|_| {});
    is_reporter(&closure);
    let boxed: Box<dyn Fn(&letterhead::Receipt) + Send + Sync> = Box::new(|_| {});
    is_reporter(&boxed);
    let boxed: Box<dyn Reporter> = Box::new(|_: &letterhead::Receipt| {});
    is_reporter(&Arc::<dyn Reporter>::from(boxed));
}
