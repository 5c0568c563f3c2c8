//! The names in the access log's forms that others have made, held against theirs.

use letterhead::LetterheadLayer;
use letterhead::report::{AccessLog, LogForm};

use crate::access::{Memory, ask, odd};

/// The keys of Caddy's access log, from its documentation (How Logging Works, website at 07c5166) and from
/// `modules/caddyhttp/marshalers.go` (caddy at 1d616b7), which has those of `request`.
const OF_CADDY: [&str; 21] = [
    "bytes_read",
    "duration",
    "level",
    "logger",
    "msg",
    "request",
    "request.client_ip",
    "request.headers",
    "request.host",
    "request.method",
    "request.proto",
    "request.remote_ip",
    "request.remote_port",
    "request.tls",
    "request.transfer_encoding",
    "request.uri",
    "resp_headers",
    "size",
    "status",
    "ts",
    "user_id",
];

/// Those of them that we have nothing to say for.
const NOT_OURS: [&str; 5] =
    ["bytes_read", "request.tls", "request.transfer_encoding", "resp_headers", "user_id"];

/// The fields of the Elastic Common Schema that an access log may have (elastic/ecs, schemas of 8.5).
const OF_ELASTIC: [&str; 14] = [
    "@timestamp",
    "client.ip",
    "ecs.version",
    "event.duration",
    "event.outcome",
    "http.request.method",
    "http.request.referrer",
    "http.response.body.bytes",
    "http.response.status_code",
    "http.version",
    "log.level",
    "message",
    "url.original",
    "user_agent.original",
];

/// A line in `form`, read back.
async fn read(form: LogForm) -> serde_json::Map<String, serde_json::Value> {
    let memory = Memory::default();
    let log = AccessLog::new(memory.clone()).unwrap().form(form);
    let layer = LetterheadLayer::new().access_log(&log);
    let mut request = odd("/a%20b?c=d");
    request.headers_mut().insert("host", "a.example".parse().unwrap());
    ask(&layer, request).await;
    assert!(log.shutdown());
    serde_json::from_str(&memory.text()).unwrap()
}

#[tokio::test]
async fn the_names_of_caddy_are_its_own() {
    let line = read(LogForm::Caddy).await;
    let request = line["request"].as_object().unwrap();
    let inner = request.keys().map(|key| format!("request.{key}"));
    let mut keys: Vec<String> = line.keys().cloned().chain(inner).collect();
    keys.extend(NOT_OURS.map(str::to_owned));
    keys.sort_unstable();
    assert_eq!(keys, OF_CADDY);
    assert_eq!((&request["proto"], &request["uri"]), (&"HTTP/1.1".into(), &"/a%20b?c=d".into()));
    assert_eq!(request["headers"]["User-Agent"][0], "odd\t\\ \"200\" \u{e9}");
    assert!(line["ts"].is_f64() && line["duration"].is_f64());
    assert_eq!((&line["size"], &line["status"]), (&4.into(), &200.into()));
}

#[tokio::test]
async fn the_names_of_elastic_are_its_own() {
    let line = read(LogForm::Ecs).await;
    let mut keys: Vec<&str> = line.keys().map(String::as_str).collect();
    keys.sort_unstable();
    assert_eq!(keys, OF_ELASTIC);
    assert!(line["event.duration"].is_u64() && line["http.response.status_code"].is_u64());
    assert_eq!((&line["http.version"], &line["event.outcome"]), (&"1.1".into(), &"success".into()));
}
