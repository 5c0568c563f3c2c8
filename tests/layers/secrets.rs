//! What must not be told is told nowhere: not in receipts, explanations, fields, answers or debug text.

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::HeaderValue;
use http::header::{HeaderName, SET_COOKIE};
use http_body_util::BodyExt as _;
use letterhead::report::Collector;
use letterhead::{Action, Head, LetterheadLayer, Rule, Rules, named};
use tower::{Layer as _, ServiceExt as _};
use tower_http::set_header::SetResponseHeaderLayer;

use crate::ask::get;

const SECRET: &str = "hunter2";

fn value(text: &'static str) -> HeaderValue {
    HeaderValue::from_static(text)
}

/// Every kind of conflict about every kind of secret.
fn leaky() -> Router {
    async fn handler(head: Head) -> Response {
        let _ = head.append("authentication-info", "nextnonce=\"hunter2\"");
        let _ = head.insert("x-of-ours", "token hunter2");
        let mut sensitive = value("hunter2");
        sensitive.set_sensitive(true);
        let _ = head.insert("x-marked", sensitive);
        let mut response = "hello".into_response();
        let fields = response.headers_mut();
        fields.append(SET_COOKIE, value("sid=hunter2; Path=/"));
        fields.append(HeaderName::from_static("x-of-ours"), value("token hunter2, too"));
        fields.append(HeaderName::from_static("x-auth-token"), value("hunter2"));
        response
    }
    let over = |name, text| SetResponseHeaderLayer::overriding(name, value(text));
    let own = axum::middleware::map_response(|_: Response| async { "an answer of its own" });
    Router::new()
        .route("/", on_get(handler))
        .route("/lost", on_get(handler).layer(named("own", own)))
        .layer(named("one", over(SET_COOKIE, "sid=other-hunter2")))
        .layer(named("two", over(HeaderName::from_static("x-auth-token"), "b-hunter2")))
}

#[tokio::test]
async fn a_secret_is_told_nowhere() {
    for path in ["/", "/lost"] {
        for action in [Action::Report, Action::Merge, Action::KeepFirst, Action::Reject] {
            let mut rules = Rules::standard().secret(HeaderName::from_static("x-of-ours"));
            for rule in Rule::ALL {
                rules = rules.on(rule, action);
            }
            let seen = Collector::new();
            let layer = LetterheadLayer::new().rules(rules).reporter(seen.clone());
            let app = layer.debug_field(true).debug_answers(true).layer(leaky());
            let (parts, body) = app.oneshot(get(path, &[])).await.unwrap().into_parts();
            let body = body.collect().await.unwrap().to_bytes();
            let receipt = seen.take().remove(0);
            assert!(!receipt.conflicts().is_empty(), "{path} {action}");
            let told = [
                receipt.to_string(),
                receipt.explain(),
                format!("{receipt:?}"),
                format!("{:#?}", receipt.conflicts()),
                format!("{:#?}", receipt.writes()),
                String::from_utf8_lossy(&body).into_owned(),
                format!("{:?}", parts.headers.get("x-letterhead")),
            ];
            for text in told {
                assert!(!text.contains(SECRET), "{path} {action}: {text}");
            }
        }
    }
}

#[tokio::test]
async fn a_head_that_is_gone_is_not_rejected() {
    let rules =
        Rules::standard().on(Rule::LateWrite, Action::Reject).on(Rule::Framing, Action::Reject);
    let router = Router::new().route(
        "/",
        on_get(async |head: Head| {
            let (send, receive) = tokio::sync::mpsc::channel::<Result<&str, std::io::Error>>(1);
            tokio::spawn(async move {
                for text in ["one", "two", "three"] {
                    send.send(Ok(text)).await.unwrap();
                }
                let _ = head.insert("x-late", "1");
            });
            axum::body::Body::from_stream(tokio_stream::wrappers::ReceiverStream::new(receive))
        }),
    );
    let (answer, receipt) = crate::ask::ask(router, rules, get("/", &[])).await;
    assert_eq!((answer.status.as_u16(), answer.body.as_ref()), (200, &b"onetwothree"[..]));
    let told = crate::ask::the_one(&receipt, Rule::LateWrite).to_string();
    assert!(told.ends_with("reported"), "{told}");
}
