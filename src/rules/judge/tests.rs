//! What each action makes of each conflict.

use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Case, Judged, judge};
use crate::ledger::{LayerName, Ledger, Trail};
use crate::rules::{Action, Expect, Rule, Rules};

type Pairs = &'static [(&'static str, &'static str)];

fn map(pairs: Pairs) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in pairs {
        fields.append(*name, HeaderValue::from_static(value));
    }
    fields
}

/// Runs a response through layers `one`, `two`, ..., and judges what comes out.
fn run(rules: &Rules, heads: &[(u16, Pairs)]) -> (u16, HeaderMap, Judged) {
    const NAMES: [&str; 4] = ["one", "two", "three", "four"];
    let (mut trail, mut ledger) = (Trail::default(), Ledger::default());
    ledger.watch(Arc::from([]));
    let status = |code| StatusCode::from_u16(code).expect("a status");
    let (mut before, rest) = heads.split_first().expect("a response");
    for (head, name) in rest.iter().zip(NAMES) {
        let layer = LayerName::new(name.into(), Vec::new());
        trail.enter(&layer, status(before.0), &map(before.1), &mut ledger);
        trail.leave(&layer, status(head.0), &map(head.1), &mut ledger);
        before = head;
    }
    let (mut code, mut fields) = (status(before.0), map(before.1));
    trail.end(code, &fields, &mut ledger);
    let judged = judge(Case {
        rules,
        path: "/",
        status: &mut code,
        fields: &mut fields,
        ledger: &mut ledger,
    });
    (code.as_u16(), fields, judged)
}

/// What `action` on `rule` makes of the head, and that the conflict is told.
fn check(rule: Rule, action: Action, heads: &[(u16, Pairs)], expected: (u16, Pairs)) {
    let rules = Rules::standard().on(rule, action);
    let (status, fields, judged) = run(&rules, heads);
    let sorted = |fields: &HeaderMap| {
        let mut pairs: Vec<_> = fields.iter().map(|(n, v)| (n.clone(), v.clone())).collect();
        pairs.sort_by(|(one, _), (two, _)| one.as_str().cmp(two.as_str()));
        pairs
    };
    assert_eq!(
        (status, sorted(&fields)),
        (expected.0, sorted(&map(expected.1))),
        "{rule} {action}"
    );
    let told = judged.conflicts.iter().any(|conflict| conflict.rule() == rule);
    assert_eq!(told, action != Action::Allow, "{rule} {action}: {:?}", judged.conflicts);
    assert_eq!(judged.rejected, action == Action::Reject);
}

#[test]
fn an_overwritten_field() {
    let heads: [(u16, Pairs); 3] =
        [(200, &[("etag", "a")]), (200, &[("etag", "b")]), (200, &[("etag", "c")])];
    let expect = |action, value: Pairs| check(Rule::Overwritten, action, &heads, (200, value));
    expect(Action::Allow, &[("etag", "c")]);
    expect(Action::Report, &[("etag", "c")]);
    expect(Action::KeepFirst, &[("etag", "a")]);
    expect(Action::KeepLast, &[("etag", "c")]);
    expect(Action::Reject, &[("etag", "c")]);
}

#[test]
fn a_replaced_list() {
    let heads: [(u16, Pairs); 3] = [
        (200, &[("vary", "accept")]),
        (200, &[("vary", "origin")]),
        (200, &[("vary", "Accept-Encoding")]),
    ];
    let expect = |action, value: Pairs| check(Rule::ListReplaced, action, &heads, (200, value));
    expect(Action::Report, &[("vary", "Accept-Encoding")]);
    expect(Action::KeepFirst, &[("vary", "accept")]);
    expect(Action::Merge, &[("vary", "accept, origin, Accept-Encoding")]);
    let cookies: [(u16, Pairs); 2] = [
        (200, &[("set-cookie", "a=1"), ("set-cookie", "b=2; Path=/")]),
        (200, &[("set-cookie", "b=3; Path=/")]),
    ];
    check(Rule::ListReplaced, Action::Merge, &cookies, {
        (200, &[("set-cookie", "a=1"), ("set-cookie", "b=3; Path=/")])
    });
}

#[test]
fn a_doubled_field() {
    let heads: [(u16, Pairs); 2] =
        [(200, &[("etag", "a")]), (200, &[("etag", "a"), ("etag", "b")])];
    check(Rule::Duplicated, Action::KeepFirst, &heads, (200, &[("etag", "a")]));
    check(Rule::Duplicated, Action::KeepLast, &heads, (200, &[("etag", "b")]));
    check(Rule::Duplicated, Action::Report, &heads, (200, &[("etag", "a"), ("etag", "b")]));
    let heads: [(u16, Pairs); 2] =
        [(200, &[("vary", "origin")]), (200, &[("vary", "origin"), ("vary", "Origin")])];
    check(Rule::MemberRepeated, Action::Merge, &heads, (200, &[("vary", "origin")]));
}

#[test]
fn a_status_or_field_that_was_taken_away() {
    let heads: [(u16, Pairs); 3] = [(404, &[]), (200, &[]), (500, &[])];
    check(Rule::StatusChanged, Action::KeepFirst, &heads, (404, &[]));
    check(Rule::StatusChanged, Action::KeepLast, &heads, (500, &[]));
    let heads: [(u16, Pairs); 2] = [(200, &[("x-a", "1"), ("etag", "a")]), (200, &[("x-a", "1")])];
    check(Rule::Removed, Action::KeepFirst, &heads, (200, &[("x-a", "1"), ("etag", "a")]));
    check(Rule::Removed, Action::Report, &heads, (200, &[("x-a", "1")]));
}

#[test]
fn a_head_that_was_replaced_gets_back_what_it_said_of_policy() {
    let heads: [(u16, Pairs); 2] = [
        (200, &[("access-control-allow-origin", "*"), ("etag", "a"), ("content-type", "x/y")]),
        (503, &[("retry-after", "1")]),
    ];
    check(Rule::HeadReplaced, Action::Report, &heads, (503, &[("retry-after", "1")]));
    check(Rule::HeadReplaced, Action::Merge, &heads, {
        (503, &[("access-control-allow-origin", "*"), ("retry-after", "1")])
    });
}

#[test]
fn one_tag_for_two_codings() {
    let heads: [(u16, Pairs); 2] =
        [(200, &[("etag", "\"a\"")]), (200, &[("etag", "\"a\""), ("content-encoding", "gzip")])];
    check(Rule::StrongTag, Action::Merge, &heads, {
        (200, &[("etag", "W/\"a\""), ("content-encoding", "gzip")])
    });
    // The handler that coded its content made the tag for it.
    let (_, _, judged) = run(&Rules::standard(), &heads[1..]);
    assert!(judged.conflicts.is_empty(), "{:?}", judged.conflicts);
}

#[test]
fn what_is_required_forbidden_or_contradictory() {
    let name = |name| HeaderName::from_static(name);
    let required = Expect::field(name("x-frame-options"))
        .on_status(200..=299)
        .or(HeaderValue::from_static("DENY"));
    let rules = Rules::standard()
        .require(required)
        .forbid(Expect::field(name("server")))
        .on(Rule::Missing, Action::Merge)
        .on(Rule::Forbidden, Action::Merge);
    let (_, fields, judged) = run(&rules, &[(200, &[("server", "x")])]);
    assert_eq!((fields.len(), &fields["x-frame-options"]), (1, &HeaderValue::from_static("DENY")));
    assert_eq!(judged.conflicts.len(), 2);
    let (_, fields, judged) = run(&rules, &[(404, &[])]);
    assert!(fields.is_empty() && judged.conflicts.is_empty());

    let contradictory: [Pairs; 3] = [
        &[("cache-control", "no-store, max-age=60")],
        &[("cache-control", "public"), ("set-cookie", "a=1")],
        &[("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true")],
    ];
    for head in contradictory {
        let (_, _, judged) = run(&Rules::standard(), &[(200, head)]);
        assert_eq!(judged.conflicts.len(), 1, "{head:?}");
        assert_eq!(judged.conflicts[0].rule(), Rule::Contradiction);
    }
}

#[test]
fn what_an_owner_does_and_what_changes_nothing_is_no_conflict() {
    let quiet: [&[(u16, Pairs)]; 4] = [
        &[(200, &[("etag", "a")]), (200, &[("etag", "a")])],
        &[(200, &[("vary", "a")]), (200, &[("vary", "a, b")])],
        &[(200, &[("vary", "a")]), (200, &[("vary", "a"), ("vary", "b")])],
        &[(200, &[]), (200, &[("etag", "a")])],
    ];
    for heads in quiet {
        let (_, _, judged) = run(&Rules::standard(), heads);
        assert!(judged.conflicts.is_empty(), "{heads:?}: {:?}", judged.conflicts);
    }
    let (mut trail, mut ledger) = (Trail::default(), Ledger::default());
    ledger.watch(Arc::from([]));
    let owner = LayerName::new("gzip".into(), vec![HeaderName::from_static("content-length")]);
    let fields = map(&[("content-length", "5"), ("content-type", "a/b")]);
    trail.enter(&owner, StatusCode::OK, &fields, &mut ledger);
    let mut fields = map(&[("content-type", "a/b")]);
    trail.leave(&owner, StatusCode::OK, &fields, &mut ledger);
    let mut status = StatusCode::OK;
    let judged = judge(Case {
        rules: &Rules::standard(),
        path: "/",
        status: &mut status,
        fields: &mut fields,
        ledger: &mut ledger,
    });
    assert!(judged.conflicts.is_empty(), "{:?}", judged.conflicts);
}

#[test]
fn observing_tells_and_changes_nothing() {
    let mut rules = Rules::observe();
    for rule in Rule::ALL {
        rules = rules.on(rule, Action::Reject);
    }
    let heads: [(u16, Pairs); 2] = [(200, &[("etag", "a")]), (201, &[("etag", "b")])];
    let (status, fields, judged) = run(&rules, &heads);
    assert_eq!((status, &fields["etag"]), (201, &HeaderValue::from_static("b")));
    assert_eq!(judged.conflicts.len(), 2);
    assert!(!judged.rejected);
}
