//! What a head says to caches: contradictions, shared cookies, kept errors, and restrictions that stay.

use super::*;

fn told(rules: &Rules, code: u16, head: Pairs) -> Vec<(Rule, Resolution)> {
    let (_, _, judged) = run(rules, &[(code, head)]);
    judged.conflicts.iter().map(|one| (one.rule(), one.settled())).collect()
}

fn merging(rule: Rule) -> Rules {
    Rules::standard().on(rule, Action::Merge)
}

#[test]
fn an_error_that_shared_caches_may_keep() {
    let cases: [(u16, Pairs, Option<&str>); 12] = [
        (500, &[("cache-control", "public")], Some("no-store")),
        (
            502,
            &[("cache-control", "max-age=1, must-revalidate")],
            Some("no-store, must-revalidate"),
        ),
        (599, &[("cache-control", "public, s-maxage=3600")], Some("no-store")),
        (503, &[("cdn-cache-control", "max-age=600")], Some("no-store")),
        (499, &[("cache-control", "public")], None),
        (404, &[("cache-control", "max-age=60")], None),
        (500, &[("cache-control", "private, max-age=60")], None),
        (500, &[("cache-control", "no-cache")], None),
        (500, &[("cache-control", "public, max-age=0")], None),
        (500, &[("cache-control", "no-store")], None),
        (500, &[("cache-control", "max-age=60, no-cache")], None),
        (500, &[], None),
    ];
    for (code, head, mended) in cases {
        let expected = |settled| mended.map(|_| (Rule::CachedError, settled)).into_iter().collect();
        let reported: Vec<_> = expected(Resolution::Reported);
        assert_eq!(told(&Rules::standard(), code, head), reported, "{code} {head:?}");
        let (_, fields, judged) = run(&merging(Rule::CachedError), &[(code, head)]);
        let value = mended.or(head.first().map(|(_, value)| *value));
        let now = head.first().and_then(|(name, _)| fields.get(*name));
        assert_eq!(now.map(|now| now.to_str().expect("text")), value, "{code} {head:?}");
        let settled: Vec<_> = judged.conflicts.iter().map(|c| (c.rule(), c.settled())).collect();
        assert_eq!(settled, expected(Resolution::Resolved), "{code} {head:?}");
    }
}

#[test]
fn both_who_made_the_error_and_who_lets_it_be_kept_are_named() {
    let heads: [(u16, Pairs); 2] =
        [(500, &[("x-a", "1")]), (500, &[("x-a", "1"), ("cache-control", "public, max-age=60")])];
    let (_, _, judged) = run(&Rules::standard(), &heads);
    assert_eq!(
        judged.conflicts[0].to_string(),
        "cached-error cache-control: the handler, then layer one; `public, max-age=60`; \
         shared caches may keep this answer to a failure; reported"
    );
}

#[test]
fn a_cookie_that_shared_caches_may_keep() {
    const COOKIE: Line = ("set-cookie", "a=1");
    let cases: [(Pairs, Option<&str>); 10] = [
        (&[("cache-control", "max-age=60"), COOKIE], Some("private, max-age=60")),
        (&[("cache-control", "public, s-maxage=9"), COOKIE], Some("private")),
        (&[("cache-control", "public"), COOKIE], Some("private")),
        (&[("cache-control", "max-age=0, must-revalidate"), COOKIE], None),
        (&[("cache-control", "private, max-age=60"), COOKIE], None),
        (&[("cache-control", "no-store"), COOKIE], None),
        (&[("cache-control", "no-cache, max-age=60"), COOKIE], None),
        (&[("cache-control", r#"max-age=60, private="set-cookie""#), COOKIE], None),
        (&[("cache-control", "max-age=60"), COOKIE, ("vary", "*")], None),
        (&[("cache-control", "max-age=60")], None),
    ];
    for (head, mended) in cases {
        let settled = |settled| mended.map(|_| (Rule::Contradiction, settled));
        let (_, fields, judged) = run(&merging(Rule::Contradiction), &[(200, head)]);
        let found = judged.conflicts.first().map(|one| (one.rule(), one.settled()));
        assert_eq!(found, settled(Resolution::Resolved), "{head:?}");
        assert_eq!(fields["cache-control"], mended.unwrap_or(head[0].1), "{head:?}");
        let reported: Vec<_> = settled(Resolution::Reported).into_iter().collect();
        assert_eq!(told(&Rules::standard(), 200, head), reported, "{head:?}");
    }
}

#[test]
fn of_a_contradiction_the_stricter_word_stands_where_there_is_one() {
    let merge = |head| run(&merging(Rule::Contradiction), &[(200, head)]);
    let (_, fields, judged) = merge(&[("cache-control", "no-store, max-age=60")]);
    assert_eq!(fields["cache-control"], "no-store");
    assert_eq!(judged.conflicts[0].settled(), Resolution::Resolved);
    let open: Pairs =
        &[("access-control-allow-origin", "*"), ("access-control-allow-credentials", "true")];
    let (_, fields, judged) = merge(open);
    assert_eq!((fields, judged.conflicts[0].settled()), (map(open), Resolution::Reported));
}

#[test]
fn a_forbidden_cache_control_keeps_what_restricts() {
    let expect = Expect::field(HeaderName::from_static("cache-control")).on_status(500..=599);
    let cases: [(Pairs, Option<&str>); 6] = [
        (&[("cache-control", "no-store")], Some("no-store")),
        (
            &[("cache-control", "no-cache, private, max-age=0")],
            Some("no-cache, private, max-age=0"),
        ),
        (&[("cache-control", "private, max-age=60")], Some("private")),
        (&[("cache-control", "public, max-age=60")], None),
        (&[("cache-control", "public"), ("cache-control", "no-transform")], Some("no-transform")),
        (&[("cache-control", "ext=1")], None),
    ];
    for (head, left) in cases {
        let untouched = left.is_some_and(|left| head.len() == 1 && head[0].1 == left);
        for action in [Action::Report, Action::KeepFirst, Action::Merge, Action::Reject] {
            let rules = Rules::standard()
                .on(Rule::CachedError, Action::Allow)
                .forbid(expect.clone())
                .on(Rule::Forbidden, action);
            let (_, fields, judged) = run(&rules, &[(500, head)]);
            assert_eq!(judged.conflicts.is_empty(), untouched, "{action} {head:?}");
            assert_eq!(judged.rejected, action == Action::Reject && !untouched, "{head:?}");
            if matches!(action, Action::KeepFirst | Action::Merge) {
                let now = fields.get("cache-control").map(|now| now.to_str().expect("text"));
                assert_eq!(now, left, "{action} {head:?}");
                assert!(judged.conflicts.iter().all(|one| one.settled() == Resolution::Resolved));
            } else {
                assert_eq!(fields, map(head), "{action}");
            }
        }
    }
    // With every repair at once the strictest word is left.
    let all = Rule::ALL.into_iter().fold(Rules::standard(), |r, rule| r.on(rule, Action::Merge));
    let (_, fields, _) =
        run(&all.forbid(expect), &[(500, &[("cache-control", "public, max-age=9")])]);
    assert_eq!(fields["cache-control"], "no-store");
}

#[test]
fn a_required_field_with_a_value_is_put_in() {
    let field = || HeaderName::from_static("x-frame-options");
    let with = || Expect::field(field()).or(HeaderValue::from_static("DENY"));
    let cases = [
        (Rules::standard(), "DENY", Resolution::Resolved),
        (Rules::strict(), "DENY", Resolution::Resolved),
        (Rules::standard().on(Rule::Missing, Action::Merge), "DENY", Resolution::Resolved),
        (Rules::standard().on(Rule::Missing, Action::Report), "", Resolution::Reported),
        (Rules::standard().on(Rule::Missing, Action::KeepFirst), "", Resolution::Reported),
        (Rules::standard().on(Rule::Missing, Action::Reject), "", Resolution::Rejected),
        (
            Rules::standard().on_field(Rule::Missing, field(), Action::Report),
            "",
            Resolution::Reported,
        ),
        (Rules::observe(), "", Resolution::Reported),
        (Rules::observe().on(Rule::Missing, Action::Merge), "", Resolution::Reported),
    ];
    for (rules, expected, settled) in cases {
        let (_, fields, judged) = run(&rules.require(with()), &[(200, &[])]);
        let value = fields.get(field()).map_or("", |value| value.to_str().expect("text"));
        assert_eq!((value, judged.conflicts[0].settled()), (expected, settled));
    }
    // Without a value there is nothing to put in; with `Allow` nobody asked.
    assert_eq!(
        told(&Rules::standard().require(Expect::field(field())), 200, &[]),
        [(Rule::Missing, Resolution::Reported)]
    );
    let allowed = Rules::standard().require(with()).on(Rule::Missing, Action::Allow);
    assert_eq!(told(&allowed, 200, &[]), []);
    // What describes content is no part of a head without any, and that is not called resolved.
    let typed = Expect::field(HeaderName::from_static("content-type"));
    let rules = Rules::standard().require(typed.or(HeaderValue::from_static("text/html")));
    assert_eq!(told(&rules, 304, &[]), [(Rule::Missing, Resolution::Reported)]);
    assert_eq!(told(&rules, 200, &[]), [(Rule::Missing, Resolution::Resolved)]);
}
