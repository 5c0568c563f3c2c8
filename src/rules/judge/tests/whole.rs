//! What is called resolved is resolved: nothing that was due is missing, and nothing is left of the offence.

use super::*;

/// What a merge makes of a head that a layer replaced by one of its own, and whether it says so.
fn merged(was: (u16, &[Line]), now: (u16, &[Line]), expected: &[Line], settled: Resolution) {
    let layer = LayerName::new("one".into());
    let given = Provenance::begin(status(was.0), &map(was.1), Arc::from([]));
    let (code, mut fields) = (status(now.0), map(now.1));
    let mut provenance =
        Provenance::short_circuit(&layer, code, &fields, Arc::from([]), Some(given));
    let (mut code, mut ledger) = (code, provenance.take_ledger());
    let rules = &Rules::standard().on(Rule::HeadReplaced, Action::Merge);
    let judged = judge(Case {
        expected: Vec::new(),
        rules,
        path: "/",
        status: &mut code,
        fields: &mut fields,
        ledger: &mut ledger,
    });
    let lines = |fields: &HeaderMap| {
        let mut lines: Vec<_> = fields
            .iter()
            .map(|(name, value)| format!("{name}: {}", value.to_str().expect("text")))
            .collect();
        lines.sort();
        lines
    };
    assert_eq!(lines(&fields), lines(&map(expected)), "{was:?} became {now:?}");
    let found = judged.conflicts.first().map(Conflict::settled);
    assert_eq!(found, Some(settled), "{was:?} became {now:?}");
}

#[test]
fn a_304_made_afresh_has_what_the_200_had() {
    merged(
        (
            200,
            &[
                ("cache-control", "public, max-age=60"),
                ("content-length", "4"),
                ("content-location", "/a.de"),
                ("content-type", "text/plain"),
                ("date", "Tue, 24 Nov 2026 00:00:00 GMT"),
                ("etag", "\"v1\""),
                ("expires", "Wed, 21 Oct 2037 07:28:00 GMT"),
                ("last-modified", "Tue, 24 Nov 2026 00:00:00 GMT"),
                ("vary", "accept-language"),
            ],
        ),
        (304, &[("etag", "\"v1\"")]),
        &[
            ("cache-control", "public, max-age=60"),
            ("content-location", "/a.de"),
            ("date", "Tue, 24 Nov 2026 00:00:00 GMT"),
            ("etag", "\"v1\""),
            ("expires", "Wed, 21 Oct 2037 07:28:00 GMT"),
            ("vary", "accept-language"),
        ],
        Resolution::Resolved,
    );
    // A tag that the layer forgot; a date where there is no tag; a list that it begins anew.
    let etag = ("etag", "\"v1\"");
    let date = ("last-modified", "Tue, 24 Nov 2026 00:00:00 GMT");
    merged((200, &[etag, date]), (304, &[]), &[etag], Resolution::Resolved);
    merged((200, &[date]), (304, &[]), &[date], Resolution::Resolved);
    merged(
        (200, &[etag, ("vary", "accept-language"), ("cache-control", "no-cache")]),
        (304, &[etag, ("vary", "origin"), ("cache-control", "max-age=9")]),
        &[etag, ("vary", "accept-language, origin"), ("cache-control", "no-cache, max-age=9")],
        Resolution::Resolved,
    );
    // Nothing of an error is due in a 304.
    merged((404, &[etag, date]), (304, &[]), &[], Resolution::Reported);
}

#[test]
fn a_page_of_ones_own_keeps_what_the_status_means() {
    const PAGE: Line = ("content-type", "text/html");
    let one = |code: u16, field: &'static str, value: &'static str| {
        let was: Pairs = Box::leak(Box::new([("content-type", "text/plain"), (field, value)]));
        let kept: Pairs = Box::leak(Box::new([PAGE, (field, value)]));
        merged((code, was), (code, &[PAGE]), kept, Resolution::Resolved);
    };
    one(201, "location", "/new");
    one(302, "location", "/there");
    one(405, "allow", "GET, HEAD");
    one(407, "proxy-authenticate", "Basic realm=\"a\"");
    one(413, "retry-after", "9");
    one(416, "content-range", "bytes */100");
    one(426, "upgrade", "websocket");
    one(429, "retry-after", "30");
    one(451, "link", "<https://a.example/>; rel=\"blocked-by\"");
    one(503, "retry-after", "30");
    one(404, "cache-control", "no-store");
    merged(
        (401, &[PAGE, ("www-authenticate", "Basic"), ("www-authenticate", "Bearer")]),
        (401, &[PAGE]),
        &[PAGE, ("www-authenticate", "Basic"), ("www-authenticate", "Bearer")],
        Resolution::Resolved,
    );
    // With another status it would say something untrue.
    merged((429, &[PAGE, ("retry-after", "30")]), (500, &[PAGE]), &[PAGE], Resolution::Reported);
    merged((302, &[PAGE, ("location", "/x")]), (200, &[PAGE]), &[PAGE], Resolution::Reported);
    // A place in bytes that are not sent any more.
    merged(
        (206, &[("content-range", "bytes 0-1/9"), ("x-a", "1")]),
        (206, &[PAGE]),
        &[PAGE, ("x-a", "1")],
        Resolution::Resolved,
    );
    // How long the old content could be kept is nothing to the new one.
    let long = ("cache-control", "public, max-age=600");
    merged((404, &[PAGE, long]), (404, &[PAGE]), &[PAGE], Resolution::Reported);
}

#[test]
fn a_list_that_the_new_head_begins_anew_has_both() {
    const PAGE: Line = ("content-type", "text/html");
    merged(
        (200, &[("set-cookie", "session=1; Path=/"), ("set-cookie", "a=1")]),
        (200, &[PAGE, ("set-cookie", "a=2")]),
        &[PAGE, ("set-cookie", "session=1; Path=/"), ("set-cookie", "a=2")],
        Resolution::Resolved,
    );
    // What is all there under another order is not lost.
    let given: Pairs = &[("vary", "a, b"), ("x-a", "1")];
    let rules = Rules::standard().on(Rule::HeadReplaced, Action::Allow);
    let (_, _, judged) = run(&rules, &[(200, given), (200, &[("vary", "B, a"), ("x-a", "1")])]);
    assert!(judged.conflicts.is_empty(), "{:?}", judged.conflicts);
}

fn settled(rules: &Rules, heads: &[(u16, Pairs)], rule: Rule) -> Vec<Resolution> {
    let (_, _, judged) = run(rules, heads);
    let found = judged.conflicts.iter().filter(|one| one.rule() == rule);
    found.map(Conflict::settled).collect()
}

#[test]
fn an_action_without_a_meaning_resolves_nothing() {
    let merge = |rule| Rules::standard().on(rule, Action::Merge);
    let single: [(u16, Pairs); 2] = [(200, &[("x-a", "a")]), (200, &[("x-a", "b")])];
    let rule = Rule::Overwritten;
    assert_eq!(settled(&merge(rule), &single, rule), [Resolution::Reported]);
    // Lists whose order, or whose one word, is their meaning are not joined.
    let (one, two): (Pairs, Pairs) = (&[("alt-svc", "h2=\":1\"")], &[("alt-svc", "clear")]);
    let rule = Rule::ListReplaced;
    assert_eq!(settled(&merge(rule), &[(200, one), (200, two)], rule), [Resolution::Reported]);
    let twice: Pairs = &[("content-encoding", "gzip"), ("content-encoding", "gzip")];
    let rule = Rule::MemberRepeated;
    assert_eq!(settled(&merge(rule), &[(200, twice)], rule), [Resolution::Reported]);
    // Nor is a conflict resolved by what another rule did to its field.
    let tags: Pairs = &[("etag", "\"a\""), ("etag", "\"b\""), ("content-encoding", "gzip")];
    let heads: [(u16, Pairs); 2] = [(200, &[("etag", "\"a\""), ("etag", "\"b\"")]), (200, tags)];
    let rules = Rules::standard()
        .on(Rule::Duplicated, Action::KeepLast)
        .on(Rule::StrongTag, Action::KeepFirst);
    let (_, fields, _) = run(&rules, &heads);
    assert_eq!(fields["etag"], "\"b\"");
    assert_eq!(settled(&rules, &heads, Rule::StrongTag), [Resolution::Reported]);
    // Two repairs of one field are both there.
    let rules = rules.on(Rule::StrongTag, Action::Merge);
    let (_, fields, _) = run(&rules, &heads);
    assert_eq!(fields.get_all("etag").iter().collect::<Vec<_>>(), ["W/\"b\""]);
}

#[test]
fn what_is_not_known_any_more_is_not_called_resolved() {
    // The first write is small, the second one too large to keep; undone, the first would be lost.
    let large: &'static str = Box::leak("v".repeat(300_000).into_boxed_str());
    let last: Pairs = Box::leak(Box::new([("x-a", large)]));
    let heads = [(200, &[("x-a", "1")] as Pairs), (200, &[("x-a", "2")]), (200, last)];
    let rules = Rules::standard().on(Rule::Overwritten, Action::KeepFirst);
    let (_, fields, judged) = run(&rules, &heads);
    assert_eq!(fields["x-a"], large);
    assert!(judged.conflicts.iter().all(|one| one.settled() == Resolution::Reported));
    // Of a head that was too large nothing is put back, and that is said.
    let was: Pairs = Box::leak(Box::new([("x-a", large), ("vary", "accept")]));
    merged((200, was), (503, &[("x-b", "1")]), &[("x-b", "1")], Resolution::Reported);
}

#[test]
fn what_a_304_asks_for_is_put_back_where_it_was_taken_away() {
    let heads: [(u16, Pairs); 2] =
        [(304, &[("etag", "\"a\""), ("x-a", "1")]), (304, &[("x-a", "1")])];
    check(Rule::Removed, Action::Merge, &heads, (304, &[("etag", "\"a\""), ("x-a", "1")]));
    let heads: [(u16, Pairs); 2] =
        [(200, &[("etag", "\"a\""), ("x-a", "1")]), (200, &[("x-a", "1")])];
    check(Rule::Removed, Action::Merge, &heads, (200, &[("x-a", "1")]));
}
