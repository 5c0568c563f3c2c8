//! What others chose means nothing in a page: paths, methods, values, names, and the texts of failures.

use std::io;

use axum::Router;
use axum::body::Body;
use axum::routing::{any, get};
use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response};
use letterhead::deny::FinalHead;
use letterhead::inspect::Inspector;
use letterhead::policy::{Dialect, Policy};
use letterhead::{Head, LetterheadLayer, Rules, named};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::client::Server;
use crate::skip;

/// It ends attributes, elements, comments, scripts and styles, and begins one of its own.
const BAD: &str = "'\"--></style></script><b id=bad onx=1>&amp;&#60;\u{202e}";

/// The same in visible ASCII.
const BAD_ASCII: &str = "'\"--></style></script><b id=bad onx=1>&amp;";

async fn handler(head: Head) -> Response<Body> {
    let _ = head.insert("x-value", HeaderValue::from_static(BAD_ASCII));
    let _ = head
        .insert("x-bytes", HeaderValue::from_bytes(b"\xff\x80<b id=bad>\t\xe2\x80\xae").unwrap());
    let _ = head.promise("x-promised");
    Response::builder()
        .header("x-value", "inner")
        .header("set-cookie", format!("<b id=bad>={BAD_ASCII}"))
        .body(Body::from("a"))
        .unwrap()
}

fn app() -> Router {
    let layer = |value| {
        SetResponseHeaderLayer::overriding(
            http::header::SERVER,
            HeaderValue::from_str(value).unwrap(),
        )
    };
    let failing = || async {
        let inner = io::Error::other(format!("inner {BAD}"));
        let failed = io::Error::other(Outer(inner));
        Body::from_stream(futures_util::stream::iter([Err::<Bytes, _>(failed)]))
    };
    let broken = || async {
        let failed = io::Error::other(format!("late {BAD}"));
        Body::from_stream(futures_util::stream::iter([Ok(Bytes::from_static(b"a")), Err(failed)]))
    };
    Router::new()
        .route("/fails", get(failing))
        .route("/broken", get(broken))
        .route("/panics", get(|| async { panics() }))
        .route("/denied", get(|| async { [("x-denied", "1")] }))
        .fallback(any(handler))
        .layer(named(format!("inner {BAD}"), layer("one")))
        .layer(named(format!("outer {BAD}"), layer(BAD_ASCII)))
}

#[derive(Debug)]
struct Outer(io::Error);

impl std::fmt::Display for Outer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "outer {BAD}")
    }
}

impl std::error::Error for Outer {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.0)
    }
}

fn panics() -> &'static str {
    // Not said on stderr: it is meant.
    std::panic::resume_unwind(Box::new(format!("panic {BAD}")))
}

fn denies(head: &FinalHead<'_>) -> Option<String> {
    head.fields().contains_key("x-denied").then(|| format!("denied {BAD}"))
}

/// Nothing in a page begins an element that is not the page's own, or has a character that is not seen.
fn is_harmless(what: &str, page: &str) {
    assert!(!page.contains("<b ") && !page.contains("</style>"), "{what}: {page}");
    assert_eq!(page.matches("<script").count(), page.matches("</script>").count(), "{what}");
    assert!(page.matches("<script").count() <= 1, "{what}: {page}");
    let seen = |c: char| c == '\n' || !(c.is_control() || c == '\u{202e}');
    assert!(page.chars().all(seen), "{what}: {page}");
}

#[tokio::test]
async fn nothing_that_others_chose_means_anything() {
    let text = format!("/*\n  X-Policy: {BAD_ASCII}\n");
    let policy = Policy::parse(format!("_headers {BAD}"), &text, Dialect::Cloudflare).unwrap();
    let layer = LetterheadLayer::new().rules(Rules::standard()).policy(policy).deny(denies);
    let inspector = Inspector::new()
        .editor("x-editor:{file}?\"'<b id=bad>{line}")
        .source_root("/<b id=bad>\"'");
    let server = Server::with(app(), inspector, layer).await;
    let path = "/'\"--%3E%3C/script%3E[%3Cb%20id=bad%3E]{a,b}$(id)|&;!~*";
    let method = Method::from_bytes(b"$'|`id`&*!").unwrap();
    let bad =
        Request::builder().method(method).uri(path).header("x-request-id", "<b:id=bad>'\"&amp;");
    server.ask(bad).await;
    server.kept(1).await;
    server.get_in_turn(&["/fails", "/broken", "/panics", "/denied"]).await;
    let mut all = String::new();
    for id in 1..=5 {
        let page = server.page(&format!("/_head/{id}")).await;
        is_harmless(&id.to_string(), &page);
        all += &page;
        // The same as JSON is text.
        let json = server.json(&format!("/_head/{id}.json")).await;
        assert_eq!(json["id"], id);
    }
    let broken = server.json("/_head/3.json").await;
    let causes = serde_json::json!(["the response body failed", format!("late {BAD}")]);
    assert_eq!(broken["abort"], causes, "each is said once");
    is_harmless("the list", &server.page("/_head/").await);
    for name in ["path", "status", "field", "writer", "conflict", "outcome", "before", "after", "x"]
    {
        let query = "%27%22--%3E%3C%2Fscript%3E%3Cb%20id=bad%3E%E2%80%AE%00";
        is_harmless(name, &server.page(&format!("/_head/?{name}={query}")).await);
    }
    let escaped = "&lt;/script&gt;&lt;b id=bad onx=1&gt;&amp;amp;&amp;#60;\\u{202e}";
    for text in ["inner", "outer", "late", "panicked: panic", "denied"] {
        let text = format!("{text} &#39;&quot;--&gt;&lt;/style&gt;{escaped}");
        assert!(all.contains(&text), "{text}: {all}");
    }
    assert!(all.contains("<dd>&lt;b:id=bad&gt;&#39;&quot;&amp;amp;</dd>"), "{all}");
    // The line that asks again is one line of words, as a shell takes it.
    let json = server.json("/_head/1.json").await;
    let line = json["curl"].as_str().unwrap();
    let script = format!("curl() {{ for word; do printf '%s\\n' \"$word\"; done; }}; {line}");
    let ran = std::process::Command::new("sh").args(["-c", &script]).output().unwrap();
    let said = String::from_utf8(ran.stdout).unwrap();
    let url = format!("http://{}{path}", server.addr);
    let expected = ["-i", "-X", "$'|`id`&*!", "--globoff", "--path-as-is", &url];
    assert_eq!(said.lines().collect::<Vec<_>>(), expected, "{line}");
    server.ended().await;
}

#[tokio::test]
async fn curl_asks_again_what_was_asked() {
    if !skip::has("curl") {
        return skip::tool("curl");
    }
    let server = Server::start(app(), Inspector::new()).await;
    let path = "/'\"/../[1-2]{a,b}$(id)|&;!~*%20";
    let method = Method::from_bytes(b"$'|`id`&*!").unwrap();
    server.ask(Request::builder().method(method.clone()).uri(path)).await;
    server.kept(1).await;
    let line = server.json("/_head/1.json").await["curl"].as_str().unwrap().to_owned();
    let ran = tokio::task::spawn_blocking(move || {
        let line = line.replace("curl ", "curl --silent --max-time 20 ");
        std::process::Command::new("sh").args(["-c", &line]).output().unwrap()
    });
    let said = String::from_utf8_lossy(&ran.await.unwrap().stdout).into_owned();
    assert!(said.contains("200 OK"), "{said}");
    server.kept(2).await;
    let json = server.json("/_head/2.json").await;
    assert_eq!(json["receipt"]["path"], path);
    assert_eq!(json["receipt"]["method"], method.as_str());
    server.ended().await;
}
