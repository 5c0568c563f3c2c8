//! What a policy says of each of its lines.

use http::{Request, Response};

use super::*;

const TEXT: &str = "\
/*
  Strict-Transport-Security: max-age=600
  @default X-There: 1
  ETag: \"1\"
  Grpc-Status: 0
  ! X-None
  X-A: 1
/other
  X-B: 1
/*
  Cache-Control: public, max-age=60
  X-C: 1
  @when status=404
/*
  @remove x-there*
";

/// The numbers of the lines, and what came of each.
fn explained(uri: &str, fields: &[(&str, &str)], status: u16) -> Vec<(usize, String)> {
    let policy = Policy::parse("_headers", TEXT, Dialect::Cloudflare).expect("a policy");
    let mut response = Response::builder().status(status);
    for (name, value) in fields {
        response = response.header(*name, *value);
    }
    let mut response = response.body(()).expect("a response");
    let request = Request::get(uri).body(()).expect("a request");
    let effects = policy.explain(&request, &mut response, "handler");
    let effect = |effect: &PolicyEffect<'_>| {
        let changes = effect.changes().iter().map(|change| {
            let (before, after) = (change.before().len(), change.after().len());
            format!("{} {before}>{after}", change.field())
        });
        let changes = changes.collect::<Vec<_>>().join(", ");
        let what = effect.reason().map_or(changes, |reason| reason.as_str().to_owned());
        (effect.line().number(), what)
    };
    effects.iter().map(effect).collect()
}

fn check(uri: &str, fields: &[(&str, &str)], status: u16, wanted: &[(usize, &str)]) {
    let found = explained(uri, fields, status);
    let found: Vec<_> = found.iter().map(|(line, what)| (*line, what.as_str())).collect();
    assert_eq!(found, wanted, "{uri} {fields:?} {status}");
}

#[test]
fn each_line_has_an_effect_or_a_reason() {
    let conditions = [(11, "conditions"), (12, "conditions")];
    let first = [(6, "same"), (2, "insecure"), (3, "x-there 0>1"), (4, "etag 0>1")];
    let rest = [(5, "grpc-status 0>1"), (7, "x-a 0>1")];
    let last = [(15, "x-there 1>0")];
    check("/a", &[], 200, &[&first[..], &rest, &conditions, &last].concat());
    let fields = [("x-there", "0"), ("cache-control", "private"), ("x-none", "1")];
    let wanted = [
        (6, "x-none 1>0"),
        (2, "strict-transport-security 0>1"),
        (3, "default"),
        (4, "status"),
        (5, "status"),
        (7, "x-a 0>1"),
        (11, "loosens"),
        (12, "x-c 0>1"),
        (15, "x-there 1>0"),
    ];
    check("https://a.test/a", &fields, 404, &wanted);
    let of_call = explained("/a", &[("content-type", "application/grpc")], 200);
    assert!(of_call.contains(&(5, "call".to_owned())), "{of_call:?}");
}
