//! Rules over real connections, HTTP/1.1 and HTTP/2: files behind compression, 304s, pages, kept errors.

use std::path::Path;

use axum::Router;
use axum::body::Body;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::{IntoResponse as _, Response};
use axum::routing::get as on_get;
use http::header::{CACHE_CONTROL, CONTENT_ENCODING, ETAG, HeaderName, HeaderValue, IF_NONE_MATCH};
use http::{Method, StatusCode, Version};
use http_body_util::BodyExt as _;
use hyper_util::rt::{TokioExecutor, TokioIo};
use letterhead::report::Collector;
use letterhead::{Action, Expect, FileSender, LetterheadLayer, Receipt, Rule, Rules, named};
use tower::Layer as _;
use tower_http::catch_panic::CatchPanicLayer;
use tower_http::compression::CompressionLayer;
use tower_http::compression::predicate::{DefaultPredicate, NotForContentType, Predicate as _};
use tower_http::cors::CorsLayer;
use tower_http::request_id::{MakeRequestUuid, PropagateRequestIdLayer, SetRequestIdLayer};
use tower_http::set_header::SetResponseHeaderLayer;
use tower_http::trace::TraceLayer;

use crate::ask::{Answer, the_one};

const VERSIONS: [Version; 2] = [Version::HTTP_11, Version::HTTP_2];

/// A router behind its rules, on a port of its own.
struct Site {
    address: std::net::SocketAddr,
    seen: Collector,
    task: tokio::task::JoinHandle<()>,
}

impl Drop for Site {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Site {
    async fn of(router: Router, rules: Rules) -> Self {
        let seen = Collector::new();
        let app = LetterheadLayer::new().rules(rules).reporter(seen.clone()).layer(router);
        let app = tower::util::MapResponseLayer::new(|response: http::Response<_>| {
            response.map(Body::new)
        })
        .layer(app);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = axum::ServiceExt::<Request>::into_make_service(app);
        let task = tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { address, seen, task }
    }

    /// One request on a connection of its own: the answer, and its receipt.
    async fn ask(
        &self,
        version: Version,
        method: Method,
        path: &str,
        fields: &[(&str, &str)],
    ) -> (Answer, Receipt) {
        let mut request = http::Request::builder().method(method);
        for (name, value) in fields {
            request = request.header(*name, *value);
        }
        let stream = TokioIo::new(tokio::net::TcpStream::connect(self.address).await.unwrap());
        let response = if version == Version::HTTP_2 {
            let request = request.uri(format!("http://site{path}")).body(Body::empty()).unwrap();
            let (mut send, connection) =
                hyper::client::conn::http2::handshake(TokioExecutor::new(), stream).await.unwrap();
            tokio::spawn(connection);
            send.send_request(request).await
        } else {
            let request = request.uri(path).header("host", "site").body(Body::empty()).unwrap();
            let (mut send, connection) =
                hyper::client::conn::http1::handshake(stream).await.unwrap();
            tokio::spawn(connection);
            send.send_request(request).await
        };
        let (parts, body) = response.unwrap().into_parts();
        assert_eq!(parts.version, version);
        let body = body.collect().await.unwrap().to_bytes();
        let mut receipts = self.seen.take();
        while receipts.is_empty() {
            // The server ends a body when it has noticed that it was sent.
            tokio::task::yield_now().await;
            receipts = self.seen.take();
        }
        assert_eq!(receipts.len(), 1);
        (Answer { status: parts.status, fields: parts.headers, body }, receipts.remove(0))
    }
}

fn files() -> FileSender {
    FileSender::new(Path::new(env!("CARGO_MANIFEST_DIR")).join("src"))
        .unwrap()
        .cache_control("/*", HeaderValue::from_static("max-age=60"))
}

/// What many sites are made of: files behind compression, CORS, ids and traces.
fn stack() -> Router {
    let id = HeaderName::from_static("x-request-id");
    let compression =
        DefaultPredicate::new().and(NotForContentType::const_new("multipart/byteranges"));
    Router::new()
        .fallback_service(files())
        .layer(named::compression(CompressionLayer::new().compress_when(compression)))
        .layer(named::cors(CorsLayer::permissive()))
        .layer(named("propagate id", PropagateRequestIdLayer::new(id.clone())))
        .layer(named("set id", SetRequestIdLayer::new(id, MakeRequestUuid)))
        .layer(named("trace", TraceLayer::new_for_http()))
}

#[tokio::test]
async fn files_behind_compression_give_nothing_to_report() {
    let site = Site::of(stack(), Rules::standard()).await;
    let (plain, _) = site.ask(Version::HTTP_11, Method::GET, "/lib.rs", &[]).await;
    let (strong, dated) = (plain.field("etag"), plain.field("last-modified"));
    let weak = format!("W/{strong}");
    let conditions = [
        ("if-none-match", strong.as_str()),
        ("if-none-match", weak.as_str()),
        ("if-none-match", "\"other\""),
        ("if-modified-since", dated.as_str()),
        ("if-match", strong.as_str()),
        ("if-range", strong.as_str()),
        ("x-none", ""),
    ];
    let mut statuses = std::collections::BTreeMap::new();
    for version in VERSIONS {
        for method in [Method::GET, Method::HEAD] {
            for coding in ["gzip", "identity"] {
                for range in ["", "bytes=0-9", "bytes=0-9, 90-99", "bytes=999999999-"] {
                    for condition in conditions {
                        let fields = [
                            ("origin", "https://a.example"),
                            ("accept-encoding", coding),
                            ("range", range),
                            condition,
                        ];
                        let (answer, receipt) =
                            site.ask(version, method.clone(), "/lib.rs", &fields).await;
                        let about = format!("{version:?} {method} {fields:?}: {receipt}");
                        assert!(receipt.conflicts().is_empty(), "{about}");
                        *statuses.entry(answer.status.as_u16()).or_insert(0_u32) += 1;
                        if answer.status == StatusCode::OK {
                            let coded = answer.fields.contains_key(CONTENT_ENCODING);
                            let tag = if coded { &weak } else { &strong };
                            assert_eq!(answer.field("etag"), *tag, "{about}");
                            assert_eq!(coded, method == Method::GET && coding == "gzip", "{about}");
                        }
                    }
                }
            }
        }
    }
    for status in [200, 206, 304, 416] {
        assert!(statuses.get(&status).is_some_and(|count| *count >= 4), "{statuses:?}");
    }
}

/// tower-http looks for `Content-Range`, which an answer of several parts has in its parts alone.
#[tokio::test]
async fn several_parts_behind_compression_are_told() {
    let router =
        Router::new().fallback_service(files()).layer(named::compression(CompressionLayer::new()));
    let site = Site::of(router, Rules::standard()).await;
    for version in VERSIONS {
        let fields = [("accept-encoding", "gzip"), ("range", "bytes=0-99, 200-299")];
        let (answer, receipt) = site.ask(version, Method::GET, "/lib.rs", &fields).await;
        assert_eq!(
            (answer.status.as_u16(), answer.field("content-encoding")),
            (206, "gzip".to_owned())
        );
        assert_eq!(
            the_one(&receipt, Rule::CodedRange).to_string(),
            "coded-range content-encoding: the handler, then layer compression; `gzip`; \
             content-encoding was applied to a part; reported"
        );
    }
}

/// A 304 that has the tag alone, as many write it.
async fn naive_conditions(request: Request, next: Next) -> Response {
    let asked = request.headers().get(IF_NONE_MATCH).cloned();
    let response = next.run(request).await;
    let tag = response.headers().get(ETAG).cloned();
    match (asked, tag) {
        (Some(asked), Some(tag)) if asked == tag => {
            (StatusCode::NOT_MODIFIED, [(ETAG, tag)]).into_response()
        }
        _ => response,
    }
}

#[tokio::test]
async fn a_304_made_afresh_is_made_whole() {
    let handler = || async {
        [
            ("etag", "\"v1\""),
            ("cache-control", "public, max-age=60"),
            ("vary", "accept-language"),
            ("content-location", "/a.de"),
            ("expires", "Wed, 21 Oct 2037 07:28:00 GMT"),
            ("access-control-allow-origin", "https://app.example"),
        ]
    };
    let router = Router::new()
        .route("/", on_get(move || async move { (handler().await, "body") }))
        .layer(named("conditions", from_fn(naive_conditions)));
    let merging = Rules::standard().on(Rule::HeadReplaced, Action::Merge);
    let site = Site::of(router, merging).await;
    for version in VERSIONS {
        for method in [Method::GET, Method::HEAD] {
            let fields = [("if-none-match", "\"v1\"")];
            let (answer, receipt) = site.ask(version, method, "/", &fields).await;
            assert_eq!(answer.status, 304);
            for (name, value) in handler().await {
                assert_eq!(answer.field(name), value, "{name}");
            }
            assert_eq!(answer.field("content-type"), "");
            let told = the_one(&receipt, Rule::HeadReplaced).to_string();
            assert!(told.ends_with("resolved (merge)"), "{told}");
        }
    }
}

/// A page in place of an error, with its status and nothing else of it.
async fn pages(request: Request, next: Next) -> Response {
    let status = next.run(request).await.status();
    (status, [("content-type", "text/html")], "<h1>sorry</h1>").into_response()
}

#[tokio::test]
async fn a_page_keeps_what_the_status_means() {
    const OF_STATUS: [(u16, &str, &str); 4] = [
        (401, "www-authenticate", "Basic realm=\"a\" | Bearer"),
        (405, "allow", "GET, HEAD"),
        (416, "content-range", "bytes */100"),
        (429, "retry-after", "30"),
    ];
    let mut router = Router::new();
    for (status, name, value) in OF_STATUS {
        let handler = move || async move {
            let mut response = StatusCode::from_u16(status).unwrap().into_response();
            for line in value.split(" | ") {
                response.headers_mut().append(name, HeaderValue::from_static(line));
            }
            response
        };
        router = router.route(&format!("/{status}"), on_get(handler));
    }
    let router = router.layer(named("pages", from_fn(pages)));
    let site = Site::of(router, Rules::standard().on(Rule::HeadReplaced, Action::Merge)).await;
    for version in VERSIONS {
        for (status, name, value) in OF_STATUS {
            let (answer, receipt) =
                site.ask(version, Method::GET, &format!("/{status}"), &[]).await;
            assert_eq!((answer.status.as_u16(), answer.field(name).as_str()), (status, value));
            assert_eq!(answer.body, "<h1>sorry</h1>");
            let told = the_one(&receipt, Rule::HeadReplaced).to_string();
            assert!(told.ends_with("resolved (merge)"), "{told}");
        }
    }
}

async fn panics() -> &'static str {
    panic!("on purpose")
}

#[tokio::test]
async fn no_cache_keeps_an_error_and_no_rule_lets_it() {
    async fn fails() -> Response {
        let error = std::io::Error::other("broken");
        Body::from_stream(tokio_stream::iter([Err::<&str, _>(error)])).into_response()
    }
    let public = HeaderValue::from_static("public, s-maxage=3600");
    let router = || {
        Router::new()
            .route("/500", on_get(|| async { (StatusCode::INTERNAL_SERVER_ERROR, "x") }))
            .route("/panic", on_get(panics))
            .route("/stream", on_get(fails))
            .route("/ok", on_get(|| async { "fine" }))
            .layer(named("panics", CatchPanicLayer::new()))
            .layer(named(
                "cache",
                SetResponseHeaderLayer::overriding(CACHE_CONTROL, public.clone()),
            ))
    };
    let merging = Rules::standard().on(Rule::CachedError, Action::Merge);
    let forbidding = Rules::standard()
        .forbid(Expect::field(CACHE_CONTROL).on_status(500..=599))
        .on(Rule::Forbidden, Action::Merge)
        .on(Rule::CachedError, Action::Allow);
    let sites = [
        (Rules::standard(), "public, s-maxage=3600", "no-store"),
        (merging, "no-store", "no-store"),
        // The layer's own error answer says `no-store`, and that stays.
        (forbidding, "", "no-store"),
    ];
    for (rules, made, broken) in sites {
        let site = Site::of(router(), rules).await;
        for version in VERSIONS {
            for (path, expected) in [("/500", made), ("/panic", made), ("/stream", broken)] {
                let (answer, receipt) = site.ask(version, Method::GET, path, &[]).await;
                assert_eq!(
                    (answer.status.as_u16(), answer.field("cache-control").as_str()),
                    (500, expected)
                );
                let quiet = path == "/stream";
                assert_eq!(receipt.conflicts().is_empty(), quiet, "{path} {receipt}");
            }
            let (answer, receipt) = site.ask(version, Method::GET, "/ok", &[]).await;
            assert_eq!(answer.field("cache-control"), "public, s-maxage=3600");
            assert!(receipt.conflicts().is_empty(), "{receipt}");
        }
    }
}
