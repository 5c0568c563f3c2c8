//! Generated heads get the same answer as from another implementation of Rego.

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Stdio};

use bytes::Bytes;
use fastrand::Rng;
use http::{Request, Response};
use http_body_util::Full;
use letterhead::deny::FinalHead;
use serde_json::{Value, json};

use crate::heads::{judged, patient};
use crate::skip;

const POLICY: &str = include_str!("deny.rego");

// No tab, backslash or quote, which the other implementation does not always escape, and no letter beyond ASCII that has two cases.
const FIELDS: [(&str, &[&str]); 15] = [
    ("cache-control", &["public, max-age=60", "max-age=86400", "no-store", "private,max-age=7200"]),
    ("content-type", &["text/html; charset=utf-8", "TEXT/HTML", "application/json"]),
    ("set-cookie", &["id=1", "theme=dark; Path=/"]),
    ("content-security-policy", &["default-src 'self'"]),
    ("strict-transport-security", &["max-age=1"]),
    ("vary", &["accept", "origin, accept-encoding"]),
    ("x-internal-host", &["db7", "DB8 q, r"]),
    ("x-internal", &["", "\u{4f60} \u{1f642}"]),
    ("x-reason", &["because", "why not"]),
    ("retry-after", &["1"]),
    ("etag", &["\"1\"", "W/\"2\""]),
    ("server", &["mine"]),
    ("referrer-policy", &["no-referrer"]),
    ("link", &["</a>; rel=preload"]),
    ("x-content-type-options", &["nosniff"]),
];

fn pick<T: Copy>(rng: &mut Rng, from: &[T]) -> T {
    from[rng.usize(..from.len())]
}

fn generated(rng: &mut Rng) -> (Request<Full<Bytes>>, Response<Full<Bytes>>) {
    let target = pick(
        rng,
        &["https://a.test/", "http://a.test:8080/a/b?c", "/plain", "https://b.test/%C3%A9"],
    );
    let method = pick(rng, &["GET", "HEAD", "POST"]);
    let request = Request::builder().method(method).uri(target).body(Full::default()).unwrap();
    let status = pick(rng, &[200_u16, 204, 304, 403, 404, 500, 503]);
    let mut response = Response::builder().status(status);
    for (name, values) in FIELDS {
        for _ in 0..pick(rng, &[0, 0, 1, 1, 1, 2]) {
            response = response.header(name, pick(rng, values).as_bytes());
        }
    }
    (request, response.body(Full::default()).unwrap())
}

/// The document that the guide says a policy gets.
fn input(head: &FinalHead<'_>) -> Value {
    let mut fields = serde_json::Map::new();
    let mut writers = serde_json::Map::new();
    for name in head.fields().keys() {
        let lines = head.fields().get_all(name).iter();
        let lines = lines.map(|line| String::from_utf8_lossy(line.as_bytes()).into_owned());
        fields.insert(name.to_string(), lines.collect());
        writers
            .insert(name.to_string(), head.writers(name).iter().map(ToString::to_string).collect());
    }
    let mut request = json!({
        "method": head.method().as_str(), "path": head.path(), "scheme": head.scheme(),
    });
    if let Some(host) = head.host() {
        request["host"] = host.into();
    }
    let status = head.status().as_u16();
    let mut input = json!({ "status": status, "fields": fields, "request": request });
    if head.is_watched() {
        input["writers"] = writers.into();
    }
    input
}

#[tokio::test]
async fn two_hundred_heads_get_the_answers_of_another_implementation() {
    let rego = patient(POLICY);
    let mut rng = Rng::with_seed(15);
    let (mut inputs, mut answers) = (String::new(), Vec::new());
    for number in 0..200 {
        let (request, response) = generated(&mut rng);
        let (verdict, input) =
            judged(rego.clone(), request, response, number % 2 == 0, input).await;
        assert_eq!(verdict.failure(), None, "{input}");
        inputs.push_str(&input.to_string());
        inputs.push('\n');
        answers.push(verdict.messages().to_vec());
    }
    assert!(answers.iter().filter(|messages| messages.is_empty()).count() < 100);
    let Some(theirs) = theirs(&inputs) else { return };
    assert_eq!(theirs.lines().count(), 200);
    for ((theirs, mine), input) in theirs.lines().zip(&answers).zip(inputs.lines()) {
        let theirs: Vec<String> = serde_json::from_str(theirs).unwrap();
        let mut theirs: Vec<_> = theirs.iter().map(|text| text.trim_end_matches("|503")).collect();
        let mut mine: Vec<_> = mine.iter().map(String::as_str).collect();
        theirs.sort_unstable();
        mine.sort_unstable();
        assert_eq!(mine, theirs, "{input}");
    }
}

/// The answers of regopy, where it is installed.
fn theirs(inputs: &str) -> Option<String> {
    let has = |python: &str| {
        let asked =
            Command::new(python).args(["-c", "import regopy"]).stderr(Stdio::null()).status();
        asked.is_ok_and(|status| status.success())
    };
    if !has("python3") {
        skip::tool("python3 with regopy");
        return None;
    }
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/rego");
    let mut python = Command::new("python3")
        .arg(here.join("regopy_deny.py"))
        .arg(here.join("deny.rego"))
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = python.stdin.take().unwrap();
    let inputs = inputs.to_owned();
    let writing = std::thread::spawn(move || stdin.write_all(inputs.as_bytes()).unwrap());
    let output = python.wait_with_output().unwrap();
    writing.join().unwrap();
    assert!(output.status.success());
    Some(String::from_utf8(output.stdout).unwrap())
}
