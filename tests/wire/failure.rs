//! What a recoverer is given to know of the exchange that failed.

use axum::Router;
use axum::routing::get;
use http::StatusCode;
use letterhead::{ErrorAnswer, Failure, LetterheadLayer, Recover, StandardRecover};

use crate::client::Raw;
use crate::remote::failing;
use crate::serve::serve;

/// A handler with a bug.
fn panics() -> &'static str {
    panic!("a bug")
}

/// Looks at everything that a failure has, and asks for two fields.
struct Curious;

impl Recover for Curious {
    fn wants_fields(&self) -> &[http::HeaderName] {
        static WANTED: [http::HeaderName; 2] = [http::header::ACCEPT_LANGUAGE, http::header::VIA];
        &WANTED
    }

    fn recover(&self, failure: &Failure<'_>) -> ErrorAnswer {
        let text = format!(
            "{} {:?} {:?} | {:?} | {:?} {:?}",
            failure.method(),
            failure.uri().map(ToString::to_string),
            failure.path(),
            failure.request_fields(),
            failure.status(),
            failure.fields().map(|fields| fields.contains_key("content-encoding")),
        );
        StandardRecover.recover(failure).content("text/plain".parse().unwrap(), text)
    }
}

#[tokio::test]
async fn a_recoverer_knows_the_request_and_the_planned_head() {
    let server = failing(LetterheadLayer::new().recover(Curious)).await;
    let mut raw = Raw::connect(&server).await;
    for (path, known) in [
        ("/eio", "Some(200) Some(true)"),
        ("/page", "Some(404) Some(true)"),
        ("/hook", "Some(200) Some(true)"),
        ("/err", "None None"),
        ("/panic", "None None"),
    ] {
        raw.get(
            &format!("{path}?a=b"),
            "accept-language: de\r\nvia: x\r\nvia: y\r\ncookie: c=d\r\n",
        )
        .await;
        let expected = format!(
            "GET Some(\"{path}?a=b\") Some(\"{path}\") | \
             {{\"accept-language\": \"de\", \"via\": \"x\", \"via\": \"y\"}} | {known}"
        );
        assert_eq!(raw.answer().await.body, expected);
    }
}

#[tokio::test]
async fn a_recoverer_knows_the_route_and_the_whole_path_inside_of_a_router() {
    let route = |failure: &Failure<'_>| {
        let text = format!("{:?} {:?}", failure.route(), failure.path());
        ErrorAnswer::new(StatusCode::BAD_GATEWAY).content("text/plain".parse().unwrap(), text)
    };
    let users = Router::new().route("/users/{id}", get(|| async { panics() }));
    let app = Router::new().nest("/api", users.layer(LetterheadLayer::new().recover(route)));
    let server = serve(app).await;
    let mut raw = Raw::connect(&server).await;
    raw.get("/api/users/7?x", "").await;
    assert_eq!(raw.answer().await.body, r#"Some("/api/users/{id}") Some("/api/users/7")"#);
}
