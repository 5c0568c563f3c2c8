//! Directive by directive: what is stricter, what got laxer, what contradicts.

use super::*;

fn values(lines: &[&str]) -> Vec<HeaderValue> {
    lines.iter().map(|line| HeaderValue::from_bytes(line.as_bytes()).expect("legal")).collect()
}

fn check(first: &str, second: &str, expected: &str) {
    let (one, other) = (values(&[first]), values(&[second]));
    let line = stricter(&one, &other);
    assert_eq!(line, expected, "{first} and {second}");
    let again = [line.clone()];
    assert_eq!(stricter(&again, &again), line, "the stricter of a line and itself is that line");
    // What contradicted itself may be mended; nothing that was written is contradicted anew.
    assert_eq!(contradicts(&again), None, "{line:?}");
}

#[test]
fn a_restriction_of_either_side_stands() {
    check("no-store", "max-age=60", "no-store");
    check("max-age=60", "No-Store", "no-store");
    check("no-cache", "max-age=60", "no-cache, max-age=60");
    check("private", "must-revalidate", "private, must-revalidate");
    check("proxy-revalidate", "no-transform", "proxy-revalidate, no-transform");
    check("no-store=1", "", "no-store");
    check("", "", "");
    check(" , ,", "no-cache,,", "no-cache");
}

#[test]
fn a_permission_needs_both_sides() {
    check("public, max-age=60", "max-age=60", "max-age=60");
    check("public", "immutable", "");
    check("public, max-age=9, immutable", "immutable, public", "public, max-age=9, immutable");
    check("public", "public, private", "private");
    check("public, immutable", "public, immutable, no-store", "no-store");
    check("private, immutable, max-age=9", "private, immutable", "private, max-age=9, immutable");
    check(r#"public, private="x""#, "public", r#"private="x", public"#);
}

#[test]
fn the_smaller_lifetime_stands() {
    check("max-age=60", "max-age=10", "max-age=10");
    check("max-age=10", "Max-Age=\"60\"", "max-age=10");
    check("max-age=60, max-age=10", "max-age=30", "max-age=10");
    check("stale-while-revalidate=5", "stale-while-revalidate=9", "stale-while-revalidate=5");
    check("stale-if-error=5", "stale-if-error=3", "stale-if-error=3");
    check("max-age=60", "no-cache", "no-cache, max-age=60");
    check(
        "no-store",
        "max-age=1, s-maxage=1, stale-while-revalidate=1, stale-if-error=1",
        "no-store",
    );
    // What is no number of seconds is stale at once.
    for odd in ["max-age", "max-age=", "max-age=-1", "max-age=1.5", "max-age=\"1", "max-age=\u{e9}"]
    {
        check("max-age=60", odd, "max-age=0");
    }
    let huge = "max-age=99999999999999999999999";
    check(huge, "max-age=60", "max-age=60");
    check(huge, huge, "max-age=18446744073709551615");
}

#[test]
fn a_shared_cache_keeps_nothing_longer_than_either_side_lets_it() {
    check("s-maxage=60", "s-maxage=10", "s-maxage=10");
    check("max-age=0", "s-maxage=600", "max-age=0, s-maxage=0");
    check("max-age=10", "max-age=20, s-maxage=600", "max-age=10, s-maxage=10");
    check("max-age=10, s-maxage=5", "max-age=20", "max-age=10, s-maxage=5");
    check("private", "s-maxage=60, max-age=5", "private, max-age=5");
}

#[test]
fn a_qualified_bound_yields_to_an_unqualified_one() {
    check(r#"private="set-cookie""#, r#"private="X, Set-Cookie""#, r#"private="set-cookie, X""#);
    check(r#"no-cache="a", no-cache="b""#, "no-cache=c", r#"no-cache="a, b, c""#);
    check(r#"private="a""#, "private", "private");
    check("no-cache", r#"no-cache="a""#, "no-cache");
    check(r#"no-cache="a""#, r#"private="a""#, r#"no-cache="a", private="a""#);
    // What names no field is said of the whole.
    for odd in
        ["private=", r#"private="""#, r#"private="a b""#, r#"private="a\b""#, r#"private="a"#]
    {
        check(odd, "", "private");
    }
}

#[test]
fn must_understand_takes_no_store_back_only_for_who_wrote_both() {
    let both = "no-store, must-understand, max-age=60";
    check(both, both, both);
    check(both, "max-age=10", "no-store, must-understand, max-age=10");
    check(both, "no-store", "no-store");
    check("no-store", "must-understand, max-age=60", "no-store");
    check("must-understand", "max-age=60", "must-understand, max-age=60");
}

#[test]
fn extensions_are_united_and_the_first_value_stands() {
    check("community=\"UCI\"", "max-age=1", "max-age=1, community=\"UCI\"");
    check("Ext=1, a", "ext=2, B, a", "Ext=1, a, B");
    check("x=\"a, no-store\"", "", "x=\"a, no-store\"");
    check("x, x=1", "X=2", "x");
    check("=5", "\"\"", "\"\"");
    check("no-\u{e9}", "max-age=1", "max-age=1, no-\u{e9}");
}

#[test]
fn several_lines_of_one_side_count_together() {
    let first = values(&["no-cache", "max-age=60"]);
    let second = values(&["max-age=30", "private"]);
    assert_eq!(stricter(&first, &second), "no-cache, private, max-age=30");
}

fn check_loosens(before: &str, after: &str, expected: bool) {
    let (one, other) = (values(&[before]), values(&[after]));
    assert_eq!(loosens(&one, &other), expected, "{before} to {after}");
    assert!(!loosens(&one, &one), "{before} to itself");
    let merged = [stricter(&one, &other)];
    let dropped = contradicts(&one).is_some() || before.contains("public");
    assert!(dropped || !loosens(&one, &merged), "{before} to {merged:?}");
}

#[test]
fn only_what_vanished_or_got_laxer_is_lost() {
    check_loosens("max-age=60", "max-age=10", false);
    check_loosens("max-age=10", "max-age=60", true);
    check_loosens("max-age=10", "no-cache", true);
    check_loosens("max-age=10", "no-cache, max-age=10", false);
    check_loosens("max-age=10, no-cache, private", "no-store", false);
    check_loosens("no-transform", "no-store", true);
    check_loosens("ext=1", "no-store", true);
    check_loosens("ext=1, a", "a, EXT=1", false);
    check_loosens("ext=1", "ext=2", true);
    check_loosens("no-store", "max-age=0, no-cache", true);
    check_loosens("no-store", "no-store, must-understand", true);
    check_loosens("no-store, must-understand", "must-understand", true);
    check_loosens("must-revalidate", "must-revalidate, max-age=1", false);
    check_loosens("must-revalidate", "proxy-revalidate", true);
    check_loosens("proxy-revalidate", "must-revalidate", false);
    // A cache may not know a directive with an argument that it does not have.
    check_loosens("no-cache", "no-store=x", true);
    check_loosens("no-store", "no-store=x", true);
    check_loosens("no-store=x", "no-store=x, a", false);
    check_loosens("no-store=x", "no-store", false);
    check_loosens("must-revalidate", "must-revalidate=1", true);
    check_loosens("proxy-revalidate", "must-revalidate=1", true);
    check_loosens("no-transform", "no-transform=no", true);
    check_loosens("public", "max-age=1", true);
    check_loosens("public, max-age=60", "private, max-age=60", false);
    check_loosens("private", "public", true);
    check_loosens("private", r#"private="a""#, true);
    check_loosens(r#"private="a""#, "private", false);
    check_loosens(r#"no-cache="a, b""#, r#"no-cache="B, c, A""#, false);
    check_loosens(r#"no-cache="a, b""#, r#"no-cache="a""#, true);
    check_loosens(r#"no-cache="a""#, "max-age=1", true);
    // What is no list of names is taken for the whole; but others may take it for one.
    check_loosens("no-cache", "no-cache=a]", true);
    check_loosens(r#"private="a""#, "private=a]", true);
    check_loosens("no-cache=a]", "no-cache", false);
    check_loosens("no-cache=a]", r#"no-cache="a""#, true);
    check_loosens("s-maxage=5", "private", false);
    check_loosens("s-maxage=5", "max-age=5", true);
    check_loosens("stale-if-error=5", "stale-if-error=6", true);
    check_loosens("", "max-age=5", false);
}

#[test]
fn a_contradiction_is_named() {
    for (value, expected) in [
        ("no-store, max-age=60", Some("no-store beside max-age")),
        ("no-store, max-age=0", None),
        ("no-store, s-maxage=1", Some("no-store beside s-maxage")),
        ("no-store, immutable", Some("no-store beside immutable")),
        ("no-store, public", Some("no-store beside public")),
        ("no-store, must-understand, max-age=60", None),
        ("no-cache, no-store, must-revalidate, private, max-age=0", None),
        ("private, public", Some("private beside public")),
        (r#"private="set-cookie", public"#, None),
        ("private, s-maxage=60", Some("private beside s-maxage")),
        ("private, max-age=60", None),
        ("", None),
        ("x=\"no-store, max-age=1\"", None),
    ] {
        assert_eq!(contradicts(&values(&[value])), expected, "{value}");
    }
    let lines = values(&["no-store", "max-age=60"]);
    assert_eq!(contradicts(&lines), Some("no-store beside max-age"), "over several lines");
}

/// One to five directives, picked by chance; extensions and field names have an order of their own.
fn any(random: &mut fastrand::Rng) -> Vec<HeaderValue> {
    const WORDS: [&str; 11] = [
        "no-store",
        "no-cache",
        "private",
        "public",
        "must-understand",
        "must-revalidate",
        "proxy-revalidate",
        "no-transform",
        "immutable",
        "no-cache=\"a\"",
        "private=\"a\"",
    ];
    let line: Vec<_> = (0..random.usize(1..=5))
        .map(|_| match random.usize(..LIFETIMES.len() + WORDS.len()) {
            at if at < LIFETIMES.len() => format!("{}={}", LIFETIMES[at], random.u8(..4)),
            at => WORDS[at - LIFETIMES.len()].to_owned(),
        })
        .collect();
    values(&[&line.join(", ")])
}

#[test]
fn neither_the_order_of_writers_nor_their_grouping_matters() {
    let mut random = fastrand::Rng::with_seed(9111);
    for _ in 0..20_000 {
        let [a, b, c] = [(); 3].map(|()| any(&mut random));
        let merge = |one: &[HeaderValue], other: &[HeaderValue]| vec![stricter(one, other)];
        let merged = merge(&a, &b);
        assert_eq!(merged, merge(&b, &a), "{a:?} and {b:?}");
        assert_eq!(merged, merge(&merged, &a), "{a:?} and {b:?}");
        assert_eq!(merge(&merged, &c), merge(&a, &merge(&b, &c)), "{a:?}, {b:?} and {c:?}");
        assert_eq!(contradicts(&merged), None, "{merged:?}");
        let said = Directives::read(&a);
        let is_permissive = said.has(Flag::Public) || said.has(Flag::Immutable);
        assert!(is_permissive || !loosens(&a, &merged), "{a:?} to {merged:?}");
    }
}
