//! One request through a router, with and without the layer around it.

use axum::Router;
use axum::body::Body;
use bytes::Bytes;
use http::{HeaderMap, Request, StatusCode};
use http_body_util::BodyExt as _;
use letterhead::report::Collector;
use letterhead::{Action, Conflict, LetterheadLayer, Receipt, Rule, Rules};
use tower::{Layer as _, ServiceExt as _};

/// What a client gets.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: StatusCode,
    pub(crate) fields: HeaderMap,
    pub(crate) body: Bytes,
}

impl Answer {
    /// The values of a field, joined for reading.
    pub(crate) fn field(&self, name: &str) -> String {
        let values: Vec<_> =
            self.fields.get_all(name).iter().map(|value| value.to_str().unwrap()).collect();
        values.join(" | ")
    }
}

/// A request with these fields.
pub(crate) fn get(path: &str, fields: &[(&str, &str)]) -> Request<Body> {
    let mut request = Request::get(path);
    for (name, value) in fields {
        request = request.header(*name, *value);
    }
    request.body(Body::empty()).unwrap()
}

/// What a response is to a client.
pub(crate) async fn read<B>(response: http::Response<B>) -> Answer
where
    B: http_body::Body<Data = Bytes, Error: std::fmt::Debug>,
{
    let (parts, body) = response.into_parts();
    let body = body.collect().await.unwrap().to_bytes();
    Answer { status: parts.status, fields: parts.headers, body }
}

/// Asks a router that no layer of ours is around. Its named layers do nothing then.
pub(crate) async fn ask_bare(router: Router, request: Request<Body>) -> Answer {
    read(router.oneshot(request).await.unwrap()).await
}

/// Asks a router under these rules; the answer, and the one receipt.
pub(crate) async fn ask(router: Router, rules: Rules, request: Request<Body>) -> (Answer, Receipt) {
    let seen = Collector::new();
    let layer = LetterheadLayer::new().rules(rules).reporter(seen.clone());
    let answer = read(layer.layer(router).oneshot(request).await.unwrap()).await;
    let mut receipts = seen.take();
    assert_eq!(receipts.len(), 1, "one receipt for one request");
    (answer, receipts.remove(0))
}

/// The conflict of a kind; there is exactly one.
pub(crate) fn the_one(receipt: &Receipt, rule: Rule) -> Conflict {
    let found: Vec<_> = receipt.conflicts().iter().filter(|c| c.rule() == rule).collect();
    assert_eq!(found.len(), 1, "{rule}: {:#?}", receipt.conflicts());
    found[0].clone()
}

/// A bug as it is without us, what is told of it, and what each action makes of it.
pub(crate) struct Bug {
    pub(crate) router: fn() -> Router,
    pub(crate) request: fn() -> Request<Body>,
    pub(crate) field: &'static str,
    /// The field's value without us, and with us where we only report.
    pub(crate) without: &'static str,
    pub(crate) rule: Rule,
    /// The conflict, printed, without its end.
    pub(crate) told: &'static str,
    pub(crate) actions: &'static [(Action, &'static str)],
}

impl Bug {
    pub(crate) async fn check(&self) {
        let bare = ask_bare((self.router)(), (self.request)()).await;
        assert_eq!(bare.field(self.field), self.without, "without us");

        let (answer, receipt) = ask((self.router)(), Rules::standard(), (self.request)()).await;
        assert_eq!(answer.field(self.field), self.without, "only reported");
        assert_eq!((answer.status, &answer.body), (bare.status, &bare.body));
        let conflict = the_one(&receipt, self.rule);
        assert_eq!(conflict.to_string(), format!("{}; reported", self.told));

        let allowed = Rules::standard().on(self.rule, Action::Allow);
        let (answer, receipt) = ask((self.router)(), allowed, (self.request)()).await;
        assert_eq!(answer.field(self.field), self.without, "allowed");
        assert!(receipt.conflicts().iter().all(|conflict| conflict.rule() != self.rule));

        for (action, value) in self.actions {
            let rules = Rules::standard().on(self.rule, *action);
            let (answer, receipt) = ask((self.router)(), rules, (self.request)()).await;
            assert_eq!(answer.field(self.field), *value, "{action}");
            let conflict = the_one(&receipt, self.rule);
            assert_eq!(conflict.to_string(), format!("{}; resolved ({action})", self.told));
        }

        let rules = Rules::standard().on(self.rule, Action::Reject);
        let (answer, receipt) = ask((self.router)(), rules, (self.request)()).await;
        assert_eq!(answer.status, 500, "rejected");
        let terse = r#"{"type":"about:blank","title":"Internal Server Error","status":500}"#;
        assert_eq!(answer.body, terse);
        assert_eq!(answer.field("content-type"), "application/problem+json");
        assert!(receipt.failure().unwrap().is_rejected());
        assert!(the_one(&receipt, self.rule).to_string().ends_with("; rejected"));
    }
}
