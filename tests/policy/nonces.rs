//! Nonces: one for a response whose author asks, in its policies, and nothing of it anywhere else.

use axum::Router;
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use bytes::Bytes;
use http::{HeaderMap, StatusCode};
use letterhead::policy::{Dialect, Policy};
use letterhead::report::Collector;
use letterhead::{Error, Head, LetterheadLayer, Rules, Writer};

use crate::app::{Kind, Running, Version, kind};

const TEXT: &str = "\
/*
  Content-Security-Policy: script-src 'self' 'nonce'; object-src 'none'
  Content-Security-Policy-Report-Only: style-src 'nonce'
  @default Cache-Control: max-age=60
";

async fn page(head: Head) -> Result<impl IntoResponse, Error> {
    let nonce = head.nonce()?;
    // Whoever asks again has the same one.
    assert_eq!(head.nonce()?, nonce);
    let fields = [("etag", "\"a\""), ("last-modified", "Thu, 01 Jan 2026 00:00:00 GMT")];
    Ok((fields, Html(format!("<script nonce=\"{nonce}\"></script>"))))
}

async fn fails(head: Head) -> Response {
    assert!(head.nonce().is_ok());
    let broken = std::io::Error::from_raw_os_error(libc::EBUSY);
    let frames = futures_util::stream::iter([Err::<Bytes, _>(broken)]);
    axum::body::Body::from_stream(frames).into_response()
}

async fn unchanged(head: Head) -> StatusCode {
    assert!(head.nonce().is_ok());
    StatusCode::NOT_MODIFIED
}

async fn late(head: Head) -> Response {
    let first = head.clone();
    let frames = futures_util::stream::unfold(0, move |turn| {
        let head = first.clone();
        async move {
            // The first frame is read before the commit; the second is behind it.
            let text = match (turn, head.nonce()) {
                (0, _) => "early;".to_owned(),
                (1, Ok(nonce)) => nonce,
                (1, Err(error)) => format!("refused: {}", error.is_committed()),
                (_, _) => return None,
            };
            Some((Ok::<_, std::convert::Infallible>(text), turn + 1))
        }
    });
    axum::body::Body::from_stream(frames).into_response()
}

async fn never(head: Head) -> Response {
    let frames = futures_util::stream::unfold(0, move |turn| {
        let head = head.clone();
        async move {
            let text = match turn {
                0 => "early;".to_owned(),
                1 => format!("too late: {}", head.nonce().unwrap_err().is_committed()),
                _ => return None,
            };
            Some((Ok::<_, std::convert::Infallible>(text), turn + 1))
        }
    });
    axum::body::Body::from_stream(frames).into_response()
}

fn app() -> Router {
    Router::new()
        .route("/page", get(page))
        .route("/plain", get(|| async { "plain" }))
        .route("/fails", get(fails))
        .route("/unchanged", get(unchanged))
        .route("/late", get(late))
        .route("/never", get(never))
}

const PAGES: [Kind; 6] = [
    kind("page", "/page", 200),
    kind("plain", "/plain", 200),
    kind("fails", "/fails", 503),
    kind("unchanged", "/unchanged", 304),
    kind("late", "/late", 200),
    kind("never", "/never", 200),
];

fn field<'a>(fields: &'a HeaderMap, name: &str) -> Option<&'a str> {
    fields.get(name).map(|value| value.to_str().unwrap())
}

#[tokio::test]
async fn a_nonce_is_on_the_response_whose_author_asked_and_nowhere_else() {
    let layer = LetterheadLayer::new()
        .policy(Policy::parse("_headers", TEXT, Dialect::Cloudflare).unwrap());
    let server = Running::start(app(), layer).await;
    let mut nonces = Vec::new();
    for version in [Version::H1, Version::H2] {
        let mut client = server.client(version).await;
        for page in &PAGES {
            let answer = client.ask(page).await;
            assert_eq!(answer.status(), page.status);
            let fields = answer.headers();
            let policy = field(fields, "content-security-policy").unwrap();
            let reported = field(fields, "content-security-policy-report-only").unwrap();
            let body = String::from_utf8(answer.body().to_vec()).unwrap();
            let nonce = match page.name {
                "page" => body
                    .strip_prefix("<script nonce=\"")
                    .and_then(|b| b.strip_suffix("\"></script>")),
                "late" => body.strip_prefix("early;"),
                _ => None,
            };
            let Some(nonce) = nonce else {
                assert_eq!(policy, "script-src 'self'; object-src 'none'", "{}", page.name);
                assert_eq!(reported, "style-src 'none'", "{}", page.name);
                if page.name == "never" {
                    assert_eq!(body, "early;too late: true");
                }
                continue;
            };
            assert_eq!(nonce.len(), 22);
            assert_eq!(policy, format!("script-src 'self' 'nonce-{nonce}'; object-src 'none'"));
            assert_eq!(reported, format!("style-src 'nonce-{nonce}'"));
            assert_eq!(field(fields, "cache-control"), Some("private, no-store"), "{}", page.name);
            assert!(!fields.contains_key("etag") && !fields.contains_key("last-modified"));
            nonces.push(nonce.to_owned());
        }
    }
    server.ended().await;
    nonces.sort();
    nonces.dedup();
    assert_eq!(nonces.len(), 4, "no two responses have one nonce");
}

#[tokio::test]
async fn the_ledger_names_the_line_that_asked_and_a_policy_of_the_handlers_own_has_its_nonce_too() {
    let receipts = Collector::new();
    let layer = LetterheadLayer::new().rules(Rules::standard()).reporter(receipts.clone());
    let own = get(|head: Head| async move {
        let nonce = head.nonce().unwrap();
        ([("content-security-policy", "script-src 'nonce'")], nonce)
    });
    let server = Running::start(Router::new().route("/own", own), layer).await;
    let answer = server.client(Version::H1).await.ask(&kind("own", "/own", 200)).await;
    server.ended().await;
    let nonce = String::from_utf8(answer.body().to_vec()).unwrap();
    let policy = format!("script-src 'nonce-{nonce}'");
    assert_eq!(field(answer.headers(), "content-security-policy"), Some(&*policy));
    let receipts = receipts.take();
    for name in ["content-security-policy", "cache-control"] {
        let about = |entry: &&letterhead::Entry| entry.field().is_some_and(|field| field == name);
        let entry = receipts[0].writes().iter().rev().find(about).unwrap();
        let Writer::Place(place) = entry.writer() else { panic!("{entry}") };
        assert!(place.file().ends_with("nonces.rs"), "{entry}");
    }
}

#[tokio::test]
async fn the_preset_yields_to_the_application_and_to_a_file_on_top_of_it() {
    let text = "/*\n  X-Content-Type-Options: own\n  ! Cross-Origin-Opener-Policy\n";
    let layer = LetterheadLayer::new()
        .policy(Policy::secure())
        .policy(Policy::parse("_headers", text, Dialect::Cloudflare).unwrap());
    let own = get(|| async { [("referrer-policy", "no-referrer"), ("server", "secret/1.0")] });
    let server = Running::start(Router::new().route("/", own), layer).await;
    let answer = server.client(Version::H1).await.ask(&kind("own", "/", 200)).await;
    server.ended().await;
    let fields = answer.headers();
    assert_eq!(field(fields, "x-content-type-options"), Some("own"));
    assert_eq!(field(fields, "referrer-policy"), Some("no-referrer"));
    assert_eq!(field(fields, "content-security-policy"), Some("frame-ancestors 'self'"));
    let reported = field(fields, "content-security-policy-report-only").unwrap();
    assert!(
        reported.starts_with("default-src 'self'; script-src 'self'; style-src 'self';"),
        "{reported}"
    );
    for gone in ["server", "cross-origin-opener-policy", "strict-transport-security"] {
        assert!(!fields.contains_key(gone), "{gone}");
    }
}

/// A cache that has a field of its own goes by that, and not by `Cache-Control` (RFC 9213, section 2.2).
#[tokio::test]
async fn no_cache_is_given_another_word_than_no_store_with_a_nonce() {
    let text = "\
/*
  Cache-Control: public, max-age=600
  CDN-Cache-Control: max-age=600
  Surrogate-Control: max-age=600
  X-Accel-Expires: 600
  Edge-Control: cache-maxage=600
";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).unwrap();
    let own = get(|head: Head| async move {
        ([("cloudflare-cdn-cache-control", "max-age=60")], head.nonce().unwrap())
    });
    let server =
        Running::start(Router::new().route("/own", own), LetterheadLayer::new().policy(policy))
            .await;
    for version in [Version::H1, Version::H2] {
        let answer = server.client(version).await.ask(&kind("own", "/own", 200)).await;
        let about = answer.headers().iter().filter(|(name, _)| {
            let name = name.as_str();
            name.contains("control") || name.contains("expires")
        });
        let about: Vec<_> =
            about.map(|(name, value)| (name.as_str(), value.to_str().unwrap())).collect();
        assert_eq!(about, [("cache-control", "private, no-store")]);
    }
    server.ended().await;
}

/// What a rule rejects is another one's page: a policy that outlives it has no nonce of it.
#[tokio::test]
async fn the_answer_in_the_place_of_a_rejected_page_has_no_nonce() {
    let rules = Rules::standard()
        .require(letterhead::Expect::field(http::HeaderName::from_static("x-missing")))
        .on(letterhead::Rule::Missing, letterhead::Action::Reject);
    let own = || {
        get(|head: Head| async move {
            ([("content-security-policy", "script-src 'self' 'nonce'")], head.nonce().unwrap())
        })
    };
    let default = "/*\n  @default Content-Security-Policy: script-src 'nonce'\n";
    let policy = || Policy::parse("_headers", default, Dialect::Cloudflare).unwrap();
    let bare = LetterheadLayer::new().rules(rules.clone());
    for layer in [bare.clone(), bare.policy(policy())] {
        let server = Running::start(Router::new().route("/own", own()), layer).await;
        let answer = server.client(Version::H1).await.ask(&kind("own", "/own", 500)).await;
        server.ended().await;
        assert_eq!(answer.status(), 500);
        assert_eq!(field(answer.headers(), "content-security-policy"), Some("script-src 'self'"));
    }
}
