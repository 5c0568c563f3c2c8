//! What a deny rule sees of the head and of its request, and what it does to a body that has begun.

use std::convert::Infallible;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Body;
use axum::extract::Path;
use axum::routing::get;
use bytes::Bytes;
use http::HeaderValue;
use http::header::{HeaderName, RETRY_AFTER, SERVER, SET_COOKIE, WWW_AUTHENTICATE};
use http_body::Frame;
use http_body_util::StreamBody;
use letterhead::deny::FinalHead;
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Collector;
use letterhead::{Head, LetterheadLayer, Rules, named};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::app::{Kind, Running, Version, kind};

const SECRET: HeaderName = HeaderName::from_static("x-secret");

fn listening(layer: LetterheadLayer) -> (LetterheadLayer, Arc<Mutex<Vec<String>>>) {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let all = Arc::clone(&seen);
    let layer = layer.deny(move |head: &FinalHead<'_>| {
        let FinalHead { .. } = head;
        let writers = |name: &HeaderName| {
            head.writers(name).iter().map(ToString::to_string).collect::<Vec<_>>().join(" < ")
        };
        all.lock().unwrap().push(format!(
            "{} {} {} {:?} {:?} {:?} server: {:?} by {}, {} by {}",
            head.status().as_u16(),
            head.scheme(),
            head.path(),
            head.host(),
            head.route(),
            head.version(),
            head.fields().get(SERVER),
            writers(&SERVER),
            head.fields().get_all(SET_COOKIE).iter().count(),
            writers(&SET_COOKIE),
        ));
        None
    });
    (layer, seen)
}

async fn user(Path(_): Path<u32>, head: Head) -> ([(HeaderName, &'static str); 1], &'static str) {
    let _ = head.insert(SERVER, HeaderValue::from_static("late"));
    ([(SET_COOKIE, "id=1")], "a user")
}

const USER: Kind = kind("user", "/users/7?secret", 200);

#[tokio::test]
async fn a_rule_sees_the_head_with_late_writes_and_the_request() {
    for version in [Version::H1, Version::H2] {
        let app = || Router::new().route("/users/{id}", get(user));
        let (layer, seen) = listening(LetterheadLayer::new());
        let server = Running::start(app(), layer).await;
        server.client(version).await.ask(&USER).await;
        server.ended().await;
        // axum's `Router::layer` stands inside the router, so the route is known; nobody watches.
        let spoken = if matches!(version, Version::H1) { "HTTP/1.1" } else { "HTTP/2.0" };
        let expected = format!(
            "200 http /users/7 Some(\"a.test\") Some(\"/users/{{id}}\") {spoken} \
             server: Some(\"late\") by , 1 by "
        );
        assert_eq!(*seen.lock().unwrap(), [expected]);

        let cookies =
            SetResponseHeaderLayer::appending(SET_COOKIE, HeaderValue::from_static("t=2"));
        let (layer, seen) = listening(LetterheadLayer::new().rules(Rules::standard()));
        let server = Running::start(app().layer(named("theme", cookies)), layer).await;
        server.client(version).await.ask(&USER).await;
        server.ended().await;
        let text = seen.lock().unwrap().join("\n");
        assert!(text.contains("tests/deny/heads.rs:"), "{text}");
        assert!(text.ends_with("2 by layer theme < the handler"), "{text}");
    }
}

#[tokio::test]
async fn a_body_that_has_begun_leaves_nothing() {
    // The first frames were read to fill the hold, and more would come.
    async fn streamed() -> (http::HeaderMap, Body) {
        let frames = (0..1000).map(|_| Ok::<_, Infallible>(Frame::data(Bytes::from("SECRET"))));
        let mut fields = http::HeaderMap::new();
        fields.insert(SECRET, HeaderValue::from_static("SECRET"));
        fields.insert(http::header::CONTENT_LENGTH, HeaderValue::from_static("6000"));
        (fields, Body::new(StreamBody::new(futures_util::stream::iter(frames))))
    }
    for version in [Version::H1, Version::H2] {
        let receipts = Collector::new();
        let layer =
            LetterheadLayer::new().reporter(receipts.clone()).deny(|head: &FinalHead<'_>| {
                // What a rule may see, it may also repeat; the crate does not.
                head.fields().contains_key(SECRET).then(|| "x-secret is there".to_owned())
            });
        let server = Running::start(Router::new().route("/", get(streamed)), layer).await;
        let mut client = server.client(version).await;
        let answer = client.ask(&kind("streamed", "/", 200)).await;
        assert_eq!(answer.status(), 500);
        let all = format!("{:?} {:?}", answer.headers(), answer.body());
        assert!(!all.contains("SECRET"), "{all}");
        // The connection goes on.
        assert_eq!(client.ask(&kind("404", "/none", 404)).await.status(), 404);
        server.ended().await;
        let receipts = receipts.take();
        assert_eq!(receipts[0].denied().unwrap().messages(), ["x-secret is there"]);
        assert!(receipts[0].sent_bytes() < 100);
        assert!(receipts[1].denied().is_none() && receipts[1].failure().is_none());
    }
}

/// A field that helps an error outlives the response that an ordinary error takes the place of. A denied one leaves nothing.
#[tokio::test]
async fn what_was_written_for_an_error_goes_with_the_head_that_is_denied() {
    async fn asks(head: Head) -> http::StatusCode {
        let _ = head.insert(WWW_AUTHENTICATE, HeaderValue::from_static("Basic realm=\"secret\""));
        let _ = head.insert(RETRY_AFTER, HeaderValue::from_static("77"));
        http::StatusCode::UNAUTHORIZED
    }
    for version in [Version::H1, Version::H2] {
        for watched in [true, false] {
            let mut layer = LetterheadLayer::new().deny(|head: &FinalHead<'_>| {
                head.fields().contains_key(WWW_AUTHENTICATE).then(|| "no passwords here".to_owned())
            });
            if watched {
                layer = layer.rules(Rules::standard());
            }
            let server = Running::start(Router::new().route("/", get(asks)), layer).await;
            let answer = server.client(version).await.ask(&kind("asks", "/", 401)).await;
            server.ended().await;
            assert_eq!(answer.status(), 500);
            for gone in [WWW_AUTHENTICATE, RETRY_AFTER] {
                assert!(!answer.headers().contains_key(&gone), "{gone} {:?}", answer.headers());
            }
        }
    }
}

/// The policy is applied to the answer, and what it says of a nonce there is what it says where nobody asked for one.
#[tokio::test]
async fn the_answer_has_no_nonce_and_no_place_for_one() {
    async fn page(head: Head) -> String {
        head.nonce().unwrap()
    }
    let text = "/*\n  Content-Security-Policy: script-src 'self' 'nonce'\n";
    for version in [Version::H1, Version::H2] {
        let policy = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap();
        let layer = LetterheadLayer::new()
            .policy(policy)
            .deny(|_: &FinalHead<'_>| Some("never".to_owned()));
        let server = Running::start(Router::new().route("/", get(page)), layer).await;
        let answer = server.client(version).await.ask(&kind("page", "/", 500)).await;
        server.ended().await;
        assert_eq!(answer.headers()["content-security-policy"], "script-src 'self'");
    }
}
