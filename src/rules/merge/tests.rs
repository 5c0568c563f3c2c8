//! Merged, lost and repeated: each list and each line by its own rules.

use super::*;
use crate::field::class;

fn name(name: &str) -> HeaderName {
    HeaderName::try_from(name).expect("a field name")
}

fn values<T: AsRef<[u8]>>(lines: &[T]) -> Vec<HeaderValue> {
    lines.iter().map(|line| HeaderValue::from_bytes(line.as_ref()).expect("legal")).collect()
}

/// Merges by the table, and holds what comes out against what went in.
fn check(field: &str, first: &[&str], second: &[&str], expected: &[&str]) {
    let (field, first, second) = (name(field), values(first), values(second));
    let shape = class::of(&field).shape();
    let merged = merge(&field, shape, &first, &second);
    assert_eq!(merged, expected, "{field}: {first:?} and {second:?}");
    assert_eq!(merge(&field, shape, &merged, &merged), merged, "{field}: with itself");
    assert!(!repeats(&field, shape, &merged), "{field}: {merged:?}");
}

#[test]
fn vary_is_the_union_of_names_or_a_star() {
    check("vary", &["Accept-Encoding"], &["origin"], &["Accept-Encoding, origin"]);
    check(
        "vary",
        &["Accept-Encoding", "Origin"],
        &["accept-encoding"],
        &["Accept-Encoding, Origin"],
    );
    check("vary", &["a"], &["*"], &["*"]);
    check("vary", &["b, *"], &["a"], &["*"]);
    check("vary", &["a,,a"], &[], &["a"]);
    check("vary", &[], &["a", "b"], &["a, b"]);
    check("vary", &[], &[], &[]);
    check("vary", &[""], &[""], &[""]);
}

#[test]
fn lists_are_united_each_by_its_own_sameness() {
    check("allow", &["GET, HEAD"], &["HEAD", "POST"], &["GET, HEAD, POST"]);
    check("allow", &["GET"], &["get"], &["GET, get"]);
    check("allow", &[""], &["GET"], &["GET"]);
    check("access-control-expose-headers", &["X-A"], &["x-a, x-b"], &["X-A, x-b"]);
    check("accept-ch", &["DPR"], &["dpr, Width"], &["DPR, Width"]);
    check(
        "link",
        &["</a,b>; rel=preload; as=style"],
        &["</a,b>;rel=preload ;as=style, </c>; rel=\"x, y\""],
        &["</a,b>; rel=preload; as=style, </c>; rel=\"x, y\""],
    );
    check(
        "server-timing",
        &["db;dur=53;desc=\"a, b\""],
        &["db; dur=53; desc=\"a, b\"", "app;dur=1"],
        &["db;dur=53;desc=\"a, b\", app;dur=1"],
    );
    check("via", &["1.1 a, 1.1 b"], &["1.1 b, 1.1 c"], &["1.1 a, 1.1 b, 1.1 c"]);
    check("via", &["1.1 a, 1.1 a"], &["1.1 b"], &["1.1 a, 1.1 a, 1.1 b"]);
    check("clear-site-data", &["\"cache\""], &["\"cookies\""], &["\"cache\", \"cookies\""]);
    check("allow", &["\"GET"], &["HEAD"], &["HEAD, \"GET"]);
    check("x-of-ours", &["a"], &["b"], &["b"]);
    let (first, second) = (values(&["a"]), values(&["b, a"]));
    assert_eq!(merge(&name("x-of-ours"), Shape::List, &first, &second), ["a, b"]);
}

#[test]
fn a_dictionary_has_the_later_value_of_a_key() {
    check(
        "permissions-policy",
        &["camera=(), geolocation=(self \"https://a,b\")"],
        &["geolocation=(), usb=()"],
        &["camera=(), geolocation=(), usb=()"],
    );
    check(
        "repr-digest",
        &["sha-256=:YQ==:"],
        &["sha-512=:Yg==:"],
        &["sha-256=:YQ==:, sha-512=:Yg==:"],
    );
    check("priority", &["u=5, i"], &["u=1"], &["u=1, i"]);
}

#[test]
fn an_order_or_an_exclusive_word_cannot_be_joined() {
    check("content-encoding", &["gzip"], &["br"], &["br"]);
    check("content-encoding", &["gzip"], &[], &[]);
    check("accept-ranges", &["bytes"], &["none"], &["none"]);
    check("alt-svc", &["h3=\":443\""], &["clear"], &["clear"]);
    check("referrer-policy", &["no-referrer"], &["no-referrer, origin"], &["no-referrer, origin"]);
}

#[test]
fn the_stricter_cache_control_stands() {
    check("cache-control", &["max-age=60"], &["no-store"], &["no-store"]);
    check("cache-control", &["no-cache", "max-age=60"], &["max-age=9"], &["no-cache, max-age=9"]);
    check("cache-control", &["public"], &["max-age=60"], &["max-age=60"]);
    check("cache-control", &["public"], &[], &["public"]);
    check("cache-control", &[], &["immutable, Public"], &["public, immutable"]);
    check("cache-control", &["public"], &["immutable"], &[]);
    check("cdn-cache-control", &["max-age=60"], &["max-age=9"], &["max-age=9"]);
}

#[test]
fn a_later_cookie_takes_the_place_of_its_own_kind_alone() {
    check(
        "set-cookie",
        &["sid=1; Path=/; HttpOnly", "lang=en", "sid=1; Path=/app"],
        &["sid=2; HttpOnly; path=/", "SID=3; Path=/", "lang=fr; Domain=x.org"],
        &[
            "sid=2; HttpOnly; path=/",
            "lang=en",
            "sid=1; Path=/app",
            "SID=3; Path=/",
            "lang=fr; Domain=x.org",
        ],
    );
    check("set-cookie", &["a=1", "a=2"], &["a=3"], &["a=3"]);
    check("set-cookie", &["nonsense"], &["nonsense", "=x"], &["nonsense", "=x"]);
    check(
        "set-cookie",
        &["a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT"],
        &[],
        &["a=1; Expires=Wed, 09 Jun 2021 10:18:14 GMT"],
    );
}

#[test]
fn lines_stay_beside_each_other() {
    check(
        "content-security-policy",
        &["default-src 'self'"],
        &["script-src 'none'", "default-src 'self'"],
        &["default-src 'self'", "script-src 'none'"],
    );
    check("content-security-policy", &["a x, b y"], &["b  y"], &["a x, b y"]);
    check(
        "www-authenticate",
        &["Basic realm=\"a\", charset=\"UTF-8\""],
        &["Bearer", "Basic realm=\"b\""],
        &["Basic realm=\"a\", charset=\"UTF-8\"", "Bearer", "Basic realm=\"b\""],
    );
}

#[test]
fn of_any_other_field_the_second_write_stands() {
    check("etag", &["\"a\""], &["\"b\""], &["\"b\""]);
    check("content-length", &["1"], &["2"], &["2"]);
    check("trailer", &["a"], &["b"], &["b"]);
    check("location", &["/a"], &[], &[]);
    let (first, second) = (values(&["a"]), values(&["b"]));
    assert_eq!(merge(&VARY, Shape::Single, &first, &second), ["b"], "as the user says");
}

#[test]
fn a_secret_member_makes_the_line_secret() {
    let mut secret = values(&["a"]);
    secret[0].set_sensitive(true);
    let merged = merge(&name("x-of-ours"), Shape::List, &secret, &values(&["b"]));
    assert!(merged[0].is_sensitive());
}

fn check_loses(field: &str, before: &[&str], after: &[&str], expected: bool) {
    let (field, before, after) = (name(field), values(before), values(after));
    let shape = class::of(&field).shape();
    assert_eq!(loses(&field, shape, &before, &after), expected, "{field}: {before:?} to {after:?}");
    assert!(!loses(&field, shape, &before, &before), "{field}: {before:?}");
}

#[test]
fn a_member_a_line_or_a_cookie_can_be_lost() {
    check_loses("vary", &["a", "b"], &["B, A"], false);
    check_loses("vary", &["a, b"], &["b"], true);
    check_loses("vary", &["a"], &["*"], false);
    check_loses("vary", &["*"], &["a"], true);
    check_loses("vary", &["a"], &[], true);
    check_loses("vary", &[], &["a"], false);
    check_loses("vary", &[""], &["a"], false);
    check_loses("link", &["</a>; rel=x"], &["</b>; rel=x, </a>;rel=x"], false);
    check_loses("link", &["</a>; rel=x"], &["</b>; rel=x"], true);
    check_loses("permissions-policy", &["camera=()"], &["camera=(self)"], true);
    check_loses("cache-control", &["max-age=60"], &["max-age=10"], false);
    check_loses("cache-control", &["private"], &["max-age=10"], true);
    check_loses("set-cookie", &["a=1", "b=1"], &["b=2", "a=2"], false);
    check_loses("set-cookie", &["a=1"], &["b=1"], true);
    check_loses("set-cookie", &["a=1; Path=/"], &["a=1"], true);
    check_loses("content-security-policy", &["a x", "b y"], &["a x, b  y"], false);
    check_loses("content-security-policy", &["a x", "b y"], &["a x"], true);
    check_loses("www-authenticate", &["Basic", "Bearer"], &["Bearer"], true);
    check_loses("etag", &["\"a\""], &["\"b\""], false);
    check_loses("connection", &["a"], &["b"], false);
    check_loses("x-of-ours", &["a"], &["b"], false);
}

fn check_repeats(field: &str, lines: &[&str], expected: bool) {
    let field = name(field);
    let shape = class::of(&field).shape();
    assert_eq!(repeats(&field, shape, &values(lines)), expected, "{field}: {lines:?}");
}

#[test]
fn what_is_said_twice_is_found() {
    check_repeats("vary", &["Origin", "accept, origin"], true);
    check_repeats("vary", &["origin, accept"], false);
    check_repeats("content-encoding", &["gzip, gzip"], true);
    check_repeats("cache-control", &["max-age=1, Max-Age=2"], true);
    check_repeats("cache-control", &["max-age=1, s-maxage=1"], false);
    check_repeats("priority", &["u=1", "u=2"], true);
    check_repeats("via", &["1.1 a, 1.1 a"], false);
    check_repeats("set-cookie", &["a=1", "a=2"], true);
    check_repeats("set-cookie", &["a=1", "a=2; Path=/", "A=1"], false);
    check_repeats("content-security-policy", &["a x", "a  x"], true);
    check_repeats("www-authenticate", &["Basic", "Basic"], true);
    check_repeats("etag", &["\"a\"", "\"a\""], false);
    check_repeats("x-of-ours", &["a", "a"], false);
    check_repeats("vary", &[], false);
}

/// One field for each way to merge, lose and repeat.
const KINDS: [&str; 9] = [
    "cache-control",
    "content-security-policy",
    "etag",
    "link",
    "permissions-policy",
    "set-cookie",
    "vary",
    "via",
    "warning",
];

/// Judges `one` and `other` in every way; what is merged with itself loses nothing.
fn judge(field: &HeaderName, one: &[HeaderValue], other: &[HeaderValue]) {
    let shape = class::of(field).shape();
    let merged = merge(field, shape, one, other);
    let _ = (repeats(field, shape, one), loses(field, shape, one, other));
    assert_eq!(merge(field, shape, &merged, &merged), merged, "{field}: {} lines", one.len());
}

#[test]
fn odd_values_are_judged_like_any_other() {
    let odd: [&[u8]; 11] = [
        b"",
        b"\xff",
        b"\xff, \"\xfe",
        b"=",
        b"=;",
        b"\"a\\",
        b"<",
        b"max-age=\xff",
        b"private=\"\xff\"",
        b"\xff=\xfe; Domain=\xfd; Path=/\xfc",
        b"*, \xff",
    ];
    for field in KINDS.map(name) {
        for one in odd {
            for other in odd {
                judge(&field, &values(&[one]), &values(&[other, one]));
            }
        }
    }
}

fn backward(names: &[String]) -> Vec<String> {
    names.iter().rev().cloned().collect()
}

#[test]
fn huge_values_are_judged_like_any_other() {
    let long = |text: &str, bytes: usize| text.repeat(bytes / text.len());
    let full = [",", "A"].map(|text| long(text, 1 << 20));
    let runs = ["\"", "<", ";", " \t", "\\\"", "a=\"<"].map(|text| long(text, 1 << 15));
    let many: Vec<_> = (0..4_000).map(|number| format!("n{number}=1")).collect();
    let joined = [many.join(","), format!("private=\"{}\"", many.join(",").replace('=', ""))];
    let lines = values(&many);
    for field in KINDS.map(name) {
        for run in full.iter().chain(&runs).chain(&joined) {
            judge(&field, &values(&[run]), &values(&["a"]));
        }
        judge(&field, &lines, &values(&joined));
    }
    let (forth, back) = (values(&[many.join(",")]), values(&[backward(&many).join(",")]));
    assert!(!loses(&VARY, Shape::List, &forth, &back));
    assert_eq!(merge(&VARY, Shape::List, &forth, &back), [many.join(", ")]);
}
