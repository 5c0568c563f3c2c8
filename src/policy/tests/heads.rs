//! Heads before and after a policy: `heads.txt`.

use std::fmt::Write as _;

use expect_test::expect_file;
use http::{Method, StatusCode};

use super::*;

/// What a line like `GET example.org/path 404 from=file grpc plain` says of an exchange.
struct Exchange<'a> {
    method: Method,
    authority: Option<&'a str>,
    path: &'a str,
    response: Response<'a>,
    secure: bool,
}

impl<'a> Exchange<'a> {
    fn parse(line: &'a str) -> Self {
        let mut words = line.split(' ');
        let method = words.next().expect("a method").parse().expect("a method");
        let target = words.next().expect("a target");
        let (host, path) = target.split_at(target.find(['/', '*']).expect("a path"));
        let status = words.next().expect("a status").parse::<StatusCode>().expect("a status");
        let mut response =
            Response { status, origin: Origin::Handler, layer: None, is_grpc: false };
        let mut secure = true;
        for word in words {
            match word {
                "from=file" => response.origin = Origin::File,
                "from=error" => response.origin = Origin::Error,
                "from=panic" => response.origin = Origin::Panic,
                "grpc" => response.is_grpc = true,
                "plain" => secure = false,
                other => response.layer = Some(other.strip_prefix("layer=").expect("a layer")),
            }
        }
        let authority = Some(host).filter(|host| !host.is_empty());
        Self { method, authority, path, response, secure }
    }

    fn apply(&self, policy: &Policy, head: &mut HeaderMap, record: apply::Record<'_>) {
        let Self { method, authority, path, response, secure } = self;
        let (authority, secure) = (*authority, *secure);
        policy.apply(&Request { authority, path, method, secure }, response, head, record);
    }
}

#[test]
fn heads_get_what_the_table_says() {
    let text = include_str!("heads.txt");
    let mut table = text[..find(text, "=== ").expect("a case")].to_owned();
    for (title, case) in parts(text, "=== ") {
        let (file, exchanges) = case.split_at(find(case, "--- ").expect("an exchange"));
        let policy = Policy::parse("_headers", file, dialect(title))
            .unwrap_or_else(|errors| panic!("{title}: {errors}"));
        let _ = write!(table, "=== {title}\n{file}");
        for (exchange, heads) in parts(exchanges, "--- ") {
            let before = heads.split("-->\n").next().expect("a head");
            let (mut silent, mut told) = (fields(before), fields(before));
            let exchange_of = Exchange::parse(exchange);
            exchange_of.apply(&policy, &mut silent, None);
            let mut edits = 0;
            let mut record = |_: Edit<'_>| edits += 1;
            exchange_of.apply(&policy, &mut told, Some(&mut record));
            assert_eq!(silent, told, "{title}: who listens changes something");
            assert_eq!(edits > 0, silent != fields(before), "{title} {exchange}: {edits} edits");
            let _ = write!(table, "--- {exchange}\n{before}-->\n{}", lines(&told));
        }
        table.push('\n');
    }
    expect_file!["heads.txt"].assert_eq(&table);
}

#[test]
fn every_change_is_told_with_its_line_and_both_values() {
    let text = "\
/*
  X-A: 1
  @default X-B: 2
  @append Vary: accept
  @remove X-Debug-*
/x/*
  X-A: :splat
  ! Server
";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).expect("no bad line");
    let mut head = fields("server: me\nx-a: 0\nx-debug-one: 1\nx-debug-two: 2\nx-b: 0\n");
    let mut told = String::new();
    let mut record = |edit: Edit<'_>| {
        let values = |values: &crate::ledger::Values| {
            let text = |value: &HeaderValue| value.to_str().expect("text").to_owned();
            values.as_slice().iter().map(text).collect::<Vec<_>>().join(" | ")
        };
        let Edit { line, verb, field, before, after } = &edit;
        let (before, after) = (values(before), values(after));
        let _ = writeln!(told, "{line} {} {field} [{before}] [{after}]", verb.as_str());
    };
    Exchange::parse("GET /x/y 200").apply(&policy, &mut head, Some(&mut record));
    expect_test::expect![[r"
        2 insert x-a [0] [1]
        4 append vary [] [accept]
        5 remove x-debug-one [1] []
        5 remove x-debug-two [2] []
        8 remove server [me] []
        7 append x-a [1] [1, y]
    "]]
    .assert_eq(&told);
}

#[test]
fn a_sample_is_explained_as_a_response_would_be_changed() {
    let text = "\
/*
  @when from=gzip method=POST
  X-A: gzip
/*
  @when from=panic status=500
  X-B: panic
https://a.b/*
  Strict-Transport-Security: max-age=60
  Content-Language: en
  Set-Cookie: secret=1
";
    let policy = Policy::parse("_headers", text, Dialect::Cloudflare).expect("no bad line");
    let check =
        |target: &str, method: &str, (status, kind, from): (u16, &str, &str), expected: &[&str]| {
            let request =
                http::Request::builder().method(method).uri(target).body(()).expect("one");
            let mut response = http::Response::builder().status(status).body(()).expect("one");
            if !kind.is_empty() {
                let kind = HeaderValue::try_from(kind).expect("one");
                response.headers_mut().insert(http::header::CONTENT_TYPE, kind);
            }
            let effects = policy.explain(&request, &mut response, from);
            let mut found = Vec::new();
            for effect in &effects {
                assert_eq!(effect.changes().is_empty(), effect.reason().is_some(), "{effect:?}");
                for change in effect.changes() {
                    let now = response.headers().get_all(change.field()).iter();
                    assert!(now.eq(change.after()) && change.before().is_empty(), "{change:?}");
                    found.push(format!("{} {}", effect.line().number(), change.field()));
                }
            }
            assert_eq!(found, expected, "{method} {target} {status} {kind} {from}");
        };
    check("/", "GET", (200, "", "handler"), &[]);
    check("/", "POST", (200, "", "gzip"), &["3 x-a"]);
    check("/", "GET", (500, "", "panic"), &["6 x-b"]);
    let (hsts, language) = ("8 strict-transport-security", "9 content-language");
    check("https://a.b:8443/", "GET", (200, "", "handler"), &[hsts, language, "10 set-cookie"]);
    check("http://a.b/", "GET", (200, "", "file"), &[language, "10 set-cookie"]);
    for call in ["grpc+proto", "grpc", "grpc-web+proto", "grpc-web-text", "connect+json"] {
        let kind = format!("application/{call}");
        check("https://a.b/", "GET", (200, &kind, "error"), &[hsts, "10 set-cookie"]);
    }
}

#[test]
fn neither_long_paths_nor_long_files_make_a_head_without_end() {
    let splats = ":splat".repeat(100);
    let text = format!("/*\n X-Long: {splats}\n X-Short: :splat\n");
    let policy = Policy::parse("_headers", &text, Dialect::Cloudflare).expect("no bad line");
    let path = format!("GET /{} 200", "a".repeat(8_000));
    let mut head = HeaderMap::new();
    Exchange::parse(&path).apply(&policy, &mut head, None);
    assert_eq!(head.keys().map(HeaderName::as_str).collect::<Vec<_>>(), ["x-short"]);
    let request = http::Request::get(format!("/{}", "a".repeat(8_000))).body(()).expect("one");
    let mut response = http::Response::new(());
    let effects = policy.explain(&request, &mut response, "handler");
    assert_eq!(effects[0].reason(), Some(Unchanged::Long));
    assert_eq!(effects[1].reason(), None);
    // Many values of a long path are not all sent.
    let mut text = String::from("/*\n");
    for at in 0..1_000 {
        let _ = writeln!(text, " X-{}: :splat", at % 500);
    }
    let policy = Policy::parse("_headers", &text, Dialect::Cloudflare).expect("no bad line");
    let mut head = HeaderMap::new();
    Exchange::parse(&path).apply(&policy, &mut head, None);
    let bytes: usize = head.values().map(HeaderValue::len).sum();
    assert!(bytes > 8_000 && bytes <= 64 << 10, "{bytes}");
    // A map of fields has room for 32,768 lines, and panics where more are put in.
    let mut text = String::from("/*\n");
    for at in 0..33_000 {
        let _ = writeln!(text, " X-{at}: a\n Set-Cookie: a={at}\n @append X-{at}: b");
    }
    let policy = Policy::parse("_headers", &text, Dialect::Cloudflare).expect("no bad line");
    let mut head = HeaderMap::new();
    Exchange::parse("GET / 200").apply(&policy, &mut head, None);
    assert!(head.len() > 30_000, "{}", head.len());
}

#[test]
fn a_file_may_name_many_fields() {
    let mut text = String::from("/*\n");
    for at in 0..300 {
        let _ = write!(text, " X-{at}: a\n X-{at}: b\n");
    }
    let policy = Policy::parse("_headers", &text, Dialect::Cloudflare).expect("no bad line");
    // Whatever the response had of any of them is replaced.
    let name = |at: usize| HeaderName::try_from(format!("x-{at}")).expect("a name");
    let own = HeaderValue::from_static("own");
    let mut head: HeaderMap = (0..300).map(|at| (name(at), own.clone())).collect();
    Exchange::parse("GET / 200").apply(&policy, &mut head, None);
    assert_eq!(head.len(), 300);
    assert!(head.values().all(|value| value == "a, b"));
}
