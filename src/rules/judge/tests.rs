//! What each action makes of each conflict.

mod cached;
mod coded;
mod whole;

use std::sync::Arc;

use http::StatusCode;
use http::header::{HeaderMap, HeaderName, HeaderValue};

use super::{Case, Judged, judge};
use crate::ledger::{LayerName, Provenance};
use crate::rules::{Action, Conflict, Expect, Resolution, Rule, Rules};

type Line = (&'static str, &'static str);
type Pairs = &'static [Line];

fn map(pairs: &[Line]) -> HeaderMap {
    let mut fields = HeaderMap::new();
    for (name, value) in pairs {
        fields.append(*name, HeaderValue::from_static(value));
    }
    fields
}

fn status(code: u16) -> StatusCode {
    StatusCode::from_u16(code).expect("a status")
}

/// Runs a response through layers `one`, `two`, ..., and judges what comes out. A head that has no
/// field of several in common with the one before is one of the layer's own.
fn run(rules: &Rules, heads: &[(u16, Pairs)]) -> (u16, HeaderMap, Judged) {
    const NAMES: [&str; 4] = ["one", "two", "three", "four"];
    let none = || Arc::from([]);
    let (mut before, rest) = heads.split_first().expect("a response");
    let mut provenance = Provenance::begin(status(before.0), &map(before.1), none());
    for (head, name) in rest.iter().zip(NAMES) {
        let layer = LayerName::new(name.into());
        let (code, fields) = (status(head.0), map(head.1));
        let own =
            before.1.len() > 1 && !before.1.iter().any(|(name, _)| fields.contains_key(*name));
        if own {
            provenance = Provenance::short_circuit(&layer, code, &fields, none(), Some(provenance));
        } else {
            provenance.record_layer(layer, code, &fields);
        }
        before = head;
    }
    let (mut code, mut fields) = (status(before.0), map(before.1));
    let mut ledger = provenance.take_ledger();
    let judged = judge(Case {
        expected: Vec::new(),
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
        [(200, &[("x-a", "a")]), (200, &[("x-a", "b")]), (200, &[("x-a", "c")])];
    let expect = |action, value: Pairs| check(Rule::Overwritten, action, &heads, (200, value));
    expect(Action::Allow, &[("x-a", "c")]);
    expect(Action::Report, &[("x-a", "c")]);
    expect(Action::KeepFirst, &[("x-a", "a")]);
    expect(Action::KeepLast, &[("x-a", "c")]);
    expect(Action::Reject, &[("x-a", "c")]);
}

#[test]
fn what_describes_the_bytes_is_only_put_back_by_name() {
    let heads: [(u16, Pairs); 2] =
        [(200, &[("content-encoding", "gzip"), ("x-a", "1")]), (200, &[("x-a", "1")])];
    let (_, fields, judged) = run(&Rules::standard().on(Rule::Removed, Action::KeepFirst), &heads);
    assert_eq!(fields.get("content-encoding"), None);
    assert_eq!(judged.conflicts[0].settled(), Resolution::Reported);
    let name = HeaderName::from_static("content-encoding");
    let rules = Rules::standard().on_field(Rule::Removed, name, Action::KeepFirst);
    let (_, fields, judged) = run(&rules, &heads);
    assert_eq!(fields["content-encoding"], "gzip");
    assert_eq!(judged.conflicts[0].settled(), Resolution::Resolved);
}

#[test]
fn only_the_offence_is_undone() {
    // A cookie that was appended after the quarrel stays.
    let heads: [(u16, Pairs); 3] = [
        (200, &[("set-cookie", "a=1")]),
        (200, &[("set-cookie", "theme=dark")]),
        (200, &[("set-cookie", "theme=dark"), ("set-cookie", "session=s")]),
    ];
    check(Rule::ListReplaced, Action::KeepFirst, &heads, {
        (200, &[("set-cookie", "a=1"), ("set-cookie", "session=s")])
    });
    // What was written after a removal is no offence.
    let heads: [(u16, Pairs); 3] = [
        (200, &[("x-frame-options", "ALLOWALL"), ("x-a", "1")]),
        (200, &[("x-a", "1")]),
        (200, &[("x-a", "1"), ("x-frame-options", "DENY")]),
    ];
    check(Rule::Removed, Action::KeepFirst, &heads, {
        (200, &[("x-a", "1"), ("x-frame-options", "DENY")])
    });
    // Nothing of what was appended between two replacements is lost.
    let heads: [(u16, Pairs); 4] = [
        (200, &[("vary", "a")]),
        (200, &[("vary", "b")]),
        (200, &[("vary", "b"), ("vary", "c")]),
        (200, &[("vary", "d")]),
    ];
    check(Rule::ListReplaced, Action::Merge, &heads, (200, &[("vary", "a, b, c, d")]));
}

#[test]
fn nothing_is_done_about_a_head_that_nobody_sees() {
    let heads: [(u16, Pairs); 3] = [
        (201, &[("x-a", "1"), ("x-b", "1")]),
        (202, &[("x-a", "2"), ("x-b", "1")]),
        (500, &[("retry-after", "1")]),
    ];
    let expected = (500, &[("retry-after", "1")] as Pairs);
    check(Rule::Overwritten, Action::KeepFirst, &heads, expected);
    check(Rule::StatusChanged, Action::KeepFirst, &heads, expected);
    let rules = Rules::standard().on(Rule::Overwritten, Action::Reject);
    let (_, _, judged) = run(&rules, &heads);
    assert!(!judged.rejected, "{:?}", judged.conflicts);
}

#[test]
fn of_several_replaced_heads_the_last_word_on_policy_counts_once() {
    let heads: [(u16, Pairs); 4] = [
        (200, &[("access-control-allow-origin", "https://a"), ("etag", "1")]),
        (200, &[("access-control-allow-origin", "*"), ("etag", "1")]),
        (500, &[("x-a", "1"), ("x-b", "1")]),
        (503, &[("retry-after", "1")]),
    ];
    let rules = Rules::standard()
        .on(Rule::HeadReplaced, Action::Merge)
        .on(Rule::Overwritten, Action::KeepFirst);
    let (status, fields, _) = run(&rules, &heads);
    let origins: Vec<_> = fields.get_all("access-control-allow-origin").iter().collect();
    assert_eq!(origins, ["*"]);
    assert_eq!(status, 503);
    assert_eq!(
        (&fields["x-a"], &fields["retry-after"]),
        (&HeaderValue::from_static("1"), &HeaderValue::from_static("1"))
    );
}

#[test]
fn every_conflict_is_acted_upon_though_not_every_one_is_listed() {
    let rules = Rules::standard()
        .forbid(Expect::field(HeaderName::from_static("x-7")))
        .on(Rule::Forbidden, Action::Reject);
    let mut fields = HeaderMap::new();
    for number in 0..300 {
        let name = HeaderName::try_from(format!("x-{number}")).expect("a name");
        fields.insert(name, HeaderValue::from_static("1"));
    }
    let mut provenance = Provenance::begin(StatusCode::OK, &fields, Arc::from([]));
    for value in fields.values_mut() {
        *value = HeaderValue::from_static("2");
    }
    provenance.record_layer(LayerName::new("one".into()), StatusCode::OK, &fields);
    let mut ledger = provenance.take_ledger();
    let mut status = StatusCode::OK;
    let judged = judge(Case {
        expected: Vec::new(),
        rules: &rules,
        path: "/",
        status: &mut status,
        fields: &mut fields,
        ledger: &mut ledger,
    });
    assert_eq!((judged.conflicts.len(), judged.cut), (256, 45));
    assert!(judged.rejected);
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
    let heads: [(u16, Pairs); 2] = [(200, &[("x-a", "1"), ("x-b", "a")]), (200, &[("x-a", "1")])];
    check(Rule::Removed, Action::KeepFirst, &heads, (200, &[("x-a", "1"), ("x-b", "a")]));
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
    let added: &[(u16, Pairs)] = &[(200, &[("x-a", "1")]), (200, &[("x-a", "0"), ("x-a", "1")])];
    assert!(run(&Rules::standard(), added).2.conflicts.is_empty());
    for heads in quiet {
        let (_, _, judged) = run(&Rules::standard(), heads);
        assert!(judged.conflicts.is_empty(), "{heads:?}: {:?}", judged.conflicts);
    }
    let length = HeaderName::from_static("content-length");
    let owner = LayerName::new("gzip".into()).owning([length]).owning_status();
    let before = map(&[("content-length", "5"), ("content-type", "a/b")]);
    let mut provenance = Provenance::begin(StatusCode::OK, &before, Arc::from([]));
    let mut fields = map(&[("content-type", "a/b")]);
    provenance.record_layer(owner, StatusCode::NOT_MODIFIED, &fields);
    let mut ledger = provenance.take_ledger();
    let mut status = StatusCode::NOT_MODIFIED;
    let judged = judge(Case {
        expected: Vec::new(),
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
